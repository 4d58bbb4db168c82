"""What the public door shows under `/c/TOKEN/`: one client's own, to whoever has the link, and nothing else to him.

A page of a client is a line in `_ROUTES`. Its handler is called for a link that holds; its references are relative, so that they
stay under the link and no page has to know the token. All else under `/c/` is one and the same 404, whatever the reason.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import quote

from aiohttp import hdrs, web

from daemon.records.links import PREFIX, ClientLink
from daemon.replies.own import OwnStatus
from daemon.statements import badges, feed, ics
from daemon.statements.documents import MovingError
from daemon.statements.html import STYLE_SHA256
from daemon.statements.layouts import Files, Layout, LayoutError
from daemon.web.connections import Handler, busy
from daemon.web.pages import STYLE, Pages
from sla.calendars import Month, parse_month
from sla.records import ClientId

_LINK: Final = web.RequestKey("link", ClientLink)
_STATEMENT: Final = re.compile(
    r"(?P<month>[0-9]{4}-[0-9]{2})(?P<part>-outages)?\.(?P<ending>html|pdf|json|csv|txt)", re.ASCII
)
_LAYOUTS: Final = {
    "html": (Layout.HTML, "text/html"),
    "pdf": (Layout.PDF, "application/pdf"),
    "json": (Layout.JSON, "application/json"),
    "csv": (Layout.CSV, "text/csv"),
    "txt": (Layout.TEXT, "text/plain"),
}
_STATEMENT_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{STYLE_SHA256}'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""A statement is one file: its style sheet and its logo are in it."""


class OwnSite(Protocol):
    """What is one client's own."""

    def opened_by(self, token: str) -> ClientLink | None:
        """The link that a token opens now, at a cost that tells nothing of the others."""
        ...

    async def status(self, client: ClientId) -> OwnStatus:
        """How the client's servers are."""
        ...

    async def months(self, client: ClientId) -> Sequence[Month]:
        """The months of which there are statements, the newest first."""
        ...

    async def statement(self, client: ClientId, month: Month, layout: Layout) -> Files:
        """A statement in a format. Raises NoDocumentError, MovingError, LayoutError."""
        ...

    async def calendar(self, client: ClientId) -> bytes:
        """The windows that concern the client as an iCalendar file."""
        ...

    async def feed(self, client: ClientId) -> bytes:
        """Its outages and windows as an Atom feed."""
        ...

    async def availability_badge(self, client: ClientId, server: str | None) -> bytes | None:
        """The availability of a server, or the lowest; None for what is no server of the client's."""
        ...

    async def state_badge(self, client: ClientId, server: str | None) -> bytes | None:
        """The state of a server, or of the one that is worst off; None for what is no server of the client's."""
        ...


class LinkPages:
    """The pages under links."""

    def __init__(self, site: OwnSite, pages: Pages) -> None:
        self._site = site
        self._pages = pages

    def add_to(self, app: web.Application) -> None:
        """Serve them; what is not among them is answered as a link that opens nothing."""
        for path, handler in _ROUTES:
            app.router.add_get(_pattern(f"{PREFIX}{{token}}/{path}"), self._serving(handler))
        app.router.add_get(_pattern(f"{PREFIX}{{token}}"), _with_a_slash)
        app.router.add_get(_pattern(f"{PREFIX}{{token}}/") + "{rest:.*}", _nothing)

    def middleware(self) -> Any:
        """Let in under `/c/` whoever has a link that holds, and to all else there answer alike."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            if not is_under_link(request):
                return await handler(request)
            link = self._site.opened_by(request.match_info["token"])
            if link is None:
                answer: web.StreamResponse = _not_found()
            else:
                request[_LINK] = link
                answer = await handler(request)
            answer.headers["X-Robots-Tag"] = "noindex, nofollow"
            return answer

        return middleware

    def _serving(self, handler: "_LinkHandler") -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await handler(self, request, request[_LINK])

        return handle

    # The pages

    async def overview(self, _: web.Request, link: ClientLink) -> web.Response:
        """What there is, in short."""
        client = link.grant.client
        page = self._pages.client(
            await self._site.status(client), await self._site.months(client), link.grant.expires_at
        )
        return web.Response(text=page, content_type="text/html", charset="utf-8")

    async def style(self, _: web.Request, __: ClientLink) -> web.Response:
        """The style sheet: the one at the root may want a password."""
        return web.Response(text=STYLE, content_type="text/css", charset="utf-8")

    async def status(self, _: web.Request, link: ClientLink) -> web.Response:
        """How the client's servers are, for programs."""
        status = await self._site.status(link.grant.client)
        return web.Response(body=status.as_json(), content_type="application/json")

    async def calendar(self, _: web.Request, link: ClientLink) -> web.Response:
        """Maintenance, for calendars that subscribe to it."""
        body = await self._site.calendar(link.grant.client)
        return web.Response(body=body, content_type=ics.MEDIA_TYPE, charset="utf-8")

    async def feed(self, _: web.Request, link: ClientLink) -> web.Response:
        """Outages and maintenance, for feed readers."""
        body = await self._site.feed(link.grant.client)
        return web.Response(body=body, content_type=feed.MEDIA_TYPE, charset="utf-8")

    async def statement(self, request: web.Request, link: ClientLink) -> web.Response:
        """`YYYY-MM.html`, `.pdf`, `.json`, `.txt`; of CSV the servers, and as `YYYY-MM-outages.csv` the outages."""
        asked = _STATEMENT.fullmatch(request.match_info["file"])
        if asked is None or (asked["part"] and asked["ending"] != "csv"):
            return _not_found()
        layout, kind = _LAYOUTS[asked["ending"]]
        client = link.grant.client
        try:
            files = await self._site.statement(client, parse_month(asked["month"]), layout)
        except (
            ValueError,
            LayoutError,
        ):  # a month that is none, or of which there is nothing; no PDF without typst
            return _not_found()
        except MovingError as error:
            return busy(f"{error}\n")
        sheet = "outages.csv" if asked["part"] else "servers.csv"
        body = files[sheet if layout is Layout.CSV else ""]
        name = quote(f"{client}-{asked[0]}", safe="")
        answer = web.Response(body=body, content_type=kind, charset=None if layout is Layout.PDF else "utf-8")
        answer.headers[hdrs.CONTENT_DISPOSITION] = f"inline; filename*=UTF-8''{name}"
        if layout is Layout.HTML:
            answer.headers["Content-Security-Policy"] = _STATEMENT_POLICY
        return answer

    async def availability_badge(self, request: web.Request, link: ClientLink) -> web.Response:
        """The month's availability so far."""
        return _badge(
            await self._site.availability_badge(link.grant.client, request.match_info.get("server"))
        )

    async def state_badge(self, request: web.Request, link: ClientLink) -> web.Response:
        """Whether it is up."""
        return _badge(await self._site.state_badge(link.grant.client, request.match_info.get("server")))


_LinkHandler = Callable[[LinkPages, web.Request, ClientLink], Awaitable[web.StreamResponse]]

_ROUTES: Final[Sequence[tuple[str, _LinkHandler]]] = (
    ("", LinkPages.overview),
    ("style.css", LinkPages.style),
    ("status.json", LinkPages.status),
    ("maintenance.ics", LinkPages.calendar),
    ("feed.atom", LinkPages.feed),
    ("statements/{file}", LinkPages.statement),
    ("badge/availability.svg", LinkPages.availability_badge),
    ("badge/availability-{server}.svg", LinkPages.availability_badge),
    ("badge/state.svg", LinkPages.state_badge),
    ("badge/state-{server}.svg", LinkPages.state_badge),
)
"""Under the link, and who serves it."""


def _pattern(path: str) -> str:
    """A path as a route: what stands for a name may have any character but a slash."""
    return re.sub(r"\{(\w+)\}", r"{\1:[^/]+}", path)


def is_under_link(request: web.Request) -> bool:
    """Whether a request goes to what links open: as the router understood it, and not as its path may look."""
    resource = request.match_info.route.resource
    return resource is not None and resource.canonical.startswith(PREFIX)


async def _with_a_slash(request: web.Request) -> web.Response:
    """References are relative to the link as a folder."""
    location = f"{request.rel_url.raw_path.rpartition('/')[2]}/"
    return web.Response(status=HTTPStatus.PERMANENT_REDIRECT, headers={hdrs.LOCATION: location})


async def _nothing(_: web.Request) -> web.Response:
    return _not_found()


def _not_found() -> web.Response:
    return web.Response(status=HTTPStatus.NOT_FOUND, text="404: Not Found")


def _badge(picture: bytes | None) -> web.Response:
    """Pages of any origin may show it: that is what it is for."""
    if picture is None:
        return _not_found()
    answer = web.Response(body=picture, content_type=badges.MEDIA_TYPE)
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
