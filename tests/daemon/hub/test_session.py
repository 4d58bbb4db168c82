"""Of the sessions of hubs one has the lock, and writes."""

from pathlib import Path

import pytest

from daemon.config.hub import WHOLE, Shard, parse_shard
from daemon.hub import session as session_module
from daemon.hub.schema import HUB
from daemon.hub.session import HubSession, next_lines
from daemon.ledger import Head, RequestKey
from sla.chain import GENESIS
from sla.records import ServerId
from tests.daemon.hub.stores import add_hub, chained, make_store
from tests.peers.postgres import Postgres
from tests.waiting import until_told


async def test_of_two_sessions_one_is_active_and_writes_until_it_ends(
    server: Postgres, tmp_path: Path
) -> None:
    store = await make_store(server, tmp_path)
    await add_hub(store)
    one, two = [await HubSession.open(store.table(HUB), HUB, name) for name in ("one", "two")]
    assert (await one.is_active(), await two.is_active(), await one.is_active()) == (True, False, True)
    assert await two.active_name() == "one"
    assert [await each.writes_next_after(seq) for each in (one, two) for seq in (0, 1)] == [
        *(True, False),
        *(False, False),
    ]
    lines = next_lines(await one.head(), ['{"kind":"observer_retired"}', '{"kind":"observer_retired"}'])
    assert await two.append_as_active(lines, RequestKey("k", "d")) == "passive"
    assert store.lines(HUB) == []
    assert await one.append_as_active(lines, RequestKey("k", "d")) == "appended"
    assert await one.append_as_active(lines, RequestKey("k", "d")) == "appended", (
        "an answer that was lost does no harm"
    )
    assert store.lines(HUB) == lines
    assert [await two.request_keys(*span) for span in ((0, 1), (0, 0), (1, 9))] == [
        {1: RequestKey("k", "d")},
        {},
        {},
    ]
    assert [await one.writes_next_after(seq) for seq in (0, 2)] == [False, True], "the book has to know all"
    await one.close()
    await until_told(two.is_active, "the lock that a session left")
    assert await two.append_as_active(lines[:1], None) == "appended"
    await two.close()


def shard(text: str) -> Shard:
    return parse_shard(text)


async def test_of_hubs_that_have_a_client_in_common_one_is_active_however_they_are_divided(
    server: Postgres, tmp_path: Path
) -> None:
    store = await make_store(server, tmp_path)
    await add_hub(store)
    sessions = [
        await HubSession.open(store.table(HUB), HUB, name) for name in ("one", "two", "three", "four")
    ]
    one, two, three, four = sessions
    assert await one.is_active(shard("1/4"))
    assert await two.is_active(shard("2/4"))
    assert not await three.is_active(shard("1/4"))
    assert await three.active_name(shard("1/4")) == "one"
    assert not await three.is_active(shard("2/2")), "it has the clients of 2/4"
    assert not await four.is_active(WHOLE)
    assert await three.is_active(shard("3/4")), "who was refused holds nothing"
    lines = next_lines(await one.head(), ['{"kind":"observer_retired"}'])
    assert await three.append_as_active(lines, None, (), shard("1/4")) == "passive"
    assert await one.append_as_active(lines, None, (), shard("1/4")) == "appended"
    assert (
        await two.append_as_active(next_lines(Head(0, GENESIS), ["{}"]), None, (), shard("2/4")) == "diverged"
    )
    await one.close()
    await until_told(lambda: three.is_active(shard("1/2")), "the clients of 1/4, besides its own")
    for session in (two, three, four):
        await session.close()


async def test_a_shard_is_given_the_lines_of_its_clients_and_those_for_all(
    server: Postgres, tmp_path: Path
) -> None:
    store = await make_store(server, tmp_path, "mon1")
    await add_hub(store)
    monitor = await store.open("mon1")
    clients = [f"client-{number}" for number in range(20)]
    bodies = [f'{{"kind":"client","id":"{client}","salt":"{client}"}}' for client in clients]
    await monitor.append(chained([*bodies, '{"kind":"observed_until"}']))
    hub = await HubSession.open(store.table(HUB), HUB, "one")
    given = {each: await hub.tail(0, 100, shard(f"{each}/3")) for each in (1, 2, 3)}
    for each, lines in given.items():
        own = [client for client in clients if shard(f"{each}/3").has(client)]
        assert [line.arrival for line in lines] == [*(clients.index(client) + 1 for client in own), 21]
    assert sum(map(len, given.values())) == 20 + 3
    await hub.close()
    await monitor.close()


@pytest.mark.parametrize("most", [1, 2, 100])
@pytest.mark.parametrize("looked_through", [1, 3, 100])
async def test_what_a_server_brings_along_is_looked_for_bit_by_bit(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked_through: int, most: int
) -> None:
    """In a store of years no answer about all lines would come in time, nor the next time."""
    monkeypatch.setattr(session_module, "LOOKED_THROUGH", looked_through)
    store = await make_store(server, tmp_path, "mon1")
    await add_hub(store)
    monitor = await store.open("mon1")
    told = [("a", "one"), ("b", "one"), ("a", "one"), ("b", "one"), ("b", "two"), ("a", "two"), ("a", "one")]
    bodies = [f'{{"kind":"server","id":"{name}","client":"{client}"}}' for name, client in told]
    await monitor.append(chained(bodies))
    hub = await HubSession.open(store.table(HUB), HUB, "one")
    for before in range(9):
        found = await hub.earlier(ServerId("a"), before, most)
        assert [line.arrival for line in found] == [at for at in (1, 3, 6, 7) if at < before]
    await hub.close()
    await monitor.close()
