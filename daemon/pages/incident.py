"""`/incidents/SERVER/START`: the incident of a server's outage that began then, with each outage of it."""

from typing import Any, Final

from aiohttp import web

from daemon.control import query
from daemon.control.paging import cursor_behind
from daemon.pages.viewer import Viewer
from daemon.records.bodies import read_instant
from daemon.records.refusals import FieldFault, NotFoundError

ROWS: Final = 100


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises BadRequestError, NotFoundError."""
    server, start = request.match_info["server"], request.match_info["start"]
    try:
        began_at = read_instant(start)
    except ValueError as error:
        raise NotFoundError([FieldFault("from", str(error))]) from None
    question = "incident", server, began_at
    incident, found = await viewer.incident(server, began_at, query.page(request, question, (0, ""), ROWS))
    return {
        "incident": incident,
        "outages": found.rows,
        "path": ("incidents", server, start),
        "cursor": cursor_behind(question, found),
        "is_first": "cursor" not in request.query,
    }
