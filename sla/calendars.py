"""Local days, weeks and months, wall times over clock changes, and business time (spec §1.2, §8.2, §9).

The one module that turns instants into local dates and back. A local date is a `Day`, an integer, so that no sum of
days can leave the range of `datetime`; a time of day is the microseconds that the wall clock shows since 00:00. Every
local day begins where its first instant is, so a day can last 23 or 25 hours, or none at all.
"""

import re
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple, NewType
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sla.instants import BEGINNING, DAY, Instant, datetime_of
from sla.spans import Span, Spans, clipped, normalized

Day = NewType("Day", int)
"""A calendar date, as days since 1970-01-01."""

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2999

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_THURSDAY: Final = 3  # 1970-01-01 was one
_NAIVE_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001  a wall clock's reading, in no zone yet
# zoneinfo cannot look beyond the years 1 to 9999: outside of these instants the offset at their edge holds.
_FIRST: Final = -1969 * 365 * DAY
_LAST: Final = 8028 * 365 * DAY
_MONTH: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class UnknownZoneError(ValueError):
    """There is no time zone of that name."""


class Month(NamedTuple):
    year: int
    number: int

    def __str__(self) -> str:
        """YYYY-MM."""
        return f"{self.year:04}-{self.number:02}"


def spoken_month(month: Month) -> str:
    """A month as a person writes it: `November 2026`."""
    return f"{_MONTHS[month.number - 1]} {month.year}"


def parse_month(text: str) -> Month:
    """The month that `YYYY-MM` names. Raises ValueError."""
    match = _MONTH.fullmatch(text)
    if match is None or match[1] == "0000":
        raise ValueError(f"{text!r} is no month, such as 2026-03")
    return Month(int(match[1]), int(match[2]))


def parse_day(text: str) -> Day:
    """The date that `YYYY-MM-DD` names. Raises ValueError."""
    try:
        moment = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError(f"{text!r} is no date, such as 2026-12-25")
    return Day(moment.toordinal() - _EPOCH_ORDINAL)


def format_day(day: Day) -> str:
    """YYYY-MM-DD."""
    return date.fromordinal(day + _EPOCH_ORDINAL).isoformat()


def weekday(day: Day) -> int:
    """0 for a Monday, to 6 for a Sunday."""
    return (day + _THURSDAY) % 7


def first_day(month: Month) -> Day:
    """The first date of a month."""
    if month.year > date.max.year:  # the month after the last one that `date` knows
        return Day(date.max.toordinal() + 1 - _EPOCH_ORDINAL)
    return Day(date(month.year, month.number, 1).toordinal() - _EPOCH_ORDINAL)


def next_month(month: Month) -> Month:
    return Month(month.year + 1, 1) if month.number == 12 else Month(month.year, month.number + 1)


class Calendar:
    """The local dates and wall times of one time zone. Remembers the wall times that were asked for."""

    def __init__(self, zone: str) -> None:
        """Raises UnknownZoneError."""
        try:
            self._zone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UnknownZoneError(f"there is no time zone {zone!r}") from None
        self.zone = zone
        self._instants: dict[tuple[Day, int], Instant] = {}

    def day_start(self, day: Day) -> Instant:
        """The first instant of a local date."""
        return self.at_wall_time(day, 0)

    def day_of(self, at: Instant) -> Day:
        """The local date whose span holds `at`."""
        # By the starts of days, which are remembered: what the clock shows would have to be worked out each time. Where it was
        # put back just after midnight it shows yesterday's date once more, besides.
        day = Day(at // DAY)
        while self.day_start(day) > at:
            day = Day(day - 1)
        while self.day_start(Day(day + 1)) <= at:
            day = Day(day + 1)
        return day

    def wall_clock(self, at: Instant) -> tuple[Day, int]:
        """What the local clock shows at an instant: its date, and the microseconds since 00:00."""
        day, time_of_day = divmod(at + self._offset(at), DAY)
        return Day(day), time_of_day

    def local_time(self, at: Instant) -> datetime:
        """An instant for people to read: local date, time and the zone's abbreviation; in the years 1 to 9999."""
        return datetime_of(at).astimezone(self._zone)

    def spoken(self, at: Instant, since: Instant | None = None) -> str:
        """An instant in a sentence: `7 December 00:00 EST`, with the second where it is not the first; the years 1 to 9999.

        Without the day where `since` is of the same.
        """
        local = self.local_time(at)
        time = f"{local:%H:%M}" if local.second == 0 else f"{local:%H:%M:%S}"
        if since is not None and self.day_of(since) == self.day_of(at):
            return f"{time} {local.tzname()}"
        return f"{local.day} {_MONTHS[local.month - 1]} {time} {local.tzname()}"

    def at_wall_time(self, day: Day, time_of_day: int) -> Instant:
        """The instant at which the local clock shows a time of day, 24:00 included.

        One that a clock change skips: the first instant after the gap. One that occurs twice: the first (spec §1.2).
        """
        at = self._instants.get((day, time_of_day))
        if at is None:
            at = self._instants[day, time_of_day] = self._resolved(day * DAY + time_of_day)
        return at

    def _resolved(self, shown: int) -> Instant:
        """The instant at which the local clock shows so many microseconds since the epoch's midnight."""
        before, after = self._offsets_of_wall(shown, 0), self._offsets_of_wall(shown, 1)
        if before >= after:
            return Instant(shown - before)
        low, high = shown - after, shown - before
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(Instant(middle)) == before:
                low = middle
            else:
                high = middle
        return Instant(high)

    def shows_twice(self, day: Day, time_of_day: int) -> bool:
        """Whether the local clock shows a time of day twice on a date, for it is put back over it."""
        shown = day * DAY + time_of_day
        return self._offsets_of_wall(shown, 0) > self._offsets_of_wall(shown, 1)

    def week_span(self, at: Instant) -> Span:
        """The local week, Monday to Monday, that holds `at`."""
        day = self.day_of(at)
        monday = Day(day - weekday(day))
        return self.day_start(monday), self.day_start(Day(monday + 7))

    def month_span(self, month: Month) -> Span:
        return self.day_start(first_day(month)), self.day_start(first_day(next_month(month)))

    def month_of(self, at: Instant) -> Month:
        """The local month that holds `at`, which lies in the years 1 to 9999."""
        day = date.fromordinal(self.day_of(at) + _EPOCH_ORDINAL)
        return Month(day.year, day.month)

    def band(self, between: tuple[int, int], start: Instant, end: Instant) -> Spans:
        """The daily band from one time of day to another within `[start, end)` (spec §4.4b).

        A band whose end is not after its start reaches into the next day.
        """
        days = range(self.day_of(start) - 1, self.day_of(end) + 1)
        return clipped(normalized(self._band_of(Day(day), between) for day in days), start, end)

    def _band_of(self, day: Day, between: tuple[int, int]) -> Span:
        opens, closes = between
        last = day if closes > opens else Day(day + 1)
        return self.at_wall_time(day, opens), self.at_wall_time(last, closes)

    def _offset(self, at: Instant) -> int:
        """What the local clock is ahead of UTC at an instant."""
        within = Instant(min(max(at, _FIRST), _LAST))
        return _microseconds(datetime_of(within).astimezone(self._zone).utcoffset())

    def _offsets_of_wall(self, shown: int, fold: int) -> int:
        """The offset before (fold 0) or after (1) the clock change in which a reading of the clock lies, if in one."""
        within = min(max(shown, _FIRST), _LAST)
        reading = _NAIVE_EPOCH + timedelta(microseconds=within)
        return _microseconds(reading.replace(tzinfo=self._zone, fold=fold).utcoffset())


def _microseconds(offset: timedelta | None) -> int:
    assert offset is not None
    return offset // timedelta(microseconds=1)


@lru_cache(maxsize=1024)
def calendar_of(zone: str) -> Calendar:
    """The calendar of an IANA time zone, one for all who ask. Raises UnknownZoneError."""
    return Calendar(zone)


class BusinessTime:
    """Support hours and business days: Monday to Friday without the holidays, in the provider's zone (spec §8.2, §9)."""

    def __init__(self, *, calendar: Calendar, hours: tuple[int, int], holidays: Collection[Day]) -> None:
        """`hours` are two times of day."""
        self._calendar = calendar
        self._hours = hours
        self._holidays = holidays

    def is_business_day(self, day: Day) -> bool:
        """Whether a date is a business day."""
        return weekday(day) < 5 and day not in self._holidays

    def after(self, start: Instant, amount: int) -> Instant:
        """The first instant at which `amount` microseconds of business time have passed since `start`."""
        left = amount
        at = start
        for opens, closes in self._hours_from(start):
            if left <= 0:
                break
            at = Instant(min(opens + left, closes))
            left -= at - opens
        return at

    def between(self, start: Instant, end: Instant) -> int:
        """The microseconds of business time in `[start, end)`."""
        passed = 0
        for opens, closes in self._hours_from(start):
            if opens >= end:
                break
            passed += min(closes, end) - opens
        return passed

    def end_of_day_after(self, start: Instant, days: int) -> Instant:
        """The end of the `days`-th business day after the date of `start` (spec §9)."""
        day = self._calendar.day_of(start)
        for _ in range(days):
            day = Day(day + 1)
            while not self.is_business_day(day):
                day = Day(day + 1)
        return self._calendar.day_start(Day(day + 1))

    def _hours_from(self, start: Instant) -> Iterator[Span]:
        """The spans of business time from `start` on, without end: the first of them cut to it."""
        opens_at, closes_at = self._hours
        day = Day(self._calendar.day_of(start) - 1)  # the hours of the day before can cross midnight
        while True:
            if self.is_business_day(day):
                last = day if closes_at > opens_at else Day(day + 1)
                opens = max(self._calendar.at_wall_time(day, opens_at), start)
                closes = self._calendar.at_wall_time(last, closes_at)
                if opens < closes:
                    yield opens, closes
            day = Day(day + 1)


def capped(spans: Spans, week_of: Callable[[Instant], Span], cap: int) -> Spans:
    """The first `cap` microseconds of `spans` in each week, in order of time (spec §4.4c)."""
    kept: list[Span] = []
    week_end, left = BEGINNING, 0
    for start, end in spans:
        while start < end:
            if start >= week_end:
                week_end, left = week_of(start)[1], cap
            stop = min(end, week_end)
            share = min(left, stop - start)
            kept.append((start, Instant(start + share)))
            left -= share
            start = stop
    return normalized(kept)


def check_year(year: int, shown: str) -> None:
    """Raises ValueError, about what is `shown`, for a year that nobody asks for: holidays are listed to the last."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"{shown} lies outside of the years {FIRST_YEAR} to {LAST_YEAR}")


def year_of(at: Instant) -> int:
    """The UTC year of an instant in the years 1 to 9999."""
    return datetime_of(at).year
