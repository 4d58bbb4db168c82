"""A server's outages: each lasts from when it becomes down to when it is next up, or leaves (spec §6.2)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from sla.book import Book
from sla.instants import BEGINNING, FOREVER, Instant
from sla.pages import known
from sla.records import Cause, ClientId, Leg, ServerId, SolutionId, State
from sla.service import Part
from sla.spans import Spans, normalized
from sla.timeline import Segment

_DOWN: Final = State.DOWN  # a member of an enum is slow to look up by its name
_UP: Final = State.UP


class Run(NamedTuple):
    """One outage of one server, whether any of it is excluded or not."""

    start: Instant
    end: Instant | None
    """None: neither up nor gone yet."""
    down: tuple[Segment, ...]
    """When it is down, of which there is some; unknown time and, below `rejoin`, up time may lie in between."""

    def legs_down(self, considered: tuple[Leg, ...]) -> tuple[Leg, ...]:
        """The legs that were down in it, of those that its segments name, by when each was first."""
        return tuple(
            dict.fromkeys(
                leg
                for segment in self.down
                for leg, state in zip(considered, segment.legs, strict=True)
                if state is _DOWN
            )
        )


def runs_of(segments: Iterable[Segment], *, rejoin: int = 0, left_at: Instant | None = None) -> list[Run]:
    """The runs in a stretch of service, in order of time, as are the segments.

    An up time shorter than `rejoin` ends none, if a down is known after it. `left_at`: when the stretch ended, None while
    the server is in service.
    """
    runs: list[Run] = []
    down: list[Segment] = []
    up_at: Instant | None = None
    for segment in segments:
        if segment.state is _DOWN:
            if down and up_at is not None and segment.start - up_at >= rejoin:
                runs.append(Run(down[0].start, up_at, tuple(down)))
                down = []
            up_at = None
            down.append(segment)
        elif segment.state is _UP and up_at is None:
            up_at = segment.start
    if down:
        runs.append(Run(down[0].start, left_at if up_at is None else up_at, tuple(down)))
    return runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An outage of a server that was one client's, in one solution, whether any of it is excluded or not."""

    server: ServerId
    client: ClientId
    solution: SolutionId | None
    """None: it is sold alone."""
    start: Instant
    end: Instant | None
    """None: it lasts, as far as is known."""
    down: Spans
    """When it is known to be down, of which there is some; the rest of an outage is unknown time."""
    legs: tuple[Leg, ...]
    """Those that were down in it, by when each was first."""
    cause: Cause | None = None
    """As it was looked up: `with_cause`."""

    def overlaps(self, start: Instant, end: Instant) -> bool:
        """Whether it shares time with `[start, end)`."""
        return self.start < end and (self.end is None or self.end > start)


def outages_of(
    book: Book,
    server: ServerId,
    until: Instant,
    *,
    since: Instant = BEGINNING,
    as_of: Instant = FOREVER,
) -> Iterator[Outage]:
    """The outages of a server in `[since, until)`, in order of time, by the legs that its newest record names.

    Where a server moves to another client or solution one ends and another begins (spec §6.2). Without causes.
    """
    pages = book.servers[server]
    for part in _stays(pages.parts(as_of)):
        start, end = max(part.start, since), min(part.end, until)
        if start >= end:
            continue
        legs = known(pages.records, as_of)[-1].legs
        segments = pages.timeline.segments(legs, start, end)
        for run in runs_of(segments, left_at=end if part.end <= until else None):
            yield Outage(
                server=server,
                client=part.client,
                solution=part.solution,
                start=run.start,
                end=run.end,
                down=normalized((segment.start, segment.end) for segment in run.down),
                legs=run.legs_down(legs),
            )


def with_cause(outage: Outage, book: Book, as_of: Instant = FOREVER) -> Outage:
    """An outage with its cause, as far as one is on record."""
    return replace(outage, cause=cause_of(outage, book, as_of))


def cause_of(outage: Outage, book: Book, as_of: Instant = FOREVER) -> Cause | None:
    """The cause of an outage; also where it is on record of one that began earlier, by what was known then.

    Not of one that began with another client: what brought that about is the other's.
    """
    exactly = book.cause(outage.server, outage.start, as_of)
    if exactly is not None:
        return exactly
    parts = book.servers[outage.server].parts(as_of)
    own = normalized((part.start, part.end) for part in parts if part.client == outage.client)
    since = next((start for start, end in own if start <= outage.start < end), outage.start)
    return book.cause_at(outage.server, (since, outage.start), as_of)


def _stays(parts: Iterable[Part]) -> list[Part]:
    """The parts of a service; those that touch, with the same client and solution, are one (spec §6.2)."""
    stays: list[Part] = []
    for part in parts:
        last = stays[-1] if stays else None
        if last and (last.end, last.client, last.solution) == (part.start, part.client, part.solution):
            stays[-1] = replace(last, end=part.end)
        else:
            stays.append(part)
    return stays
