"""A command that asks no daemon starts without what it would ask with: that takes longer to import than all the rest."""

import subprocess
import sys

import pytest

ASKING = ("aiohttp", "daemon.control.client", "daemon.control.api")


@pytest.mark.parametrize("module", ["evaluate", "verify"])
def test_it_imports_no_client_of_the_daemon(module: str) -> None:
    code = f"import sys, daemon.cli.{module}; print(*(name for name in {ASKING!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, text=True)
    assert done.stdout.split() == []
