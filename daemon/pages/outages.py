"""`/outages`: incidents of the fleet, a client or a server, a page at a time."""

from typing import Any, Final

from aiohttp import web

from daemon.control import query
from daemon.control.paging import cursor_behind
from daemon.control.questions import OutagesAsked
from daemon.pages.asking import month_asked
from daemon.pages.viewer import Viewer
from sla.records import CauseKind

ROWS: Final = 50
_CAUSES: Final[dict[str, CauseKind | None]] = {cause.value: cause for cause in CauseKind}


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises BadRequestError, NotFoundError, AmbiguousNameError."""
    client, server = query.text(request, "client"), query.text(request, "server")
    zone = viewer.zone if client is None else (await viewer.one_client(client)).timezone
    month = month_asked(request, viewer, zone)
    is_open = query.flag(request, "open")
    asked = OutagesAsked(
        client=client,
        server=None if server is None else viewer.server(server).server,
        month=None if is_open else month.month,
        is_open=is_open,
        cause=query.chosen(request, "cause", _CAUSES, None),
    )
    question = "outages page", asked
    found = await viewer.incidents(asked, query.page(request, question, (0, ""), ROWS))
    return {
        "incidents": found.rows,
        "month": month,
        "is_open": is_open,
        "filters": {"client": client, "server": server, "cause": request.query.get("cause")},
        "causes": list(_CAUSES),
        "cursor": cursor_behind(question, found),
        "is_first": "cursor" not in request.query,
    }
