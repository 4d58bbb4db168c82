"""What a client's document tells of a server beside its figures: its days, its outages, and its exclusions (`spec/statement.md`).

Nothing here is another reckoning: days and outages are made of the same spans as the figures, and add up to them.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from sla.availability import AgreedTime
from sla.calendars import Calendar, Day, Month, first_day, next_month
from sla.instants import Instant
from sla.interruptions import Stretch, segments_of, service_of
from sla.outages import Run, runs_of
from sla.pages import Window
from sla.records import Category, Cause, ClientId, Leg, ServerId, State
from sla.service import Part
from sla.spans import Spans, clipped, difference, intersection, length, normalized
from sla.statement import Judgement, ServerMonth, WindowShare
from sla.timeline import Segment

_PRECEDENCE = tuple(Category)


class DayState(Enum):
    """A local day of a server in a word: the first that holds of it."""

    DOWN = "down"
    UNOBSERVED = "unobserved"
    """Some of it, and no down."""
    EXCLUDED = "excluded"
    """Some of it, and else up."""
    UP = "up"
    NOT_IN_SERVICE = "not_in_service"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDay:
    """A server's local day so far; times in microseconds, excluded time aside but for its own."""

    day: Day
    state: DayState
    down: int
    excluded: int
    unobserved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageAccount:
    """An outage with a client, whole: also what of it is excluded, or lies before the month or after it."""

    start: Instant
    end: Instant | None
    """None: neither up nor gone before `as_of`."""
    legs: tuple[Leg, ...]
    """Those that were down, by when each was first."""
    reasons: tuple[str, ...]
    """Why, as evidence says it."""
    cause: Cause | None
    down: int
    """What of its down time the figures of the month count, in microseconds."""
    excluded: tuple[tuple[Window, int], ...]
    """What of its down time in the month is excluded, each instant by the first in order of precedence (spec §4.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAccount:
    """One server's month with one client; outages and exclusions in order of time."""

    days: tuple[ServerDay, ...]
    """Those that have begun."""
    outages: tuple[OutageAccount, ...]
    exclusions: tuple[WindowShare, ...]


def account_of(judgement: Judgement, row: ServerMonth) -> ServerAccount:
    """The account that goes with a row of a judgement's statement."""
    rules = judgement.rules(row.client)
    assert rules is not None, "a client with rows has a record"
    pages, parts = judgement.book.servers[row.id], judgement.own_parts(row.id, row.client)
    agreed_time = rules.agreed_time(row.id, parts)
    shares = tuple(judgement.windows(row.id, row.client))
    legs, start = rules.terms.availability.legs, rules.month[0]
    ever_down = pages.timeline.ever_down(legs)
    since = parts[0].start if ever_down else start
    stretches = segments_of(pages.timeline, parts, legs, since, judgement.as_of)
    outages: tuple[OutageAccount, ...] = ()
    if ever_down:
        teller = _Teller(judgement=judgement, row=row, agreed_time=agreed_time, shares=shares)
        outages = tuple(
            teller.outage(since, run, legs_down)
            for since, run, legs_down in _runs(parts, stretches, judgement.as_of)
            if run.start < rules.month[1] and (run.end is None or start < run.end)
        )
    return ServerAccount(
        days=tuple(_days(rules.calendar, judgement, agreed_time, stretches)),
        outages=outages,
        exclusions=shares,
    )


def down_since(
    judgement: Judgement, server: ServerId, client: ClientId, since: Sequence[Instant]
) -> tuple[int, ...]:
    """How much of the down time that the figures of a server's month with a client count lies after each of several instants.

    In microseconds; since the month began it is all of it.
    """
    rules = judgement.rules(client)
    assert rules is not None, "a client with servers has a record"
    parts = judgement.own_parts(server, client)
    judged = rules.agreed_time(server, parts).judged
    legs, timeline = rules.terms.availability.legs, judgement.book.servers[server].timeline
    said = segments_of(timeline, parts, legs, min(since), judgement.as_of)
    down = normalized(
        (each.start, each.end) for _, segments in said for each in segments if each.state is State.DOWN
    )
    counted = intersection(down, judged)
    return tuple(length(clipped(counted, at, judgement.as_of)) for at in since)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Teller:
    """Tells the outages of one server with one client."""

    judgement: Judgement
    row: ServerMonth
    agreed_time: AgreedTime
    shares: Sequence[WindowShare]

    def outage(self, since: Instant, run: Run, legs: tuple[Leg, ...]) -> OutageAccount:
        """A run, in service with the client `since`: what brought an outage about that began with another is that one's."""
        down = normalized((segment.start, segment.end) for segment in run.down)
        book, as_of = self.judgement.book, self.judgement.as_of
        return OutageAccount(
            start=run.start,
            end=run.end,
            legs=legs,
            reasons=tuple(dict.fromkeys(self._reasons(legs, run.start, run.down[-1].end))),
            cause=book.cause_at(self.row.id, (since, run.start), as_of),
            down=length(intersection(down, self.agreed_time.judged)),
            excluded=tuple(self._excluded(intersection(down, self.agreed_time.service))),
        )

    def _reasons(self, legs: Iterable[Leg], start: Instant, end: Instant) -> Iterator[str]:
        """Of those witnesses that saw it."""
        timeline = self.judgement.book.servers[self.row.id].timeline
        for leg in legs:
            for _, track in timeline.views(leg):
                for at, reason in track.reasons(start, end):
                    if track.sight.sees(leg, at, Instant(at + 1)):
                        yield reason

    def _excluded(self, down: Spans) -> Iterator[tuple[Window, int]]:
        left = difference(down, self.agreed_time.judged)
        for share in sorted(self.shares, key=lambda each: _PRECEDENCE.index(each.window.category)):
            booked = intersection(left, share.eligible)
            if booked:
                yield share.window, length(booked)
                left = difference(left, booked)
        assert not left, "excluded time has an exclusion"


def _runs(
    parts: Sequence[Part], stretches: Sequence[Stretch], as_of: Instant
) -> Iterator[tuple[Instant, Run, tuple[Leg, ...]]]:
    """The runs of a server with a client, as `spec/causes.md` has outages, each with the legs that were down in it.

    Before each stands since when the server was in service there.
    """
    segments = [segment for _, those in stretches for segment in those]
    legs_down = (
        _legs_down(considered, segment)
        for considered, those in stretches
        for segment in those
        if segment.state is State.DOWN
    )
    for start, end in service_of(parts):
        inside = [segment for segment in segments if start <= segment.start < end]
        for run in runs_of(inside, left_at=end if end < as_of else None):
            of_run = list(islice(legs_down, len(run.down)))
            yield start, run, tuple(dict.fromkeys(leg for legs in of_run for leg in legs))


def _legs_down(considered: Sequence[Leg], segment: Segment) -> list[Leg]:
    return [leg for leg, state in zip(considered, segment.legs, strict=True) if state is State.DOWN]


def _days(
    calendar: Calendar, judgement: Judgement, agreed_time: AgreedTime, stretches: Iterable[Stretch]
) -> Iterator[ServerDay]:
    days = _local_days(judgement.month)
    edges = [calendar.day_start(day) for day in days]
    said: dict[State, list[tuple[Instant, Instant]]] = {state: [] for state in State}
    for _, segments in stretches:
        for segment in segments:
            said[segment.state].append((segment.start, segment.end))
    down, unobserved = (
        _by_day(intersection(normalized(said[state]), agreed_time.judged), edges)
        for state in (State.DOWN, State.UNKNOWN)
    )
    service = _by_day(agreed_time.service, edges)
    excluded = _by_day(difference(agreed_time.service, agreed_time.judged), edges)
    for place, day in enumerate(days[:-1]):
        if edges[place] < judgement.as_of and edges[place] < edges[place + 1]:
            times = down[place], unobserved[place], excluded[place], service[place]
            states = (state for state, time in zip(DayState, times, strict=False) if time)
            yield ServerDay(
                day=day,
                state=next(states, DayState.NOT_IN_SERVICE),
                down=times[0],
                unobserved=times[1],
                excluded=times[2],
            )


def _local_days(month: Month) -> list[Day]:
    """The dates of a month, and the one after it."""
    return [Day(day) for day in range(first_day(month), first_day(next_month(month)) + 1)]


def _by_day(spans: Spans, edges: Sequence[Instant]) -> list[int]:
    """How much of `spans`, which lie within the edges, lies between each two of them, in microseconds."""
    times = [0] * (len(edges) - 1)
    for start, end in spans:
        place = bisect_right(edges, start) - 1
        while place < len(times) and edges[place] < end:
            times[place] += min(end, edges[place + 1]) - max(start, edges[place])
            place += 1
    return times
