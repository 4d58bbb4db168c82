"""What time it is by a vCenter's clock (vSphere API reference, `ServiceInstance.CurrentTime`)."""

from collections.abc import Callable

from probes.vcenter.clocks import SANE_FROM, SANE_UNTIL, VCenterClock, VCenterInstant, stamp_us
from probes.vcenter.faults import VcenterError, is_of_one_call
from probes.vcenter.session import Session
from sla.instants import Instant


def current_time(session: Session) -> VCenterInstant | None:
    """What vCenter's clock shows; None where it answers with no time that a clock could show. Raises VcenterError."""
    us = stamp_us(session.current_time())
    return VCenterInstant(us) if us is not None and SANE_FROM <= us < SANE_UNTIL else None


def measure(clock: VCenterClock, session: Session, now: Callable[[], Instant]) -> bool | None:
    """Measure vCenter's clock; whether it is another than was known: it was set, or is known only now.

    Where the answer is no time, or a fault, what was known before goes on to hold, the longer the less closely: None once
    that is too old. Raises VcenterError for what concerns the session.
    """
    before, was_known = now(), clock.ahead_us is not None
    try:
        theirs = current_time(session)
    except VcenterError as error:
        if not is_of_one_call(error):
            raise
        theirs = None
    if theirs is None:
        return None if clock.is_due(now()) else False
    return clock.measured(before, theirs, now()) or not was_known
