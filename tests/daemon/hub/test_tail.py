"""The tail of the store: every line once and in its order, whatever becomes of the connection; and never on top of a store that changed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from daemon.clock import SystemClock
from daemon.hub import tail as tail_module
from daemon.hub.schema import HUB
from daemon.hub.session import Arrived
from daemon.hub.tail import Seen, StoreChangedError, Tail
from daemon.ledger import LedgerFaultError
from daemon.metrics.hub import TailMetrics
from sla.instants import SECOND, Instant
from sla.records import Witness
from tests.daemon.hub.stores import START, TestStore, add_hub, body, chained, make_store
from tests.peers.postgres import Postgres, postgres
from tests.waiting import until_told


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    store = await make_store(server, tmp_path, "mon1", "mon2")
    await add_hub(store)
    return store


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail_module, "POLL_S", 0.02)
    monkeypatch.setattr(tail_module, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(tail_module, "MOST_AT_ONCE", 3)


class Taken:
    """A tail that runs, and all that was taken of it."""

    def __init__(self, store: TestStore) -> None:
        self.tail = Tail(
            clock=SystemClock(), table=store.table(HUB), metrics=TailMetrics(CollectorRegistry())
        )
        self.lines: list[Arrived] = []
        self.seen: Seen | None = None

    async def until(self, arrival: int) -> None:
        """Take until all is here up to an arrival, and how far was seen besides."""

        async def is_here() -> bool:
            arrivals = self.tail.take()
            self.lines += arrivals.lines
            self.seen = arrivals.seen
            return self.seen is not None and bool(self.lines) and self.lines[-1].arrival >= arrival

        await until_told(is_here, f"arrival {arrival}")


@asynccontextmanager
async def tailing(store: TestStore) -> AsyncIterator[Taken]:
    taken = Taken(store)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(taken.tail.run())
        yield taken
        running.cancel()


def cut(store: TestStore) -> None:
    """End the sessions of hubs."""
    store.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'slad hub %'"
    )


async def shipped(store: TestStore, observer: str, first: int, last: int) -> None:
    lines = chained([body(number, observer) for number in range(1, last + 1)])
    monitor = await store.open(observer)
    assert (await monitor.append(lines[first - 1 :]))[0] == "appended"
    await monitor.put_watermarks(last, {Witness(observer, "vc1"): Instant(START + last * SECOND)})
    await monitor.close()


async def test_lines_come_once_and_in_order_across_connections_that_are_cut(store: TestStore) -> None:
    await shipped(store, "mon1", 1, 10)
    async with tailing(store) as taken:
        await taken.until(10)
        cut(store)
        await shipped(store, "mon2", 1, 5)
        await shipped(store, "mon1", 11, 12)
        await taken.until(17)
    assert [line.arrival for line in taken.lines] == list(range(1, 18))
    assert [(line.ledger, line.seq) for line in taken.lines[10:]] == [
        *(("mon2", seq) for seq in range(1, 6)),
        ("mon1", 11),
        ("mon1", 12),
    ]
    assert taken.seen is not None
    assert taken.seen["mon1"] == {Witness("mon1", "vc1"): START + 12 * SECOND}


async def test_a_line_that_is_committed_late_is_not_passed_over(store: TestStore) -> None:
    await shipped(store, "mon1", 1, 1)
    with store.owner() as slow:
        slow.autocommit = False
        # As an append does it that has its number and is not committed yet.
        slow.execute("UPDATE slad.store SET arrival = arrival + 1")
        slow.execute(
            "INSERT INTO slad.line SELECT arrival + 1, 2, arrived_at, ledger, bucket, chain, body FROM slad.line"
        )
        async with tailing(store) as taken:
            await taken.until(1)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(shipped(store, "mon2", 1, 1))
                await asyncio.sleep(0.1)
                slow.commit()
            await taken.until(3)
    assert [line.arrival for line in taken.lines] == [1, 2, 3]


async def tailed_until_promoted(store: TestStore, replaced: bool) -> None:
    """What becomes of a tail when a replica that was behind is promoted, and maybe takes other lines first."""
    async with tailing(store) as taken:
        await taken.until(4)
        with store.owner() as owner:
            owner.execute("DELETE FROM slad.line WHERE arrival = 4")
            owner.execute("UPDATE slad.store SET arrival = 3")
            owner.execute(
                "UPDATE slad.ledger SET seq = 3, chain = (SELECT chain FROM slad.line WHERE arrival = 3)"
                " WHERE name = 'mon1'"
            )
        if replaced:
            await shipped(store, "mon2", 1, 2)
        cut(store)
        await asyncio.Event().wait()


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_store_that_lacks_or_changed_the_last_line_is_not_read_on(
    store: TestStore, replaced: bool
) -> None:
    await shipped(store, "mon1", 1, 4)
    with pytest.raises(ExceptionGroup) as ended:
        await tailed_until_promoted(store, replaced)
    (error,) = ended.value.exceptions
    assert isinstance(error, StoreChangedError)
    assert "no longer has line 4, record 4 of ledger mon1" in str(error)


async def test_who_reads_while_there_is_no_session_is_told(store: TestStore) -> None:
    tail = Taken(store).tail
    with pytest.raises(LedgerFaultError, match="was not reached yet"):
        await tail.read(0, 1)
