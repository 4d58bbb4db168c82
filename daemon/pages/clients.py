"""`/clients`: every client, and how its month stands."""

from typing import Any, Final

from aiohttp import web

from daemon.pages.asking import clients_asked
from daemon.pages.viewer import Viewer

ROWS: Final = 100


async def page(viewer: Viewer, request: web.Request) -> dict[str, Any]:
    """The values of the page. Raises BadRequestError."""
    clients, cursor = await clients_asked(request, viewer, "clients", ROWS)
    return {"clients": clients, "cursor": cursor}
