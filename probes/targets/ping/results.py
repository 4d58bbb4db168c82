"""What a ping comes to."""

import errno
import os
from functools import lru_cache
from typing import Final

from probes.targets.result import Reason, Result
from sla.records import State

_REASONS: Final = {
    errno.EPERM: Reason.PERMISSION,
    errno.EACCES: Reason.PERMISSION,
    errno.EAGAIN: Reason.NO_RESOURCES,
    errno.ENOBUFS: Reason.NO_RESOURCES,
    errno.ENOMEM: Reason.NO_RESOURCES,
    errno.EMFILE: Reason.NO_RESOURCES,
    errno.ENFILE: Reason.NO_RESOURCES,
}


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


def unknown(reason: Reason, text: str) -> Result:
    """Nothing was learned, for a reason on this host."""
    return Result(state=State.UNKNOWN, reason=reason, text=text)


def failed_here(error: int) -> Result:
    """An error number of this host; those that are not listed above are about addresses and routes."""
    return unknown(_REASONS.get(error, Reason.NO_ROUTE), os.strerror(error))
