"""What a store lost of the hub's own ledger comes back: of every shard, with its keys and the bytes of what it issued."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.config.hub import parse_shard
from daemon.hub import own_end as own_end_module
from daemon.hub.own_end import OwnEnd
from daemon.hub.schema import HUB
from daemon.hub.session import HubSession, next_lines
from daemon.ledger import Chained, RequestKey
from sla.evidence import encode
from tests.daemon.hub.stores import TestStore, add_hub, make_store
from tests.daemon.hub.test_issued import digest, document, issued, kept
from tests.peers.postgres import Postgres
from tests.waiting import until_told

RETIRED = '{"kind":"observer_retired"}'
SHARDS = [parse_shard("1/2"), parse_shard("2/2")]


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    store = await make_store(server, tmp_path)
    await add_hub(store)
    return store


@pytest.fixture
async def session(store: TestStore) -> AsyncIterator[HubSession]:
    session = await HubSession.open(store.table(HUB), HUB, "one")
    yield session
    await session.close()


async def recorded(session: HubSession, count: int, name: str) -> None:
    """So many requests of two records, of clients of both shards by turns; the last issues a statement."""
    for number in range(1, count + 1):
        client = next(
            each for each in (f"client-{tried}" for tried in range(100)) if SHARDS[number % 2].has(each)
        )
        last = encode(issued(number)) if number == count else RETIRED
        lines = next_lines(await session.head(), [f'{{"kind":"client","id":"{client}"}}', last])
        documents = [document(number)] if number == count else []
        key = RequestKey(f"{name}{number}", "d")
        assert await session.append_as_active(lines, key, documents) == "appended"


def lose(store: TestStore, after: int) -> None:
    """Have the store lack what arrived after a number, as a replica that is promoted does."""
    with store.owner() as owner:
        owner.execute(b"DELETE FROM slad.line WHERE arrival > %s", (after,))
        owner.execute(b"DELETE FROM slad.request WHERE arrival > %s", (after,))
        owner.execute(b"DELETE FROM slad.issued WHERE seq > %s", (after,))
        owner.execute("TRUNCATE slad.document")
        owner.execute(b"UPDATE slad.store SET arrival = %s", (after,))
        owner.execute(
            b"UPDATE slad.ledger SET seq = %s, chain = coalesce((SELECT l.chain FROM slad.line l WHERE l.arrival = %s),"
            b" decode(repeat('00', 32), 'hex'))",
            (after, after),
        )


async def end_of(session: HubSession) -> OwnEnd:
    """As a hub has it that began just now."""
    end = OwnEnd()
    await end.keep_up(session, (await session.head()).seq)
    return end


def all_in(store: TestStore) -> tuple[list[Chained], list[tuple[object, ...]], list[bytes]]:
    return store.lines(HUB), store.rows("SELECT * FROM slad.request ORDER BY arrival"), kept(store)


@pytest.mark.parametrize("left", [0, 2, 6, 8])
@pytest.mark.parametrize("is_other_active", [False, True])
async def test_all_of_it_is_there_again_whoever_is_active(
    store: TestStore, session: HubSession, left: int, is_other_active: bool
) -> None:
    """Of both shards, by one hub: no other has to come back first. And what was there before the hub began."""
    await session.is_active()
    await recorded(session, 4, "k")
    before = all_in(store)
    end = await end_of(session)
    lose(store, left)
    other = await HubSession.open(store.table(HUB), HUB, "other")
    if is_other_active:
        await session.close()
        await until_told(other.is_active, "the lock that a session left")
    with capture_logs() as logs:
        await end.bring_back(other)
    await other.close()
    if left == 8:
        assert (logs, kept(store)) == ([], []), "the lines are what is known to be lost"
    else:
        assert all_in(store) == before
        assert {each["event"] for each in logs} == {"hub_brought_back_records"}


async def test_a_hub_goes_on_from_what_is_there_after_it_told_what_is_lost(
    store: TestStore, session: HubSession
) -> None:
    await session.is_active()
    await recorded(session, 2, "k")
    end = await end_of(session)
    lose(store, 2)
    await recorded(session, 1, "other")
    for told in ([3, 4], []):
        with capture_logs() as logs:
            await end.bring_back(session)
        assert [each["seq"] for each in logs if each["event"] == "hub_lost_record"] == told
    await end.keep_up(session, (await session.head()).seq)
    before = all_in(store)
    lose(store, 0)
    await end.bring_back(session)
    assert all_in(store)[0] == before[0]
    assert [key for _, key, _ in all_in(store)[1]] == ["k1", "other1"]


async def test_of_what_is_long_ago_nothing_is_kept(
    store: TestStore, session: HubSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_end_module, "LINES_KEPT", 4)
    await session.is_active()
    await recorded(session, 4, "k")
    end = await end_of(session)
    lose(store, 2)
    with capture_logs() as logs:
        await end.bring_back(session)
    assert [each["seq"] for each in logs] == [5, 6, 7, 8]
    assert len(store.lines(HUB)) == 2


@pytest.mark.parametrize(("kept_at_most", "bytes_at_most"), [(2, 1_000), (10, 80)])
async def test_the_bytes_of_the_last_statements_are_kept_and_no_more(
    store: TestStore,
    session: HubSession,
    monkeypatch: pytest.MonkeyPatch,
    kept_at_most: int,
    bytes_at_most: int,
) -> None:
    monkeypatch.setattr(own_end_module, "DOCUMENTS_KEPT", kept_at_most)
    monkeypatch.setattr(own_end_module, "DOCUMENT_BYTES", bytes_at_most)
    assert 80 // len(document(1)) == 2
    await session.is_active()
    end = OwnEnd()
    for version in range(1, 6):
        lines = next_lines(await session.head(), [encode(issued(version))])
        await session.append_as_active(lines, None, [document(version)])
        await end.keep_up(session, version)
    lose(store, 0)
    await end.bring_back(session)
    assert kept(store) == [document(4), document(5)]
    assert await session.document(digest(document(5))) == document(5)
