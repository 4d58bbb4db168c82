"""`/servers/SERVER`: a server's month as days and as a time line, its outages with their proof, and its figures explained."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from aiohttp import web

from daemon.answers.accounts import MonthAccount
from daemon.control import query
from daemon.control.questions import OutagesAsked, Page
from daemon.pages.asking import month_asked
from daemon.pages.drawing import line_of, place_of, strip_of
from daemon.pages.explaining import explained
from daemon.pages.viewer import Viewer
from daemon.replies.outages import OutageRow
from sla.accounts import DayState
from sla.calendars import Calendar, Day, calendar_of
from sla.instants import DAY, HOUR, MINUTE, Instant, format_instant
from sla.spans import Span

TOP: Final = 25
EVENTS: Final = 50
LONGEST: Final = 400 * DAY
SHORTEST: Final = MINUTE
_STEPS: Final = (
    (MINUTE, "%H:%M"),
    (5 * MINUTE, "%H:%M"),
    (15 * MINUTE, "%H:%M"),
    (30 * MINUTE, "%H:%M"),
    (HOUR, "%H"),
    (2 * HOUR, "%H"),
)
_ROOM: Final = {"%H:%M": 12, "%H": 24, "%-d": 31, "%-d %b": 12}
"""How many labels of a form a time line has room for."""
_STATE_LETTERS: Final = {
    DayState.DOWN: "D",
    DayState.UNOBSERVED: "?",
    DayState.EXCLUDED: "x",
    DayState.UP: "",
    DayState.NOT_IN_SERVICE: "–",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A part of a time line that can be looked at by itself: how it is called, where it begins, and its span."""

    text: str
    place: int
    span: Span


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises BadRequestError, NotFoundError, AmbiguousNameError."""
    server = viewer.server(request.match_info["server"])
    client = await viewer.one_client(server.client)
    calendar = calendar_of(client.timezone)
    month = month_asked(request, viewer, client.timezone)
    month_span = calendar.month_span(month.month)
    asked_span = _span_asked(request)
    span = asked_span or month_span
    outages = await viewer.outages(OutagesAsked(server=server.server, month=month.month), Page(None, TOP))
    events = await viewer.events(server.server, Page(None, EVENTS))
    accounts = await viewer.months(server.server, month.month)
    return {
        "server": server,
        "client": client,
        "zone": client.timezone,
        "month": month,
        "span": span,
        "is_zoomed": asked_span is not None,
        "lanes": [(lane, line_of(lane.states, span)) for lane in await viewer.lanes(server.server, span)],
        "ticks": list(_ticks(calendar, span)),
        "accounts": [(each, list(explained(each.row.figures))) for each in accounts],
        "days": _days_of(calendar),
        "letters": _STATE_LETTERS,
        "strip": strip_of,
        "outages": outages,
        "around": _around,
        "events": events.rows,
        "event_of": {each.key: each for each in events.rows},
    }


def _span_asked(request: web.Request) -> Span | None:
    """The span that is asked for. Raises BadRequestError for one that is none, or is too long or too short."""
    start, end = query.instant(request, "from"), query.instant(request, "until")
    if start is None and end is None:
        return None
    if start is None or end is None:
        raise query.bad("until" if end is None else "from", "is missing: a span has both")
    if not SHORTEST <= end - start <= LONGEST:
        raise query.bad("until", "must be a minute after from at least, and 400 days at most")
    return start, end


def _ticks(calendar: Calendar, span: Span) -> Iterator[Tick]:
    """The parts of a span: its local days, or where it has few, its hours, and so on."""
    start, end = span
    if end - start > 2 * DAY:
        first, last = calendar.day_of(start), calendar.day_of(Instant(end - 1))
        days = last - first + 1
        form = "%-d" if days <= _ROOM["%-d"] else "%-d %b"
        step = -(-days // _ROOM[form])
        edges = [calendar.day_start(Day(day)) for day in range(first, last + 1 + step, step)]
    else:
        step, form = next(each for each in _STEPS if end - start <= each[0] * _ROOM[each[1]])
        midnight = calendar.day_start(calendar.day_of(start))
        edges = [Instant(at) for at in range(start - (start - midnight) % step, end + step, step)]
    for since, until in pairwise(edges):
        if since < end and since < until:
            text = calendar.local_time(max(since, start)).strftime(form)
            yield Tick(text=text, place=place_of(since, span), span=(since, until))


def _around(outage: OutageRow) -> dict[str, str]:
    """The query of a time line that shows an outage with some time about it."""
    about = max(outage.lasted_seconds // 2, 5 * MINUTE)
    start, end = Instant(outage.start - about), Instant(outage.start + outage.lasted_seconds + about)
    return {"from": format_instant(start), "until": format_instant(end)}


def _days_of(calendar: Calendar) -> Any:
    """What gives the days of an account, each with the span that it is."""

    def days(account: MonthAccount) -> list[tuple[Any, Span]]:
        return [
            (each, (calendar.day_start(each.day), calendar.day_start(Day(each.day + 1))))
            for each in account.account.days
        ]

    return days
