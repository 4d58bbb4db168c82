"""Instants of other clocks than the monitor's, and what is known of vCenter's; a host's is in `boots`.

`sla.instants.Instant` is the monitor's. An instant of another clock has a type of its own, which compares with nothing
but its like, and comes to the monitor's only through what is known of that clock: how far it is ahead, and within what
bounds. What is not known is not guessed. Nothing here does I/O or reads a clock.
"""

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from sla.instants import BEGINNING, MINUTE, SECOND, Instant, parse_instant

SANE_FROM: Final = parse_instant("2000-01-01T00:00:00Z")
SANE_UNTIL: Final = parse_instant("2100-01-01T00:00:00Z")
"""No clock that somebody set shows an instant outside of these; what does is a mark at best, and no date."""
CLOCK_CHECK_US: Final = MINUTE
"""The longest time between two measurements of vCenter's clock."""
UNMEASURED_US: Final = 2 * CLOCK_CHECK_US
"""After so long without a measurement a clock that was set may have been set more than once."""
DRIFT_PPM: Final = 200
"""How fast two clocks may come apart that nobody sets: four times what a crystal does."""

_TOO_FINE: Final = re.compile(r"(?<=\.\d{6})\d+")
_RESOLUTION_US: Final = 50_000
_SLEW_US: Final = SECOND // 2
"""What a measurement may differ from the one before and still be the same setting of the clock."""
_KEPT: Final = 16


@dataclass(frozen=True, slots=True, order=True)
class VCenterInstant:
    """UTC microseconds since the epoch by the clock of a vCenter: `Event.createdTime`, `CurrentTime`."""

    us: int


@dataclass(frozen=True, slots=True)
class HostInstant:
    """UTC microseconds since the epoch by the clock of some ESXi host: `VirtualMachine.runtime.bootTime`.

    Without order: those of two hosts tell nothing of which was earlier.
    """

    us: int

    @property
    def is_sane(self) -> bool:
        """Whether a clock that somebody set could show it."""
        return SANE_FROM <= self.us < SANE_UNTIL


@dataclass(frozen=True, slots=True)
class Estimate:
    """An instant of another clock on the monitor's: not before `earliest`, not after `latest`."""

    earliest: Instant
    latest: Instant

    @property
    def width_us(self) -> int:
        """How much is left open."""
        return self.latest - self.earliest


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a clock was set to: measured first and last at these instants of ours, so in force at least between them."""

    ahead_us: int
    uncertainty_us: int
    first_at: Instant
    last_at: Instant


class VCenterClock:
    """A vCenter's clock, as its answers to `CurrentTime` showed it; several settings where it was corrected.

    Invariant: settings are in the order of measurement. Between the last measurement of one and the first of the next
    either may have been in force.
    """

    def __init__(self) -> None:
        self._settings: list[_Setting] = []

    @property
    def ahead_us(self) -> int | None:
        """How far it is ahead of ours; None before the first measurement."""
        return self._settings[-1].ahead_us if self._settings else None

    def is_due(self, now: Instant) -> bool:
        """Whether the last measurement is too old, or the monitor's own clock was set back since."""
        return (
            not self._settings
            or not self._settings[-1].last_at <= now <= self._settings[-1].last_at + CLOCK_CHECK_US
        )

    def measured(self, before: Instant, theirs: VCenterInstant, after: Instant) -> bool:
        """Take what it showed between two instants of ours; whether it, or ours, was set since the last measurement."""
        new = _Setting(
            ahead_us=theirs.us - (before + after) // 2,
            uncertainty_us=abs(after - before) // 2 + _RESOLUTION_US,
            first_at=before,
            last_at=after,
        )
        if not self._settings:
            self._settings.append(new)
            return False
        # Where our own clock was set back, it shows again what it showed before; what was measured then is of before now.
        self._settings = [
            replace(each, first_at=min(each.first_at, before), last_at=min(each.last_at, before))
            for each in self._settings
        ]
        last = self._settings[-1]
        slew_us = _SLEW_US + new.uncertainty_us + last.uncertainty_us + drift_us(after - last.last_at)
        if abs(new.ahead_us - last.ahead_us) <= slew_us:
            self._settings[-1] = replace(new, first_at=last.first_at)
            return False
        self._settings.append(new)
        del self._settings[:-_KEPT]
        return True

    def ours(self, theirs: VCenterInstant, now: Instant, after: Instant) -> Estimate | None:
        """When it was by our clock what we read at `now`, and expect to lie after `after`; None where it cannot be told.

        A stamp counts by the setting that was in force when it was made. None above all for the future, for what no
        clock shows, before the first measurement, and from a time in which the clock was set and nobody measured it; never
        later than `now`, never before 2000.
        """
        fits = [
            at
            for number, setting in enumerate(self._settings)
            if (at := self._within(number, setting, theirs, now))
        ]
        fits = [at for at in fits if at >= after] or fits
        if not fits or any(map(self._is_unmeasured, fits)):
            return None
        return Estimate(min(*fits, now), min(max(fits), now))

    def at_the_earliest(self, ours: Instant) -> VCenterInstant:
        """What it may have shown at or after an instant of ours, by every setting since: the least of them."""
        since = [
            setting.ahead_us
            for number, setting in enumerate(self._settings)
            if number == len(self._settings) - 1 or self._settings[number + 1].first_at >= ours
        ]
        return VCenterInstant(ours + min(since, default=0))

    def _is_unmeasured(self, at: Instant) -> bool:
        """Whether it lies between two settings, in so long a time without a measurement that there may have been more."""
        return any(
            before.last_at < at < after.first_at and after.first_at - before.last_at > UNMEASURED_US
            for before, after in pairwise(self._settings)
        )

    def _within(self, number: int, setting: _Setting, theirs: VCenterInstant, now: Instant) -> Instant | None:
        """A stamp by one setting, where that was in force then."""
        at = Instant(theirs.us - setting.ahead_us)
        start = self._settings[number - 1].last_at if number else BEGINNING
        end = self._settings[number + 1].first_at if number + 1 < len(self._settings) else now
        slack_us = setting.uncertainty_us + drift_us(now - setting.last_at)
        is_sane = max(start, SANE_FROM) - slack_us <= at <= min(end, now) + slack_us
        return at if is_sane and at >= SANE_FROM else None


def stamp_us(value: object) -> int | None:
    """An `xsd:dateTime` with a zone in the years 1 to 9999, whatever the fineness of its fraction; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        return parse_instant(_TOO_FINE.sub("", value))
    except ValueError:
        return None


def drift_us(span_us: int) -> int:
    """How far clocks come apart in so long a time at the most."""
    return abs(span_us) * DRIFT_PPM // 1_000_000
