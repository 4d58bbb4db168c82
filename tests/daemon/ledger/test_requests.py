"""What asked for records is kept beside them: it is no part of the chain, and no export shows it."""

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.ledger import Batch, Entry, Ledger, RequestKey
from sla.instants import parse_instant
from sla.records import Category, Event, Exclusion, ExclusionId, Record
from tests.daemon.ledger.ledgers import opened

AT = parse_instant("2026-03-10T12:00:00Z")
EXCLUSION = Exclusion(
    id=ExclusionId("x1"), category=Category.FORCE_MAJEURE, start=AT, end=None, recorded_at=AT
)
EVENT = Event(source="v", key="1", type="VmEvent", at=AT, server=None, user="", text="", recorded_at=AT)
KEY = RequestKey("sesame", "ab" * 32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def commit(ledger: Ledger, *records: Record, request: RequestKey | None = None) -> None:
    await ledger.commit(Batch(entries=[Entry(record=record) for record in records], request=request))


async def test_a_request_is_found_by_its_first_record_and_stands_in_none(path: Path) -> None:
    ledger = opened(path)
    await commit(ledger, EVENT)
    await commit(ledger, EVENT, EXCLUSION, request=KEY)
    await ledger.close()
    ledger = opened(path)
    assert ledger.requests() == {2: KEY}
    assert not [body for _, body, _ in ledger.replay() if KEY.key in body or KEY.digest in body]
    await ledger.close()


async def test_what_was_asked_for_as_one_enters_whole_or_not_at_all(path: Path) -> None:
    ledger = opened(path)
    bad = replace(EVENT, user="\ud800")
    await commit(ledger, EXCLUSION, bad, EVENT, request=KEY)
    assert [each.place for each in ledger.quarantined] == [0, 1, 2]
    assert "belongs to a record that could not enter" in ledger.quarantined[0].problem
    assert (ledger.head.seq, ledger.requests()) == (0, {})
    await commit(ledger, EXCLUSION, request=KEY)
    assert (ledger.head.seq, ledger.quarantined) == (1, [])
    await ledger.close()


async def test_the_keys_of_an_older_ledger_are_found_and_its_records_stay_as_they_are(path: Path) -> None:
    quoted = ("note", '"\\"idempotency_key\\":\\"not mine\\""')
    old = (("idempotency_key", '"sesame"'), ("request_sha256", f'"{KEY.digest}"'))
    odd = (("idempotency_key", "7"), ("request_sha256", f'"{KEY.digest}"'))
    ledger = opened(path)
    await commit(ledger, replace(EVENT, extra=(quoted,)))
    await commit(ledger, replace(EXCLUSION, extra=old))
    await commit(ledger, replace(EXCLUSION, id=ExclusionId("x2"), extra=odd))
    before = list(ledger.replay())
    await ledger.close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        for statement in (
            *(f"DROP TABLE {table}" for table in ("sealed", "document", "trace", "request", "object")),
            "PRAGMA user_version = 2",
        ):
            db.execute(statement)
    ledger = opened(path)
    assert ledger.requests() == {2: KEY}
    assert list(ledger.replay()) == before
    assert path.with_name("ledger.db.before-v3").exists()
    await ledger.close()
