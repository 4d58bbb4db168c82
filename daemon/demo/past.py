"""Six weeks of evidence before the demo goes live: stories on a clock that is set by hand, watched by the daemon itself."""

import heapq
from collections.abc import Callable
from itertools import count

from daemon.config.config import Config
from daemon.demo.past_clock import PastClock
from daemon.demo.past_monitor import PastMonitor, past_monitor
from daemon.demo.past_scenes import WEEKS, Asked, Away, Decided, PastCalendar, PastUplink, Story
from daemon.demo.past_stories import PastStories
from daemon.records.service import RecordService
from probes.simulation import SimulatedVCenter
from sla.instants import Instant
from sla.records import State


class Past:
    """The past of a vCenter whose world is at its beginning, told from beginning to end."""

    def __init__(
        self,
        config: Config,
        vcenter: SimulatedVCenter,
        clock: PastClock,
        calendar: PastCalendar,
        say: Callable[[str], None],
    ) -> None:
        """`clock` stands where the calendar begins; `say` gets a line for each week."""
        self._config = config
        self._vcenter = vcenter
        self._clock = clock
        self._calendar = calendar
        self._say = say
        self._uplink = PastUplink(State.UP, clock.now())
        self._stories = PastStories(vcenter.world, self._uplink, calendar)
        self._serial = count()
        self._waiting: list[tuple[Instant, int, Story]] = []
        self._weeks_told = 0

    async def make(self) -> None:
        """Put it all on record. Raises LedgerError."""
        for story in self._stories.all():
            begins = next(story)
            assert isinstance(begins, int), "a story begins with when it does"
            self._wait(story, begins)
        away: Away | None = Away(until=self._clock.now())
        while away is not None:
            self._clock.set(away.until)
            async with past_monitor(self._config, self._vcenter, self._clock, self._uplink) as monitor:
                away = await self._watched(monitor)

    async def _watched(self, monitor: PastMonitor) -> Away | None:
        """Tell on while the monitor runs: to now, or until it goes away."""
        await self._look(monitor)
        await self._look(monitor)  # with the Internet leg of the servers that are new
        while self._waiting and self._waiting[0][0] <= self._calendar.now:
            at, _, story = heapq.heappop(self._waiting)
            self._clock.set(max(at, self._clock.now()))
            self._tell()
            away = await self._scene(monitor, story)
            if away is not None:
                return away
        self._clock.set(self._calendar.now)
        await self._look(monitor)
        return None

    async def _scene(self, monitor: PastMonitor, story: Story) -> Away | None:
        """Let a story go on until it waits again; what it did is seen before people put anything on record."""
        scene = next(story, None)
        await self._look(monitor)
        while isinstance(scene, Asked | Decided):
            await monitor.ask(_decision(monitor, scene) if isinstance(scene, Decided) else scene)
            scene = next(story, None)
        if isinstance(scene, Away):
            self._wait(story, scene.until)
            return scene
        if scene is not None:
            self._wait(story, scene)
        return None

    def _tell(self) -> None:
        """Say it when another week begins."""
        week = self._calendar.week_of(self._clock.now())
        if self._weeks_told <= week < WEEKS:
            self._weeks_told = week + 1
            self._say(f"six weeks of past: week {week + 1} of {WEEKS}")

    def _wait(self, story: Story, at: Instant) -> None:
        heapq.heappush(self._waiting, (at, next(self._serial), story))

    async def _look(self, monitor: PastMonitor) -> None:
        """Have the watch look: something is always new."""
        self._stories.move()
        await monitor.look()


def _decision(monitor: PastMonitor, decided: Decided) -> Asked:
    proposal = monitor.pending_proposal(decided.server)
    if decided.why:
        return Asked(record=RecordService.reject_proposal, about=proposal, said={"why": decided.why})
    return Asked(record=RecordService.accept_proposal, about=proposal, said={})
