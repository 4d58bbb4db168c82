"""What the query of a page asks for. A form sends its empty fields too: what is empty is not asked for."""

from collections.abc import Sequence
from typing import NamedTuple

from aiohttp import web
from multidict import MultiDict

from daemon.answers.budgets import ClientBudget
from daemon.config.values import shown
from daemon.control import query
from daemon.control.paging import cursor_behind
from daemon.control.questions import Listed, PageKey
from daemon.pages.viewer import Viewer
from daemon.records.refusals import FieldFault, NotFoundError
from sla.calendars import FIRST_YEAR, Month, next_month, spoken_month


class MonthChoice(NamedTuple):
    """The month that a page shows, and those beside it that can be shown."""

    month: Month
    is_present: bool
    before: Month | None
    after: Month | None

    @property
    def spoken(self) -> str:
        """Such as October 2026."""
        return spoken_month(self.month)


def filled(request: web.Request) -> web.Request:
    """The request without what is empty in its query."""
    said = MultiDict((name, value) for name, value in request.query.items() if value != "")
    return request.clone(rel_url=request.rel_url.with_query(said))


def client_named(request: web.Request, viewer: Viewer) -> str:
    """The client that the path of a page names, or whose link it is under."""
    named = request.match_info.get("client") or viewer.client
    assert named is not None, "only under a link no client is named"
    return named


def month_asked(request: web.Request, viewer: Viewer, timezone: str, *, months_ahead: int = 0) -> MonthChoice:
    """The month that is asked for; by default the present one.

    Raises BadRequestError, and NotFoundError for one that comes later than `months_ahead`.
    """
    latest = present = viewer.present_month(timezone)
    for _ in range(months_ahead):
        latest = next_month(latest)
    month = query.month(request, "month") or present
    if month > latest:
        raise NotFoundError([FieldFault("month", f"{shown(str(month))} is too far ahead to tell of")])
    year, number = month
    before = Month(year, number - 1) if number > 1 else Month(year - 1, 12)
    return MonthChoice(
        month=month,
        is_present=month == present,
        before=before if before.year >= FIRST_YEAR else None,
        after=next_month(month) if month < latest else None,
    )


async def clients_asked(
    request: web.Request, viewer: Viewer, question: str, rows: int
) -> tuple[Sequence[ClientBudget], str | None]:
    """A page of the clients in view, and the cursor of the next. Raises BadRequestError."""
    asked = query.page(request, question, ("", ""), rows)
    clients = [(_place_of(each), each) for each in await viewer.clients()]
    behind = [(place, each) for place, each in clients if asked.after is None or place > asked.after]
    last = behind[rows - 1][0] if len(behind) > rows else None
    found = Listed(rows=tuple(each for _, each in behind[:rows]), next=last)
    return found.rows, cursor_behind(question, found)


def _place_of(client: ClientBudget) -> PageKey:
    return client.name.casefold(), str(client.client)
