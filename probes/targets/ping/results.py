"""What a ping comes to."""

import os
from functools import lru_cache

from probes.targets.result import Reason, Result, reason_here, unknown
from sla.records import State


@lru_cache(maxsize=1 << 14)
def up(rtt_us: int | None) -> Result:
    """It was answered; there are 50,000 such a second."""
    return Result(state=State.UP, rtt_us=rtt_us)


def timed_out(text: str) -> Result:
    """It was not, in time."""
    return Result(state=State.DOWN, reason=Reason.TIMEOUT, text=text)


def unreachable(text: str) -> Result:
    """Somebody on the way says that it cannot be."""
    return Result(state=State.DOWN, reason=Reason.UNREACHABLE, text=text)


def failed_here(error: int) -> Result:
    """An error number of this host."""
    return unknown(reason_here(error), os.strerror(error))
