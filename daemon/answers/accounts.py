"""A server's month in days and figures, who said what of it and when; and where a solution stands: each judged anew by `sla`."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Final

from daemon.answers.budgets import standing_by, standing_so_far
from daemon.answers.listing import next_rows
from daemon.answers.months import solution_status
from daemon.book.live_book import LiveBook
from daemon.clock import Clock
from daemon.control.questions import Listed, Page, PageKey
from daemon.exposition.families import RATIO_ONE
from daemon.live.figures import JudgementsAt, LiveFigures
from daemon.live.formulas import NOBODY
from daemon.pacing import paced
from daemon.replies.solutions import SolutionStatus
from sla.accounts import ServerAccount, account_of
from sla.calendars import Month, calendar_of
from sla.client_document import MonthVerdict, verdict_of
from sla.instants import Instant
from sla.interruptions import service_of
from sla.owners import own_name
from sla.records import ClientId, Leg, Server, ServerId, SolutionId, State
from sla.spans import Span, Spans, clipped
from sla.statement import Judgement, ServerMonth, SolutionState
from sla.terms import ChronicOutages


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthAccount:
    """A server's local month with a client, as known at an instant."""

    row: ServerMonth
    account: ServerAccount
    span: Span
    timezone: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """What is known of a leg in a span: from all that is said (`witness` is empty), or what one witness says.

    `leg` None: of the server. States adjoin; time outside of its service is in none.
    """

    leg: Leg | None
    witness: str
    states: tuple[tuple[Instant, Instant, State], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionAccount:
    """A solution, and the terms that its process goes by."""

    status: SolutionStatus
    terms: ChronicOutages
    timezone: str
    at: Instant


class AccountAnswers:
    """Answers about months and solutions at the instant of the live figures; before the first, at the present one."""

    def __init__(self, book: LiveBook, figures: LiveFigures, clock: Clock) -> None:
        self._book = book
        self._figures = figures
        self._clock = clock

    def now(self) -> Instant:
        """What slad takes for the time."""
        return self._clock.now()

    def present_month(self, timezone: str) -> Month:
        """The month that it is by a zone's clock."""
        return calendar_of(timezone).month_of(self.now())

    async def months(self, server: ServerId, month: Month, client: ClientId | None) -> list[MonthAccount]:
        """A server's month with each client whose it was in it, or with one."""
        judging = await self._judging()
        judgement = judging.of_month(month)
        return [self._account(judgement, row) for row in judgement.server(server, client)]

    async def client_months(self, client: ClientId, month: Month, page: Page) -> Listed[MonthAccount]:
        """The months of a client's servers, those that missed first (`spec/statement.md` §3).

        While a month goes on they stand by what their budgets leave: elsewhere only once something else is said of them.
        """
        judging = await self._judging()
        span = calendar_of(self._book.evidence.zone_of(client)).month_span(month)
        judgement = judging.of_month(month)
        is_over = span[1] <= judging.at
        standing = partial(_standing_at_the_end, judgement) if is_over else self._standing_so_far(judgement)
        found, behind = await next_rows(self._served(client, span, standing), page)
        rows = [
            self._account(judgement, row)
            async for _, server in paced(found)
            for row in judgement.server(server, client)
        ]
        return Listed(rows=tuple(rows), next=behind)

    async def verdicts(self, client: ClientId, month: Month) -> dict[MonthVerdict, int]:
        """How many of a client's servers ended a month that is over how, without verdicts that none has."""
        judgement = (await self._judging()).of_month(month)
        span = calendar_of(self._book.evidence.zone_of(client)).month_span(month)
        served = self._served(client, span, partial(_standing_at_the_end, judgement))
        counts = Counter([each[0][0] async for each in paced(served) if each is not None])
        return {verdict: counts[place] for place, verdict in enumerate(MonthVerdict) if counts[place]}

    async def lanes(self, server: ServerId, span: Span, client: ClientId | None) -> list[Lane]:
        """Who said what of a server in a span, while it was in service, or while it was one client's."""
        judging = await self._judging()
        parts = [
            part
            for part in self._book.evidence.servers[server].parts(judging.at)
            if client in (None, part.client)
        ]
        service = clipped(service_of(parts), span[0], min(span[1], judging.at))
        if not service:
            return []
        legs = self._book.record_of(server).legs
        start, end = service[0][0], service[-1][1]
        timeline = self._book.evidence.servers[server].timeline
        lanes = [self._merged(server, None, legs, service)]
        for leg in legs:
            lanes.append(self._merged(server, leg, (leg,), service))
            lanes += [
                Lane(leg=leg, witness=witness.source, states=tuple(_within(_spans(said, end), service)))
                for witness, said in timeline.seen(leg, start, end)
            ]
        return lanes

    async def solution(self, client: ClientId, name: str) -> SolutionAccount | None:
        """A solution of a client; None where there is none."""
        judging = await self._judging()
        status = solution_status(judging, (SolutionId(name), client))
        if status is None:
            return None
        terms = judging.of_client(client).judgement.terms(client).chronic_outages
        return SolutionAccount(
            status=status, terms=terms, timezone=self._book.evidence.zone_of(client), at=judging.at
        )

    async def processes(self, client: ClientId | None, most: int) -> tuple[list[SolutionAccount], int]:
        """The solutions at risk of a chronic outage or in its process, of all clients or one: the first, and how many there are."""
        rows = self._figures.solutions.rows
        found: list[SolutionState] = []
        async for key in paced(list(self._figures.solutions.in_process)):
            state = rows[key].standing.state
            if state is not None and client in (None, key[1]):
                found.append(state)
        accounts = [await self.solution(each.client, each.id) for each in sorted(found, key=_by_stage)[:most]]
        return [each for each in accounts if each is not None], len(found)

    def _account(self, judgement: Judgement, row: ServerMonth) -> MonthAccount:
        timezone = self._book.evidence.zone_of(row.client)
        return MonthAccount(
            row=replace(row, name=self._name(row.id, row.client)),
            account=account_of(judgement, row),
            span=calendar_of(timezone).month_span(judgement.month),
            timezone=timezone,
            at=judgement.as_of,
        )

    def _name(self, server: ServerId, client: ClientId) -> str:
        """A server's name with a client."""
        return own_name(self._book.evidence, server, client) or self._book.record_of(server).name

    def _served(
        self, client: ClientId, span: Span, standing: "_Standing"
    ) -> Iterator[tuple[PageKey, ServerId] | None]:
        """The servers that may have been a client's in a span, by how they stand and by name; None for each other one."""
        for server, pages in list(self._book.evidence.servers.items()):
            name = _name_within(pages.records, client, span)
            if name is None:
                yield None
            else:
                yield (*standing(server, client), name.casefold(), str(server)), server

    def _standing_so_far(self, judgement: Judgement) -> "_Standing":
        """By the live formulas, which those that stand alike share; what is no longer the client's is judged."""
        months, known = self._figures.servers, dict[int, tuple[int, int]]()

        def standing(server: ServerId, client: ClientId) -> tuple[int, int]:
            if self._book.record_of(server).client != client:
                rows = judgement.server(server, client)
                return standing_so_far(rows[0].figures) if rows else _LAST
            number = months.numbers.get(server, NOBODY)
            if number not in known:
                formula = months.formula(server)
                known[number] = _LAST if formula is None else standing_by(formula)
            return known[number]

        return standing

    def _merged(self, server: ServerId, leg: Leg | None, legs: tuple[Leg, ...], service: Spans) -> Lane:
        timeline = self._book.evidence.servers[server].timeline
        segments = timeline.segments(legs, service[0][0], service[-1][1])
        states = ((each.start, each.end, each.state) for each in segments)
        return Lane(leg=leg, witness="", states=tuple(_within(states, service)))

    async def _judging(self) -> JudgementsAt:
        return self._figures.asked() or await self._figures.judging(self._clock.now())


_Standing = Callable[[ServerId, ClientId], tuple[int, int]]
"""Where a server's month with a client stands among those of others, the worst first."""
_LAST: Final = (len(MonthVerdict), 0)


def _standing_at_the_end(judgement: Judgement, server: ServerId, client: ClientId) -> tuple[int, int]:
    """By how its month ended, then by availability from below."""
    for row in judgement.server(server, client):
        verdict = verdict_of(row.figures.met, row.figures.conclusive)
        return list(MonthVerdict).index(verdict), int((row.figures.availability() or 0) * RATIO_ONE)
    return _LAST


def _name_within(records: Sequence[Server], client: ClientId, span: Span) -> str | None:
    """The newest name that a server had with a client, by its records; None where it cannot have been in service there in a span."""
    name, is_within = None, False
    start, end = span
    for record in records:
        if record.client == client:
            name, until = record.name, record.in_service_until
            is_within = is_within or (record.in_service_from < end and (until is None or until > start))
    return name if is_within else None


def _by_stage(state: SolutionState) -> tuple[bool, int, str, str]:
    """Those in a process before those that are at risk of one, the latest first."""
    bases = state.observed, state.documented
    begun = max((basis.chronic_at or 0 for basis in bases), default=0)
    return not begun, -begun, state.client, state.id


def _spans(said: Sequence[tuple[Instant, State]], end: Instant) -> Iterator[tuple[Instant, Instant, State]]:
    """What is said, each until the next is."""
    for (start, state), (until, _) in pairwise((*said, (end, State.UNKNOWN))):
        if start < until:
            yield start, until, state


def _within(
    states: Iterable[tuple[Instant, Instant, State]], service: Spans
) -> Iterator[tuple[Instant, Instant, State]]:
    for start, end, state in states:
        for since, until in clipped(service, start, end):
            yield since, until, state
