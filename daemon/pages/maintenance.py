"""`/maintenance`: the windows of a month as a calendar."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from daemon.control import query
from daemon.pages.asking import month_asked
from daemon.pages.viewer import Viewer
from daemon.statements.ics import CalendarEvent
from sla.calendars import Calendar, Day, Month, calendar_of, first_day, next_month, weekday
from sla.instants import FOREVER, Instant

AHEAD: Final = 12
"""Months from the present one that can be looked at."""
MOST: Final = 200
"""Windows that are listed; the calendar that people subscribe to has all."""


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises BadRequestError, NotFoundError."""
    name = query.text(request, "client")
    owner = viewer.owner(name)
    client = None if owner is None else await viewer.one_client(owner)
    zone = "UTC" if client is None else client.timezone
    month = month_asked(request, viewer, zone, months_ahead=AHEAD)
    calendar = calendar_of(zone)
    windows = await viewer.agenda(name, calendar.month_span(month.month))
    return {
        "client": client,
        "zone": zone,
        "month": month,
        "weeks": _weeks(month.month, calendar, windows),
        "windows": windows[:MOST],
        "all_windows": len(windows),
        "at": viewer.now(),
        "filters": {"client": name},
    }


def _weeks(
    month: Month, calendar: Calendar, windows: Sequence[CalendarEvent]
) -> list[list[tuple[int, int] | None]]:
    """The weeks of a month from Monday on: of each day its number, and how many windows stand that have some of it."""
    standing = [each for each in windows if not each.is_cancelled]
    first, last = first_day(month), first_day(next_month(month))
    days: list[tuple[int, int] | None] = [None] * weekday(first)
    for day in range(first, last):
        start, end = calendar.day_start(Day(day)), calendar.day_start(Day(day + 1))
        count = sum(each.start < end and start < _end(each) for each in standing)
        days.append((day - first + 1, count))
    days += [None] * (-len(days) % 7)
    return [days[week : week + 7] for week in range(0, len(days), 7)]


def _end(window: CalendarEvent) -> Instant:
    return FOREVER if window.end is None else window.end
