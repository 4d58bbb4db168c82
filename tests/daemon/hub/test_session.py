"""Of the sessions of hubs one has the lock, and writes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.hub.schema import HUB
from daemon.hub.session import HubSession, next_lines
from daemon.ledger import RequestKey
from tests.daemon.hub.stores import add_hub, make_store
from tests.peers.postgres import Postgres, postgres
from tests.waiting import until_told


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


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
    assert await two.request_keys(0) == {1: RequestKey("k", "d")}
    assert [await one.writes_next_after(seq) for seq in (0, 2)] == [False, True], "the book has to know all"
    await one.close()
    await until_told(two.is_active, "the lock that a session left")
    assert await two.append_as_active(lines[:1], None) == "appended"
    await two.close()
