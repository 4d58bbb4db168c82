"""How soon a command has its answer: the CPU of its whole process, beside those of another tool and of Python itself.

`python -m bench.commands` runs each five times and takes the median. Nobody answers the command that asks: what it costs is its
start.
"""

import shutil
import subprocess
import sys
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from typing import Final

RUNS: Final = 5
SLAD: Final = (sys.executable, "-m", "daemon")
COMMANDS: Final = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "promtool --version": ("promtool", "--version"),
    "slad --help": (*SLAD, "--help"),
    "slad status": (*SLAD, "status", "--socket", "/nowhere"),
    "slad outages": (*SLAD, "outages", "--socket", "/nowhere"),
}


def cpu_of(command: tuple[str, ...]) -> float:
    """The seconds of CPU that a process takes, its start and its end among them."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(command, check=False, capture_output=True)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Print a row for each."""
    for name, command in COMMANDS.items():
        if shutil.which(command[0]) is None:
            print(f"{name:20} is not installed")
        else:
            print(f"{name:20} {median(cpu_of(command) for _ in range(RUNS)):.3f} s of CPU")


if __name__ == "__main__":
    main()
