"""The tick, of the one task that writes: reports in, one durable transaction, then the book, then what hangs on it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import structlog

from daemon.alerts.evaluator import AlertEvaluator
from daemon.believed_clock import BelievedClock
from daemon.book.live_book import LiveBook
from daemon.book.outage_index import READ_S
from daemon.causes.attributor import Attributor
from daemon.causes.edges import tell_edges
from daemon.causes.people import people_of
from daemon.causes.proposals import Proposals
from daemon.config.config import Config
from daemon.ledger import Batch, Entry
from daemon.live.snapshots import Snapshots
from daemon.metrics.process import ProcessMetrics
from daemon.pacing import paced
from daemon.recording.clock_note import ClockNote
from daemon.recording.committing import Committer
from daemon.recording.dating import dated
from daemon.recording.details import tell_details
from daemon.recording.publishing import Publisher
from daemon.recording.start_snapshot import StartSnapshots
from daemon.recording.transitions import Transitions
from daemon.records.endings import Endings
from daemon.servers.clients import new_clients, new_contracts
from daemon.servers.policy import policy_of
from daemon.watching.doubts import Doubts
from daemon.watching.internet import Internet
from daemon.watching.report_queue import ReportQueue
from daemon.watching.sources import Sources
from probes.report import Report, SourceFailure
from sla.instants import HOUR, SECOND, Instant
from sla.records import Client, Contract, Record

SEAL_US: Final = HOUR
"""How often the watermarks enter the chain at least."""

_log = structlog.get_logger()


class Recorder:
    """Has everything done in its order, a tick at a time."""

    def __init__(
        self,
        *,
        clock: BelievedClock,
        clock_note: ClockNote,
        tick_us: int | None = None,
        queue: ReportQueue[Report | SourceFailure],
        transitions: Transitions,
        committer: Committer,
        endings: Endings,
        attributor: Attributor,
        proposals: Proposals,
        book: LiveBook,
        sources: Sources,
        doubts: Doubts,
        internet: Internet,
        snapshots: Snapshots,
        evaluator: AlertEvaluator,
        publisher: Publisher,
        start_snapshots: StartSnapshots,
        metrics: ProcessMetrics,
    ) -> None:
        """`tick_us`: the longest wait for a tick, in place of the configuration's."""
        self._progress_at_us = clock.monotonic_us()
        """When the last tick had done all that must be done, by the monotonic clock."""
        self._clock = clock
        self._fixed_tick_us = tick_us
        self._tick_us = tick_us or SECOND
        self._queue = queue
        self._transitions = transitions
        self._committer = committer
        self._endings = endings
        self._attributor = attributor
        self._proposals = proposals
        self._book = book
        self._sources = sources
        self._doubts = doubts
        self._internet = internet
        self._snapshots = snapshots
        self._evaluator = evaluator
        self._publisher = publisher
        self._start_snapshots = start_snapshots
        self._metrics = metrics
        self._sealing: asyncio.Event | None = None
        """Set with the next seal; None while nobody waits for one."""
        self._sealed_at = clock.now()
        self.has_begun = asyncio.Event()
        """Set once the wall clock is believed: before that nothing is dated, and so there is nothing to watch for."""
        self._clock_note = clock_note
        self._is_note_due = True
        self._is_in_doubt = False
        """Whether the wall clock was, at the last look."""
        self._is_finishing = False
        self._has_finished = False

    def progress_due_us(self) -> Iterator[tuple[str, int]]:
        """By when the next tick is done, by the monotonic clock; nothing while a commit that failed is tried again."""
        if not self._committer.fault:
            yield "recorder", self._progress_at_us + self._tick_us

    def adopt(self, config: Config) -> None:
        """Follow another configuration: its tick at once; what it says of clients and servers with the next tick."""
        self._tick_us = self._fixed_tick_us or config.watch.tick.us
        self._committer.change(partial(self._configured, config))
        self._attributor.adopt(people_of(config))
        self._proposals.adopt(config.people.accept)

    async def run(self) -> None:
        """Tick until `finish`. Raises LedgerFaultError when the ledger does not take records any more."""
        while not self._is_finishing:
            await self._queue.wait(self._until_next_tick_s())
            await self.tick()
        await self.tick(seal=True)
        self._has_finished = True

    def finish(self) -> None:
        """Have `run` make a last tick and return."""
        self._is_finishing = True
        self._committer.finish()
        self._queue.wake()

    async def seal(self) -> None:
        """Have the watermarks enter the chain with the next tick, which comes at once; returns when they have."""
        if self._has_finished:
            return  # with the last tick they have
        if self._sealing is None:
            self._sealing = asyncio.Event()
        sealed = self._sealing
        self._queue.wake()
        await sealed.wait()

    async def tick(self, *, seal: bool = False) -> None:
        """Commit what came, count what is settled, and prepare the figures if somebody asks for them.

        While the clock is in doubt what came waits where it is, and the figures stand still.
        """
        told = await self.record(seal=seal)
        if not self._is_finishing:
            await self._work_out(told)
        await self._publisher.publish_if_due(self._tick_us)
        await self._start_snapshots.write_if_due(self._clock.monotonic_us(), is_last=self._is_finishing)

    async def record(self, *, seal: bool = False) -> Sequence[Report | SourceFailure]:
        """The part of a tick that puts on record: gives what came from sources. Figures and alerts are not worked out."""
        began_us = self._clock.monotonic_us()
        told: Sequence[Report | SourceFailure] = ()
        if self._look_at_the_clock():
            self.has_begun.set()
            told = await self._record(seal=seal)
        else:
            await self._wait(seal=seal)
        self._metrics.tick_duration.observe((self._clock.monotonic_us() - began_us) / SECOND)
        self._progress_at_us = self._clock.monotonic_us()
        return told

    async def _record(self, *, seal: bool) -> Sequence[Report | SourceFailure]:
        """Commit what came, and count what is settled; what came from sources."""
        taken = self._queue.take()
        self._metrics.queue_items.labels("reports").set(len(taken))
        told = [await dated(said, self._clock) for said in taken]
        now = self._clock.now()
        await self._committer.commit_waiting(now)
        await self._commit_reports(told, now, seal=seal or now - self._sealed_at >= SEAL_US)
        self._sources.take(told)
        self._doubts.follow(name for name, _ in self._sources)
        await self._internet.follow()
        async for _ in paced(self._book.settling(now)):
            pass
        async for _ in paced(self._book.outages.read(), at_most_s=READ_S):
            pass
        await self._commit(await self._attributor.causes(now))
        tell_edges([edge async for edge in paced(self._attributor.edges())])
        await self._commit(await self._proposals.due(self._attributor.looked_at, now))
        await self._commit(await self._proposals.accepted(now))
        if self._is_note_due:
            self._is_note_due = False
            await asyncio.to_thread(self._clock_note.write, self._clock.ahead_of_boot_us)
        return told

    async def _wait(self, *, seal: bool) -> None:
        """Commit nothing that would have to be dated; what is on record can be sealed."""
        self._metrics.queue_items.labels("reports").set(len(self._queue))
        await self._commit_sealing(Batch(), seal=seal)

    async def _commit_reports(
        self, told: Sequence[Report | SourceFailure], now: Instant, *, seal: bool
    ) -> None:
        """What sources told, and then what ends by itself because of it."""
        batch = await self._transitions.batch_of(told, now)
        traces = await self._attributor.take(told, batch.entries, now)
        since = await self._attributor.forgotten(now)
        await self._commit_sealing(replace(batch, traces=traces, traces_since=since), seal=seal)
        await self._commit(await self._endings.due(now))

    async def _commit(self, records: Sequence[Record]) -> None:
        """Commit what the daemon itself puts on record, if there is any."""
        if records:
            await self._committer.commit(Batch(entries=[Entry(record=record) for record in records]))

    async def _commit_sealing(self, batch: Batch, *, seal: bool) -> None:
        """Commit a batch, if there is anything in it, with the seal where it is due or awaited."""
        sealing, self._sealing = self._sealing, None
        seal = seal or sealing is not None
        if batch.entries or batch.watermarks or seal:
            await self._committer.commit(replace(batch, seal=seal))
            await tell_details(batch.entries)
        if seal:
            self._sealed_at = self._clock.now()
            self._is_note_due = True
            self._start_snapshots.want()
        if sealing is not None:
            sealing.set()

    async def _configured(self, config: Config, now: Instant) -> Batch:
        evidence = self._book.evidence
        lacking: list[Client | Contract] = [
            *new_clients(config, evidence, now),
            *new_contracts(config, evidence, now),
        ]
        return await self._transitions.configured(lacking, policy_of(config), people_of(config), now)

    async def _work_out(self, told: Sequence[Report | SourceFailure]) -> None:
        """Figures and alerts by what was committed; what is left of them has the next tick come at once."""
        figures_are_done = await self._snapshots.keep_up()
        alerts_are_done = await self._evaluator.evaluate(told)
        is_behind = self._attributor.is_behind or self._proposals.is_behind
        if not (figures_are_done and alerts_are_done) or is_behind:
            self._queue.wake()

    def _look_at_the_clock(self) -> bool:
        """Notice a step of the wall clock before anything is dated by it; whether the time is believed."""
        step = self._clock.look()
        doubt = self._clock.doubt
        if doubt is not None and not self._is_in_doubt:
            _log.warning("clock_doubted", message=doubt.why)
            self._metrics.clock_steps.inc()
        if step is not None:
            _log.warning(
                "clock_doubt_ended", message=step.text, outcome=step.outcome, by=step.accepted_by or None
            )
            self._transitions.clock_stepped(step, self._clock.now())
            self._is_note_due = True
        self._is_in_doubt = doubt is not None
        self._metrics.clock_in_doubt.set(1 if doubt else 0)
        self._metrics.clock_offset.set((self._clock.wall_now() - self._clock.now()) / SECOND)
        self._committer.hold(doubt.why if doubt else "")
        return doubt is None

    def _until_next_tick_s(self) -> float:
        since_us = self._clock.monotonic_us() - self._progress_at_us
        return max(0.0, min((self._tick_us - since_us) / SECOND, self._publisher.awaited_in_s()))
