"""The one task that writes: reports in, one durable transaction a tick, then the book, then the figures.

Nothing is published that is not durable, and nothing changes the book but what was committed. A commit that fails stops
all publishing; the same batch is tried again on a new handle, while the watches wait with what they see, until it lands
or `GIVE_UP_S` have passed: then the process ends, for systemd to start another.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from daemon.clock import SteadyClock
from daemon.exposition import Exposition, Snapshot
from daemon.figures import Figures
from daemon.inlet import Inlet
from daemon.keeper import Keeper
from daemon.ledger import Batch, Ledger, LedgerFaultError
from daemon.live_book import LiveBook
from daemon.metrics import Metrics
from daemon.pacing import paced, spare_what_lives
from daemon.sources import Sources
from probes.report import Report, Trouble
from sla.instants import HOUR, SECOND, Instant
from sla.records import Blind

SPARE_AFTER: Final = 10_000
"""How many records at once make the book grow so much that the garbage collector has to be told."""
RETRY_S: Final = 2.0
GIVE_UP_S: Final = 60.0
SEAL_US: Final = HOUR

_log = structlog.get_logger()


class Recorder:
    """Owns the way from a report to a figure. Invariant: between two ticks the book is what the ledger holds."""

    def __init__(
        self,
        *,
        clock: SteadyClock,
        tick_us: int,
        ledger: Ledger,
        book: LiveBook,
        keeper: Keeper,
        sources: Sources,
        inlet: Inlet[Report | Trouble],
        figures: Figures,
        exposition: Exposition,
        metrics: Metrics,
    ) -> None:
        self.tick_us = tick_us
        self.fault = ""
        self.progress_at_us = clock.monotonic_us()
        self.committed_at: Instant | None = None
        self._clock = clock
        self._ledger = ledger
        self._book = book
        self._keeper = keeper
        self._sources = sources
        self._inlet = inlet
        self._figures = figures
        self._exposition = exposition
        self._metrics = metrics
        self._changes: list[Callable[[Instant], Awaitable[Batch]]] = []
        self._sealing: asyncio.Event | None = None
        self._sealed_at = clock.now()
        self._looked_at = clock.now()
        self._finishing = False
        self._has_finished = False
        self._prepared_at_us = 0
        self._snapshot: Snapshot | None = None
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
        sealing, self._sealing = self._sealing, None
        seal = seal or sealing is not None or now - self._sealed_at >= SEAL_US
        digested = await self._keeper.digested(told, now)
        if digested.entries or digested.watermarks or seal:
            await self._commit(replace(digested, seal=seal))
        if seal:
            self._sealed_at = now
        if sealing is not None:
            sealing.set()
        for item in told:
            if isinstance(item, Trouble):
                self._sources.troubled(item)
            else:
                self._sources.reported(item)
        async for _ in paced(self._book.settling(now)):
            pass
        self._metrics.tick_duration.observe((self._clock.monotonic_us() - began_us) / SECOND)
        self.progress_at_us = self._clock.monotonic_us()
        if self._prepare_is_due():
            self._prepared_at_us = self._clock.monotonic_us()
            self._measure()
            self._snapshot = await self._figures.snapshot()
            self._snapshot_taken.set()

    async def expose(self) -> None:
        """Prepare the figures of each snapshot, for ever: beside the ticks, which need not wait for it."""
        while True:
            await self._snapshot_taken.wait()
            self._snapshot_taken.clear()
            assert self._snapshot is not None
            began_us = self._clock.monotonic_us()
            await self._exposition.prepare(self._snapshot, self._metrics.rendered())
            self._snapshot = None
            self._inlet.wake()
            self._metrics.exposition_prepare_duration.observe(
                (self._clock.monotonic_us() - began_us) / SECOND
            )

    def _look_at_the_clock(self, now: Instant) -> None:
        step_us = self._clock.stepped_us()
        if step_us:
            _log.warning("clock_stepped", step_s=step_us / SECOND)
            self._metrics.clock_steps.inc()
            self._keeper.clock_stepped(step_us, [name for name, _ in self._sources], self._looked_at, now)
        self._looked_at = now

    def _until_next_tick_s(self) -> float:
        if self._exposition.asked.is_set() and self._snapshot is None:
            return 0.0
        since_us = self._clock.monotonic_us() - self.progress_at_us
        return max(0.0, (self.tick_us - since_us) / SECOND)

    def _prepare_is_due(self) -> bool:
        if self._snapshot is not None:
            return False  # the one before is being prepared
        now_us = self._clock.monotonic_us()
        due = now_us - self._prepared_at_us >= self.tick_us
        return self._exposition.asked.is_set() or (due and self._exposition.wanted(now_us))

    async def _commit(self, batch: Batch) -> None:
        await asyncio.shield(self._commit_and_take(batch))

    async def _commit_and_take(self, batch: Batch) -> None:
        began_us = self._clock.monotonic_us()
        await self._commit_until_it_lands(batch)
        self._metrics.ledger_commit_duration.observe((self._clock.monotonic_us() - began_us) / SECOND)
        self.committed_at = self._clock.now()
        blind = (entry.record for entry in batch.entries if isinstance(entry.record, Blind))
        self._book.saw(batch.watermarks, ((lag.witness, lag.start, lag.end) for lag in batch.lags), blind)
        async for entry in paced(batch.entries):
            self._book.take(entry.record, entry.settled)
        if len(batch.entries) > SPARE_AFTER:
            spare_what_lives()

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
