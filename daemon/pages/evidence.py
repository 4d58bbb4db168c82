"""`/evidence`: what the figures rest on, and how anybody checks them."""

from typing import Any

from aiohttp import web

from daemon.pages.viewer import Viewer


async def page(viewer: Viewer, _: web.Request) -> dict[str, Any]:
    """The values of the page."""
    return {"overview": viewer.overview(), "client": viewer.client}
