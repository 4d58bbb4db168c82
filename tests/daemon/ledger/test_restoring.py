"""A ledger that gets back what it lacks: as it was, or not at all."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.ledger import (
    Batch,
    Chained,
    Entry,
    Ledger,
    LedgerDamagedError,
    LedgerLockedError,
    Restoration,
    noted,
    verified,
)
from sla.instants import Instant
from sla.records import ObservedUntil, Witness

WITNESS = Witness("mon", "vc1")


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def whole_and_older(folder: Path) -> tuple[Path, Sequence[Chained], bytes]:
    """A ledger of six records, its lines, and the file as it was after three."""
    path = folder / "ledger.db"
    ledger = Ledger.open(path)
    older = b""
    for first in (0, 3):
        entries = [
            Entry(record=ObservedUntil(witness=WITNESS, at=Instant(first + each))) for each in range(3)
        ]
        await ledger.commit(Batch(entries=entries, watermarks={WITNESS: Instant(first + 2)}))
        older = older or path.read_bytes()
    lines = await ledger.read(0, 100)
    await ledger.close()
    return path, lines, older


async def test_an_older_copy_becomes_what_it_was(tmp_path: Path) -> None:
    path, lines, older = await whole_and_older(tmp_path)
    head = verified(path).head
    path.write_bytes(older)
    restoration = Restoration(path)
    assert restoration.head.seq == 3
    assert [seq for seq, _, _ in restoration.replay()] == [1, 2, 3]
    assert restoration.chain_of(2) == lines[1].chain
    restoration.add(lines[3:5])
    restoration.add(lines[5:])
    assert path.read_bytes() == older, "not before it is whole"
    assert restoration.finish({WITNESS: Instant(5)}) == ""
    assert verified(path).head == head
    ledger = Ledger.open(path)
    assert list(ledger.replay())[-1][0] == 6
    assert ledger.watermarks == {WITNESS: Instant(5)}
    assert ledger.lost == ""
    await ledger.close()


async def test_one_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    path, lines, _ = await whole_and_older(tmp_path)
    head = verified(path).head
    path.unlink()
    restoration = Restoration(path)
    restoration.add(lines)
    assert restoration.finish({}) == ""
    assert (verified(path).head, noted(path)) == (head, head)


async def test_what_was_acknowledged_and_is_not_there_is_told_and_stays_noted(tmp_path: Path) -> None:
    path, lines, _ = await whole_and_older(tmp_path)
    before = noted(path)
    path.unlink()
    restoration = Restoration(path)
    restoration.add(lines[:4])
    assert "record 6" in restoration.finish({})
    assert noted(path) == before


@pytest.mark.parametrize("wrong", ["changed", "missing", "none"])
async def test_what_does_not_follow_is_refused_and_nothing_is_changed(tmp_path: Path, wrong: str) -> None:
    path, lines, older = await whole_and_older(tmp_path)
    path.write_bytes(older)
    added = {"changed": [lines[3]._replace(body="{}")], "missing": lines[4:], "none": []}[wrong]
    restoration = Restoration(path)
    with pytest.raises(LedgerDamagedError):
        restoration.add(added)
    restoration.abandon()
    assert path.read_bytes() == older
    assert names(tmp_path) == ["ledger.db", "ledger.db.head", "ledger.db.lock"]


async def test_one_at_a_time_and_what_an_attempt_left_is_no_harm(tmp_path: Path) -> None:
    path, lines, older = await whole_and_older(tmp_path)
    path.write_bytes(older)
    left = Restoration(path)
    left.add(lines[3:])
    with pytest.raises(LedgerLockedError):
        Restoration(path)
    left._lock.release()  # as when the process is killed
    restoration = Restoration(path)
    assert restoration.head.seq == 3
    restoration.abandon()
    (tmp_path / "ledger.db.head").unlink()
    ledger = Ledger.open(path)
    with pytest.raises(LedgerLockedError):
        Restoration(path)
    await ledger.close()
