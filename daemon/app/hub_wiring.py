"""Every part of one hub, made and wired to the others: those of the daemon but the watches, over the store in place of a ledger."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import structlog

from daemon.alerts.conditions.definitions import Subject
from daemon.alerts.evaluator import SLAD
from daemon.alerts.notifier import Notifier
from daemon.app.shared_wiring import (
    DoorParts,
    WatchParts,
    alerts_wired,
    doors_wired,
    figures_wired,
    records_wired,
)
from daemon.believed_clock import BelievedClock
from daemon.book.disagreements import Disagreements
from daemon.causes.traces import Traces
from daemon.config.config import Config
from daemon.config.hub import HubTable, Shard
from daemon.hub.merged_ledger import MergedLedger
from daemon.hub.tail import Tail
from daemon.metrics import Metrics
from daemon.metrics.hub import TailMetrics
from daemon.recording.hub_committing import HubCommitter
from daemon.recording.hub_recorder import HubRecorder
from daemon.recording.hub_snapshot import restore, sections_of
from daemon.recording.merging import Merging, StoreRecollection
from daemon.recording.publishing import Publisher
from daemon.recording.recollection import Recollection
from daemon.recording.start_snapshot import StartSnapshots, tell_refused
from daemon.records.endings import Endings
from daemon.records.service import RecordService
from daemon.servers.policy import policy_of
from daemon.statements.clerk import Clerk
from daemon.statements.delivering import Deliveries
from daemon.statements.documents import Documents, MovingError
from daemon.watching.internet import Internet
from daemon.watching.report_queue import ReportQueue
from daemon.watching.sources import Sources
from probes.report import Report, SourceFailure
from sla.disagreements import DisagreementKind
from sla.instants import BEGINNING, Instant

_log = structlog.get_logger()

if TYPE_CHECKING:
    from daemon.answers.hub import HubAnswers


@dataclass(frozen=True, slots=True, kw_only=True)
class HubEvidence:
    """What a hub knows of the store before it asks for more, and who goes on with it."""

    shard: Shard
    wake: asyncio.Event
    """Has a tick come at once."""
    tail: Tail
    told: StoreRecollection


@dataclass(frozen=True, slots=True, kw_only=True)
class HubParts:
    """What the composition root of a hub has in its hands."""

    tail: Tail
    recorder: HubRecorder
    publisher: Publisher
    records: RecordService
    notifier: Notifier
    documents: Documents
    clerk: Clerk
    deliveries: Deliveries
    doors: DoorParts


async def hub_evidence(
    config: Config, table: HubTable, clock: BelievedClock, metrics: TailMetrics, *, is_anew: bool
) -> HubEvidence:
    """What the snapshot holds, where there is one that can be used, and unless the hub begins anew."""
    wake = asyncio.Event()
    tail = Tail(clock=clock, table=table, metrics=metrics, on_backlog=wake.set)
    told = await asyncio.to_thread(_told, config, table.shard, tail, clock.now(), is_anew)
    tail.go_on_after(told.ledger.last_lines)
    if told.ledger.last_lines:
        servers = len(told.recollection.book.places)
        _log.info("hub_goes_on", after=told.ledger.head.seq, servers=servers)
    return HubEvidence(shard=table.shard, wake=wake, tail=tail, told=told)


def _told(config: Config, shard: Shard, tail: Tail, now: Instant, is_anew: bool) -> StoreRecollection:
    """Whatever goes wrong with a snapshot, all lines are read."""
    told = _nothing(config, shard, tail)
    try:
        if not is_anew:
            restore(config.ledger.path, told, shard, now)
    except Exception as error:  # noqa: BLE001  whatever it holds, the store is there
        tell_refused(error, "all lines are read")
        return _nothing(config, shard, tail)
    return told


def _nothing(config: Config, shard: Shard, tail: Tail) -> StoreRecollection:
    known = Recollection(config.observer, policy_of(config), is_merged=True, is_partial=not shard.is_whole)
    return StoreRecollection(MergedLedger(tail), known, Disagreements(known.book.evidence))


def hub_wired(
    config: Config,
    clock: BelievedClock,
    metrics: Metrics,
    tail_metrics: TailMetrics,
    evidence: HubEvidence,
    stack: AsyncExitStack,
    *,
    tick_us: int | None = None,
) -> HubParts:
    """The parts, on the running loop; `stack` lets go of the threads that wait for it. `tick_us`: as HubRecorder has it."""
    wake, tail = evidence.wake, evidence.tail
    ledger, recollection = evidence.told.ledger, evidence.told.recollection
    book, traces = recollection.book, Traces()
    shard, disagreements = evidence.shard, evidence.told.disagreements
    tail_metrics.measure_disagreements(
        {kind.value: partial(disagreements.counts.__getitem__, kind) for kind in DisagreementKind}
    )
    merging = Merging(evidence.told, tail_metrics, shard)
    watches = _idle_watches(config, clock, metrics, recollection, stack)

    async def keep_up() -> None:
        await recorder.keep_up()

    async def seal() -> None:
        await recorder.seal()

    committer = HubCommitter(
        clock=clock,
        tail=tail,
        ledger=ledger,
        merging=merging,
        reader=recollection.reader,
        keep_up=keep_up,
        on_waiting=wake.set,
    )
    shown = figures_wired(
        config,
        clock,
        metrics,
        ledger,
        recollection,
        watches,
        placement_of=lambda _: ("", ""),
        seq_in_book=lambda: ledger.head.seq,
        fault=lambda: committer.fault or committer.held,
        verified_until=lambda: ledger.head.seq,
        wake=wake.set,
    )
    made = records_wired(
        config,
        clock,
        metrics,
        ledger,
        recollection,
        committer,
        traces,
        head_in_book=lambda: ledger.head,
        seal=partial(_sealed, committer, seal),
        can_record=lambda: not committer.why_not(),
    )
    of_itself = (
        SLAD if shard.is_whole else Subject(text=f"slad's shard {shard}", labels={"shard": str(shard)})
    )
    store, evaluator = alerts_wired(
        clock, recollection, watches, shown, made, is_listed=lambda _: True, of_itself=of_itself
    )
    recorder: HubRecorder = HubRecorder(
        clock=clock,
        tick_us=tick_us,
        tail=tail,
        ledger=ledger,
        merging=merging,
        committer=committer,
        endings=Endings(book.evidence, recollection.requests),
        book=book,
        disagreements=disagreements,
        snapshots=shown.snapshots,
        evaluator=evaluator,
        publisher=shown.publisher,
        start_snapshots=StartSnapshots(
            config.ledger.path,
            lambda: ledger.head.seq,
            lambda: sections_of(evidence.told, shard, clock.now()),
            ledger.head.seq,
        ),
        metrics=metrics.process,
        wake=wake,
        seals=shard.is_first,
    )

    def hub_answers() -> "HubAnswers":
        from daemon.answers.hub import HubAnswers

        return HubAnswers(
            tail=tail,
            ledger=ledger,
            book=book.evidence,
            disagreements=disagreements,
            monitors=merging,
        )

    notifier = Notifier(
        clock=clock,
        store=store,
        metrics=metrics.alerts,
        fault=lambda: "",
        clock_doubt=lambda: clock.doubt,
        quarantined=lambda: None,
        hub=lambda: None,
        begun_at=BEGINNING,
        on_wanted=evaluator.want,
        monitors=lambda: merging.seen if shard.is_first else {},
        disagreements=disagreements.by_kind,
        may_tell=lambda: tail.is_active,
        of_itself=of_itself,
    )
    return HubParts(
        tail=tail,
        recorder=recorder,
        publisher=shown.publisher,
        records=made.records,
        notifier=notifier,
        documents=made.documents,
        clerk=made.clerk,
        deliveries=made.deliveries,
        doors=doors_wired(
            clock,
            ledger,
            recollection,
            committer,
            traces,
            watches,
            shown,
            made,
            seal=seal,
            verified_until=lambda: ledger.head.seq,
            make_hub_answers=hub_answers,
        ),
    )


def _idle_watches(
    config: Config,
    clock: BelievedClock,
    metrics: Metrics,
    recollection: Recollection,
    stack: AsyncExitStack,
) -> WatchParts:
    queue: ReportQueue[Report | SourceFailure] = ReportQueue()
    stack.callback(queue.close)
    return WatchParts(
        sources=Sources(clock.watches, metrics.process, queue.put, recollection.transitions.resume),
        internet=Internet(
            clock=clock.watches,
            observer=config.observer,
            metrics=metrics.internet,
            registry=recollection.registry,
            runs=lambda _: False,
            send=queue.send,
        ),
    )


async def _sealed(committer: HubCommitter, seal: Callable[[], Awaitable[None]]) -> None:
    """Raises MovingError where the chain cannot be made to tell all of the figures."""
    why_not = committer.why_not()
    if why_not:
        raise MovingError(f"{why_not}; a statement is made by the active hub")
    await seal()
