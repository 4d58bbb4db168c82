"""When what recurs every week begins, by a local clock (spec §1.2)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sla.calendars import Calendar, Day, weekday
from sla.instants import HOUR, MINUTE, Instant
from sla.terms import format_time_of_day

WEEK_DAYS: Final = 7
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEKLY_PATTERN: Final = rf"^({'|'.join(_WEEKDAYS)}) ([01][0-9]|2[0-3]):([0-5][0-9])$"
"""What `parse_weekly` reads, as a regular expression."""


class ClockChange(Enum):
    """What a change of the clock makes of a local time: which instant is meant then is spec §1.2."""

    SKIPPED = "skipped"
    """It does not occur on that day: the first instant after the gap is meant."""
    TWICE = "twice"
    """It occurs twice: the first is meant."""


@dataclass(frozen=True, slots=True)
class Weekly:
    """A time of day, in microseconds since 00:00, on a day of every week: 0 is a Monday."""

    weekday: int
    time_of_day: int

    def __str__(self) -> str:
        """As `parse_weekly` reads it."""
        return f"{_WEEKDAYS[self.weekday]} {format_time_of_day(self.time_of_day)}"

    def starts(self, calendar: Calendar, since: Instant, last: Day | None = None) -> Iterator[Instant]:
        """Its instants from `since` on, `since` among them, to the local date `last`; without one they have no end."""
        day = Day(calendar.day_of(since) - 1)  # what is skipped on a day may begin on the next
        day = Day(day + (self.weekday - weekday(day)) % WEEK_DAYS)
        while last is None or day <= last:
            start = calendar.at_wall_time(day, self.time_of_day)
            if start >= since:
                yield start
            day = Day(day + WEEK_DAYS)

    def clock_change(self, calendar: Calendar, start: Instant) -> ClockChange | None:
        """What a change of the clock makes of the one that begins at `start`."""
        day, time_of_day = calendar.wall_clock(start)
        if time_of_day != self.time_of_day or weekday(day) != self.weekday:
            return ClockChange.SKIPPED
        return ClockChange.TWICE if calendar.shows_twice(day, time_of_day) else None


def parse_weekly(value: object) -> Weekly:
    """What a day and a time say, such as "sun 23:00". Raises ValueError."""
    match = re.fullmatch(WEEKLY_PATTERN, value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'must be a day ({", ".join(_WEEKDAYS)}) and a time of day, such as "sun 23:00"')
    return Weekly(_WEEKDAYS.index(match[1]), int(match[2]) * HOUR + int(match[3]) * MINUTE)
