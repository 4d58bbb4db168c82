"""`python -m daemon`: the same as `slad`."""

from daemon.cli import main

main(prog_name="slad")
