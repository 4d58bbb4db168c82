"""A server's outages: each lasts from when it becomes down to when it is next up, or leaves (spec §6.2)."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sla.instants import Instant
from sla.records import Leg, State
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
