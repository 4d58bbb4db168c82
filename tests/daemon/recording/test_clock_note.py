"""What the wall clock was when it was believed last is known again within one boot, and whatever is in its place is nothing."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.clock import boot_id
from daemon.recording.clock_note import ClockNote

AHEAD_US = 1_764_000_000_123_456


def test_what_was_noted_is_known_in_the_same_boot_alone(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    assert ClockNote(ledger, "one").read() is None
    for ahead_us in (AHEAD_US, -AHEAD_US):
        ClockNote(ledger, "one").write(ahead_us)
        assert ClockNote(ledger, "one").read() == ahead_us
        assert ClockNote(ledger, "another").read() is None
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db.clock"]


def test_where_boots_cannot_be_told_apart_nothing_is_noted(tmp_path: Path) -> None:
    note = ClockNote(tmp_path / "ledger.db", "")
    note.write(AHEAD_US)
    assert note.read() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"slad clock one",
        b"slad clock one 1e9\n",
        b"slad clock one 1\nmore",
        b"\xff" * 9,
        b"slad clock one " + b"9" * 99,
    ],
)
def test_what_is_no_note_is_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ledger.db.clock").write_bytes(content)
    assert ClockNote(tmp_path / "ledger.db", "one").read() is None


def test_one_that_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    note = ClockNote(tmp_path / "gone" / "ledger.db", "one")
    with capture_logs() as logs:
        note.write(AHEAD_US)
        note.write(AHEAD_US)
    assert [log["event"] for log in logs] == ["clock_not_noted"]
    assert note.read() is None


def test_this_machine_tells_its_boots_apart() -> None:
    assert boot_id() == boot_id() != ""
