"""The pages as routes of the public door, and what is answered where there is none."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web

from daemon.control.errors import BadRequestError
from daemon.control.questions import BusyError
from daemon.ledger import LedgerDamagedError
from daemon.pages import (
    client,
    clients,
    evidence,
    fleet,
    incident,
    maintenance,
    monitors,
    outages,
    server,
    servers,
    solution,
    statements,
)
from daemon.pages.asking import filled
from daemon.pages.own import OWN_FILES, OwnFile
from daemon.pages.rendering import ICON, SCRIPT, STYLE, Asset, templates
from daemon.pages.viewer import PageSources, Viewer
from daemon.records.links import path_of
from daemon.records.refusals import AmbiguousNameError, NotFoundError
from daemon.statements.ics import MEDIA_TYPE
from daemon.web.connections import busy
from daemon.web.links import BASE, LINK

POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_FOR_GOOD: Final = "private, max-age=31536000, immutable"

PageValues = Callable[[Viewer, web.Request], Awaitable[Mapping[str, Any]]]
Document = Callable[[Viewer, web.Request], Awaitable[web.Response]]

_ALIKE: Final[Mapping[str, tuple[str, PageValues]]] = {
    "/solutions/{client:[^/]+}/{solution:[^/]+}": ("solution", solution.page),
    "/servers": ("servers", servers.page),
    "/servers/{server:[^/]+}": ("server", server.page),
    "/outages": ("outages", outages.page),
    "/incidents/{server:[^/]+}/{start:[^/]+}": ("incident", incident.page),
    "/maintenance": ("maintenance", maintenance.page),
    "/statements": ("statements", statements.page),
    "/evidence": ("evidence", evidence.page),
}
PAGES: Final[Mapping[str, tuple[str, PageValues]]] = {
    "/": ("fleet", fleet.page),
    "/clients": ("clients", clients.page),
    "/clients/{client:[^/]+}": ("client", client.page),
    "/monitors": ("monitors", monitors.page),
    **_ALIKE,
}
"""Each page of the fleet: the name of its template, and what it shows."""
OWN_PAGES: Final[Mapping[str, tuple[str, PageValues]]] = {"/": ("client", client.page), **_ALIKE}
"""Each page under a client's link."""
STATEMENT: Final = "/statements/{file:[^/]+}"


class Pages:
    """The pages of the fleet, and of each client under its links."""

    def __init__(self, sources: PageSources) -> None:
        self._templates = templates()
        self._sources = sources
        self._fleet = Viewer(sources)

    def routes(self) -> list[web.RouteDef]:
        """What the public door is to serve."""
        client_statement = f"/clients/{{client:[^/]+}}{STATEMENT}"
        return [
            *self._pages("", PAGES),
            *self._pages(BASE, OWN_PAGES),
            *(web.get(BASE + path, self._own(file)) for path, file in OWN_FILES.items()),
            web.get(client_statement, self._answered("statements", statements.document)),
            web.get(BASE + STATEMENT, self._answered("statements", statements.document)),
            web.get("/maintenance.ics", self._calendar),
            *(
                web.get(base + asset.path, _kept(asset))
                for asset in (STYLE, SCRIPT, ICON)
                for base in ("", BASE)
            ),
        ]

    async def _calendar(self, _: web.Request) -> web.Response:
        """The maintenance of the fleet, for calendars that subscribe to it."""
        file = await self._sources.answers.calendar()
        return web.Response(body=file, content_type=MEDIA_TYPE, charset="utf-8")

    def _pages(self, base: str, pages: Mapping[str, tuple[str, PageValues]]) -> Iterator[web.RouteDef]:
        for path, (name, values) in pages.items():
            yield web.get(base + path, self._page(name, values))

    def _viewer(self, request: web.Request) -> Viewer:
        """The fleet's, or that of the client whose link let the request in."""
        link = request.get(LINK)
        if link is None:
            return self._fleet
        return Viewer(self._sources, link=link, base=path_of(request.match_info["token"]).rstrip("/"))

    def _own(self, file: OwnFile) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return await file(self._sources.own, request[LINK].grant.client, request)

        return handle

    def _page(self, name: str, values: PageValues) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def document(viewer: Viewer, request: web.Request) -> web.Response:
            return self._shown(viewer, name, await values(viewer, request))

        return self._answered(name, document)

    def _answered(self, name: str, document: Document) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            viewer = self._viewer(request)
            try:
                return await document(viewer, filled(request))
            except BadRequestError as error:
                return self._refused(viewer, name, HTTPStatus.BAD_REQUEST, error)
            except NotFoundError as error:
                return self._refused(viewer, name, HTTPStatus.NOT_FOUND, error)
            except LedgerDamagedError as error:
                return self._refused(viewer, name, HTTPStatus.INTERNAL_SERVER_ERROR, error)
            except BusyError as error:
                return busy(f"{error}\n")
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
