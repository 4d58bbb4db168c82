"""The folder of a configuration."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    password = tmp_path / "east.password"
    password.write_text("hunter2\n")
    password.chmod(0o600)
    return tmp_path
