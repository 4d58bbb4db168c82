"""A monitor that ships nowhere, and its doctor, need no psycopg: it comes with an extra."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["daemon.app.app", "daemon.cli", "daemon.doctor", "daemon.pages.site"])
def test_nothing_of_a_monitor_imports_it(module: str) -> None:
    code = f"import sys; sys.modules['psycopg'] = None; import {module}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
