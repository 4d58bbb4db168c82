"""What stories of the past are made of: when something happens, and what people do then."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sla.calendars import Calendar, Day, first_day
from sla.instants import HOUR, MINUTE, Instant
from sla.records import State

WEEKS: Final = 6
LAST_DAYS: Final = 11
"""So many days of last month lie in the six weeks, whatever the date is."""
ZONE: Final = "America/Toronto"
DESK: Final = "ann (demo)"
"""Who records what people record."""
UPLINK: Final = "transit"


@dataclass(slots=True)
class PastUplink:
    """How the one uplink is, and since when: what the rounds of its targets would say."""

    state: State
    since: Instant

    def turn(self, state: State, at: Instant) -> None:
        self.state, self.since = state, at


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Something that people put on record: which operation of the service, of which thing where it has one, and what is said."""

    record: Callable[..., Any]
    about: str = ""
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What becomes of the newest proposal for a server: rejected for a reason; accepted without one."""

    server: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """The monitor does not run until an instant."""

    until: Instant


Scene = Instant | Asked | Decided | Away
"""What a story gives next: when it goes on, or what people do then."""
Story = Iterator[Scene]


class PastCalendar:
    """Instants of the six weeks before `now`, by the local clock."""

    def __init__(self, now: Instant) -> None:
        self.now = now
        self._calendar = Calendar(ZONE)
        self._today = self._calendar.day_of(now)
        self._month_began = first_day(self._calendar.month_of(now))
        self.begin = self._calendar.day_start(Day(self._today - 7 * WEEKS))

    @property
    def last(self) -> str:
        """Last month, as commands take it."""
        return str(self._calendar.month_of(self._calendar.day_start(Day(self._month_began - 1))))

    def week_of(self, at: Instant) -> int:
        """Which week of the past an instant lies in, from 0 on."""
        return (self._calendar.day_of(at) - self._today) // 7 + WEEKS

    def ago(self, days: int, time: str) -> Instant:
        """A time of day so many days before today."""
        return self._at(Day(self._today - days), time)

    def last_month(self, days: int, time: str) -> Instant:
        """A time of day so many days before this month began."""
        assert 1 <= days <= LAST_DAYS, "six weeks may hold no more of last month"
        return self._at(Day(self._month_began - days), time)

    def _at(self, day: Day, time: str) -> Instant:
        hours, minutes = time.split(":")
        return self._calendar.at_wall_time(day, int(hours) * HOUR + int(minutes) * MINUTE)
