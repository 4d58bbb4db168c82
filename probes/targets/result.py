"""What one try of a probe found: up, down or unknown, and why.

*Down* is said only where the far side is at fault. What went wrong on this machine (no permission, no route, no file
descriptor, a packet dropped at our socket) is *unknown*, never down; so is an answer that only we cannot read.
"""

import errno
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sla.instants import Instant
from sla.records import State


class Reason(StrEnum):
    """Why a result is what it is: a closed set, because it labels metrics. `NONE` is up."""

    NONE = ""
    # Down: the far side.
    TIMEOUT = "timeout"
    REFUSED = "refused"
    RESET = "reset"
    UNREACHABLE = "unreachable"
    NAME_NOT_FOUND = "name_not_found"
    TLS = "tls"
    PROTOCOL = "protocol"
    STATUS = "status"
    BODY = "body"
    # Unknown: this machine.
    RESOLVER = "resolver"
    PERMISSION = "permission"
    NO_ROUTE = "no_route"
    NO_RESOURCES = "no_resources"
    DROPPED_HERE = "dropped_here"
    OVERRUN = "overrun"
    UNREADABLE = "unreadable"
    NO_ADDRESS = "no_address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One try. `text` is a sentence for an operator, empty where `reason` says it all.

    `rtt_us`: from sending to the answer (ICMP: the kernel's receive time; TCP: until connected; HTTP: until the
    response was judged), without name resolution; None where there was no answer. `certificate_expires_at`: when
    the first certificate of the chain that an HTTPS target is trusted by ends.
    """

    state: State
    reason: Reason = Reason.NONE
    text: str = ""
    rtt_us: int | None = None
    certificate_expires_at: Instant | None = None


def unknown(reason: Reason, text: str) -> Result:
    """Nothing was learned, for a reason on this machine."""
    return Result(state=State.UNKNOWN, reason=reason, text=text)


def reason_here(error: int) -> Reason:
    """What an error number of this machine stands for; those that are not listed are about addresses and routes."""
    return _HERE.get(error, Reason.NO_ROUTE)


_HERE: Final = {
    errno.EPERM: Reason.PERMISSION,
    errno.EACCES: Reason.PERMISSION,
    errno.EAGAIN: Reason.NO_RESOURCES,
    errno.ENOBUFS: Reason.NO_RESOURCES,
    errno.ENOMEM: Reason.NO_RESOURCES,
    errno.EMFILE: Reason.NO_RESOURCES,
    errno.ENFILE: Reason.NO_RESOURCES,
}
