"""Who is let in under `/c/TOKEN/`: whoever has a link for a client, and nobody else. What is shown there is the pages' matter.

To whoever has none, all that is under `/c/` is one and the same 404, whatever the reason.
"""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

from aiohttp import hdrs, web

from daemon.records.links import PREFIX, ClientLink
from daemon.web.connections import Handler

LINK: Final = web.RequestKey("link", ClientLink)
"""The link that let a request in."""
BASE: Final = PREFIX + "{token:[^/]+}"
"""What is in front of the path of everything under a link, as a route."""


def nobody(_: str) -> None:
    """Where there are no links, no token opens one."""


def letting_in(opened_by: Callable[[str], ClientLink | None]) -> Any:
    """A middleware: under `/c/` a request goes on whose token opens a link."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not is_under_link(request):
            return await handler(request)
        link = opened_by(request.match_info["token"])
        if link is None:
            answer: web.StreamResponse = _not_found()
        else:
            request[LINK] = link
            answer = await handler(request)
        answer.headers["X-Robots-Tag"] = "noindex, nofollow"
        return answer

    return middleware


def is_under_link(request: web.Request) -> bool:
    """Whether a request goes to what links open: as the router understood it, and not as its path may look."""
    resource = request.match_info.route.resource
    return resource is not None and resource.canonical.startswith(PREFIX)


def dead_ends() -> Iterator[web.RouteDef]:
    """Whatever is under a link and is no page is answered as a link that opens nothing; behind all that there is."""
    yield web.get(BASE, _with_a_slash)
    yield web.get(BASE + "/{rest:.*}", _nothing)


async def _with_a_slash(request: web.Request) -> web.Response:
    location = f"{request.rel_url.raw_path.rpartition('/')[2]}/"
    return web.Response(status=HTTPStatus.PERMANENT_REDIRECT, headers={hdrs.LOCATION: location})


async def _nothing(_: web.Request) -> web.Response:
    return _not_found()


def _not_found() -> web.Response:
    return web.Response(status=HTTPStatus.NOT_FOUND, text="404: Not Found")
