"""`/solutions/CLIENT/SOLUTION`: the window in which interruptions count, drawn; the stage, and what happens next."""

from typing import Any

from aiohttp import web

from daemon.pages.drawing import marks_of, place_of
from daemon.pages.processes import processes_of
from daemon.pages.viewer import Viewer
from daemon.replies.solutions import InterruptionStatus
from sla.calendars import Day, calendar_of
from sla.instants import Instant
from sla.spans import Span


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises NotFoundError."""
    account = await viewer.solution(request.match_info["client"], request.match_info["solution"])
    calendar = calendar_of(account.timezone)
    today = calendar.day_of(account.at)
    days = [Day(today - back) for back in range(account.terms.within_days - 1, -1, -1)]
    span = calendar.day_start(days[0]), calendar.day_start(Day(today + 1))
    within = [each for each in account.status.interruptions if each.end is None or each.end > span[0]]
    return {
        "account": account,
        "solution": account.status,
        "window": span,
        "drawing": marks_of(((_kind(each), _clipped(each, span, account.at)) for each in within), span),
        "ticks": [place_of(calendar.day_start(day), span) for day in days],
        "processes": list(processes_of(account, only_told=False)),
        "counts": {each.start: each.start >= span[0] for each in account.status.interruptions},
        "client": await viewer.one_client(account.status.client),
    }


def _kind(interruption: InterruptionStatus) -> str:
    return "down" if interruption.qualified_at is not None else "unobserved"


def _clipped(interruption: InterruptionStatus, span: Span, at: Instant) -> Span:
    return max(interruption.start, span[0]), at if interruption.end is None else interruption.end
