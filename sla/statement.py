"""The statement: what a book says of a month at an instant of knowledge (`spec/evidence.md`, spec §5 to §9).

A `Judgement` answers for one server, solution or request as well as for all of them, and remembers only what they
share: each client's clock, terms and exclusions.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

from sla.availability import AgreedTime, Figures, Tally, agreed_time_of, figures_of
from sla.book import Book, SolutionKey
from sla.calendars import BusinessTime, Calendar, Day, Month, calendar_of
from sla.chronic import Chronic, chronic_of
from sla.exclusions import ClientExclusions, Excluded, Ineligible, covered_by, weeks_around
from sla.instants import DAY, Instant
from sla.interruptions import (
    Interruption,
    Member,
    Stretch,
    documented,
    interruptions_of,
    overlaps,
    segments_of,
    service_of,
)
from sla.lifecycle import Deadline, accepted_from, deadlines_of
from sla.pages import RequestPages, ServerPages, Window, known
from sla.records import Client, ClientId, Leg, RequestId, ServerId, SolutionId, State
from sla.requests import Response, response_of
from sla.service import Part
from sla.spans import Span, Spans, clipped, difference, intersection, length, union
from sla.terms import ScheduledMaintenance, Terms, parse_terms_text

LISTED_BEFORE = 90 * DAY
"""Interruptions that overlap so much time before `as_of` are listed, whatever the month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMonth:
    """One server's month with one client."""

    id: ServerId
    name: str
    client: ClientId
    solution: SolutionId | None
    figures: Figures
    ineligible: tuple[Ineligible, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowShare:
    """One exclusion's time in a server's month so far, and the part of it that is not excluded."""

    window: Window
    covered: Spans
    """The service time in it."""
    ineligible: tuple[Ineligible, ...]

    @property
    def time(self) -> int:
        """How long `covered` is, in microseconds."""
        return length(self.covered)

    @property
    def eligible(self) -> Spans:
        """What is excluded of `covered` (spec §4.3)."""
        return difference(self.covered, union(*(part.spans for part in self.ineligible)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionState:
    """One solution of one client. `interruptions` are those that the statement lists."""

    id: SolutionId
    client: ClientId
    accepted_from: Instant | None
    interruptions: tuple[Interruption, ...]
    observed: Chronic
    documented: Chronic

    @property
    def ongoing(self) -> Interruption | None:
        """The interruption that goes on: there is at most one, for those that reach to `as_of` are one (spec §6.2)."""
        return next((each for each in self.interruptions if each.end is None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """All that the evidence says of a month."""

    month: Month
    as_of: Instant
    servers: tuple[ServerMonth, ...]
    solutions: tuple[SolutionState, ...]
    service_requests: tuple[Response, ...]
    deadlines: tuple[Deadline, ...]


class SharedWork:
    """What judgements of one book at several instants have in common, so that it is worked out once."""

    def __init__(self) -> None:
        self._terms: dict[tuple[str, frozenset[Day]], Terms] = {}
        self._exclusions: dict[
            ClientId, tuple[Calendar, ScheduledMaintenance, Sequence[Window], ClientExclusions]
        ] = {}

    def terms(self, text: str, national_holidays: frozenset[Day]) -> Terms:
        """The terms in a contract record's text."""
        terms = self._terms.get((text, national_holidays))
        if terms is None:
            terms = self._terms[text, national_holidays] = parse_terms_text(text, national_holidays)
        return terms

    def exclusions(
        self,
        client: ClientId,
        calendar: Calendar,
        terms: ScheduledMaintenance,
        windows: Sequence[Window],
    ) -> ClientExclusions:
        """The exclusions of a client: those of before, unless its clock, its terms or the windows are others."""
        kept = self._exclusions.get(client)
        if kept is None or kept[0] is not calendar or kept[1] != terms or kept[2] is not windows:
            exclusions = ClientExclusions(client=client, calendar=calendar, terms=terms, windows=windows)
            kept = self._exclusions[client] = calendar, terms, windows, exclusions
        return kept[3]


class ClientRules:
    """What all servers and solutions of one client are judged by."""

    def __init__(
        self, client: Client, terms: Terms, book: Book, month: Month, as_of: Instant, shared: SharedWork
    ) -> None:
        """`client` is its newest record."""
        self.client = client
        self.terms = terms
        self.calendar: Calendar = calendar_of(client.timezone)
        self.exclusions = shared.exclusions(
            client.id, self.calendar, terms.scheduled_maintenance, book.windows(as_of)
        )
        self.month: Span = self.calendar.month_span(month)
        self.as_of = as_of
        self.weeks: Span = weeks_around(self.calendar, *self.month)
        self._agreed_times: dict[object, AgreedTime] = {}
        self._up_throughout: dict[tuple[AgreedTime, tuple[Leg, ...]], Figures] = {}

    def excluded(self, server: ServerId, parts: Sequence[Part]) -> Excluded:
        """What is excluded for a server in the weeks that its month touches; `parts` are all of its parts here."""
        return self.exclusions.excluded(server, parts, *self.weeks)

    def agreed_time(self, server: ServerId, parts: Sequence[Part]) -> AgreedTime:
        """What a server's month stands on (spec §5.1)."""
        excluded = self.excluded(server, parts)
        service = clipped(service_of(parts), *self.month)
        agreed_time = self._agreed_times.get((excluded, service))
        if agreed_time is None:
            agreed_time = self._agreed_times[excluded, service] = agreed_time_of(
                service=service, excluded=excluded, month=self.month, as_of=self.as_of
            )
        return agreed_time

    def figures(
        self, server: ServerId, parts: Sequence[Part], stretches: Sequence[Stretch]
    ) -> tuple[AgreedTime, Figures]:
        """The figures of a server's month with this client; `parts` are all of its parts here.

        `stretches` are its states at least throughout the month so far.
        """
        agreed_time = self.agreed_time(server, parts)
        of_one_kind = len(stretches) == len(parts) == len(parts[0].watched) == 1
        considered = stretches[0][0] if of_one_kind else self._considered(parts)
        if of_one_kind and len(stretches[0][1]) == 1:
            segment = stretches[0][1][0]
            if segment.state is State.UP and not segment.disputed:
                figures = self._up_throughout.get((agreed_time, considered))
                if figures is None:
                    tally = Tally(up=agreed_time.length)
                    figures = figures_of(
                        agreed_time, tally, dict.fromkeys(considered, 0), self.terms.availability
                    )
                    self._up_throughout[agreed_time, considered] = figures
                return agreed_time, figures
        tally = Tally()
        by_leg = dict.fromkeys(considered, 0)
        for legs, segments in stretches:
            tally.add(segments, agreed_time.judged, legs, by_leg)
        return agreed_time, figures_of(agreed_time, tally, by_leg, self.terms.availability)

    def _considered(self, parts: Sequence[Part]) -> tuple[Leg, ...]:
        """The legs considered at any time of the server's month."""
        start, end = self.month
        named = {
            leg
            for part in parts
            if part.start < end and start < part.end
            for _, _, legs in part.legs(
                self.terms.availability.legs, max(part.start, start), min(part.end, end)
            )
            for leg in legs
        }
        return tuple(leg for leg in Leg if leg in named)


class Judgement:
    """A book, judged for a month with the knowledge of an instant."""

    def __init__(
        self,
        book: Book,
        *,
        month: Month,
        as_of: Instant,
        national_holidays: Collection[Day],
        terms: Terms | None = None,
        shared: SharedWork | None = None,
    ) -> None:
        """`terms` take the place of all contract records. `national_holidays` must span the years of the evidence.

        `shared`: what an earlier judgement of this book, with the same `terms`, leaves to this one.
        """
        self.book = book
        self.month = month
        self.as_of = as_of
        self._national_holidays = frozenset(national_holidays)
        self._terms = terms
        self._shared = SharedWork() if shared is None else shared
        self._clients: dict[ClientId, ClientRules | None] = {}
        self._business: dict[tuple[object, ...], BusinessTime] = {}
        self._histories: dict[tuple[ServerId, ClientId], list[Stretch]] | None = None
        """While a whole statement is made: what rows of servers and of solutions share."""

    def statement(self, clients: Collection[ClientId] | None = None) -> Statement:
        """The statement of all clients, or of some."""
        self._histories = {}
        try:
            return self._statement(None if clients is None else frozenset(clients))
        finally:
            self._histories = None

    def _statement(self, clients: Collection[ClientId] | None) -> Statement:
        servers = self.book.servers if clients is None else self.book.servers_of_clients(clients)
        return Statement(
            month=self.month,
            as_of=self.as_of,
            servers=tuple(row for server in sorted(servers) for row in self._rows(server, clients)),
            solutions=tuple(
                state
                for key in sorted(self.book.servers_of)
                if clients is None or key[1] in clients
                for state in [self.solution(key)]
                if state is not None
            ),
            service_requests=tuple(
                self.response(request)
                for request in sorted(self.book.requests)
                if self._concerns(self.book.requests[request], clients)
            ),
            deadlines=tuple(
                deadline
                for key in sorted(self.book.lifecycles)
                if clients is None or key[1] in clients
                for deadline in self.deadlines(key)
            ),
        )

    def server(self, server: ServerId, client: ClientId | None = None) -> list[ServerMonth]:
        """A server's month: a row for each client with whom it has service time in it, or for one (spec §5)."""
        return self._rows(server, None if client is None else (client,))

    def _rows(self, server: ServerId, those: Collection[ClientId] | None) -> list[ServerMonth]:
        pages = self.book.servers[server]
        parts = pages.parts(self.as_of)
        clients = sorted({part.client for part in parts}) if len(parts) > 1 else [p.client for p in parts]
        rows = []
        for owner in clients:
            rules = self.rules(owner) if those is None or owner in those else None
            if rules is not None:
                own = parts if len(clients) == 1 else [part for part in parts if part.client == owner]
                rows += self.row(server, pages, rules, own)
        return rows

    def windows(self, server: ServerId, client: ClientId) -> list[WindowShare]:
        """The exclusions that cover a server in its month with a client, in order of time, and what came of each."""
        rules = self.rules(client)
        if rules is None:
            return []
        parts = self.own_parts(server, client)
        agreed_time = rules.agreed_time(server, parts)
        shares = []
        for window, covered in covered_by(rules.exclusions, server, parts, *rules.month):
            within = intersection(covered, agreed_time.service)
            if within:
                refused = tuple(part for part in agreed_time.ineligible if part.exclusion == window.id)
                shares.append(WindowShare(window=window, covered=within, ineligible=refused))
        return sorted(shares, key=lambda share: (share.window.start, share.window.id))

    def solution(self, key: SolutionKey) -> SolutionState | None:
        """A solution of a client; None where no server was ever in service in it (spec §6, §7)."""
        name, client = key
        rules = self.rules(client)
        if rules is None:
            return None
        parts = [part for _, _, own in self.belonging(key) for part in own]
        if not parts:
            return None
        accepted = accepted_from(
            self.book.standing(self.book.lifecycles.get(key, ()), self.as_of),
            service_from=min(part.start for part in parts),
            business=self.business(rules.terms),
            terms=rules.terms.lifecycle,
            as_of=self.as_of,
        )
        found = self.interruptions(key, rules)
        counting = [each for each in found if accepted is not None and each.start >= accepted]
        since = Instant(self.as_of - LISTED_BEFORE)
        return SolutionState(
            id=name,
            client=client,
            accepted_from=accepted,
            interruptions=tuple(
                each
                for each in found
                if each.end is None or overlaps(each, *rules.month) or overlaps(each, since, self.as_of)
            ),
            observed=self._chronic(key, counting, rules, on_documents=False),
            documented=self._chronic(key, counting, rules, on_documents=True),
        )

    def interruptions(self, key: SolutionKey, rules: ClientRules) -> tuple[Interruption, ...]:
        """All interruptions of a solution, with what documents them (spec §6)."""
        found = interruptions_of(
            self._members(key, rules),
            exclusions=rules.exclusions,
            calendar=rules.calendar,
            terms=rules.terms.chronic_outages,
            as_of=self.as_of,
        )
        requests = self.book.standing(self.book.requests_of.get(key, ()), self.as_of)
        return documented(found, requests, rules.terms.chronic_outages)

    def response(self, request: RequestId) -> Response:
        """How a service request stands (spec §8)."""
        pages = self.book.requests[request]
        terms = self.terms(pages.record.client)
        answers = known(pages.responses, self.as_of)
        return response_of(
            pages.record.id,
            opened_at=pages.record.opened_at,
            responded_at=min(map(attrgetter("at"), answers), default=None),
            business=self.business(terms),
            respond_within=terms.support.respond_within,
            as_of=self.as_of,
        )

    def deadlines(self, key: SolutionKey) -> Iterable[Deadline]:
        """The deadlines in a solution's life (spec §9)."""
        rules = self.rules(key[1])
        if rules is None:
            return ()
        return deadlines_of(
            self.book.standing(self.book.lifecycles.get(key, ()), self.as_of),
            business=self.business(rules.terms),
            terms=rules.terms.lifecycle,
            as_of=self.as_of,
        )

    def rules(self, client: ClientId) -> ClientRules | None:
        """What a client is judged by; None for one that is not on record yet, or whose record was left out."""
        if client not in self._clients:
            record = self.book.client(client, self.as_of)
            self._clients[client] = (
                None
                if record is None
                else ClientRules(record, self.terms(client), self.book, self.month, self.as_of, self._shared)
            )
        return self._clients[client]

    def terms(self, client: ClientId) -> Terms:
        """The terms that a client's statement is judged by (spec §10)."""
        if self._terms is not None:
            return self._terms
        contract = self.book.contract(client, str(self.month), self.as_of)
        return self._shared.terms("{}" if contract is None else contract.terms, self._national_holidays)

    def business(self, terms: Terms) -> BusinessTime:
        """The business time of a contract."""
        support = terms.support
        key = support.time_zone, support.hours, support.holidays
        business = self._business.get(key)
        if business is None:
            business = self._business[key] = BusinessTime(
                calendar=calendar_of(support.time_zone), hours=support.hours, holidays=support.holidays
            )
        return business

    def row(
        self, server: ServerId, pages: ServerPages, rules: ClientRules, parts: Sequence[Part]
    ) -> list[ServerMonth]:
        """The row of a server with one client; `parts` are all of its parts there. None without service in the month."""
        start, end = rules.month
        in_month = [part for part in parts if part.start < end and start < part.end]
        if not in_month:
            return []
        legs = rules.terms.availability.legs
        if self._histories is not None and pages.timeline.ever_down(legs):
            stretches = self._history(server, pages, rules, parts)
        else:
            stretches = segments_of(pages.timeline, parts, legs, start, min(end, self.as_of))
        agreed_time, figures = rules.figures(server, parts, stretches)
        return [
            ServerMonth(
                id=server,
                name=pages.name(self.as_of),
                client=rules.client.id,
                solution=in_month[-1].solution,
                figures=figures,
                ineligible=agreed_time.ineligible,
            )
        ]

    def own_parts(self, server: ServerId, client: ClientId) -> list[Part]:
        """All parts of a server's service with a client."""
        return [part for part in self.book.servers[server].parts(self.as_of) if part.client == client]

    def belonging(self, key: SolutionKey) -> Iterator[tuple[ServerId, list[Part], list[Part]]]:
        """The servers that were ever in a solution: all parts with the client, and those in the solution."""
        for server in self.book.servers_of.get(key, ()):
            of_client = self.own_parts(server, key[1])
            parts = [part for part in of_client if part.key == key[0]]
            if parts:
                yield server, of_client, parts

    def _members(self, key: SolutionKey, rules: ClientRules) -> Iterator[Member]:
        """Those of them that were ever down."""
        for server, of_client, parts in self.belonging(key):
            pages = self.book.servers[server]
            if pages.timeline.ever_down(rules.terms.availability.legs):
                stretches = self._history(server, pages, rules, of_client)
                segments = [segment for _, those in stretches for segment in those]
                yield Member(server=server, parts=parts, of_client=of_client, segments=segments)

    def _history(
        self, server: ServerId, pages: ServerPages, rules: ClientRules, of_client: Sequence[Part]
    ) -> list[Stretch]:
        """The states of a server in all of its parts with a client, before `as_of`."""
        key = server, rules.client.id
        history = None if self._histories is None else self._histories.get(key)
        if history is None:
            legs = rules.terms.availability.legs
            history = segments_of(pages.timeline, of_client, legs, of_client[0].start, self.as_of)
            if self._histories is not None:
                self._histories[key] = history
        return history

    def _chronic(
        self,
        key: SolutionKey,
        counting: Sequence[Interruption],
        rules: ClientRules,
        *,
        on_documents: bool,
    ) -> Chronic:
        notices = self.book.standing(self.book.notices.get(key, ()), self.as_of)
        return chronic_of(
            counting,
            documented=on_documents,
            notices=sorted(notice.given_at for notice in notices),
            calendar=rules.calendar,
            terms=rules.terms.chronic_outages,
            as_of=self.as_of,
        )

    def _concerns(self, pages: RequestPages, clients: Collection[ClientId] | None) -> bool:
        is_of = clients is None or pages.record.client in clients
        return is_of and bool(self.book.standing([pages.record], self.as_of))
