"""The wall clock, for tests that talk to real parts."""

import time

from sla.instants import Instant


def now() -> Instant:
    """UTC microseconds."""
    return Instant(time.time_ns() // 1_000)  # noqa: TID251  tests have no daemon.clock
