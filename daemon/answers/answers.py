"""What the daemon answers when somebody asks how things stand: the doors' view of the book, the sources and the ledger."""

import collections
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from typing import Final, Protocol

from daemon.answers.calendars import calendar_of, client_events, events_in, fleet_events
from daemon.answers.events import events_of
from daemon.answers.fleet import FleetAnswers
from daemon.answers.hub import HubAnswers
from daemon.answers.months import month_status, solution_status
from daemon.answers.outages import OutageAnswers
from daemon.believed_clock import BelievedClock, NotAcceptableError
from daemon.book.live_book import LiveBook
from daemon.book.patterns import Counter
from daemon.causes.traces import Traces
from daemon.control.questions import BusyError, Listed, OutagesAsked, Page, ServersAsked
from daemon.evidence.export import exported
from daemon.ledger import ReadableLedger
from daemon.live.figures import LiveFigures
from daemon.pacing import paced
from daemon.records.idempotency import RecordedRequests
from daemon.records.naming import client_at, find_client, find_server, find_solution
from daemon.records.refusals import ConflictError, FieldFault, NotFoundError
from daemon.records.windows import around
from daemon.replies.causes import CauseStatus
from daemon.replies.clock import ClockStatus
from daemon.replies.events import EventStatus
from daemon.replies.hub import DisagreementStatus
from daemon.replies.outages import IncidentRow, OutageRow
from daemon.replies.servers import (
    LegStatus,
    OutageStatus,
    ReachStatus,
    ServerStatus,
    ServerSummary,
    Whereabouts,
)
from daemon.replies.solutions import SolutionList, SolutionStatus
from daemon.replies.statements import IssuedList, LetterheadStatus
from daemon.replies.status import (
    DownServer,
    LedgerStatus,
    SourceStatus,
    Status,
    UndeliveredStatus,
    WayStatus,
)
from daemon.replies.users import UserList
from daemon.servers.registry import ServerRegistry
from daemon.servers.services import PROVISIONAL_OWNER
from daemon.statements.documents import Documents, MovingError
from daemon.statements.ics import CalendarEvent
from daemon.statements.issuing import Issuing
from daemon.watching.internet import Internet
from daemon.watching.sources import Sources
from probes.internet.servers import Shown
from probes.targets.result import Result
from sla.calendars import Month
from sla.disagreements import DisagreementKind
from sla.instants import BEGINNING, Instant
from sla.outages import runs_of
from sla.reasons import PlainReason
from sla.records import Cause, ClientId, Leg, Server, ServerId, State
from sla.spans import Span
from sla.timeline import Segment

OUTAGES_SHOWN: Final = 50


class Delivers(Protocol):
    """See `daemon.statements.delivering`."""

    def told(self) -> tuple[UndeliveredStatus, ...]:
        """What could not be delivered."""
        ...


class Answers:
    """Both doors' questions, answered from memory. Everything is of the settled instant."""

    def __init__(
        self,
        *,
        clock: BelievedClock,
        ledger: ReadableLedger,
        book: LiveBook,
        registry: ServerRegistry,
        sources: Sources,
        internet: Internet,
        readiness: Callable[[], Sequence[str]],
        committed_at: Callable[[], Instant | None],
        seal: Callable[[], Awaitable[None]],
        verified_until: Callable[[], int],
        figures: LiveFigures,
        recorded_requests: RecordedRequests,
        documents: Documents,
        issuing: Issuing,
        deliveries: Delivers,
        traces: Traces,
        hub: HubAnswers | None = None,
    ) -> None:
        """`readiness`: why slad is not ready; `committed_at`: when something last became durable.

        `hub`: who answers of the hub that this is; None at a monitor.
        """
        self._recorded_requests = recorded_requests
        self._fleet = FleetAnswers(book, figures)
        self._outages = OutageAnswers(book, figures, clock)
        self._traces = traces
        self._hub = hub
        self._figures = figures
        self._clock = clock
        self._ledger = ledger
        self._book = book
        self._registry = registry
        self._sources = sources
        self._internet = internet
        self._readiness = readiness
        self._committed_at = committed_at
        self._seal = seal
        self._issuing = issuing
        self._deliveries = deliveries
        self._verified_until = verified_until
        self.documents = documents

    def status(self) -> Status:
        """How the daemon and the fleet are."""
        return self._status(self._down())

    def overview(self) -> Status:
        """The same without those that are down, of whom there may be many."""
        return self._status(())

    def _status(self, down: Iterable[tuple[Instant, Server]]) -> Status:
        head = self._ledger.head
        return Status(
            version=version("slad"),
            at=self._clock.now(),
            settled_at=self._settled_at(),
            not_ready=tuple(self._readiness()),
            sources=self._source_states(),
            internet=tuple(
                WayStatus(name=name, state=view.state, reason=view.reason)
                for name, view in self._internet.layers()
            ),
            ledger=LedgerStatus(
                records=head.seq,
                verified_until=self._verified_until(),
                head=head.chain.hex(),
                size_bytes=self._ledger.size_bytes,
                last_commit_at=self._committed_at(),
            ),
            states=self._states(),
            outdated=self._issuing.outdated(),
            undelivered=self._deliveries.told(),
            proposals_pending=len(self._book.evidence.pending),
            down=tuple(
                DownServer(
                    server=record.id,
                    name=record.name,
                    client=record.client,
                    since=since,
                    legs=self._legs_down(record.id),
                    cause=CauseStatus.of(self._book.cause_of_outage(record.id, since)),
                )
                for since, record in down
            ),
            hub=None if self._hub is None else self._hub.status(),
        )

    async def users(self) -> UserList:
        """The users whom vCenters' events of the last 40 days name. Raises NotFoundError at a hub, which keeps no such traces."""
        if self.is_hub:
            raise NotFoundError([FieldFault("", "a hub does not keep whom vCenters name: ask its monitors")])
        return UserList(users=tuple(sorted({user async for user in paced(self._traces.users())} - {""})))

    def clock(self) -> ClockStatus:
        """What slad takes for the time, and why that is not what the wall clock shows, if it is not."""
        doubt, at, wall_clock_at = self._clock.doubt, self._clock.now(), self._clock.wall_now()
        return ClockStatus(
            at=at,
            wall_clock_at=wall_clock_at,
            offset_seconds=wall_clock_at - at,
            doubted_since=None if doubt is None else doubt.since,
            why="" if doubt is None else doubt.why,
            can_be_accepted=doubt is not None and doubt.can_be_accepted,
        )

    async def accept_clock(self, by: str) -> ClockStatus:
        """Believe what the wall clock shows, in the name of `by`. Raises ConflictError."""
        try:
            self._clock.accept(by)
        except NotAcceptableError as error:
            raise ConflictError([FieldFault("", str(error))]) from None
        await self._seal()  # with the next tick, which looks at the clock first
        return self.clock()

    def server(self, name: str, client: ClientId | None = None) -> ServerStatus:
        """One server by its id or its name, of all or of a client's. Raises NotFoundError and AmbiguousNameError."""
        server = find_server(self._book.evidence, name, client)
        record, counts = self._book.record_of(server), self._book.counts(server)
        settled_at = self._book.places[server].group.settled if server in self._book.places else None
        segments = self._segments(record, settled_at)
        undecided = self._registry.undecided_of(server)
        return ServerStatus(
            server=server,
            name=record.name,
            client=record.client,
            solution=record.solution or "",
            timezone=self._book.evidence.zone_of(record.client),
            owner_waits_for=tuple(sorted(undecided.facts)) if undecided is not None else (),
            same_uuid=tuple(map(str, self._registry.same_uuid(server))),
            owner_is_provisional=PROVISIONAL_OWNER in record.extra,
            vcenter=self._registry.source_of(server),
            runs_on=self._runs_on(server),
            state=self._book.state(server),
            since=_since(segments, self._book.state(server)),
            settled_at=settled_at,
            legs=tuple(self._leg(server, leg, settled_at or BEGINNING) for leg in record.legs),
            reach=tuple(_reach(shown) for shown in self._internet.reach(server)),
            outages=_outages(
                segments,
                record.legs,
                None if settled_at is None else record.left_at(settled_at),
                partial(self._book.evidence.cause, server),
            ),
            counters_seconds={counter.name.lower(): counts.us[counter] for counter in Counter},
            month=month_status(judging, server) if (judging := self._figures.asked()) is not None else None,
        )

    async def servers(self, asked: ServersAsked, page: Page) -> Listed[ServerSummary]:
        """Servers in service. Raises NotFoundError for a client that there is none of."""
        return await self._fleet.servers(asked, page)

    async def outages(self, asked: OutagesAsked, page: Page) -> Listed[OutageRow]:
        """Outages. Raises NotFoundError for a client or server that is none, and AmbiguousNameError."""
        return await self._outages.outages(asked, self._named(asked.server), page)

    async def incidents(self, asked: OutagesAsked, page: Page) -> Listed[IncidentRow]:
        """The incidents of outages. Raises what `outages` raises."""
        return await self._outages.incidents(asked, self._named(asked.server), page)

    async def incident(
        self, server: ServerId, start: Instant, client: ClientId | None, page: Page
    ) -> tuple[IncidentRow, Listed[OutageRow]]:
        """The incident of an outage, as far as it is a client's or whole, and each outage of it. Raises NotFoundError."""
        return await self._outages.incident(server, start, client, page)

    def is_of(self, server: str, client: ClientId) -> bool:
        """Whether a server that is on record is a client's, or was last."""
        return self._book.record_of(ServerId(server)).client == client

    async def events(self, server: str, page: Page) -> tuple[str, Listed[EventStatus]]:
        """The id of a server, and the events that name it. Raises what `outages` raises."""
        found = find_server(self._book.evidence, server)
        return found, await events_of(self._book.events.get(found, ()), self._ledger.read, page)

    @property
    def is_hub(self) -> bool:
        """Whether this answers for several monitors."""
        return self._hub is not None

    async def disagreements(self, kind: DisagreementKind | None, page: Page) -> Listed[DisagreementStatus]:
        """What monitors say differently, all or of a kind. Raises NotFoundError where this is no hub."""
        if self._hub is None:
            raise NotFoundError(
                [FieldFault("", "this is a monitor, and knows of no other: a hub does ('slad hub run')")]
            )
        return await self._hub.disagreements(kind, page)

    async def solutions(self) -> SolutionList:
        """The solutions, but for lone servers that were never down and of which nothing is on record."""
        judging = self._figures.asked()
        if judging is None:
            return SolutionList(at=None, solutions=())
        keys = sorted(self._figures.solutions.rows)
        told = [solution_status(judging, key) async for key in paced(keys)]
        found = tuple(status for status in told if status is not None)
        return SolutionList(at=judging.at, solutions=found)

    def solution(self, client: str, name: str) -> SolutionStatus | None:
        """One solution of a client; None where nothing is known of it yet. Raises NotFoundError."""
        judging, owner = self._figures.asked(), self.client(client)
        key = find_solution(self._book.evidence, name, owner), owner
        return None if judging is None else solution_status(judging, key)

    async def statement(self, client: str, month: Month, as_of: Instant | None) -> bytes:
        """The statement of a client as a document. Raises NoDocumentError, BusyError."""
        try:
            return await self.documents.document(self.client(client), month, as_of)
        except MovingError as error:
            raise BusyError(str(error)) from error

    def issued(self, client: str | None, month: Month | None) -> IssuedList:
        """The statements that were issued, or those of a client or a month."""
        return self._issuing.listed(None if client is None else self.client(client), month)

    async def issued_document(self, client: str, month: Month, version: int | None) -> bytes:
        """The bytes of a version. Raises NotFoundError, LedgerError."""
        return await self._issuing.document(self.client(client), month, version)

    async def difference(self, client: str, month: Month, version: int | None) -> bytes:
        """What differs between a version and the one before it. Raises NotFoundError, LedgerError, BusyError."""
        try:
            return await self._issuing.difference(self.client(client), month, version)
        except MovingError as error:
            raise BusyError(str(error)) from None

    def letterhead(self, client: str) -> LetterheadStatus:
        """Whose the statements of a client are."""
        return LetterheadStatus.of(self.documents.letterhead(self.client(client)))

    async def export(
        self, client: str | None, start: Instant | None, until: Instant | None
    ) -> AsyncIterator[str]:
        """The evidence as lines, for one client or all; the watermarks are sealed into the chain first."""
        await self._seal()
        chosen = None if client is None else self.client(client)
        async for line in exported(self._ledger.read, client=chosen, since=start, until=until):
            yield line

    async def calendar(self) -> bytes:
        """The maintenance of the fleet as an iCalendar file."""
        now = self._clock.now()
        return await calendar_of("Maintenance", self._fleet_events(), around(now), now)

    async def windows(self, client: str | None, start: Instant | None, until: Instant | None) -> bytes:
        """The same of a span, of all clients or for one. Raises NotFoundError for a client that is not on record."""
        now, book = self._clock.now(), self._book.evidence
        first, last = around(now)
        span = first if start is None else start, last if until is None else until
        if client is None:
            return await calendar_of("Maintenance", self._fleet_events(), span, now)
        record = client_at(book, client, now)
        events = client_events(book, record.id, self._book.observer)
        return await calendar_of(f"Maintenance for {record.name}", events, span, now)

    async def agenda(self, client: str | None, span: Span) -> list[CalendarEvent]:
        """The maintenance in a span, by its beginning: of all clients, or in the words for one."""
        if client is None:
            return await events_in(self._fleet_events(), span)
        return await events_in(
            client_events(self._book.evidence, ClientId(client), self._book.observer), span
        )

    def _fleet_events(self) -> Iterator[CalendarEvent | None]:
        return fleet_events(self._book.evidence, self._recorded_requests, self._book.observer)

    def _settled_at(self) -> Instant | None:
        """The oldest settled instant of all servers."""
        return self._book.settled_at() if any(any(g.rows) for g in self._book.groups.values()) else None

    def _source_states(self) -> tuple[SourceStatus, ...]:
        return tuple(
            SourceStatus(name=name, up=source.up, last_contact_at=source.last_contact_at, note=source.note)
            for name, source in self._sources
        )

    def _states(self) -> dict[str, int]:
        states: collections.Counter[str] = collections.Counter(
            dict.fromkeys((state.word for state in reversed(State)), 0)
        )
        for group in self._book.groups.values():
            states.update({state.word: servers for state, servers in group.states().items()})
        return dict(states)

    def _down(self) -> list[tuple[Instant, Server]]:
        """The servers with an outage under way, those that are down the longest first."""
        found = [
            (began_at, self._book.record_of(server))
            for group in self._book.groups.values()
            for _, server, began_at in group.ongoing_outages()
        ]
        return sorted(found, key=lambda item: (item[0], item[1].id))

    def _legs_down(self, server: ServerId) -> tuple[Leg, ...]:
        place = self._book.places[server]
        return tuple(place.group.legs_down(place.index))

    def _named(self, name: str | None) -> ServerId | None:
        """The server of an id or a name; None for no name. Raises NotFoundError and AmbiguousNameError."""
        return None if name is None else find_server(self._book.evidence, name)

    def client(self, client: str) -> ClientId:
        """The client that is meant. Raises NotFoundError."""
        return find_client(self._book.evidence, client)

    def _runs_on(self, server: ServerId) -> Whereabouts | None:
        """Where it was placed last, if it is there still."""
        last = self._traces.placements(server, BEGINNING)[-1:]
        if not last or last[0].end is not None:
            return None
        return Whereabouts(
            host=last[0].host.name,
            datastores=tuple(sorted(each.name for each in last[0].datastores)),
            since=last[0].start,
        )

    def _segments(self, record: Server, settled_at: Instant | None) -> list[Segment]:
        if settled_at is None:
            return []
        end = record.left_at(settled_at) or settled_at
        return self._book.segments(record.id, record.in_service_from, end)

    def _leg(self, server: ServerId, leg: Leg, settled_at: Instant) -> LegStatus:
        """What the witness that decides said last; unknown where it has not seen the settled instant."""
        views = self._book.evidence.servers[server].timeline.views(leg)
        said = [
            (state, at, witness.source, "")
            if track.sight.until >= settled_at
            else (State.UNKNOWN, track.sight.until, witness.source, _NO_ANSWER)
            for witness, track in views
            for at, state in [track.last() or _NOTHING]
        ]
        state, at, source, reason = max(said, default=(State.UNKNOWN, BEGINNING, "", ""))
        if state is not State.UP and not reason:
            reason = self._book.reasons.get((server, leg), "")
        return LegStatus(
            leg=leg,
            state=state,
            since=at if at != BEGINNING else None,
            source=source,
            reason=reason,
        )


_NOTHING: Final = (BEGINNING, State.UNKNOWN)
_NO_ANSWER: Final = "no answer since"


def _since(segments: Sequence[Segment], state: State) -> Instant | None:
    """Since when the state at the end of some segments has been what it is."""
    since = segments[-1].end if segments else None
    for segment in reversed(segments):
        if segment.state is not state:
            break
        since = segment.start
    return since


def _reach(shown: Shown) -> ReachStatus:
    """Before the first round nothing is known."""
    result = shown.result or Result(state=State.UNKNOWN, text=PlainReason.NOT_TRIED_YET)
    return ReachStatus(
        target=shown.target.text,
        required=shown.required,
        state=result.state,
        reason=result.text or result.reason.value,
    )


def _outages(
    segments: Sequence[Segment],
    legs: tuple[Leg, ...],
    left_at: Instant | None,
    cause_of: Callable[[Instant], Cause | None],
) -> tuple[OutageStatus, ...]:
    """The newest outages, the latest first."""
    return tuple(
        OutageStatus(
            start=run.start,
            end=run.end,
            legs=tuple(run.legs_down(legs)),
            cause=CauseStatus.of(cause_of(run.start)),
        )
        for run in runs_of(segments, left_at=left_at)[: -OUTAGES_SHOWN - 1 : -1]
    )
