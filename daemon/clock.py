"""The one place where slad reads a clock."""

import threading
import time
from typing import Final, Protocol

from sla.instants import BEGINNING, SECOND, Instant

STEP_US: Final = 2 * SECOND
"""How far the wall clock may drift against the boot clock between two looks before it counts as a step."""


class Clock(Protocol):
    """What services ask for the time, so that tests can bring their own."""

    def now(self) -> Instant:
        """The wall clock: UTC microseconds. It can step; read it once for each decision."""
        ...

    def monotonic_us(self) -> int:
        """Microseconds that never step and stand still while the machine sleeps: for deadlines and durations."""
        ...

    def boottime_us(self) -> int:
        """Microseconds since boot, sleep included: what a step of the wall clock is noticed against."""
        ...


class SystemClock:
    def now(self) -> Instant:
        return Instant(time.time_ns() // 1_000)  # noqa: TID251  this is the place

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1_000

    def boottime_us(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000


class SteadyClock:
    """A clock whose wall time never goes back: set back, it stands still until it has caught up. For any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._newest = BEGINNING
        self._offset_us = clock.now() - clock.boottime_us()

    def not_before(self, at: Instant) -> None:
        """Never tell a time before `at`, the newest that was recorded before this process began.

        If the wall clock stands before it, it was set back meanwhile, which `stepped_us` tells.
        """
        with self._lock:
            self._newest = max(self._newest, at)
            self._offset_us = max(self._offset_us, at - self._clock.boottime_us())

    def now(self) -> Instant:
        with self._lock:
            self._newest = max(self._newest, self._clock.now())
            return self._newest

    def monotonic_us(self) -> int:
        return self._clock.monotonic_us()

    def boottime_us(self) -> int:
        return self._clock.boottime_us()

    def stepped_us(self) -> int:
        """By how much the wall clock was set, forward or back, since this was asked last; 0 where it was not."""
        offset_us = self._clock.now() - self._clock.boottime_us()
        step_us, self._offset_us = offset_us - self._offset_us, offset_us
        return step_us if abs(step_us) > STEP_US else 0
