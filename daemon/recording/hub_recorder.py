"""The tick of a hub: what arrived in the store goes into the book, what people ask for into the store, then what hangs on it.

Time is counted, and figures move on, only in a tick that had all that had arrived: while the store is away they stand still.
"""

import asyncio
from collections.abc import Iterator
from math import inf
from typing import Final

import structlog

from daemon.alerts.evaluator import AlertEvaluator
from daemon.believed_clock import BelievedClock
from daemon.book.disagreements import Disagreements
from daemon.book.live_book import LiveBook
from daemon.book.outage_index import READ_S
from daemon.config.config import Config
from daemon.hub.merged_ledger import MergedLedger
from daemon.hub.tail import Tail
from daemon.live.snapshots import Snapshots
from daemon.metrics.process import ProcessMetrics
from daemon.pacing import paced, waited
from daemon.recording.hub_committing import HubCommitter
from daemon.recording.merging import Merging
from daemon.recording.publishing import Publisher
from daemon.recording.start_snapshot import StartSnapshots
from daemon.records.endings import Endings
from daemon.records.refusals import NotRecordingError
from sla.instants import HOUR, SECOND

SEAL_US: Final = HOUR
"""How often the active hub has its ledger tell how far witnesses have seen."""
AGAIN_S: Final = 0.2

_log = structlog.get_logger()


class HubRecorder:
    """Has everything done in its order, a tick at a time."""

    def __init__(
        self,
        *,
        clock: BelievedClock,
        tick_us: int | None = None,
        tail: Tail,
        ledger: MergedLedger,
        merging: Merging,
        committer: HubCommitter,
        endings: Endings,
        book: LiveBook,
        disagreements: Disagreements,
        snapshots: Snapshots,
        evaluator: AlertEvaluator,
        publisher: Publisher,
        start_snapshots: StartSnapshots,
        metrics: ProcessMetrics,
        wake: asyncio.Event,
        seals: bool = True,
    ) -> None:
        """`tick_us`: the longest wait for a tick, in place of the configuration's; `wake` has one come at once. `seals`: whether it
        has the ledger tell each hour how far witnesses have seen, or leaves it to another shard.
        """
        self.has_begun = asyncio.Event()
        """Set once all that had arrived was taken."""
        self._clock = clock
        self._fixed_tick_us = tick_us
        self._tick_us = tick_us or SECOND
        self._tail = tail
        self._ledger = ledger
        self._merging = merging
        self._committer = committer
        self._endings = endings
        self._book = book
        self._disagreements = disagreements
        self._snapshots = snapshots
        self._evaluator = evaluator
        self._publisher = publisher
        self._start_snapshots = start_snapshots
        self._metrics = metrics
        self._wake = wake
        self._seals = seals
        self._progress_at_us = clock.monotonic_us()
        self._sealing: asyncio.Event | None = None
        """Set with the next seal, or once there can be none; None while nobody waits for one."""
        self._is_sealing = False
        self._sealed_at = clock.now()
        self._is_finishing = False

    def progress_due_us(self) -> Iterator[tuple[str, int]]:
        """By when the next tick is done, by the monotonic clock."""
        yield "recorder", self._progress_at_us + self._tick_us

    def adopt(self, config: Config) -> None:
        """Follow another configuration's tick."""
        self._tick_us = self._fixed_tick_us or config.watch.tick.us

    async def run(self) -> None:
        """Tick until `finish`, and once more: for whoever awaits a seal, and for the snapshot of a stop."""
        while not self._is_finishing:
            await self.tick()
            await waited(self._wake, self._until_next_tick_s())
            self._wake.clear()
        await self.tick()

    def _until_next_tick_s(self) -> float:
        """While figures are awaited that are not to be had, what lacks is looked for again and again, and not at once."""
        awaited_s = inf if self._committer.fault else max(AGAIN_S, self._publisher.awaited_in_s())
        return min(self._tick_us / SECOND, awaited_s)

    def finish(self) -> None:
        """Have `run` return."""
        self._is_finishing = True
        self._wake.set()

    async def seal(self) -> None:
        """Have the chain tell, with the next tick, how far witnesses have seen; a hub that stands by cannot."""
        if self._is_finishing or self._committer.why_not():
            return
        if self._sealing is None:
            self._sealing = asyncio.Event()
        sealed = self._sealing
        self._wake.set()
        await sealed.wait()

    async def keep_up(self) -> bool:
        """Take what arrived; whether that was all."""
        arrivals = self._tail.take()
        await self._merging.take(arrivals, is_sealing=self._is_sealing)
        return arrivals.seen is not None

    async def tick(self) -> None:
        """Take, commit, count, and prepare the figures if somebody asks for them."""
        began_us = self._clock.monotonic_us()
        self._look_at_the_clock()
        is_all = await self.keep_up()
        now = self._clock.now()
        await self._committer.commit_waiting(now)
        await self._seal_if_due()
        if is_all:
            self.has_begun.set()
        if is_all and not self._committer.held:
            async for _ in paced(self._book.settling(now)):
                pass
            async for _ in paced(self._book.outages.read(), at_most_s=READ_S):
                pass
            await self._end_what_ends()
            is_done = [
                await self._disagreements.keep_up(now, self._merging.retired),
                await self._snapshots.keep_up(),
                await self._evaluator.evaluate(()),
            ]
            if not all(is_done):
                self._wake.set()
            await self._publisher.publish_if_due(self._tick_us)
        elif self._committer.fault:
            self._publisher.publish_the_fault()
        if self._merging.has_caught_up:
            self._start_snapshots.want()
            await self._start_snapshots.write_if_due(self._clock.monotonic_us(), is_last=self._is_finishing)
        self._metrics.tick_duration.observe((self._clock.monotonic_us() - began_us) / SECOND)
        self._progress_at_us = self._clock.monotonic_us()

    async def _seal_if_due(self) -> None:
        sealing, self._sealing = self._sealing, None
        is_due = self._seals and self._clock.now() - self._sealed_at >= SEAL_US
        if (sealing is not None or is_due) and not self._committer.why_not():
            self._is_sealing = True
            await self._committer.seal()
            self._is_sealing = False
            self._sealed_at = self._clock.now()
        if sealing is not None:
            sealing.set()

    async def _end_what_ends(self) -> None:
        """Exclusions that end by themselves, by the active hub."""
        if self._committer.why_not():
            return
        records = await self._endings.due(self._clock.now())
        try:
            if records:
                await self._committer.commit(records)
        except NotRecordingError as error:
            _log.warning("hub_did_not_record", message=str(error))

    def _look_at_the_clock(self) -> None:
        """Notice a step of the wall clock; while the time is in doubt nothing is recorded, and figures stand still."""
        self._clock.look()
        doubt = self._clock.doubt
        self._metrics.clock_in_doubt.set(1 if doubt else 0)
        self._metrics.clock_offset.set((self._clock.wall_now() - self._clock.now()) / SECOND)
        self._committer.held = doubt.why if doubt else ""
