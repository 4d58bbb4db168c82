"""Clocks that move when the test says so."""

from dataclasses import dataclass
from typing import Final

from daemon.clock import SystemClock
from sla.instants import SECOND, Instant

_BEGIN: Final = Instant(1_800_000_000 * SECOND)


@dataclass
class Hand:
    """A machine's clocks: what the wall clock shows, and how long ago the machine was booted."""

    wall: Instant = _BEGIN
    boot_us: int = 0

    def now(self) -> Instant:
        return self.wall

    def monotonic_us(self) -> int:
        return self.boot_us

    def boottime_us(self) -> int:
        return self.boot_us

    def pass_(self, us: int, *, set_us: int = 0) -> None:
        """Let time pass; the wall clock is set by so much on top."""
        self.boot_us += us
        self.wall = Instant(self.wall + us + set_us)


class SetClock:
    """The machine's own clocks, but that the test sets the wall clock, and lets time pass in which everything sleeps."""

    def __init__(self) -> None:
        self.set_us = 0
        """How far the wall clock is ahead of the true time."""
        self._slept_us = 0
        self._clock = SystemClock()

    def sleep(self, us: int) -> None:
        """Suspend the machine for so long."""
        self._slept_us += us

    def true(self) -> Instant:
        """What a clock shows that nobody sets: the vCenter's."""
        return Instant(self._clock.now() + self._slept_us)

    def now(self) -> Instant:
        return Instant(self.true() + self.set_us)

    def monotonic_us(self) -> int:
        return self._clock.monotonic_us()

    def boottime_us(self) -> int:
        return self._clock.boottime_us() + self._slept_us
