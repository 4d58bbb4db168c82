"""What is under a client's link besides its pages: for programs, calendars, feed readers and the client's own pages."""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

from aiohttp import web

from daemon.answers.own import OwnAnswers
from daemon.statements import badges, feed, ics
from sla.records import ClientId


async def status(own: OwnAnswers, client: ClientId, _: web.Request) -> web.Response:
    """How the client's servers are."""
    said = await own.status(client)
    return web.Response(body=said.as_json(), content_type="application/json")


async def calendar(own: OwnAnswers, client: ClientId, _: web.Request) -> web.Response:
    """Maintenance, for calendars that subscribe to it."""
    return web.Response(body=await own.calendar(client), content_type=ics.MEDIA_TYPE, charset="utf-8")


async def atom(own: OwnAnswers, client: ClientId, _: web.Request) -> web.Response:
    """Outages and maintenance, for feed readers."""
    return web.Response(body=await own.feed(client), content_type=feed.MEDIA_TYPE, charset="utf-8")


async def availability_badge(own: OwnAnswers, client: ClientId, request: web.Request) -> web.Response:
    """The month's availability so far of a server, or the lowest."""
    return _badge(await own.availability_badge(client, request.match_info.get("server")))


async def state_badge(own: OwnAnswers, client: ClientId, request: web.Request) -> web.Response:
    """Whether a server is up, or the one that is worst off."""
    return _badge(await own.state_badge(client, request.match_info.get("server")))


OwnFile = Callable[[OwnAnswers, ClientId, web.Request], Awaitable[web.Response]]

OWN_FILES: Final[Mapping[str, OwnFile]] = {
    "/status.json": status,
    "/maintenance.ics": calendar,
    "/feed.atom": atom,
    "/badge/availability.svg": availability_badge,
    "/badge/availability-{server:[^/]+}.svg": availability_badge,
    "/badge/state.svg": state_badge,
    "/badge/state-{server:[^/]+}.svg": state_badge,
}
"""Under the link, and what is served."""


def _badge(picture: bytes | None) -> web.Response:
    """Pages of any origin may show it: that is what it is for."""
    if picture is None:
        return web.Response(status=HTTPStatus.NOT_FOUND, text="404: Not Found")
    answer = web.Response(body=picture, content_type=badges.MEDIA_TYPE)
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
