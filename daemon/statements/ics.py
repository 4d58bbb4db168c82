"""Windows of maintenance as an iCalendar file (RFC 5545), for the calendars that people subscribe to.

The same events give the same bytes: what dates an event is when it was recorded, not when it is shown.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from icalendar import Calendar as ICalendar
from icalendar import Event as IEvent

from sla.instants import SECOND, Instant, datetime_of, parse_instant
from sla.texts import printable

MEDIA_TYPE: Final = "text/calendar"

_LAST: Final = parse_instant("9999-12-31T23:59:59Z")
_END: Final = b"END:VCALENDAR\r\n"
_REMEMBERED: Final = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEvent:
    """A window as calendars show it. `end` None: it is open. `sequence`: how often it was changed."""

    uid: str
    start: Instant
    end: Instant | None
    summary: str
    description: tuple[str, ...]
    category: str
    created_at: Instant
    changed_at: Instant
    sequence: int
    is_cancelled: bool


def head(name: str, description: str) -> bytes:
    """The beginning of a calendar; `name` is what people see of it in a list of theirs."""
    calendar = ICalendar()
    calendar.add("prodid", "-//slad//maintenance//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", printable(name))
    calendar.add("x-wr-caldesc", printable(description))
    calendar.add("x-published-ttl", "PT1H")
    return bytes(calendar.to_ical()).removesuffix(_END)


@lru_cache(maxsize=_REMEMBERED)
def lines_of(event: CalendarEvent) -> bytes:
    """An event of a calendar. Whole seconds that hold it; an open one has no end."""
    made = IEvent()
    made.add("uid", printable(event.uid))
    made.add(
        "dtstamp", datetime_of(event.changed_at)
    )  # without a METHOD it is when it was last changed (RFC 5545 §3.8.7.2)
    made.add("created", datetime_of(event.created_at))
    made.add("last-modified", datetime_of(event.changed_at))
    made.add("sequence", event.sequence)
    made.add("dtstart", datetime_of(event.start))
    if event.end is not None:
        made.add("dtend", datetime_of(min(_LAST, Instant(-(-event.end // SECOND) * SECOND))))
    made.add("summary", printable(event.summary))
    made.add("description", "\n".join(map(printable, event.description)))
    made.add("categories", [event.category])
    made.add("status", "CANCELLED" if event.is_cancelled else "CONFIRMED")
    made.add("transp", "TRANSPARENT")
    return bytes(made.to_ical())


def tail() -> bytes:
    """The end of a calendar."""
    return _END
