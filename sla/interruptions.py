"""The interruptions of a solution: runs of its servers, their live parts, what counts and what is documented (spec §6)."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final

from sla.calendars import Calendar
from sla.exclusions import ClientExclusions, covers_just_before, weeks_around
from sla.instants import Instant
from sla.outages import Run, runs_of
from sla.records import Leg, ServerId, ServiceRequest
from sla.service import Part
from sla.spans import Span, Spans, difference, length, normalized, union
from sla.terms import ChronicOutages
from sla.timeline import Segment, ServerTimeline

_BY_START: Final = itemgetter(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRun:
    """One server's run that is not excluded throughout (spec §6.2)."""

    end: Instant | None
    """None: it has not ended before `as_of`."""
    live: Span
    """From its first to its last instant that is down and not excluded, or to `as_of`."""
    down: Spans
    """When it is down and not excluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """A maximal stretch of a solution's live outages (spec §6.2)."""

    start: Instant
    end: Instant | None
    """None: ongoing."""
    down: Spans
    """When at least one server is down and not excluded."""
    qualified_at: Instant | None
    runs_end: Instant | None
    """When the last of its runs ends; None while one has not."""
    documented_at: Instant | None = None

    @property
    def counted(self) -> int:
        """Spec §6.3, in microseconds."""
        return length(self.down)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A server's parts in one solution of one client, and what there is of it with that client altogether."""

    server: ServerId
    parts: Sequence[Part]
    of_client: Sequence[Part]
    segments: Sequence[Segment]
    """Of all parts with the client, before `as_of`, in order of time."""


Stretch = tuple[tuple[Leg, ...], list[Segment]]
"""The legs considered, and the segments by them."""


def interruptions_of(
    members: Iterable[Member],
    *,
    exclusions: ClientExclusions,
    calendar: Calendar,
    terms: ChronicOutages,
    as_of: Instant,
) -> tuple[Interruption, ...]:
    """The interruptions of a solution that are known at `as_of`, in order of time; none is documented yet.

    A server that was never down may be left out of `members`.
    """
    runs = [
        run
        for member in members
        for run in _live_runs(
            member, exclusions=exclusions, calendar=calendar, rejoin=terms.rejoin, as_of=as_of
        )
    ]
    groups: list[list[LiveRun]] = []
    reach = None
    for run in sorted(runs, key=lambda run: run.live):
        if reach is not None and run.live[0] <= reach:
            groups[-1].append(run)
            reach = max(reach, run.live[1])
        else:
            groups.append([run])
            reach = run.live[1]
    return tuple(_interruption(group, terms.lasting, as_of) for group in groups)


def documented(
    interruptions: Sequence[Interruption], requests: Iterable[ServiceRequest], terms: ChronicOutages
) -> tuple[Interruption, ...]:
    """The interruptions with what the service requests document, each the first that it fits (spec §6.5)."""
    by_place: dict[int, Instant] = {}
    for request in requests:
        for place, interruption in enumerate(interruptions):
            if _fits(request.opened_at, interruption, terms.request_early):
                by_place[place] = min(by_place.get(place, request.opened_at), request.opened_at)
                break
    return tuple(
        replace(each, documented_at=max(by_place[place], each.start)) if place in by_place else each
        for place, each in enumerate(interruptions)
    )


def service_of(parts: Iterable[Part]) -> Spans:
    """The service time in parts; those that touch are one."""
    return normalized((part.start, part.end) for part in parts)


def segments_of(
    timeline: ServerTimeline, parts: Iterable[Part], legs: tuple[Leg, ...], start: Instant, end: Instant
) -> list[Stretch]:
    """A server's segments in the part of its service within `[start, end)`, with the legs considered in each stretch."""
    return [
        (considered, timeline.segments(considered, since, until))
        for part in parts
        if part.start < end and start < part.end
        for since, until, considered in part.legs(legs, max(part.start, start), min(part.end, end))
    ]


def _live_runs(
    member: Member, *, exclusions: ClientExclusions, calendar: Calendar, rejoin: int, as_of: Instant
) -> list[LiveRun]:
    runs: list[Run] = []
    for start, end in service_of(member.parts):
        first = bisect_left(member.segments, start, key=_BY_START)
        last = bisect_left(member.segments, end, first, key=_BY_START)
        runs += runs_of(member.segments[first:last], rejoin=rejoin, left_at=end if end < as_of else None)
    if not runs:
        return []
    first, last = weeks_around(calendar, runs[0].start, as_of)
    excluded = exclusions.excluded(member.server, member.of_client, first, last).total
    alive_until = None if covers_just_before(excluded, as_of) else as_of
    counted = difference(_down(runs), excluded)
    live = []
    for run in runs:
        since = bisect_left(counted, run.start, key=_BY_START)
        until = bisect_left(counted, run.down[-1].end, since, key=_BY_START)
        if since < until:
            down = counted[since:until]
            reach = down[-1][1] if run.end is not None or alive_until is None else alive_until
            live.append(LiveRun(end=run.end, live=(down[0][0], reach), down=down))
    return live


def _down(runs: Iterable[Run]) -> Spans:
    """When a server is down in runs that are in order of time: parts with other legs down touch."""
    spans: list[Span] = []
    for run in runs:
        for segment in run.down:
            if spans and spans[-1][1] == segment.start:
                spans[-1] = spans[-1][0], segment.end
            else:
                spans.append((segment.start, segment.end))
    return tuple(spans)


def _interruption(runs: Sequence[LiveRun], lasting: int, as_of: Instant) -> Interruption:
    down = runs[0].down if len(runs) == 1 else union(*(run.down for run in runs))
    end = max(run.live[1] for run in runs)
    ends = [run.end for run in runs if run.end is not None]
    return Interruption(
        start=runs[0].live[0],
        end=None if end == as_of else end,
        down=down,
        qualified_at=_reached_at(down, lasting),
        runs_end=max(ends) if len(ends) == len(runs) else None,
    )


def _reached_at(down: Spans, lasting: int) -> Instant | None:
    """The instant at which the time in `down` adds up to `lasting` (spec §6.4)."""
    for start, end in down:
        if end - start >= lasting:
            return Instant(start + lasting)
        lasting -= end - start
    return None


def _fits(opened_at: Instant, interruption: Interruption, early: int) -> bool:
    in_time = interruption.runs_end is None or opened_at < interruption.runs_end
    return in_time and opened_at >= interruption.start - early


def overlaps(interruption: Interruption, start: Instant, end: Instant) -> bool:
    """Whether an interruption shares time with `[start, end)`."""
    return interruption.start < end and (interruption.end is None or start < interruption.end)
