"""The bytes of issued statements: as durable as the record that binds them, and no byte of them changes unseen."""

import contextlib
import sqlite3
import zlib
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from daemon.ledger import Batch, Entry, Ledger, LedgerDamagedError, RequestKey, verified
from sla.instants import parse_instant
from sla.records import Client, ClientId, Issued
from tests.daemon.ledger.ledgers import opened

AT = parse_instant("2026-04-02T00:00:00Z")
DOCUMENT = b'{"statement":{"client":"c"}}\n' * 500
DIGEST = sha256(DOCUMENT).hexdigest()
CLIENT = Client(id=ClientId("c"), name="C", timezone="UTC", tech_admins=(), recorded_at=AT)
ISSUED = Issued(client=ClientId("c"), month="2026-03", as_of=AT, version=1, sha256=DIGEST, recorded_at=AT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


async def issued(path: Path, document: bytes = DOCUMENT) -> Path:
    ledger = opened(path)
    await commit(ledger, document)
    await ledger.close()
    return path


async def commit(ledger: Ledger, document: bytes = DOCUMENT, record: Issued = ISSUED) -> None:
    entries = [Entry(record=CLIENT), Entry(record=record)]
    await ledger.commit(Batch(entries=entries, request=RequestKey("key", "ab" * 32), documents=[document]))


def spoil(path: Path, statement: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute(statement, values).rowcount == 1
        db.commit()


async def test_they_are_there_again_after_a_restart_byte_for_byte(path: Path) -> None:
    ledger = opened(await issued(path))
    assert await ledger.document(DIGEST) == DOCUMENT
    assert await ledger.document("0" * 64) is None
    await ledger.close()
    assert verified(path).bare == []


@pytest.mark.parametrize("document", [b"", b"{}", b"\0\xff" * 100])
async def test_whatever_they_are(path: Path, document: bytes) -> None:
    ledger = opened(path)
    await commit(ledger, document)
    assert await ledger.document(sha256(document).hexdigest()) == document
    await ledger.close()


@pytest.mark.parametrize("content", [b"", b"no zlib", zlib.compress(DOCUMENT[:-1])])
async def test_a_byte_that_was_changed_shows_where_they_are_read_and_where_all_is_verified(
    path: Path, content: bytes
) -> None:
    spoil(await issued(path), "UPDATE document SET content = ?", content)
    with pytest.raises(LedgerDamagedError, match=f"the issued statement of SHA-256 {DIGEST} was changed"):
        verified(path)
    ledger = opened(path)
    with pytest.raises(LedgerDamagedError, match="was changed"):
        await ledger.document(DIGEST)
    await commit(ledger, b"another", replace(ISSUED, version=2, sha256=sha256(b"another").hexdigest()))
    assert await ledger.document(sha256(b"another").hexdigest()) == b"another", "the ledger goes on"
    await ledger.close()


async def test_bytes_that_are_lost_show(path: Path) -> None:
    spoil(await issued(path), "DELETE FROM document")
    assert verified(path).bare == ["c 2026-03 version 1"]


async def test_what_could_not_enter_leaves_none(path: Path) -> None:
    ledger = opened(path)
    await commit(ledger, DOCUMENT, replace(ISSUED, recorded_by="\ud800"))
    assert (ledger.head.seq, await ledger.document(DIGEST)) == (0, None)
    await ledger.close()


async def test_a_ledger_of_the_version_before_gets_their_table(path: Path) -> None:
    ledger = opened(path)
    await ledger.close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE sealed")
        db.execute("DROP TABLE document")
        db.execute("PRAGMA user_version = 3")
    await issued(path)
    assert path.with_name("ledger.db.before-v4").exists()
