"""The parts that a daemon and a hub have alike, made of what each has of its own: a ledger, and what commits and seals."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from daemon.alerts.conditions.definitions import Subject
from daemon.alerts.evaluator import SLAD, AlertEvaluator
from daemon.alerts.store import AlertStore
from daemon.believed_clock import BelievedClock
from daemon.book.live_book import LiveBook
from daemon.causes.traces import Traces
from daemon.config.config import Config
from daemon.exposition.exposition import Exposition
from daemon.ledger import Batch, Head, ReadableLedger
from daemon.live.facts import ServerFacts
from daemon.live.figures import LiveFigures
from daemon.live.snapshots import Snapshots
from daemon.metrics import Metrics
from daemon.recording.publishing import Publisher
from daemon.recording.recollection import Recollection
from daemon.records.idempotency import AskedDraft, NumberedDraft
from daemon.records.links import ClientLink
from daemon.records.service import RecordService
from daemon.statements.clerk import Clerk
from daemon.statements.delivering import Deliveries
from daemon.statements.documents import Documents
from daemon.statements.issuing import Issuing
from daemon.watching.internet import Internet
from daemon.watching.sources import Sources
from daemon.web.later import RouteMaker
from sla.instants import Instant
from sla.records import ServerId

if TYPE_CHECKING:
    from daemon.answers.answers import Answers
    from daemon.answers.hub import HubAnswers


class Committing(Protocol):
    """See `daemon.recording.committing` and `daemon.recording.hub_committing`."""

    @property
    def fault(self) -> str: ...

    @property
    def held(self) -> str: ...

    @property
    def committed_at(self) -> Instant | None: ...

    async def record(self, make: Callable[[Instant], AskedDraft]) -> NumberedDraft: ...

    async def changed(self, make: Callable[[Instant], Awaitable[Batch]]) -> None: ...

    async def writes_next(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchParts:
    """The watches; those of a hub watch nothing: what is asked of them has an answer, and nobody runs them."""

    sources: Sources
    internet: Internet


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureParts:
    """What becomes of a book by and by, and is scraped."""

    figures: LiveFigures
    facts: ServerFacts
    snapshots: Snapshots
    exposition: Exposition
    publisher: Publisher


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordParts:
    """What people and the daemon itself have recorded, and the statements that are issued so."""

    documents: Documents
    issuing: Issuing
    records: RecordService
    deliveries: Deliveries
    clerk: Clerk


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorParts:
    """What the doors show: some at once, and by routes that are made later all that nobody needs before (`daemon.web.later`)."""

    exposition: Exposition
    readiness: Callable[[], Sequence[str]]
    opened_by: Callable[[str], ClientLink | None]
    operations: RouteMaker
    pages: RouteMaker


def figures_wired(
    config: Config,
    clock: BelievedClock,
    metrics: Metrics,
    ledger: ReadableLedger,
    recollection: Recollection,
    watches: WatchParts,
    *,
    make_figures: Callable[[LiveBook], LiveFigures] = LiveFigures,
    placement_of: Callable[[ServerId], tuple[str, str]],
    seq_in_book: Callable[[], int],
    fault: Callable[[], str],
    verified_until: Callable[[], int],
    wake: Callable[[], None],
) -> FigureParts:
    """`seq_in_book`: the last record that the book has. The others: as ServerFacts and Publisher have them; `wake` has a tick come."""
    book = recollection.book
    exposition = Exposition(
        clock, on_asked=wake, news=lambda: seq_in_book() + metrics.process.infrastructure_news
    )
    figures = make_figures(book)
    facts = ServerFacts(
        source_of=recollection.registry.source_of,
        uplink_of=watches.internet.uplink_of,
        placement_of=placement_of,
        labelled=watches.internet.labelled,
    )
    snapshots = Snapshots(book, figures, facts, left_out=config.web.left_out())
    publisher = Publisher(
        clock=clock,
        ledger=ledger,
        book=book,
        snapshots=snapshots,
        exposition=exposition,
        metrics=metrics.process,
        fault=fault,
        verified_until=verified_until,
        on_prepared=wake,
    )
    return FigureParts(
        figures=figures, facts=facts, snapshots=snapshots, exposition=exposition, publisher=publisher
    )


def records_wired(
    config: Config,
    clock: BelievedClock,
    metrics: Metrics,
    ledger: ReadableLedger,
    recollection: Recollection,
    committer: Committing,
    traces: Traces,
    *,
    head_in_book: Callable[[], Head],
    seal: Callable[[], Awaitable[None]],
    can_record: Callable[[], bool],
) -> RecordParts:
    """`head_in_book` and `seal`: as Documents has them; `can_record`: as Clerk."""
    book, register = recollection.book, recollection.register
    documents = Documents(config, clock=clock, ledger=ledger, book=book, head_in_book=head_in_book, seal=seal)
    issuing = Issuing(
        clock=clock,
        book=book.evidence,
        ledger=ledger,
        register=register,
        documents=documents,
        recorded_requests=recollection.requests,
    )
    records = RecordService(
        clock=clock,
        book=book.evidence,
        recorded_requests=recollection.requests,
        record=committer.record,
        events_of=traces.proving,
        editor=issuing,
    )
    deliveries = Deliveries(
        clock=clock,
        book=book.evidence,
        register=register,
        ledger=ledger,
        letterhead=documents.letterhead,
        commit=committer.changed,
        writes_next=committer.writes_next,
        metrics=metrics.statements,
    )
    clerk = Clerk(
        clock=clock,
        book=book.evidence,
        register=register,
        issuing=issuing,
        records=records,
        can_record=can_record,
        metrics=metrics.statements,
    )
    return RecordParts(
        documents=documents, issuing=issuing, records=records, deliveries=deliveries, clerk=clerk
    )


def alerts_wired(
    clock: BelievedClock,
    recollection: Recollection,
    watches: WatchParts,
    shown: FigureParts,
    made: RecordParts,
    *,
    is_listed: Callable[[ServerId], bool],
    of_itself: Subject = SLAD,
) -> tuple[AlertStore, AlertEvaluator]:
    """Where alerts stand, and who puts them there. The rest: as AlertEvaluator has it."""
    store = AlertStore()
    evaluator = AlertEvaluator(
        clock=clock,
        book=recollection.book,
        figures=shown.figures,
        sources=watches.sources,
        uplinks=watches.internet.uplinks,
        facts=shown.facts,
        is_listed=is_listed,
        outdated=recollection.register.outdated.items,
        undelivered=made.deliveries.told,
        store=store,
        of_itself=of_itself,
    )
    return store, evaluator


def doors_wired(
    clock: BelievedClock,
    ledger: ReadableLedger,
    recollection: Recollection,
    committer: Committing,
    traces: Traces,
    watches: WatchParts,
    shown: FigureParts,
    made: RecordParts,
    *,
    seal: Callable[[], Awaitable[None]],
    verified_until: Callable[[], int],
    make_hub_answers: "Callable[[], HubAnswers | None]" = lambda: None,
) -> DoorParts:
    """Who answers whatever is asked at the doors is made with the routes, as is all that is imported here. The rest: as Answers has it."""
    book, documents, links = recollection.book, made.documents, recollection.requests.links

    def readiness() -> list[str]:
        return [reason for reason in (committer.fault, committer.held) if reason]

    @cache
    def answers() -> "Answers":
        from daemon.answers.answers import Answers

        return Answers(
            clock=clock,
            ledger=ledger,
            book=book,
            registry=recollection.registry,
            sources=watches.sources,
            internet=watches.internet,
            readiness=readiness,
            committed_at=lambda: committer.committed_at,
            seal=seal,
            verified_until=verified_until,
            figures=shown.figures,
            recorded_requests=recollection.requests,
            documents=documents,
            issuing=made.issuing,
            deliveries=made.deliveries,
            traces=traces,
            hub=make_hub_answers(),
        )

    def operations() -> Iterable[web.RouteDef]:
        from daemon.control.routing import routes_of

        return routes_of(answers(), made.records)

    def pages() -> Iterable[web.RouteDef]:
        from daemon.answers.accounts import AccountAnswers
        from daemon.answers.budgets import BudgetAnswers
        from daemon.answers.own import OwnAnswers
        from daemon.pages.site import Pages
        from daemon.pages.viewer import PageSources
        from daemon.statements.shelf import Shelf

        sources = PageSources(
            answers=answers(),
            accounts=AccountAnswers(book, shown.figures, clock),
            budgets=BudgetAnswers(book, shown.figures),
            own=OwnAnswers(clock=clock, book=book, figures=shown.figures, letterhead=documents.letterhead),
            shelf=Shelf(clock, documents, made.issuing),
        )
        return Pages(sources).routes()

    return DoorParts(
        exposition=shown.exposition,
        readiness=readiness,
        opened_by=lambda token: links.opened_by(token, clock.now()),
        operations=operations,
        pages=pages,
    )
