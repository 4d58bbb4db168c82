"""Speed and memory, measured: `make bench` runs all, `python -m bench.NAME` one."""
