"""The public door's server: GET and HEAD only, nothing that changes or probes anything.

Where the web config file asks for a password, links for clients need none: they are one.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from aiohttp import hdrs, web

from daemon.clock import Clock
from daemon.exposition.exposition import Exposition, NotPreparedError, TooManyScrapesError
from daemon.metrics import DoorMetrics
from daemon.records.links import ClientLink
from daemon.web.connections import bounded, busy
from daemon.web.door import DEFAULT_LIMITS, Door, Limits, no_headers
from daemon.web.hosts import Hosts
from daemon.web.later import RouteMaker, add_later
from daemon.web.links import dead_ends, letting_in, nobody
from daemon.web.listening import listening
from daemon.web.negotiation import accepts_gzip, choose_format

if TYPE_CHECKING:
    from daemon.web.guarding import Guard

_log = structlog.get_logger(__name__)


class Site(Protocol):
    """What the public door shows; the composition root hands it in."""

    @property
    def exposition(self) -> Exposition:
        """Where scrapes come from."""
        ...

    def readiness(self) -> Sequence[str]:
        """Why slad is not ready, a sentence each; empty when it is."""
        ...


@asynccontextmanager
async def public_http(
    site: Site,
    clock: Clock,
    addresses: Sequence[tuple[str, int]],
    *,
    pages: RouteMaker = tuple,
    opened_by: Callable[[str], ClientLink | None] = nobody,
    web_config: Path | None = None,
    hosts: Sequence[str] = (),
    limits: Limits = DEFAULT_LIMITS,
    metrics: DoorMetrics | None = None,
) -> AsyncIterator[list[tuple[str, int]]]:
    """Serve on every address; yields the addresses that were bound, in which port 0 has become a real one.

    `pages`: what people look at; `opened_by`: the link for a client that a token opens now; `hosts`: by which others know slad, besides the addresses and this machine's name.
    Raises WebConfigError for a web config file that cannot be used, and OSError for an address that cannot be bound.
    """
    guard = None if web_config is None else _guard_by(web_config, clock)
    headers = no_headers if guard is None else guard.headers
    tls = None if guard is None else guard.tls
    door = Door(name="public", limits=limits, headers=headers, metrics=metrics or DoorMetrics())
    known = Hosts(door, "web", [*hosts, *(host for host, _ in addresses)])
    guards = [known.middleware(), *([] if guard is None else [guard.middleware()])]
    app = _application(site, door, guards, pages, opened_by)
    async with listening(app, door, addresses, tls) as bound:
        _log.info("public_door_opened", addresses=bound, tls=tls is not None)
        yield bound


def _guard_by(web_config: Path, clock: Clock) -> "Guard":
    from daemon.web.guarding import Guard

    return Guard(web_config, clock)


def _application(
    site: Site,
    door: Door,
    guards: Sequence[Any],
    pages: RouteMaker,
    opened_by: Callable[[str], ClientLink | None],
) -> web.Application:
    handlers = _PublicHandlers(site)
    app = web.Application(
        middlewares=[*guards, letting_in(opened_by), bounded(door)],
        client_max_size=door.limits.body_bytes,
    )
    app.router.add_get("/metrics", handlers.metrics)
    app.router.add_get("/-/healthy", handlers.healthy)
    app.router.add_get("/-/ready", handlers.ready)
    add_later(app, lambda: [*pages(), *dead_ends()])
    return app


class _PublicHandlers:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="slad is healthy.\n")

    async def ready(self, _: web.Request) -> web.Response:
        reasons = self._site.readiness()
        if not reasons:
            return web.Response(text="slad is ready.\n")
        text = "slad is not ready:\n" + "".join(f"- {reason}\n" for reason in reasons)
        return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text=text)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        wanted = choose_format(",".join(request.headers.getall(hdrs.ACCEPT, ())))
        gzip = accepts_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ())))
        try:
            async with self._site.exposition.scrape() as published:
                body = published.body(wanted)
        except (TooManyScrapesError, NotPreparedError) as refusal:
            return busy(f"{refusal}\n")
        # It never changes: who reads slowly, or not at all, keeps no other scrape from its figures.
        response = web.StreamResponse(headers={hdrs.VARY: "Accept, Accept-Encoding"})
        response.headers[hdrs.CONTENT_TYPE] = wanted.value
        response.content_length = body.length(gzip=gzip)
        if gzip:
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        await response.prepare(request)
        if request.method == hdrs.METH_GET:
            async for block in body.blocks(gzip=gzip):
                await response.write(block)
        await response.write_eof()
        return response
