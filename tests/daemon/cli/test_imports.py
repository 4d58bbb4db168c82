"""What a command loads: none of what answers it, for each module is time in which somebody waits."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.daemon.cli.every_command import LEAVES
from tests.daemon.cli.recording import run

RUN: Final = """
import sys
from daemon.cli import main
try:
    main(sys.argv[1:])
finally:
    print("loaded:", *sorted({*sys.modules} | {name.partition(".")[0] for name in sys.modules}))
"""
ASKS: Final = [
    leaf
    for leaf in LEAVES
    if "--socket" in run(*leaf.split(), "--help").stdout
    # These make statements and verify evidence themselves.
    and leaf.split()[0] not in ("statement", "export", "verify")
]
ANSWERS: Final = {
    *(
        "pydantic",
        "structlog",
        "prometheus_client",
        "pyVmomi",
        "sqlite3",
        "typst",
        "babel",
        "jinja2",
        "holidays",
    ),
    *("daemon.config", "daemon.ledger", "daemon.web", "daemon.control.operation", "daemon.records.service"),
}
"""What belongs to the daemon."""


def loaded(*arguments: str, folder: Path) -> set[str]:
    """What a command has loaded at its end."""
    done = subprocess.run(
        (sys.executable, "-c", RUN, *arguments), check=False, capture_output=True, text=True, cwd=folder
    )
    return set(done.stdout.rpartition("loaded: ")[2].split())


def test_help_loads_no_command(tmp_path: Path) -> None:
    found = loaded("--help", folder=tmp_path)
    assert "click" in found
    assert not found & (ANSWERS | {"aiohttp", "asyncio", "rich", "daemon.cli.status"})


@pytest.mark.parametrize("command", ASKS)
def test_a_command_that_asks_loads_nothing_that_answers(command: str, tmp_path: Path) -> None:
    example = re.sub(r"\\\n", "", run(*command.split(), "--help").stdout.partition("Example:\n")[2])
    found = loaded(*shlex.split(example)[1:], "--socket", "/nowhere", folder=tmp_path)
    assert "aiohttp" in found
    assert not found & ANSWERS
