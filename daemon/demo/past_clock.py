"""The time of the past, which stands still until it is set on."""

from daemon.clock import SystemClock
from sla.instants import Instant


class PastClock:
    """A clock whose wall and boot time are set by hand, of a machine that runs since 1970; deadlines run in real time."""

    def __init__(self, at: Instant) -> None:
        self._system = SystemClock()
        self._at: Instant | None = at

    def set(self, at: Instant) -> None:
        """Let it be another time, which is not before that of now."""
        assert self._at is not None, "the past is over"
        assert at >= self._at, "time goes on"
        self._at = at

    def go_live(self) -> None:
        """Show the machine's time from now on."""
        self._at = None

    def now(self) -> Instant:
        return self._system.now() if self._at is None else self._at

    def monotonic_us(self) -> int:
        return self._system.monotonic_us()

    def boottime_us(self) -> int:
        return self.now()
