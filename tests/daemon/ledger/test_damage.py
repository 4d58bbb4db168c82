"""Damage shows: no bit of a ledger changes unnoticed, and no record goes missing."""

import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon.ledger import NOTHING_READ, Head, Lag, LedgerDamagedError, LedgerError, Stored, verified
from daemon.ledger.noted_head import note_of
from daemon.ledger.sums import followed
from sla.chain import digest_of, linked
from sla.instants import Instant
from sla.records import Witness
from tests.daemon.ledger.ledgers import closing, opened, written

BATCHES = 12
SIZE = 30


@dataclass(frozen=True)
class Content:
    """All that a ledger holds."""

    records: Sequence[Stored]
    head: Head
    watermarks: dict[Witness, Instant]
    lags: Sequence[Lag]


def content_of(path: Path) -> Content:
    with closing(opened(path)) as ledger:
        return Content(list(ledger.replay()), ledger.head, dict(ledger.watermarks), list(ledger.lags))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "ledger.db", BATCHES, SIZE)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def assert_noticed(path: Path, sound: Content, data: bytes, what: str) -> bool:
    """Whether the damage was noticed; if not, it has to be without any effect."""
    path.write_bytes(data)
    try:
        assert content_of(path) == sound, what
    except LedgerError:
        return True
    return False


def test_a_bit_that_flips_is_noticed_or_is_where_nothing_is_kept(path: Path) -> None:
    sound, data = content_of(path), path.read_bytes()
    rng = random.Random(20261122)
    noticed = sum(
        assert_noticed(path, sound, flipped(data, bit), f"bit {bit}")
        for bit in rng.sample(range(len(data) * 8), 200)
    )
    assert noticed > 100, "most of the file is records"


@pytest.mark.long
def test_many_bits_that_flip_are_noticed_or_are_where_nothing_is_kept(path: Path) -> None:
    sound, data = content_of(path), path.read_bytes()
    rng = random.Random(1)
    for bit in [*range(100 * 8), *rng.sample(range(len(data) * 8), 2000)]:
        assert_noticed(path, sound, flipped(data, bit), f"bit {bit}")


def test_a_flipped_bit_in_what_stands_beside_the_chain_is_noticed(path: Path) -> None:
    sound = content_of(path)
    for statement, finding in (
        ("UPDATE record SET settled = settled + 1 WHERE seq = 5", "settled"),
        ("UPDATE record SET settled = NULL WHERE seq = 5", "settled"),
        ("UPDATE watermark SET at = at + 1", "watermarks"),
        ("UPDATE watermark SET sealed = NULL", "watermarks"),
        ('UPDATE lag SET "end" = "end" + 1 WHERE number = 1', "lags"),
        ("DELETE FROM lag WHERE number = 2", "lags"),
        ("UPDATE head SET commits = commits + 1", "watermarks"),
        ("DELETE FROM head", "its head is missing"),
    ):
        data = path.read_bytes()
        edit(path, statement)
        with pytest.raises(LedgerDamagedError, match=finding):
            content_of(path)
        assert finding in str(verdict(path, 3))
        path.write_bytes(data)
    assert content_of(path) == sound


def edit(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    with db:
        for statement in statements:
            db.execute(statement)
    db.close()


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE record SET body = replace(body, 'down', 'up') WHERE seq = 40", "record 40 was changed"),
        ("DELETE FROM record WHERE seq = 40", "record 40 is missing: record 41 follows 39"),
        ("DELETE FROM record WHERE seq = 1", "record 1 is missing: record 2 follows 0"),
        ("DELETE FROM record WHERE seq > 300", "it ends with record 300, and should end with record 363"),
        ("DELETE FROM record", "it ends with record 0"),
        ("INSERT INTO record SELECT seq + 1, body, chain, NULL FROM record ORDER BY seq DESC LIMIT 1", "364"),
    ],
)
def test_an_edited_record_is_named(path: Path, statement: str, finding: str) -> None:
    edit(path, statement)
    with pytest.raises(LedgerDamagedError, match=finding) as refusal:
        content_of(path)
    assert "slad verify --ledger COPY" in str(refusal.value), "what to do is said"
    for jobs in (1, 3):
        with pytest.raises(LedgerDamagedError, match=finding):
            verified(path, jobs=jobs)


def verdict(path: Path, jobs: int) -> object:
    """What is found of a ledger by so many jobs."""
    try:
        return verified(path, jobs=jobs)
    except LedgerError as error:
        return str(error)


def test_jobs_find_what_one_finds(path: Path) -> None:
    data = path.read_bytes()
    sound = verdict(path, 1)
    assert [verdict(path, jobs) for jobs in (2, 5)] == [sound, sound]
    rng = random.Random(7)
    found = []
    for bit in rng.sample(range(len(data) * 8), 40):
        path.write_bytes(flipped(data, bit))
        found.append(verdict(path, 1))
        assert verdict(path, 3) == found[-1], f"bit {bit}"
    assert sum(isinstance(each, str) for each in found) > 10


def test_a_rewrite_with_new_hashes_holds_but_is_another_chain(path: Path) -> None:
    before = verified(path)
    db = sqlite3.connect(path)
    chain = b""
    rows = db.execute("SELECT seq, body, chain FROM record WHERE seq >= 39 ORDER BY seq").fetchall()
    for seq, body, old in rows:
        if seq == 39:
            chain = old
            continue
        body = body.replace('"down"', '"up"')
        chain = linked(chain, digest_of(body))
        db.execute("UPDATE record SET body = ?, chain = ? WHERE seq = ?", (body, chain, seq))
    db.execute("UPDATE head SET chain = ?", (chain,))
    db.commit()
    db.close()
    after = verified(path, looked_for=[before.head.chain])
    assert after.head.seq == before.head.seq
    assert after.found == {}, "the head that others have seen is not in it"


def test_a_head_that_was_seen_earlier_is_found_again(path: Path) -> None:
    db = sqlite3.connect(path)
    (earlier,) = db.execute("SELECT chain FROM record WHERE seq = 100").fetchone()
    db.close()
    assert verified(path, looked_for=[earlier]).found == {earlier: 100}


def test_a_file_that_lost_its_end_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for kept in (len(data) // 2, len(data) - 8192, len(data) - 1, 100, 1, 0):
        path.write_bytes(data[:kept])
        with pytest.raises(LedgerDamagedError):
            content_of(path)


def test_a_journal_without_its_ledger_is_not_taken_for_a_new_start(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))
    note_of(path).unlink(missing_ok=True)
    path.with_name("ledger.db-journal").write_bytes(b"\xd9\xd5\x05\xf9 \xa1c\xd7")
    with pytest.raises(LedgerDamagedError, match=r"it is missing, and its ledger\.db-journal is there"):
        opened(path)


def test_verifying_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    assert verified(path).head.seq == 363
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "row", [(1, b"{}", bytes(32), None), (1, None, bytes(32), 7), (1, "{}", bytes(32), "7")]
)
def test_a_value_whose_type_was_changed_is_no_record(path: Path, row: tuple[Any, ...]) -> None:
    """A flipped bit can do that behind SQLite's back: the type stands in the row."""
    with pytest.raises(LedgerDamagedError, match="after 0 one is none"):
        followed(path, NOTHING_READ, [row])
