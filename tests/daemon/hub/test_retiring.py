"""The end of a monitor goes on record once, in the hub's own ledger, and only where there is one that has ended."""

from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.hub.retiring import retire
from daemon.hub.schema import HUB
from daemon.hub.states import HubError, HubState
from sla.instants import HOUR, SECOND, Instant
from sla.reader import EvidenceReader
from sla.records import ObserverRetired, Witness
from tests.daemon.hub.stores import START, TestStore, add_hub, body, chained, make_store
from tests.peers.postgres import Postgres

NOW = Instant(START + HOUR)


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    store = await make_store(server, tmp_path, "mon1", "mon2")
    await add_hub(store)
    monitor = await store.open()
    await monitor.append(chained([body(1)]))
    await monitor.put_watermarks(1, {Witness("mon1", "vc1"): Instant(START + SECOND)})
    await monitor.close()
    return store


def recorded(store: TestStore) -> list[ObserverRetired]:
    reader = EvidenceReader()
    found = [reader.read(line.body.encode()) for line in store.lines(HUB)]
    assert not reader.faults
    return [record for record in found if isinstance(record, ObserverRetired)]


async def test_a_monitor_ends_where_it_saw_last_or_where_somebody_says(store: TestStore) -> None:
    assert await retire(store.table(HUB), "mon1", None, "eve", NOW) == START + SECOND
    assert await retire(store.table(HUB), "mon1", Instant(START), "eve", NOW) == START
    assert [(each.observer, each.at, each.recorded_by) for each in recorded(store)] == [
        ("mon1", START + SECOND, "eve"),
        ("mon1", START, "eve"),
    ]


@pytest.mark.parametrize(
    ("observer", "at", "now", "why"),
    [
        ("mon3", None, NOW, "it knows mon1, mon2"),
        ("hub", START, NOW, "knows no monitor hub"),
        ("mon2", None, NOW, "say --at"),
        ("mon1", None, Instant(START + 2 * SECOND), "it still runs: stop it first"),
        ("mon1", Instant(NOW + SECOND), NOW, "is not over yet"),
    ],
)
async def test_what_is_no_end_of_a_monitor_is_refused_and_nothing_recorded(
    store: TestStore, observer: str, at: Instant | None, now: Instant, why: str
) -> None:
    with pytest.raises(HubError, match=why):
        await retire(store.table(HUB), observer, at, "eve", now)
    assert store.lines(HUB) == []


async def test_a_clock_that_is_behind_the_hubs_last_record_is_refused(store: TestStore) -> None:
    await retire(store.table(HUB), "mon1", None, "eve", NOW)
    with pytest.raises(HubError, match="set this clock right"):
        await retire(store.table(HUB), "mon1", None, "eve", Instant(NOW - SECOND))


async def test_a_clock_that_is_ahead_of_the_stores_would_keep_hubs_from_recording(store: TestStore) -> None:
    ahead = Instant(SystemClock().now() + HOUR)
    with pytest.raises(HubError, match=r"3[56].. s ahead of PostgreSQL's.*set it right"):
        await retire(store.table(HUB), "mon1", None, "eve", ahead)
    assert store.lines(HUB) == []


async def test_a_monitors_role_retires_nobody(store: TestStore) -> None:
    with pytest.raises(HubError) as refused:
        await retire(store.table("mon1"), "mon2", START, "eve", NOW)
    assert refused.value.state is HubState.NOT_ALLOWED
