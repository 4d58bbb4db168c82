"""Every part of one daemon, made and wired to the others. Nothing here runs: `app` does that."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

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
from daemon.book.live_book import LiveBook
from daemon.causes.attributor import Attributor
from daemon.causes.proposals import Proposals
from daemon.causes.traces import Traces
from daemon.clock import boot_id
from daemon.config.config import Config
from daemon.hub.shipping import Shipper
from daemon.ledger import NOTHING_READ, Extent, Ledger
from daemon.live.figures import LiveFigures
from daemon.metrics import Metrics
from daemon.pacing import freeze_gc
from daemon.recording.clock_note import ClockNote
from daemon.recording.committing import Committer
from daemon.recording.dating import resumed
from daemon.recording.publishing import Publisher
from daemon.recording.recollection import Recollection
from daemon.recording.recorder import Recorder
from daemon.recording.replay import Replayed, replay
from daemon.recording.restating import restate
from daemon.recording.start_snapshot import StartSnapshots, restore, sections_of, tell_refused
from daemon.recording.verifying import Verifier
from daemon.records.endings import Endings
from daemon.records.service import RecordService
from daemon.servers.policy import policy_of
from daemon.servers.registry import ServerRegistry
from daemon.statements.clerk import Clerk
from daemon.statements.delivering import Deliveries
from daemon.statements.documents import Documents
from daemon.statements.issuing import Issuing
from daemon.watching.doubts import Doubts
from daemon.watching.internet import Internet
from daemon.watching.report_queue import ReportQueue
from daemon.watching.sources import Sources
from probes.facts import NOT_KNOWN
from probes.report import Report, SourceFailure
from sla.instants import Instant
from sla.records import Leg, ServerId, State, Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the ledger held at the start, and who goes on with it."""

    ledger: Ledger
    recollection: Recollection
    traces: Traces
    begun_at: Instant
    """When the ledger's first record was made; now, where there is none."""
    clock_note: ClockNote
    unread: Extent
    """The records that came from a snapshot, and are to be verified yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the composition root has in its hands."""

    queue: ReportQueue[Report | SourceFailure]
    sources: Sources
    internet: Internet
    committer: Committer
    publisher: Publisher
    recorder: Recorder
    verifier: Verifier
    records: RecordService
    notifier: Notifier
    documents: Documents
    issuing: Issuing
    clerk: Clerk
    deliveries: Deliveries
    shipper: Shipper
    doors: DoorParts


async def replayed(config: Config, clock: BelievedClock, ledger: Ledger) -> Evidence:
    """Know what the ledger holds, to its end. Raises LedgerDamagedError, LedgerFaultError."""
    recollection, unread, (newest, is_of_old) = await asyncio.to_thread(_recollected, config, ledger)
    traces = Traces()
    traces.remember(ledger.traces())
    freeze_gc()
    clock_note = ClockNote(config.ledger.path, boot_id())
    clock.begin(newest, await asyncio.to_thread(clock_note.read))
    if is_of_old:
        await restate(ledger, recollection, clock.now())
    recollection.book.settle(clock.now())
    return Evidence(
        ledger=ledger,
        recollection=recollection,
        traces=traces,
        begun_at=recollection.begun_at or clock.now(),
        clock_note=clock_note,
        unread=unread,
    )


def _recollected(config: Config, ledger: Ledger) -> tuple[Recollection, Extent, Replayed]:
    """What the ledger holds, and which of its records were not read for that: the snapshot beside it knew of them.

    Whatever goes wrong from a snapshot on, all records are read, and judged by themselves.
    """
    recollection = _nothing(config, ledger)
    try:
        unread = restore(config.ledger.path, ledger, recollection)
        if unread != NOTHING_READ:
            return recollection, unread, replay(ledger, recollection, unread)
    except Exception as error:  # noqa: BLE001  whatever it holds, the ledger is there
        tell_refused(error, "all records are read")
        recollection = _nothing(config, ledger)
    return recollection, NOTHING_READ, replay(ledger, recollection)


def _nothing(config: Config, ledger: Ledger) -> Recollection:
    return Recollection(config.observer, policy_of(config), ledger.requests())


def wired(
    config: Config,
    clock: BelievedClock,
    metrics: Metrics,
    evidence: Evidence,
    stack: AsyncExitStack,
    *,
    tick_us: int | None = None,
    make_figures: Callable[[LiveBook], LiveFigures] = LiveFigures,
    make_internet: Callable[..., Internet] = Internet,
) -> Parts:
    """The parts, on the running loop; `stack` lets go of the threads that wait for it. `tick_us`: as Recorder has it."""
    ledger, recollection = evidence.ledger, evidence.recollection
    book, registry, transitions = recollection.book, recollection.registry, recollection.transitions
    queue: ReportQueue[Report | SourceFailure] = ReportQueue()
    stack.callback(queue.close)
    sources = Sources(
        clock.watches,
        metrics.process,
        queue.put,
        lambda source: resumed(transitions.resume(source), clock),
    )
    internet = make_internet(
        clock=clock.watches,
        observer=config.observer,
        metrics=metrics.internet,
        registry=registry,
        runs=partial(_runs, book, registry),
        send=queue.send,
    )
    watches = WatchParts(sources=sources, internet=internet)
    attributor = Attributor(
        book=book,
        registry=registry,
        traces=evidence.traces,
        uplink_of=internet.uplink_of,
        uplinks_down=lambda: {name: clock.on_record(at) for name, at in internet.uplinks_down().items()},
    )
    verifier = Verifier(config.ledger.path, ledger, evidence.unread)
    shown = figures_wired(
        config,
        clock,
        metrics,
        ledger,
        recollection,
        watches,
        make_figures=make_figures,
        placement_of=partial(_placement, registry),
        seq_in_book=lambda: committer.head_in_book.seq,
        fault=lambda: committer.fault or committer.held,
        verified_until=verifier.until_seq,
        wake=queue.wake,
    )
    shipper = Shipper(clock=clock, ledger=ledger, observer=config.observer, metrics=metrics.hub)
    committer = Committer(
        clock=clock,
        ledger=ledger,
        recollection=recollection,
        metrics=metrics.process,
        on_waiting=queue.wake,
        on_fault=shown.publisher.publish_the_fault,
        on_committed=shipper.wake,
    )
    made = records_wired(
        config,
        clock,
        metrics,
        ledger,
        recollection,
        committer,
        evidence.traces,
        head_in_book=lambda: committer.head_in_book,
        seal=lambda: recorder.seal(),  # noqa: PLW0108  it is made below
        can_record=lambda: not (committer.fault or committer.held),
    )
    store, evaluator = alerts_wired(
        clock,
        recollection,
        watches,
        shown,
        made,
        is_listed=lambda server: registry.listed(server) is not None,
    )
    recorder = Recorder(
        clock=clock,
        clock_note=evidence.clock_note,
        tick_us=tick_us,
        queue=queue,
        transitions=transitions,
        committer=committer,
        attributor=attributor,
        proposals=Proposals(book, made.records.accepted_by_terms),
        endings=Endings(book.evidence, recollection.requests),
        book=book,
        sources=sources,
        doubts=Doubts(registry, metrics.process),
        internet=internet,
        snapshots=shown.snapshots,
        evaluator=evaluator,
        publisher=shown.publisher,
        start_snapshots=StartSnapshots(
            config.ledger.path,
            lambda: ledger.head.seq,
            lambda: sections_of(recollection, ledger.extent),
            evidence.unread.head.seq,
        ),
        metrics=metrics.process,
    )

    return Parts(
        queue=queue,
        sources=sources,
        internet=internet,
        committer=committer,
        publisher=shown.publisher,
        recorder=recorder,
        records=made.records,
        verifier=verifier,
        notifier=Notifier(
            clock=clock,
            store=store,
            metrics=metrics.alerts,
            fault=lambda: committer.fault,
            clock_doubt=lambda: clock.doubt,
            quarantined=lambda: committer.quarantined,
            hub=lambda: shipper.standing,
            begun_at=evidence.begun_at,
            on_wanted=evaluator.want,
        ),
        doors=doors_wired(
            clock,
            ledger,
            recollection,
            committer,
            evidence.traces,
            watches,
            shown,
            made,
            seal=recorder.seal,
            verified_until=verifier.until_seq,
        ),
        deliveries=made.deliveries,
        shipper=shipper,
        documents=made.documents,
        issuing=made.issuing,
        clerk=made.clerk,
    )


def _runs(book: LiveBook, registry: ServerRegistry, server: ServerId) -> bool:
    """Whether a server runs, by what its source said last."""
    said = book.last_said(Witness(book.observer, registry.source_of(server)), server, Leg.RUNNING)
    return said is not None and said[1] is State.UP


def _placement(registry: ServerRegistry, server: ServerId) -> tuple[str, str]:
    """A server's host, and the datastores of its files, as its source lists them."""
    listed = registry.listed(server)
    if listed is None:
        return "", ""
    return "" if listed.host is NOT_KNOWN else listed.host, ",".join(listed.datastores)
