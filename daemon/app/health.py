"""Whether the daemon is alive: how late its loop runs, and whether every part that loops takes its next step in time."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final, Never

import structlog

from daemon.clock import Clock
from daemon.metrics import ProcessMetrics
from daemon.systemd import Systemd
from sla.instants import SECOND

STALL_CHECK_S: Final = 0.25
"""How often the loop is looked at: a look costs 0.1 ms, and a quiet daemon has little else to do."""
HEARTBEAT_S: Final = 1.0
"""How often the watchdog is fed at least; oftener where systemd wants to hear within two seconds."""
OVERDUE_US: Final = 30 * SECOND
"""How late a part may be with its next step before the watchdog is no longer fed."""

ProgressDue = Callable[[], Iterator[tuple[str, int]]]
"""By when each part takes its next step at the latest, by the monotonic clock; a part that waits for another is left out."""

_log = structlog.get_logger()


async def measure_stalls(clock: Clock, metrics: ProcessMetrics) -> Never:
    """Measure how late the event loop runs what is due, for ever."""
    while True:
        before_us = clock.monotonic_us()
        await asyncio.sleep(STALL_CHECK_S)
        late_us = clock.monotonic_us() - before_us - int(STALL_CHECK_S * SECOND)
        metrics.observe_loop_stall(max(0, late_us) / SECOND)


class Watchdog:
    """Feeds systemd's watchdog while no part is overdue. One that hangs has systemd kill the process and start another."""

    def __init__(self, clock: Clock, systemd: Systemd, progress_due: ProgressDue) -> None:
        self._clock = clock
        self._systemd = systemd
        self._progress_due = progress_due
        self._overdue: set[str] = set()
        """The parts that were overdue when this was last looked at."""

    async def run(self) -> Never:
        """Look at every part once a heartbeat, for ever."""
        wanted_s = self._systemd.watchdog_s
        pause_s = HEARTBEAT_S if wanted_s is None else min(HEARTBEAT_S, wanted_s / 2)
        while True:
            await asyncio.sleep(pause_s)
            self.beat()

    def beat(self) -> None:
        """Feed the watchdog unless a part is overdue; say which became so, and which no longer is."""
        now_us = self._clock.monotonic_us()
        late_us = {part: now_us - due_us for part, due_us in self._progress_due()}
        overdue = {part for part, late in late_us.items() if late >= OVERDUE_US}
        for part in sorted(overdue - self._overdue):
            _log.error("part_hung", part=part, overdue_s=late_us[part] / SECOND)
        for part in sorted(self._overdue - overdue):
            _log.info("part_went_on", part=part)
        self._overdue = overdue
        if not overdue:
            self._systemd.alive()
