"""What time it is by a vCenter's clock (vSphere API reference, `ServiceInstance.CurrentTime`)."""

from collections.abc import Callable

from probes.vcenter.clocks import SANE_FROM, SANE_UNTIL, VCenterClock, VCenterInstant, stamp_us
from probes.vcenter.session import Session
from sla.instants import Instant


def current_time(session: Session) -> VCenterInstant | None:
    """What vCenter's clock shows; None where it answers with no time that a clock could show. Raises VcenterError."""
    us = stamp_us(session.current_time())
    return VCenterInstant(us) if us is not None and SANE_FROM <= us < SANE_UNTIL else None


def measure(clock: VCenterClock, session: Session, now: Callable[[], Instant]) -> bool:
    """Measure vCenter's clock; whether it was set since it was measured last. Raises VcenterError.

    Where the answer is no time, what was known before goes on to hold, the longer the less closely.
    """
    before = now()
    theirs = current_time(session)
    return theirs is not None and clock.measured(before, theirs, now())
