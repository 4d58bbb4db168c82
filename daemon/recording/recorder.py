"""The one task that writes: reports in, one durable transaction a tick, then the book, then the figures.

Nothing is published that is not durable, and nothing changes the book but what was committed. A commit that fails stops
all publishing; the same batch is tried again on a new handle, while the watches wait with what they see, until it lands
or `GIVE_UP_S` have passed: then the process ends, for systemd to start another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, NamedTuple

import structlog

from daemon.alerts.evaluator import AlertEvaluator
from daemon.book.live_book import LiveBook
from daemon.clock import SteadyClock
from daemon.exposition.exposition import Exposition
from daemon.exposition.families import Snapshot
from daemon.ledger import Batch, Entry, Ledger, LedgerFaultError
from daemon.live.snapshots import Snapshots
from daemon.metrics.process import ProcessMetrics
from daemon.pacing import freeze_gc, paced
from daemon.recording.transitions import Transitions
from daemon.records.endings import Endings
from daemon.records.idempotency import NumberedRecord, RecordedRequests
from daemon.records.refusals import NotRecordingError
from daemon.watching.internet import Internet
from daemon.watching.report_queue import Inlet
from daemon.watching.sources import Sources
from probes.report import Report, SourceFailure
from sla.book import Declared
from sla.instants import HOUR, SECOND, Instant
from sla.records import Blind, Recorded

FREEZE_AFTER: Final = 10_000
"""How many records at once make the book grow so much that the garbage collector has to be told."""
RETRY_S: Final = 2.0
GIVE_UP_S: Final = 60.0
SEAL_US: Final = HOUR
WHOLE_WITHIN_US: Final = 30 * SECOND
"""How long after the start the first figures wait for those of months, so that no series comes later than others."""
ANSWER_S: Final = 10.0
"""How long people wait for a commit before they are told that it is late."""

_log = structlog.get_logger()


class _Asked(NamedTuple):
    """A record that somebody waits for."""

    make: Callable[[Instant], Declared]
    kept: asyncio.Future[NumberedRecord]


class Recorder:
    """Owns the way from a report to a figure. Invariant: between two ticks the book is what the ledger holds."""

    def __init__(
        self,
        *,
        clock: SteadyClock,
        tick_us: int,
        ledger: Ledger,
        book: LiveBook,
        transitions: Transitions,
        recorded_requests: RecordedRequests,
        sources: Sources,
        internet: Internet,
        inlet: Inlet[Report | SourceFailure],
        snapshots: Snapshots,
        evaluator: AlertEvaluator,
        exposition: Exposition,
        metrics: ProcessMetrics,
    ) -> None:
        self.tick_us = tick_us
        self.fault = ""
        self.progress_at_us = clock.monotonic_us()
        self.committed_at: Instant | None = None
        self._clock = clock
        self._ledger = ledger
        self._book = book
        self._transitions = transitions
        self._recorded_requests = recorded_requests
        self._endings = Endings(book.evidence, recorded_requests)
        self._sources = sources
        self._internet = internet
        self._inlet = inlet
        self._snapshots = snapshots
        self._evaluator = evaluator
        self._exposition = exposition
        self._metrics = metrics
        self._changes: list[Callable[[Instant], Awaitable[Batch]]] = []
        self._asked: list[_Asked] = []
        self._under_way: _Asked | None = None
        self._sealing: asyncio.Event | None = None
        self._sealed_at = clock.now()
        self._looked_at = clock.now()
        self._finishing = False
        self._has_finished = False
        self._prepared_at_us = 0
        self._began_us = clock.monotonic_us()
        self._snapshot: Snapshot | None = None
        self._is_preparing = False
        self._snapshot_taken = asyncio.Event()

    async def run(self) -> None:
        """Tick until `finish`. Raises LedgerFaultError when the ledger does not take records any more."""
        while not self._finishing:
            await self._inlet.wait(self._until_next_tick_s())
            await self.tick()
        await self.tick(seal=True)
        self._has_finished = True

    def finish(self) -> None:
        """Have `run` make a last tick and return."""
        self._finishing = True
        self._inlet.wake()

    def change(self, make: Callable[[Instant], Awaitable[Batch]]) -> None:
        """Have a batch of the daemon's own made and committed with the next tick, which comes at once."""
        self._changes.append(make)
        self._inlet.wake()

    async def record(self, make: Callable[[Instant], Declared]) -> NumberedRecord:
        """Have a record of somebody's made and committed with the next tick, which comes at once.

        Returns it once it is durable. `make` judges by the book as committed; what it raises keeps it from being recorded
        and is raised here. Raises NotRecordingError while the ledger takes no records. Whoever no longer waits has nothing
        recorded, unless its commit was under way.
        """
        if self.fault or self._finishing:
            raise NotRecordingError(f"nothing was recorded: {self._why_not()}")
        # How many wait at once is bounded by the doors.
        asked = _Asked(make, asyncio.get_running_loop().create_future())
        self._asked.append(asked)
        self._inlet.wake()
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asked.kept
        except TimeoutError:
            raise NotRecordingError(f"it may yet be recorded: {self._why_not()}") from None

    def _why_not(self) -> str:
        return self.fault or ("slad is about to stop" if self._finishing else "the ledger is slow")

    async def seal(self) -> None:
        """Have the watermarks enter the chain with the next tick, which comes at once; returns when they have."""
        if self._has_finished:
            return  # with the last tick they have
        if self._sealing is None:
            self._sealing = asyncio.Event()
        sealed = self._sealing
        self._inlet.wake()
        await sealed.wait()

    async def tick(self, *, seal: bool = False) -> None:
        """Commit what came, count what is settled, and prepare the figures if somebody asks for them."""
        began_us = self._clock.monotonic_us()
        told = self._inlet.take()
        self._metrics.queue_items.labels("inlet").set(len(told))
        now = self._clock.now()
        self._look_at_the_clock(now)
        changes, self._changes = self._changes, []
        for make in changes:
            await self._commit(await make(now))
        for _ in range(len(self._asked)):  # what is asked meanwhile waits for the next tick
            if self._asked:
                await self._record(self._asked.pop(0), now)
        sealing, self._sealing = self._sealing, None
        seal = seal or sealing is not None or now - self._sealed_at >= SEAL_US
        batch = await self._transitions.batch_of(told, now)
        if batch.entries or batch.watermarks or seal:
            await self._commit(replace(batch, seal=seal))
        ended = await self._endings.due(now)
        if ended:
            await self._commit(Batch(entries=[Entry(record=record) for record in ended]))
        if seal:
            self._sealed_at = now
        if sealing is not None:
            sealing.set()
        for item in told:
            if isinstance(item, SourceFailure):
                self._sources.failed(item)
            else:
                self._sources.reported(item)
        await self._internet.follow()
        async for _ in paced(self._book.settling(now)):
            pass
        self._metrics.tick_duration.observe((self._clock.monotonic_us() - began_us) / SECOND)
        self.progress_at_us = self._clock.monotonic_us()
        if not self._finishing:
            is_done = await self._snapshots.keep_up()
            if not (await self._evaluator.evaluate(told) and is_done):
                self._inlet.wake()
        if self._prepare_is_due():
            self._publish(await self._snapshots.snapshot())

    async def expose(self) -> None:
        """Prepare the figures of each snapshot, for ever: beside the ticks, which need not wait for it."""
        while True:
            await self._snapshot_taken.wait()
            self._snapshot_taken.clear()
            assert self._snapshot is not None
            began_us = self._clock.monotonic_us()
            await self._exposition.prepare(self._snapshot, self._metrics.rendered())
            self._is_preparing = False
            self._inlet.wake()
            self._metrics.exposition_prepare_duration.observe(
                (self._clock.monotonic_us() - began_us) / SECOND
            )

    def _look_at_the_clock(self, now: Instant) -> None:
        step_us = self._clock.stepped_us()
        if step_us:
            _log.warning("clock_stepped", step_s=step_us / SECOND)
            self._metrics.clock_steps.inc()
            self._transitions.clock_stepped(
                step_us, [name for name, _ in self._sources], self._looked_at, now
            )
        self._looked_at = now

    def _until_next_tick_s(self) -> float:
        if self._exposition.asked.is_set() and self._snapshot is None:
            return 0.0
        since_us = self._clock.monotonic_us() - self.progress_at_us
        return max(0.0, (self.tick_us - since_us) / SECOND)

    def _prepare_is_due(self) -> bool:
        if self._is_preparing or not (self._snapshots.are_whole or self._is_late()):
            return False
        now_us = self._clock.monotonic_us()
        due = now_us - self._prepared_at_us >= self.tick_us
        return self._exposition.asked.is_set() or (due and self._exposition.wanted(now_us))

    def _is_late(self) -> bool:
        """Whether it is better to show figures without those of months than to wait for them any longer."""
        return self._clock.monotonic_us() - self._began_us > WHOLE_WITHIN_US

    def _publish(self, snapshot: Snapshot) -> None:
        self._prepared_at_us = self._clock.monotonic_us()
        self._measure()
        self._snapshot, self._is_preparing = snapshot, True
        self._snapshot_taken.set()

    def _publish_the_fault(self) -> None:
        """Show that figures stand still, and why, beside the last ones that were durable."""
        if self._snapshot is not None and not self._is_preparing:
            self._publish(self._snapshot)

    async def _record(self, asked: _Asked, now: Instant) -> None:
        """A person's record in a transaction of its own."""
        if asked.kept.done():
            return  # nobody waits for it any more
        try:
            record = asked.make(now)
        except Exception as error:  # noqa: BLE001  a request that cannot be judged stops nobody else's
            asked.kept.set_exception(error)
            return
        seq = self._ledger.head.seq + 1
        self._under_way = asked
        await self._commit(Batch(entries=[Entry(record=record)]))
        self._under_way = None
        if not asked.kept.done():
            asked.kept.set_result(NumberedRecord(seq, record))

    def _let_people_go(self) -> None:
        """Nobody has to wait for a ledger that failed: whose commit is under way may yet be recorded, the others not."""
        waiting, self._asked = self._asked, []
        for asked in waiting:
            if not asked.kept.done():
                asked.kept.set_exception(NotRecordingError(f"nothing was recorded: {self.fault}"))
        if self._under_way is not None and not self._under_way.kept.done():
            self._under_way.kept.set_exception(NotRecordingError(f"it may yet be recorded: {self.fault}"))

    async def _commit(self, batch: Batch) -> None:
        await asyncio.shield(self._commit_and_take(batch))

    async def _commit_and_take(self, batch: Batch) -> None:
        began_us = self._clock.monotonic_us()
        first = self._ledger.head.seq + 1
        await self._commit_until_it_lands(batch)
        self._metrics.ledger_commit_duration.observe((self._clock.monotonic_us() - began_us) / SECOND)
        self.committed_at = self._clock.now()
        blind = (entry.record for entry in batch.entries if isinstance(entry.record, Blind))
        self._book.take_watermarks(
            batch.watermarks, ((lag.witness, lag.start, lag.end) for lag in batch.lags), blind
        )
        async for seq, entry in paced(enumerate(batch.entries, first)):
            self._book.take_record(entry.record, entry.settled)
            if isinstance(entry.record, Recorded):
                self._recorded_requests.take(seq, entry.record)
        if len(batch.entries) > FREEZE_AFTER:
            freeze_gc()

    async def _commit_until_it_lands(self, batch: Batch) -> None:
        give_up_us = self._clock.monotonic_us() + int(GIVE_UP_S * SECOND)
        while True:
            try:
                await self._ledger.commit(batch)
            except LedgerFaultError as error:
                self._metrics.ledger_commit_failures.inc()
                if not self.fault:
                    _log.error("commit_failed", message=str(error))
                self.fault = str(error)
                self._let_people_go()
                self._publish_the_fault()
                if self._finishing or self._clock.monotonic_us() >= give_up_us:
                    raise
                await asyncio.sleep(RETRY_S)
                if await self._reopened():
                    break
            else:
                break
        if self.fault:
            _log.info("commit_recovered")
            self.fault = ""
        self._metrics.ledger_commits.inc()

    async def _reopened(self) -> bool:
        """A new handle; whether it shows that the failed batch had landed after all."""
        try:
            return await self._ledger.reopen()
        except LedgerFaultError as error:
            self.fault = str(error)
            return False

    def _measure(self) -> None:
        head = self._ledger.head
        self._metrics.ledger_size.set(self._ledger.size_bytes)
        self._metrics.ledger_records.set(head.seq)
        self._metrics.ledger_head.info({"sha256": head.chain.hex()})
        self._metrics.ready.set(0 if self.fault else 1)
        self._metrics.set_corrected(self._book.corrected)
