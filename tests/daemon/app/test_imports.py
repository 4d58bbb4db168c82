"""What a daemon has loaded when it begins to watch: none of what it needs only once somebody asks."""

import subprocess
import sys
from typing import Final

import pytest

ASKED: Final = {
    *("daemon.answers", "daemon.pages", "daemon.control.operations", "daemon.control.openapi"),
    *("daemon.demo", "daemon.doctor", "icalendar", "jinja2", "holidays", "typst"),
    *("daemon.web.guarding", "yaml", "multiprocessing"),
}
"""What is loaded in a quiet moment, or by whoever asks first."""


@pytest.mark.parametrize("app", ["daemon.app", "daemon.app.hub"])
def test_a_daemon_begins_without_what_answers_people(app: str) -> None:
    ask = f"import sys, {app}; print(*sys.modules)"
    done = subprocess.run((sys.executable, "-c", ask), check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert "daemon.recording.publishing" in loaded
    assert not loaded & ASKED
