"""A standing held against the statements of its instant, worked out anew from the whole book."""

from fractions import Fraction
from typing import NamedTuple

from daemon.holidays import holidays_around
from daemon.live.figures import LiveFigures
from daemon.live.formulas import CATEGORIES, NOBODY, REASONS, passed
from sla.availability import quotients_of
from sla.book import Book, SolutionKey
from sla.calendars import calendar_of
from sla.chronic import Chronic, Stage
from sla.exclusions import IneligibleReason
from sla.instants import DAY, Instant
from sla.interruptions import Interruption
from sla.lifecycle import DeadlineKind
from sla.records import Category, ClientId, ServerId
from sla.spans import length
from sla.standing import owning
from sla.statement import Judgement
from sla.terms import Availability

QUIET = (None, None, Chronic(count=0, stage=Stage.CLEAR), Chronic(count=0, stage=Stage.CLEAR))
"""What is said of a solution that was never interrupted, its acceptance aside."""


def judgement_for(book: Book, client: ClientId, at: Instant) -> Judgement:
    """The judgement of a client's local month at an instant."""
    record = book.client(client, at)
    month = calendar_of("UTC" if record is None else record.timezone).month_of(at)
    holidays = holidays_around((at, Instant(at - 40 * DAY)))
    return Judgement(book, month=month, as_of=at, national_holidays=holidays)


def assert_all_stands(standing: LiveFigures, at: Instant, what: str) -> None:
    """All that the standing says at an instant is what the statements of it say."""
    book = standing.book
    for server in book.servers:
        assert _month(standing, server, at) == _expected_month(book, server, at), (what, server)
    for key in {*book.servers_of, *standing.solutions.rows}:
        assert _solution(standing, key, at) == _expected_solution(book, key, at), (what, key)
    for key in book.lifecycles:
        row = standing.solutions.rows.get(key)
        told = [] if row is None else [(d.deadline, d.due_at, d.is_open) for d in row.standing.deadlines]
        assert told == _expected_deadlines(book, key, at), (what, key)
    open_requests = {
        request
        for request, pages in book.requests.items()
        if book.standing([pages.record], at)
        and all(each.recorded_at > at for each in (*pages.responses, *pages.closed))
    }
    assert standing.requests == open_requests, what


class MonthSaid(NamedTuple):
    """What is said of a server's month; a ratio as a part and its whole."""

    terms: Availability
    times: tuple[int, int, int, int]
    """Up, down, unobserved, disputed."""
    excluded_by: tuple[tuple[Category, int], ...]
    ratios: tuple[Fraction | None, ...]
    """Availability, its bounds, coverage, best possible."""
    budget: int
    ineligible: dict[IneligibleReason, int]


def _month(standing: LiveFigures, server: ServerId, at: Instant) -> MonthSaid | None:
    formula = standing.servers.formulas.by_number[standing.servers.numbers.get(server, NOBODY)]
    if formula is None:
        return None
    tally, x = formula.tally(), passed(formula.x, at)
    excluded_by = [(CATEGORIES[place], passed(time, at)) for place, time in formula.excluded]
    ineligible = {REASONS[place]: passed(time, at) for place, time in formula.ineligible}
    quotients = quotients_of(formula.terms.unobserved, tally, x, formula.whole_agreed, formula.whole_x)
    return MonthSaid(
        terms=formula.terms,
        times=(tally.up, tally.down, tally.unobserved, tally.disputed),
        excluded_by=tuple((category, time) for category, time in excluded_by if time),
        ratios=tuple(Fraction(part, whole) if whole else None for part, whole in quotients),
        budget=formula.budget,
        ineligible={reason: time for reason, time in ineligible.items() if time},
    )


def _expected_month(book: Book, server: ServerId, at: Instant) -> MonthSaid | None:
    """Of the row of the client that it belongs to; None for one that `/metrics` does not show."""
    pages = book.servers[server]
    part = owning(pages.parts(at), at)
    if part is None or not pages.goes_on:
        return None
    rows = judgement_for(book, part.client, at).server(server, part.client)
    if not rows:
        return None
    figures = rows[0].figures
    ineligible: dict[IneligibleReason, int] = {}
    for each in rows[0].ineligible:
        ineligible[each.reason] = ineligible.get(each.reason, 0) + length(each.spans)
    return MonthSaid(
        terms=figures.terms,
        times=(figures.up, figures.down, figures.unobserved, figures.disputed),
        excluded_by=figures.excluded_by,
        ratios=(
            figures.availability(),
            figures.availability_low,
            figures.availability_high,
            figures.coverage,
            figures.best_possible,
        ),
        budget=figures.budget // 1,
        ineligible=ineligible,
    )


def _solution(standing: LiveFigures, key: SolutionKey, at: Instant) -> tuple[object, ...]:
    row = standing.solutions.rows.get(key)
    if row is None or row.standing.state is None:
        return QUIET
    state, ongoing = row.standing.state, row.standing.ongoing
    counted = standing.solutions.counted(row)
    accepted_from = (
        state.accepted_from if standing.book.standing(standing.book.lifecycles.get(key, ()), at) else None
    )
    return accepted_from, _going_on(ongoing, counted), state.observed, state.documented


def _expected_solution(book: Book, key: SolutionKey, at: Instant) -> tuple[object, ...]:
    state = judgement_for(book, key[1], at).solution(key)
    if state is None:
        return QUIET
    ongoing = next((each for each in state.interruptions if each.end is None), None)
    accepted_from = state.accepted_from if book.standing(book.lifecycles.get(key, ()), at) else None
    counted = 0 if ongoing is None else ongoing.counted
    return accepted_from, _going_on(ongoing, counted), state.observed, state.documented


def _going_on(ongoing: Interruption | None, counted: int) -> tuple[object, ...] | None:
    if ongoing is None:
        return None
    return ongoing.start, counted, ongoing.qualified_at, ongoing.documented_at


def _expected_deadlines(
    book: Book, key: SolutionKey, at: Instant
) -> list[tuple[DeadlineKind, Instant, bool]]:
    return [
        (each.deadline, each.due_at, each.is_open) for each in judgement_for(book, key[1], at).deadlines(key)
    ]
