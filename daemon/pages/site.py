"""The pages as routes of the public door, and what is answered where there is none."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web

from daemon.control.errors import BadRequestError
from daemon.pages import (
    client,
    clients,
    evidence,
    fleet,
    maintenance,
    outages,
    server,
    servers,
    solution,
    statements,
)
from daemon.pages.asking import filled
from daemon.pages.rendering import ICON, SCRIPT, STYLE, Asset, Templates
from daemon.pages.viewer import PageSources, Viewer
from daemon.records.refusals import AmbiguousNameError, NotFoundError

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_FOR_GOOD: Final = "public, max-age=31536000, immutable"

PageValues = Callable[[Viewer, web.Request], Awaitable[Mapping[str, Any]]]
Document = Callable[[Viewer, web.Request], Awaitable[web.Response]]

PAGES: Final[Mapping[str, tuple[str, PageValues]]] = {
    "/": ("fleet", fleet.page),
    "/clients": ("clients", clients.page),
    "/clients/{client:[^/]+}": ("client", client.page),
    "/solutions/{client:[^/]+}/{solution:[^/]+}": ("solution", solution.page),
    "/servers": ("servers", servers.page),
    "/servers/{server:[^/]+}": ("server", server.page),
    "/outages": ("outages", outages.page),
    "/maintenance": ("maintenance", maintenance.page),
    "/statements": ("statements", statements.page),
    "/evidence": ("evidence", evidence.page),
}
"""Each page: the name of its template, and what it shows."""


class Pages:
    """The pages of the fleet."""

    def __init__(self, sources: PageSources) -> None:
        self._templates = Templates()
        self._fleet = Viewer(sources)

    def routes(self) -> list[web.RouteDef]:
        """What the public door is to serve."""
        return [
            *(web.get(path, self._page(name, values)) for path, (name, values) in PAGES.items()),
            web.get("/clients/{client:[^/]+}/statement", self._answered("client", statements.document)),
            *(web.get(asset.path, _kept(asset)) for asset in (STYLE, SCRIPT, ICON)),
        ]

    def _page(self, name: str, values: PageValues) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def document(viewer: Viewer, request: web.Request) -> web.Response:
            return self._shown(viewer, name, await values(viewer, request))

        return self._answered(name, document)

    def _answered(self, name: str, document: Document) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            viewer = self._fleet
            try:
                return await document(viewer, filled(request))
            except BadRequestError as error:
                return self._refused(viewer, name, HTTPStatus.BAD_REQUEST, error)
            except NotFoundError as error:
                return self._refused(viewer, name, HTTPStatus.NOT_FOUND, error)
            except AmbiguousNameError as error:
                return self._refused(viewer, name, HTTPStatus.NOT_FOUND, error, error.candidates)

        return handle

    def _refused(
        self,
        viewer: Viewer,
        name: str,
        status: HTTPStatus,
        error: Exception,
        candidates: tuple[str, ...] = (),
    ) -> web.Response:
        values = {"error": str(error), "status": status, "candidates": candidates, "of": name}
        return self._shown(viewer, "refused", values, status)

    def _shown(
        self, viewer: Viewer, name: str, values: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK
    ) -> web.Response:
        text = self._templates.page(f"{name}.html", {**values, "viewer": viewer, "page": name})
        response = web.Response(text=text, status=status, content_type="text/html", charset="utf-8")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response


def _kept(asset: Asset) -> Callable[[web.Request], Awaitable[web.Response]]:
    """What a browser may keep for good: its path says what is in it."""

    async def handle(_: web.Request) -> web.Response:
        response = web.Response(body=asset.content, content_type=asset.media_type, charset="utf-8")
        response.headers[hdrs.CACHE_CONTROL] = _FOR_GOOD
        return response

    return handle
