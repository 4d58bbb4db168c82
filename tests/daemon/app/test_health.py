"""The watchdog is fed while every part takes its next step, and not while one hangs."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.app.health import OVERDUE_US, STALL_CHECK_S, Watchdog, measure_stalls
from daemon.app.wiring import Evidence, Parts, replayed, wired
from daemon.believed_clock import BelievedClock
from daemon.config.config import Config
from daemon.config.loading import load
from daemon.exposition.exposition import Exposition
from daemon.exposition.families import RenderedFamily, Snapshot
from daemon.ledger import Batch, Ledger
from daemon.metrics import Metrics
from daemon.recording.publishing import Publisher
from daemon.recording.transitions import Transitions
from daemon.systemd import Systemd
from probes.report import Report, SourceFailure
from sla.instants import SECOND, Instant
from tests.daemon.hand import Hand
from tests.daemon.harness import simulated, write_config
from tests.waiting import until
from tests.wall import now


def hand_of_now() -> Hand:
    return Hand(wall=now())


class Fed(Systemd):
    """Counts how often the watchdog was fed."""

    def __init__(self) -> None:
        self.count = 0

    def alive(self) -> None:
        self.count += 1


async def hang() -> None:
    await asyncio.Event().wait()


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    with simulated(servers=10) as vcenter:
        yield load(write_config(tmp_path, vcenter), {})


@asynccontextmanager
async def evidence_of(config: Config, clock: BelievedClock) -> AsyncIterator[tuple[Evidence, AsyncExitStack]]:
    async with AsyncExitStack() as stack:
        ledger = await asyncio.to_thread(Ledger.open, config.ledger.path)
        stack.push_async_callback(ledger.close)
        yield await replayed(config, clock, ledger), stack


def watchdog_of(hand: Hand, parts: Parts, fed: Fed) -> Watchdog:
    return Watchdog(BelievedClock(hand), fed, parts.recorder.progress_due_us)


def test_the_watchdog_is_fed_until_a_part_is_overdue_and_again_when_it_goes_on() -> None:
    hand, fed = hand_of_now(), Fed()
    due = {"a": 0, "b": SECOND}
    watchdog = Watchdog(hand, fed, lambda: iter(due.items()))
    with capture_logs() as logs:
        hand.pass_(OVERDUE_US - 1)
        watchdog.beat()
        assert (fed.count, logs) == (1, [])
        hand.pass_(1)
        watchdog.beat()
        watchdog.beat()
        assert fed.count == 1
        due["a"] = hand.boot_us
        watchdog.beat()
    assert fed.count == 2
    assert [(log["event"], log["part"]) for log in logs] == [("part_hung", "a"), ("part_went_on", "a")]


async def test_a_recorder_that_hangs_starves_it(config: Config) -> None:
    class Hanging(Transitions):
        async def batch_of(self, told: Iterable[Report | SourceFailure], now: Instant) -> Batch:
            await hang()
            raise AssertionError

    hand, fed = hand_of_now(), Fed()
    clock = BelievedClock(hand)
    async with evidence_of(config, clock) as (evidence, stack), asyncio.TaskGroup() as tasks:
        known = evidence.recollection
        known.transitions = Hanging(known.book, known.registry)
        parts = wired(config, clock, Metrics(), evidence, stack, tick_us=SECOND)
        watchdog = watchdog_of(hand, parts, fed)
        recording = tasks.create_task(parts.recorder.run())
        await asyncio.sleep(0)
        watchdog.beat()
        assert fed.count == 1
        hand.pass_(OVERDUE_US + SECOND)
        watchdog.beat()
        assert fed.count == 1
        recording.cancel()


async def test_a_recorder_that_ticks_does_not(config: Config) -> None:
    hand, fed = hand_of_now(), Fed()
    clock = BelievedClock(hand)
    async with evidence_of(config, clock) as (evidence, stack):
        parts = wired(config, clock, Metrics(), evidence, stack, tick_us=SECOND)
        watchdog = watchdog_of(hand, parts, fed)
        for beats in range(1, 4):
            hand.pass_(OVERDUE_US)
            await parts.recorder.tick()
            watchdog.beat()
            assert fed.count == beats


async def test_a_publisher_that_hangs_starves_it(config: Config) -> None:
    class Hanging(Exposition):
        async def prepare(
            self, snapshot: Snapshot, process_metrics: Iterable[RenderedFamily], *, news: int = 0
        ) -> None:
            await hang()

    class OneSnapshot:
        are_whole = True

        async def snapshot(self) -> Snapshot:
            return Snapshot(generation=0, servers=(), info=(), families=())

    hand, fed = hand_of_now(), Fed()
    clock = BelievedClock(hand)
    async with evidence_of(config, clock) as (evidence, _), asyncio.TaskGroup() as tasks:
        exposition = Hanging(clock)
        publisher = Publisher(
            clock=clock,
            ledger=evidence.ledger,
            book=evidence.recollection.book,
            snapshots=OneSnapshot(),  # type: ignore[arg-type]  # as far as it is asked
            exposition=exposition,
            verified_until=lambda: 0,
            metrics=Metrics().process,
            fault=lambda: "",
            on_prepared=lambda: None,
        )
        watchdog = Watchdog(clock, fed, publisher.progress_due_us)
        publishing = tasks.create_task(publisher.run())
        hand.pass_(2 * OVERDUE_US)
        watchdog.beat()
        assert fed.count == 1, "nobody asks for figures"
        exposition.asked.set()
        await publisher.publish_if_due(SECOND)
        await asyncio.sleep(0)
        hand.pass_(OVERDUE_US)
        watchdog.beat()
        assert fed.count == 1
        publishing.cancel()


async def test_every_watch_and_the_rounds_are_asked(tmp_path: Path) -> None:
    with simulated(servers=10) as vcenter:
        internet = '[uplink.transit]\ntargets = ["icmp://127.0.0.1"]\n[[internet]]\nuplink = "transit"'
        config = load(write_config(tmp_path, vcenter, internet=internet), {})
        clock = BelievedClock(hand_of_now())
        async with evidence_of(config, clock) as (evidence, stack), asyncio.TaskGroup() as tasks:
            parts = wired(config, clock, Metrics(), evidence, stack, tick_us=SECOND)
            for part in (parts.recorder, parts.records, parts.internet, parts.sources):
                part.adopt(config)
            running = [
                tasks.create_task(work)
                for work in (parts.recorder.run(), parts.sources.run(), parts.internet.run())
            ]
            await until(lambda: bool(list(parts.internet.progress_due_us())), "the rounds")
            assert [part for part, _ in parts.sources.progress_due_us()] == ["vcenter-vc1"]
            assert [part for part, _ in parts.internet.progress_due_us()] == ["internet-rounds"]
            await parts.sources.stop()
            for task in running:
                task.cancel()


async def test_a_loop_that_is_held_is_measured() -> None:
    hand, metrics = hand_of_now(), Metrics()
    async with asyncio.TaskGroup() as tasks:
        measuring = tasks.create_task(measure_stalls(hand, metrics.process))
        await asyncio.sleep(0)
        hand.pass_(5 * SECOND)
        await asyncio.sleep(1.5 * STALL_CHECK_S)
        measuring.cancel()
    text = b"".join(family.text for family in metrics.process.rendered()).decode()
    assert f"slad_loop_stall_max_seconds {5 - STALL_CHECK_S}" in text
