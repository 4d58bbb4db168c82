"""The one place where slad reads a clock. What it dates by them is `daemon.believed_clock`'s."""

import time
from pathlib import Path
from typing import Protocol

from sla.instants import Instant


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


def boot_id() -> str:
    """Another text whenever the machine was booted; empty where that is not known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


class SystemClock:
    def now(self) -> Instant:
        return Instant(time.time_ns() // 1_000)  # noqa: TID251  this is the place

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1_000

    def boottime_us(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000
