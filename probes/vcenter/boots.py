"""Boot times: whether a virtual server booted anew, and when that was, as far as its host's clock is known.

vSphere API reference, `VirtualMachineRuntimeInfo.bootTime`: set when it is powered on from off, gone while it is off, the
same over a suspension. The clock is the host's, so a boot time is compared with one that the same host told.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from probes.vcenter.clocks import Estimate, HostInstant, drift_us
from probes.vcenter.values import Moid
from sla.instants import MINUTE, SECOND, Instant

TOLERANCE_US: Final = 2 * SECOND
"""By how much the boot time of one boot may differ from one telling to the next."""
WIDEST_US: Final = MINUTE
"""What is known of a host's clock less closely than this is of no use."""


@dataclass(frozen=True, slots=True)
class Boot:
    """A boot time as it was told, and the host that the server was on when it was told first: its clock."""

    host: Moid | None
    at: HostInstant


class Comparison(Enum):
    """What two boot times, told one after the other, say of the time between."""

    SAME = "same"
    ANEW = "anew"
    ELSEWHERE = "elsewhere"
    """Another boot time on another host: a restart there, or the same boot by another clock."""
    NOTHING = "nothing"


def compared(before: Boot | None, now: Boot | None) -> Comparison:
    """Whether it booted between the two: that is, whether the boot time is another."""
    if before is None or now is None:
        return Comparison.NOTHING
    if abs(now.at.us - before.at.us) > TOLERANCE_US:
        return Comparison.ANEW if now.host == before.host else Comparison.ELSEWHERE
    # A clock that starts at one instant whenever its host does shows one boot time for many boots.
    return Comparison.SAME if now.at.is_sane else Comparison.NOTHING


@dataclass(frozen=True, slots=True)
class _Bounds:
    """How far a host's clock is ahead of ours: at least and at most, as learned at an instant of ours."""

    least_us: int
    most_us: int
    learned_at: Instant

    def by(self, now: Instant) -> "_Bounds":
        """The same at another instant: the longer ago it was learned, the wider."""
        wider_us = drift_us(now - self.learned_at)
        return _Bounds(self.least_us - wider_us, self.most_us + wider_us, now)


class HostClocks:
    """The clocks of the ESXi hosts of one vCenter, as far as boots that were seen to happen tell of them."""

    def __init__(self) -> None:
        self._bounds: dict[Moid, _Bounds] = {}

    def learn(self, boot: Boot, happened: Estimate) -> None:
        """Take that a boot happened within these instants of ours; of no use where they are far apart."""
        if boot.host is None or not boot.at.is_sane or not 0 <= happened.width_us <= WIDEST_US:
            return
        new = _Bounds(boot.at.us - happened.latest, boot.at.us - happened.earliest, happened.latest)
        known = self._bounds.get(boot.host)
        if known is not None:
            known = known.by(happened.latest)
            least_us, most_us = max(known.least_us, new.least_us), min(known.most_us, new.most_us)
            if least_us <= most_us:  # else it was set since
                new = _Bounds(least_us, most_us, happened.latest)
        self._bounds[boot.host] = new

    def forget(self) -> None:
        """Our own clock may have been set: nothing is known any more."""
        self._bounds.clear()

    def ours(self, boot: Boot, now: Instant) -> Estimate | None:
        """When a boot was by our clock; None where its host's is not known to the minute."""
        known = self._bounds.get(boot.host) if boot.host is not None else None
        if known is None or not boot.at.is_sane:
            return None
        known = known.by(now)
        if known.most_us - known.least_us > WIDEST_US:
            return None
        return Estimate(Instant(boot.at.us - known.most_us), Instant(boot.at.us - known.least_us))
