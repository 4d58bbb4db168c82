"""The tail of the store: every line once and in its order, whatever becomes of the connection; and never on top of a store that changed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from daemon.clock import SystemClock
from daemon.config.hub import parse_shard
from daemon.hub import session as session_module
from daemon.hub import store as store_module
from daemon.hub import tail as tail_module
from daemon.hub.schema import HUB
from daemon.hub.session import Arrived, HubSession, LastLine, next_lines
from daemon.hub.tail import Seen, StoreChangedError, Tail
from daemon.ledger import Chained, LedgerFaultError, RequestKey
from daemon.metrics.hub import TailMetrics
from sla.instants import MINUTE, SECOND, Instant
from sla.records import Witness
from tests.daemon.hub.stores import START, TestStore, add_hub, add_monitor, body, chained, make_store
from tests.peers.postgres import Postgres
from tests.peers.proxy import FaultProxy, Weather
from tests.waiting import until_told

RETIRED = '{"kind":"observer_retired"}'
CLIENT = '{"kind":"client","id":"acme"}'


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

    def __init__(self, store: TestStore, at: tuple[str, int] | None = None, shard: str = "1/1") -> None:
        self.backlogs = 0
        """How often there was so much that it ought not to wait for a tick."""
        self.tail = Tail(
            clock=SystemClock(),
            table=store.table(HUB, at=at, shard=shard),
            metrics=TailMetrics(CollectorRegistry()),
            on_backlog=self._count_backlog,
        )
        self.lines: list[Arrived] = []
        self.seen: Seen | None = None

    def _count_backlog(self) -> None:
        self.backlogs += 1

    async def until(self, arrival: int, seen: Seen = MappingProxyType({})) -> None:
        """Take until all is here up to an arrival, and how far was seen besides; of some ledgers so far, for lines may come before a
        watermark that was put after them.
        """

        async def is_here() -> bool:
            arrivals = self.tail.take()
            self.lines += arrivals.lines
            self.seen = arrivals.seen
            return (
                self.seen is not None
                and seen.items() <= self.seen.items()
                and bool(self.lines)
                and self.lines[-1].arrival >= arrival
            )

        await until_told(is_here, f"arrival {arrival}")

    async def is_active(self) -> bool:
        return self.tail.is_active

    async def is_lost(self) -> bool:
        return bool(self.tail.fault)


@asynccontextmanager
async def tailing(
    store: TestStore,
    last_lines: Mapping[str, LastLine] = MappingProxyType({}),
    *,
    at: tuple[str, int] | None = None,
    shard: str = "1/1",
) -> AsyncIterator[Taken]:
    """`last_lines`: after which lines it goes on."""
    taken = Taken(store, at, shard)
    taken.tail.go_on_after(last_lines)
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
        seen = {Witness("mon1", "vc1"): Instant(START + 12 * SECOND)}
        await taken.until(17, {"mon1": seen})
    assert [line.arrival for line in taken.lines] == list(range(1, 18))
    assert [(line.ledger, line.seq) for line in taken.lines[10:]] == [
        *(("mon2", seq) for seq in range(1, 6)),
        ("mon1", 11),
        ("mon1", 12),
    ]
    assert taken.seen is not None
    assert taken.seen["mon1"] == seen


@pytest.mark.parametrize("at", [-1, -(2**62), 2**62, "now + 2 minutes"])
async def test_a_monitor_that_says_that_it_saw_what_is_to_come_is_not_believed(
    store: TestStore, at: int | str
) -> None:
    """Else time would count as observed that nobody saw; any number is let in by the store."""
    odd = at if isinstance(at, int) else SystemClock().now() + 2 * MINUTE
    await shipped(store, "mon1", 1, 2)
    await shipped(store, "mon2", 1, 2)
    store.rows(f"UPDATE slad.watermark SET at = {odd} WHERE observer = 'mon1' RETURNING 1")
    with capture_logs() as logs:
        async with tailing(store) as taken:
            await taken.until(4)
    assert taken.seen == {"hub": {}, "mon1": {}, "mon2": {Witness("mon2", "vc1"): START + 2 * SECOND}}
    (told,) = [each for each in logs if each["event"] == "hub_watermark_not_believed"]
    assert told["witness"] == "mon1/vc1"


async def test_a_backlog_does_not_wait_for_ticks_and_news_does(store: TestStore) -> None:
    await shipped(store, "mon1", 1, 10)
    async with tailing(store) as taken:
        await taken.until(10)
        assert taken.backlogs >= 4, "three lines at once"
        before = taken.backlogs
        await shipped(store, "mon1", 11, 12)
        await taken.until(12)
        assert taken.backlogs == before


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


async def tailed_after(store: TestStore, last_lines: Mapping[str, LastLine]) -> list[int]:
    """The numbers of the lines that a tail gives out that is to go on after some."""
    async with tailing(store, last_lines) as taken:
        await taken.until(6)
        return [line.arrival for line in taken.lines]
    raise AssertionError


async def test_a_tail_goes_on_after_the_lines_that_are_known(store: TestStore) -> None:
    await shipped(store, "mon1", 1, 2)
    await shipped(store, "mon2", 1, 1)
    last_lines = {
        "mon1": LastLine(2, 2, store.lines("mon1")[-1].chain),
        "mon2": LastLine(3, 1, store.lines("mon2")[-1].chain),
    }
    await shipped(store, "mon1", 3, 5)
    assert await tailed_after(store, last_lines) == [4, 5, 6]


@pytest.mark.parametrize(
    "wrong",
    [LastLine(2, 2, bytes(32)), LastLine(2, 1, b""), LastLine(3, 2, b""), LastLine(9, 2, b"")],
    ids=["another chain", "another record", "elsewhere", "from the future"],
)
async def test_nothing_is_given_out_after_lines_that_the_store_does_not_have(
    store: TestStore, wrong: LastLine
) -> None:
    """Of any ledger, though the last line of all is as it was."""
    await shipped(store, "mon1", 1, 2)
    await shipped(store, "mon2", 1, 1)
    last = LastLine(3, 1, store.lines("mon2")[-1].chain)
    known = wrong._replace(chain=wrong.chain or store.lines("mon1")[-1].chain)
    with pytest.raises(ExceptionGroup) as ended:
        await tailed_after(store, {"mon1": known, "mon2": last})
    (error,) = ended.value.exceptions
    assert str(error) == (
        f"The store no longer has line {known.arrival}, record {known.seq} of ledger mon1, as it was: what it has is read anew."
    )


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


async def test_a_store_that_has_the_last_line_and_others_before_it_is_not_read_on(
    store: TestStore, server: Postgres
) -> None:
    """A replica lacked lines of two ledgers, and got them again in another order, among others."""
    await add_monitor(store, "mon3")
    await shipped(store, "mon1", 1, 1)
    await shipped(store, "mon2", 1, 2)
    await shipped(store, "mon1", 2, 2)

    async def tailed() -> None:
        with FaultProxy(("127.0.0.1", server.port)) as proxy:
            async with tailing(store, at=(proxy.host, proxy.port)) as taken:
                await taken.until(4)
                proxy.weather = Weather(refuse=True)
                proxy.drop()
                with store.owner() as owner:
                    owner.execute("DELETE FROM slad.line WHERE arrival > 2")
                    owner.execute("UPDATE slad.store SET arrival = 2")
                    owner.execute(
                        "UPDATE slad.ledger l SET seq = 1, chain ="
                        " (SELECT chain FROM slad.line t WHERE t.ledger = l.number AND t.seq = 1) WHERE seq = 2"
                    )
                await shipped(store, "mon3", 1, 1)
                await shipped(store, "mon1", 2, 2)
                await shipped(store, "mon2", 2, 2)
                proxy.weather = Weather()
                await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as ended:
        await tailed()
    (error,) = ended.value.exceptions
    assert isinstance(error, StoreChangedError)
    assert "no longer has line 3, record 2 of ledger mon2" in str(error)


async def tailed_until_two_requests_are_lost(
    store: TestStore, server: Postgres, meanwhile: Callable[[], Awaitable[object]], shard: str = "1/1"
) -> tuple[list[Chained], dict[int, RequestKey]]:
    """A hub reads two requests of two lines, of which a replica that is promoted has none; then something else, then it is back. The
    first line of each is of a client of the shard 1/2.

    The lines, and the keys by which their requests are known.
    """
    hub = await HubSession.open(store.table(HUB), HUB, "before")
    await hub.is_active()
    for key in (RequestKey("k1", "d"), RequestKey("k2", "d")):
        await hub.append_as_active(next_lines(await hub.head(), [CLIENT, RETIRED]), key)
    before, known = store.lines(HUB), await hub.request_keys(0, 99)
    await hub.close()

    async def tailed() -> None:
        with FaultProxy(("127.0.0.1", server.port)) as proxy:
            async with tailing(store, at=(proxy.host, proxy.port), shard=shard) as taken:
                await taken.until(4)
                proxy.weather = Weather(refuse=True)
                proxy.drop()
                with store.owner() as owner:
                    owner.execute("TRUNCATE slad.line, slad.request")
                    owner.execute("UPDATE slad.store SET arrival = 0")
                    owner.execute("UPDATE slad.ledger SET seq = 0, chain = decode(repeat('00', 32), 'hex')")
                await meanwhile()
                proxy.weather = Weather()
                await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup):
        await tailed()
    return before, known


@pytest.mark.parametrize("shard", ["1/1", "1/2", "2/2"])
async def test_what_the_store_lost_of_the_hubs_own_ledger_is_there_again(
    store: TestStore, server: Postgres, shard: str
) -> None:
    """Also what is another shard's: else what came after it would be lost, too."""

    async def nothing() -> None: ...

    assert parse_shard("1/2").has("acme")
    before, known = await tailed_until_two_requests_are_lost(store, server, nothing, shard)
    assert store.lines(HUB) == before
    session = await HubSession.open(store.table(HUB), HUB, "after")
    assert await session.request_keys(0, 99) == known
    await session.close()


@pytest.mark.parametrize("records", [0, 1, 5])
async def test_another_hub_that_is_active_by_then_does_not_lose_it_unless_it_recorded(
    store: TestStore, server: Postgres, records: int
) -> None:
    async def other_records() -> None:
        await until_told(other.is_active, "the lock")
        if records:
            await other.append_as_active(next_lines(await other.head(), [RETIRED] * records), None)

    other = await HubSession.open(store.table(HUB), HUB, "other")
    with capture_logs() as logs:
        before, known = await tailed_until_two_requests_are_lost(store, server, other_records)
    keys = await other.request_keys(0, 99)
    await other.close()
    told = [each["seq"] for each in logs if each["event"] == "hub_lost_record"]
    if records:
        assert len(store.lines(HUB)) == records
        assert told == [1, 2, 3, 4]
    else:
        assert store.lines(HUB) == before
        assert (keys, told) == (known, [])


async def test_a_hub_that_hears_nothing_is_not_active_by_the_time_at_which_another_may_be(
    store: TestStore, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_module, "IDLE_S", 1)
    monkeypatch.setattr(session_module, "IDLE_S", 1)
    with FaultProxy(("127.0.0.1", server.port)) as proxy:
        async with tailing(store, at=(proxy.host, proxy.port)) as taken:
            await until_told(taken.is_active, "the lock")
            other = await HubSession.open(store.table(HUB), HUB, "other")
            proxy.weather = Weather(silent=True, stall_after_bytes=0)
            await until_told(other.is_active, "the lock of one that is cut off")
            assert not taken.tail.is_active
            await other.close()
            await until_told(taken.is_lost, "it to notice")


def test_a_takeover_takes_fifteen_seconds_at_most() -> None:
    """Of what it may wait for: that a session ends which is silent; another attempt; the next of two hosts, when the first is dead."""
    assert session_module.IDLE_S + tail_module.LAST_RETRY_S + store_module.CONNECT_S / 2 <= 15


async def test_who_reads_while_there_is_no_session_is_told(store: TestStore) -> None:
    tail = Taken(store).tail
    with pytest.raises(LedgerFaultError, match="was not reached yet"):
        await tail.read(0, 1)
