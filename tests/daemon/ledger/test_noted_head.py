"""A ledger that is gone, was exchanged or went back is no fresh start without a word: the note of its head beside it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from daemon.ledger import (
    Accepted,
    Head,
    Ledger,
    LedgerFaultError,
    LedgerMissingError,
    LedgerWentBackError,
    noted,
    verified,
)
from daemon.ledger.noted_head import NotedHead, note_of
from daemon.ledger.store import Store
from sla.chain import GENESIS
from tests.daemon.ledger.ledgers import batch_of, closing, opened, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def head_of(path: Path) -> Head:
    with closing(opened(path)) as ledger:
        return ledger.head


def commit(ledger: Ledger, batch: int) -> None:
    asyncio.run(ledger.commit(batch_of(batch, 3)))


def refused(path: Path, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Ledger.open(path)


# While it is open


def test_a_ledger_that_was_moved_away_acknowledges_nothing_until_it_is_back(path: Path) -> None:
    aside = path.with_name("aside.db")
    with closing(opened(path)) as ledger:
        commit(ledger, 0)
        path.rename(aside)
        with pytest.raises(LedgerFaultError, match="is gone"):
            commit(ledger, 1)
        with pytest.raises(LedgerFaultError, match="is gone"):
            asyncio.run(ledger.reopen())
        assert not path.exists(), "nothing new is made"
        assert ledger.size_bytes == 0
        aside.rename(path)
        assert not asyncio.run(ledger.reopen())
        commit(ledger, 1)
    assert head_of(path) == ledger.head


def test_what_was_written_while_it_was_moved_away_counts_once_it_is_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside, check, checks = path.with_name("aside.db"), Store.check_file, iter((False, True))

    def moved_before_the_second(store: Store) -> None:
        if next(checks, False):
            path.rename(aside)
        check(store)

    monkeypatch.setattr(Store, "check_file", moved_before_the_second)
    with closing(opened(path)) as ledger:
        with pytest.raises(LedgerFaultError, match="is gone"):
            commit(ledger, 0)
        aside.rename(path)
        assert asyncio.run(ledger.reopen()), "it had landed"
    assert head_of(path) == ledger.head


def test_another_file_in_its_place_acknowledges_nothing(path: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other.db", 2)
    with closing(opened(path)) as ledger:
        commit(ledger, 0)
        other.rename(path)
        with pytest.raises(LedgerFaultError, match="Another file is in the place"):
            commit(ledger, 1)


# At the next start


def test_a_ledger_that_is_gone_is_refused_unless_a_new_one_is_meant(path: Path) -> None:
    written(path, 3)
    path.unlink()
    refused(path, LedgerMissingError, r"is gone: \d+ records were acknowledged.*slad import.*--new-ledger")
    assert not path.exists()
    with closing(Ledger.open(path, Accepted(new=True))) as ledger:
        assert ledger.is_new
        assert ledger.lost
    assert head_of(path) == Head(0, GENESIS)


def test_an_older_copy_is_refused_unless_it_is_accepted(path: Path) -> None:
    copy = shutil.copy(written(path, 2), path.with_name("copy.db"))
    head = head_of(path)

    with closing(opened(path)) as ledger:
        commit(ledger, 2)
    shutil.move(copy, path)
    refused(
        path,
        LedgerWentBackError,
        rf"ends with record {head.seq}, and record {head.seq + 3} was .*: 3 are missing",
    )
    with closing(Ledger.open(path, Accepted(older=True))) as ledger:
        assert not ledger.is_new
        assert "3 are missing" in ledger.lost
    with closing(opened(path)) as ledger:
        assert (ledger.head, ledger.lost) == (head, "")


def test_another_ledger_is_refused(path: Path, tmp_path: Path) -> None:
    written(path, 2)
    other = written(tmp_path / "other.db", 5)
    other.rename(path)
    refused(path, LedgerWentBackError, "it is another ledger, or was rewritten")


def test_records_that_were_removed_and_chained_anew_are_refused(path: Path, tmp_path: Path) -> None:
    """As whoever can write the ledger, and not its note, would leave it: sound by itself, and as long."""
    written(path, 3)
    written(tmp_path / "anew.db", 3).rename(path)
    assert verified(path).head.seq == noted(path).seq  # type: ignore[union-attr]
    refused(path, LedgerWentBackError, "was rewritten")


def test_a_note_that_a_crash_left_behind_the_ledger_is_no_loss(path: Path) -> None:
    written(path, 2)
    note = note_of(path).read_bytes()
    before = noted(path)
    with closing(opened(path)) as ledger:
        commit(ledger, 2)
        head = ledger.head
    note_of(path).write_bytes(note)
    assert noted(path) == before
    assert head_of(path) == head


@pytest.mark.parametrize("spoilt", [slice(0, 128), slice(128, 256), slice(0, 60), slice(200, 256)])
def test_half_of_a_note_is_enough(path: Path, spoilt: slice) -> None:
    written(path, 4)
    told = bytearray(note_of(path).read_bytes())
    told[spoilt] = b"\0" * len(told[spoilt])
    note_of(path).write_bytes(told)
    found = noted(path)
    assert found is not None
    assert found.seq > 0
    assert head_of(path).seq >= found.seq


@pytest.mark.parametrize("note", [b"", b"\0" * 256, b"slad ledger head 7 zz 00000000\n", b"\xff" * 9_000])
def test_a_note_that_cannot_be_read_is_none_and_is_begun_anew(path: Path, note: bytes) -> None:
    written(path, 2)
    note_of(path).write_bytes(note)
    assert noted(path) is None
    head = head_of(path)
    assert noted(path) == head


def test_a_ledger_of_before_the_note_is_taken_and_noted(path: Path) -> None:
    written(path, 2)
    note_of(path).unlink()
    head = head_of(path)
    assert noted(path) == head


def test_a_note_that_cannot_be_written_is_a_fault(path: Path) -> None:
    note = NotedHead(path)
    note.close()
    with pytest.raises(LedgerFaultError, match="cannot be read or written"):
        note.note(Head(1, GENESIS))
