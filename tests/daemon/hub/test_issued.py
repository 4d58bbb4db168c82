"""The bytes of issued statements in the store: they come with their records or after them, are what was issued, and come back."""

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from daemon.hub import shipping
from daemon.hub.restoring import restored
from daemon.hub.states import HubError
from daemon.ledger import Batch, Entry, Head, verified
from sla.chain import GENESIS, salted
from sla.evidence import encode
from sla.records import ClientId, Issued
from tests.daemon.harness import config_of
from tests.daemon.hub.shippers import shipping_to
from tests.daemon.hub.stores import (
    START,
    TestStore,
    add_monitor,
    begun_ledger,
    body,
    chained,
    init,
    make_store,
    observed,
)
from tests.daemon.hub.test_restoring import remove
from tests.daemon.hub.test_restoring import restored as restored_by_command
from tests.peers.postgres import Postgres


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    return await make_store(server, tmp_path, "mon1", "mon2")


def document(version: int) -> bytes:
    return f'{{"version":{version},"name":"Zo\\u00eb \\u0000"}}\n'.encode()


def issued(version: int) -> Issued:
    return Issued(
        client=ClientId("acme"),
        month="2026-01",
        as_of=START,
        version=version,
        sha256=digest(document(version)),
        recorded_at=START,
        recorded_by="provider",
    )


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


def issuing(*versions: int) -> list[str]:
    """The bodies of records that issue them."""
    return [salted(encode(issued(version)), f"{version:032x}") for version in versions]


def batch(*versions: int, with_bytes: bool = True) -> Batch:
    return Batch(
        entries=[Entry(record=issued(version)) for version in versions],
        documents=[document(version) for version in versions] if with_bytes else (),
    )


def kept(store: TestStore) -> list[bytes]:
    return sorted(content for (content,) in store.rows("SELECT content FROM slad.document"))


async def test_bytes_are_there_with_the_record_that_issues_them_or_neither_is(store: TestStore) -> None:
    monitor = await store.open()
    lines = chained([*issuing(1), body(2)])
    for wrong in (document(2), document(1)[:-1], b""):
        with pytest.raises(HubError, match="no line of 'mon1' issues"):
            await monitor.append(lines, [document(1), wrong])
        assert (await monitor.head(), kept(store)) == (Head(0, GENESIS), [])
    for _ in range(2):
        assert (await monitor.append(lines, [document(1)]))[0] == "appended", "also when it is sent again"
        assert kept(store) == [document(1)]
    assert await monitor.document(digest(document(1))) == document(1)
    assert await monitor.document(digest(document(2))) is None
    assert await monitor.bare() == []
    await monitor.close()


async def test_bytes_that_come_later_are_for_a_record_of_ones_own(store: TestStore) -> None:
    one, two = await store.open("mon1"), await store.open("mon2")
    lines = chained([body(1), *issuing(1, 2)])
    await one.append(lines)
    assert await one.bare() == [2, 3]
    with pytest.raises(HubError, match="no line of 'mon2' issues"):
        await two.append(chained([body(1, "mon2")]), [document(1)])
    assert await one.append(lines[1:2], [document(1)]) == ("appended", Head(3, lines[2].chain))
    assert await one.bare() == [3]
    assert await two.document(digest(document(1))) is None, "it is no record of theirs"
    for monitor in (one, two):
        await monitor.close()


async def test_of_a_chain_that_differs_or_has_a_gap_no_bytes_are_kept(store: TestStore) -> None:
    monitor = await store.open()
    lines = chained([*issuing(1), body(2)])
    await monitor.append(lines[:1])
    for other in (chained([*issuing(1), body(3)], first=9), chained([body(1), *issuing(1)])):
        assert (await monitor.append(other, [document(1)]))[0] != "appended"
    assert kept(store) == []
    await monitor.close()


async def test_the_table_takes_no_other_bytes_than_those_of_the_hash_and_none_too_long(
    store: TestStore,
) -> None:
    monitor = await store.open()
    await monitor.append(chained(issuing(1)), [document(1)])
    with pytest.raises(Exception, match="is_whole"):
        store.rows("UPDATE slad.document SET content = content || 'x' RETURNING 1")
    with pytest.raises(Exception, match="is_bounded"):
        store.rows(
            "INSERT INTO slad.document SELECT sha256(c), c"
            f" FROM (SELECT convert_to(repeat('x', {shipping.DOCUMENT_BYTES + 1}), 'UTF8')) AS t (c) RETURNING 1"
        )
    await monitor.close()


async def test_an_older_store_learns_which_statements_it_has_no_bytes_of(
    server: Postgres, tmp_path: Path
) -> None:
    store = TestStore(server, server.database(), tmp_path)
    sql = Path(shipping.__file__).parent / "sql"
    lines = chained([body(1), *issuing(7)])
    with store.owner() as owner:
        for step in (1, 2):
            owner.execute((sql / f"tables-{step}.sql").read_bytes())
        owner.execute(
            "UPDATE slad.store SET version = 2, arrival = 2;"
            "INSERT INTO slad.ledger (name, role, seq) VALUES ('mon1', 'slad-mon1', 2);"
            "CREATE TABLE slad.line_2001_01 PARTITION OF slad.line FOR VALUES FROM ('2001-01-01') TO ('2001-02-01');"
            "CREATE FUNCTION slad.slad_append(text, bigint, text[], bytea) RETURNS void LANGUAGE sql AS 'SELECT'"
        )
        for line in lines:
            owner.execute(
                "INSERT INTO slad.line SELECT %s, %s, '2001-01-02', number, -1, %b, %s FROM slad.ledger",
                (line.seq, line.seq, line.chain, line.body),
            )
        owner.execute("UPDATE slad.ledger SET chain = %b", (lines[-1].chain,))
    assert await init(store)
    await add_monitor(store, "mon1")
    monitor = await store.open()
    assert await monitor.bare() == [2]
    assert (await monitor.append(lines[1:], [document(7)]))[0] == "appended"
    assert kept(store) == [document(7)]
    await monitor.close()


async def test_a_monitor_ships_the_bytes_of_what_it_issued_however_many_and_also_later(
    store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "MOST_BYTES", 3 * len(document(1)) + 800)
    ledger = await begun_ledger(tmp_path / "ledger.db")
    await ledger.commit(batch(1, 2, 3, 4, 5))
    await ledger.commit(batch(6, with_bytes=False))
    await ledger.close()
    async with shipping_to(store.table(), tmp_path / "ledger.db") as monitor:
        await monitor.until_level()
        assert kept(store) == [document(version) for version in range(1, 6)]
        await monitor.commit(batch(7))
        await monitor.until_level()
        assert document(7) in kept(store)
        assert store.lines() == await monitor.lines()
        await monitor.ledger.commit(Batch(documents=[document(6)]))  # as an import of statements does
    with store.owner() as owner:
        owner.execute("DELETE FROM slad.document WHERE content <> %b", (document(7),))
    async with shipping_to(store.table(), tmp_path / "ledger.db") as monitor:
        every = [document(version) for version in range(1, 8)]
        await monitor.until(lambda: kept(store) == every, "what the store lacked")


async def test_bytes_that_were_changed_or_are_too_many_keep_no_record_from_being_shipped(
    store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = await begun_ledger(tmp_path / "ledger.db")
    await ledger.commit(batch(1, 22, 3))
    await ledger.close()
    spoil(tmp_path / "ledger.db", 1)
    monkeypatch.setattr(shipping, "DOCUMENT_BYTES", len(document(1)))
    async with shipping_to(store.table(), tmp_path / "ledger.db") as monitor:
        await monitor.until_level()
        assert store.lines() == await monitor.lines()
        assert kept(store) == [document(3)]


def spoil(ledger: Path, version: int) -> None:
    with closing(sqlite3.connect(ledger)) as db:
        db.execute(
            "UPDATE document SET content = substr(content, 2) WHERE sha256 = ?", (digest(document(version)),)
        )
        db.commit()


async def test_a_ledger_gets_back_the_bytes_with_its_records(store: TestStore, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with shipping_to(store.table(), path) as monitor:
        await monitor.commit(batch(1, 2, 3))
        await monitor.commit(observed(1, 10))
        await monitor.until_level()
    whole = verified(path)
    assert whole.bare == []
    remove(tmp_path, "ledger.db*")
    with store.owner() as owner:
        owner.execute("ALTER TABLE slad.document DROP CONSTRAINT is_whole")
        owner.execute("UPDATE slad.document SET content = 'x' WHERE content = %b", (document(2),))
        owner.execute("DELETE FROM slad.document WHERE content = %b", (document(3),))
    got = await restored(store.table(), "mon1", path, lambda _: None)
    assert sorted(got.bare) == ["acme 2026-01 version 2", "acme 2026-01 version 3"], (
        "what is not whole is no bytes"
    )
    found = verified(path)
    assert (found.head, sorted(found.bare)) == (whole.head, sorted(got.bare))


async def test_the_command_says_of_which_statements_nobody_has_the_bytes(
    store: TestStore, tmp_path: Path
) -> None:
    config = config_of(tmp_path, hub=store.toml("mon1"))
    config.write_text(config.read_text().replace('observer = "mon"', 'observer = "mon1"'))
    path = tmp_path / "ledger.db"
    async with shipping_to(store.table(), path) as monitor:
        await monitor.commit(batch(1))
        await monitor.commit(batch(2, with_bytes=False))
        await monitor.until_level()
    remove(tmp_path, "ledger.db*")
    done = await restored_by_command(config)
    assert done.exit_code == 0, done.output
    (told,) = (line for line in done.output.splitlines() if "bytes" in line)
    assert "neither here nor in the store: acme 2026-01 version 2." in told


async def test_bytes_that_a_ledger_lost_alone_come_back_too(store: TestStore, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with shipping_to(store.table(), path) as monitor:
        await monitor.commit(batch(1, 2))
        await monitor.until_level()
    spoil(path, 1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM document WHERE sha256 = ?", (digest(document(2)),))
        db.commit()
    got = await restored(store.table(), "mon1", path, lambda _: None)
    assert (got.bare, got.had) == ([], got.has)
    assert verified(path).bare == []
