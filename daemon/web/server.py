"""The public door's server: GET and HEAD only, nothing that changes or probes anything.

Where the web config file asks for a password, links for clients need none: they are one.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

import structlog
from aiohttp import hdrs, web

from daemon.clock import Clock
from daemon.exposition.exposition import Exposition, NotPreparedError, TooManyScrapesError
from daemon.metrics import DoorMetrics
from daemon.records.links import ClientLink
from daemon.web.access import Bucket, PasswordCheck, has_allowed_name
from daemon.web.config import CurrentTls, WebConfig, WebConfigError, WebConfigFile
from daemon.web.connections import Handler, bounded, busy
from daemon.web.door import DEFAULT_LIMITS, Door, Limits
from daemon.web.hosts import Hosts
from daemon.web.later import RouteMaker, add_later
from daemon.web.links import dead_ends, is_under_link, letting_in, nobody
from daemon.web.listening import listening
from daemon.web.negotiation import accepts_gzip, choose_format

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
    file = WebConfigFile(web_config) if web_config is not None else None
    tls = CurrentTls.of(file) if file is not None and file.current().tls is not None else None
    door = Door(name="public", limits=limits, headers=_headers_of(file), metrics=metrics or DoorMetrics())
    known = Hosts(door, "web", [*hosts, *(host for host, _ in addresses)])
    app = _application(site, clock, file, door, known, pages, opened_by)
    async with listening(app, door, addresses, tls) as bound:
        _log.info("public_door_opened", addresses=bound, tls=tls is not None)
        yield bound


def _application(
    site: Site,
    clock: Clock,
    file: WebConfigFile | None,
    door: Door,
    hosts: Hosts,
    pages: RouteMaker,
    opened_by: Callable[[str], ClientLink | None],
) -> web.Application:
    handlers = _PublicHandlers(site)
    guards = [_guarded_by(file, clock)] if file is not None else []
    app = web.Application(
        middlewares=[hosts.middleware(), *guards, letting_in(opened_by), bounded(door)],
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


def _headers_of(file: WebConfigFile | None) -> Callable[[], Mapping[str, str]]:
    """The headers of the web config file as it is at the moment."""

    def headers() -> Mapping[str, str]:
        try:
            return file.current().config.http_server_config.headers if file is not None else {}
        except WebConfigError:
            return {}  # a file that cannot be used has refused the request already

    return headers


def _guarded_by(file: WebConfigFile, clock: Clock) -> Any:
    """A middleware: what the web config file says at this moment about who gets in."""
    passwords = PasswordCheck()
    bucket = Bucket(clock)
    complaint = ""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal complaint
        try:
            config = file.current().config
        except WebConfigError as error:
            if str(error) != complaint:
                complaint = str(error)
                _log.error("web_config_refused", reason=complaint)
            return web.Response(
                status=HTTPStatus.INTERNAL_SERVER_ERROR, text="the web config file cannot be used\n"
            )
        if complaint:
            complaint = ""
            _log.info("web_config_recovered")
        return await _refusal(request, config) or await handler(request)

    async def _refusal(request: web.Request, config: WebConfig) -> web.Response | None:
        if not bucket.take(config.rate_limit.interval_s, config.rate_limit.burst):
            return web.Response(status=HTTPStatus.TOO_MANY_REQUESTS, text="too many requests\n")
        tls = config.tls_server_config
        if tls is not None and tls.client_allowed_sans:
            certificate = request.get_extra_info("peercert")
            if not has_allowed_name(certificate, tls.client_allowed_sans):
                return web.Response(
                    status=HTTPStatus.FORBIDDEN, text="this client certificate may not enter\n"
                )
        if config.basic_auth_users and not is_under_link(request):
            header = request.headers.get(hdrs.AUTHORIZATION)
            if not await passwords.passes(header, config.basic_auth_users):
                refused = web.Response(status=HTTPStatus.UNAUTHORIZED, text="401 Unauthorized\n")
                refused.headers[hdrs.WWW_AUTHENTICATE] = 'Basic realm="slad"'
                return refused
        return None

    return middleware
