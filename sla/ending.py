"""When an outage that a client brought about is over: the end of an open `client_change` (spec §4.2)."""

from collections.abc import Iterable, Iterator, Sequence

from sla.instants import FOREVER, Instant
from sla.interruptions import Stretch
from sla.records import State
from sla.spans import Span, normalized

History = tuple[Sequence[Stretch], Instant | None]
"""A server's states by its stretches of service, and when it left service for good (None: it did not)."""


def up_again_at(histories: Iterable[History]) -> Instant | None:
    """The first instant at which a server has been down and every one that has been is up, or has left service.

    `histories` are of each server, and begin where the exclusion does. Time that nobody observed ends no outage (spec
    §6.2). None: none was down yet, or one still is.
    """
    outages = normalized(span for history in histories for span in _outages(*history))
    if not outages or outages[0][1] == FOREVER:
        return None
    return outages[0][1]


def _outages(stretches: Sequence[Stretch], left_at: Instant | None) -> Iterator[Span]:
    """From each down to the next up, or to the end of service; `FOREVER` is the end of one that goes on."""
    segments = [segment for _, those in stretches for segment in those]
    down_at: Instant | None = None
    for segment in segments:
        if segment.state is State.DOWN and down_at is None:
            down_at = segment.start
        elif segment.state is State.UP and down_at is not None:
            yield down_at, segment.start
            down_at = None
    if down_at is not None:
        yield down_at, FOREVER if left_at is None else left_at
