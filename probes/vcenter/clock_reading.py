"""What time it is by a vCenter's clock (vSphere API reference, `ServiceInstance.CurrentTime`)."""

from collections.abc import Callable
from datetime import datetime

from pyVmomi import vim

from probes.vcenter.clocks import VCenterClock, VCenterInstant
from probes.vcenter.faults import ReplyError
from probes.vcenter.session import Session
from sla.instants import Instant, instant_of


def current_time(session: Session) -> VCenterInstant | None:
    """What vCenter's clock shows; None where it answers with no time at all. Raises VcenterError."""
    try:
        shown = vim.ServiceInstance("ServiceInstance", session.stub).CurrentTime()
    except ReplyError as error:
        if isinstance(error.__cause__, (AttributeError, LookupError, TypeError, ValueError)):
            return None  # an answer, and no time in it
        raise
    return VCenterInstant(instant_of(shown)) if isinstance(shown, datetime) and shown.tzinfo else None


def measure(clock: VCenterClock, session: Session, now: Callable[[], Instant]) -> bool:
    """Measure vCenter's clock; whether it was set since it was measured last. Raises VcenterError.

    Where the answer is no time, what was known before goes on to hold, the longer the less closely.
    """
    before = now()
    theirs = current_time(session)
    return theirs is not None and clock.measured(before, theirs, now())
