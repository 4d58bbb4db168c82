"""`/servers`: the servers in service, filtered, in an order, a page at a time."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from daemon.control import query
from daemon.control.listing import SERVER_KEYS
from daemon.control.paging import cursor_behind
from daemon.control.questions import ServersAsked
from daemon.control.routes import ServerOrder
from daemon.pages.viewer import Viewer
from sla.records import State

ROWS: Final = 50
ORDERS: Final[Mapping[str, str]] = {
    "name": "by name",
    "worst": "the worst first",
    "since": "the last changed first",
}
_STATES: Final[Mapping[str, State | None]] = {state.word: state for state in reversed(State)}


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises BadRequestError, NotFoundError."""
    name = query.text(request, "name")
    asked = ServersAsked(
        client=query.text(request, "client"),
        solution=query.text(request, "solution"),
        state=query.chosen(request, "state", _STATES, None),
        name=_pattern(name),
        order=query.chosen(request, "sort", {each.value: each for each in ServerOrder}, ServerOrder.NAME),
    )
    question = "servers page", asked
    found = await viewer.servers(asked, query.page(request, question, SERVER_KEYS[asked.order], ROWS))
    filters = {
        "client": asked.client,
        "solution": asked.solution,
        "state": request.query.get("state"),
        "name": name,
    }
    return {
        "servers": found.rows,
        "filters": filters,
        "sort": asked.order.value,
        "orders": ORDERS,
        "states": list(_STATES),
        "cursor": cursor_behind(question, found),
        "is_first": "cursor" not in request.query,
        "at": viewer.now(),
    }


def _pattern(name: str | None) -> str | None:
    """A part of a name finds all that have it; a pattern those that fit."""
    if name is None or "*" in name or "?" in name:
        return name
    return f"*{name}*"
