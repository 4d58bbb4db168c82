"""When an outage that a client brought about is over: the end of an open `client_change` (spec §4.2)."""

from collections.abc import Iterable, Sequence

from sla.instants import FOREVER, Instant
from sla.interruptions import Stretch
from sla.outages import runs_of
from sla.spans import normalized

History = tuple[Sequence[Stretch], Instant | None]
"""A server's states by its stretches of service, and when it left service for good (None: it did not)."""


def up_again_at(histories: Iterable[History]) -> Instant | None:
    """The first instant at which a server has been down and every one that has been is up, or has left service.

    `histories` are of each server, and begin where the exclusion does. Time that nobody observed ends no outage (spec
    §6.2). None: none was down yet, or one still is.
    """
    outages = normalized(
        (run.start, FOREVER if run.end is None else run.end)
        for stretches, left_at in histories
        for run in runs_of((segment for _, those in stretches for segment in those), left_at=left_at)
    )
    if not outages or outages[0][1] == FOREVER:
        return None
    return outages[0][1]
