"""What the doctor says of the snapshot beside the ledger."""

from pathlib import Path

from daemon.doctor.finding import Finding, Level
from daemon.doctor.ledger import ledger
from daemon.ledger import SnapshotFile, SnapshotSection, snapshot_of


def told(path: Path) -> list[Finding]:
    """What it says of it alone."""
    return [one for one in ledger(path, running=False) if str(snapshot_of(path)) in one.text]


def test_it_is_whole_or_will_not_be_used_which_is_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    assert told(path) == []
    file = SnapshotFile(path)
    file.write(SnapshotSection("about", b"{}"))
    file.finish()
    (whole,) = told(path)
    assert whole.level is Level.OK
    snapshot_of(path).write_bytes(snapshot_of(path).read_bytes()[:-1])
    (cut_off,) = told(path)
    assert cut_off.level is Level.WARN
    assert "cut off: it does not hash to its own digest: the next start reads all records" in cut_off.text
