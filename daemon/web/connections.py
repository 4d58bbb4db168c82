"""What both doors share: how a connection is accepted, watched and ended, and how many requests run at once."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

_log = structlog.get_logger(__name__)

_MAX_HEADERS: Final = 64
_TLS_HANDSHAKE_S: Final = 10.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one door puts up with. `request_s` bounds a whole request, its answer included; None for no bound."""

    connections: int = 256
    requests: int = 64
    head_s: float = 10.0
    request_s: float | None = 30.0
    keepalive_s: float = 75.0
    header_bytes: int = 8190
    body_bytes: int = 64 * 1024
    body_s: float = 10.0
    shutdown_s: float = 2.0


DEFAULT_LIMITS: Final = Limits()


class ClientConnection(web.RequestHandler):
    """One client's connection: refused beyond the limit, closed when its request's head does not arrive in time."""

    def __init__(self, manager: web.Server, limits: Limits) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=limits.keepalive_s,
            lingering_time=limits.body_s,
            access_log=None,  # type: ignore[arg-type]  # None is its documented "off"
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
            max_headers=_MAX_HEADERS,
        )
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many already."""
        assert self._manager is not None
        if len(self._manager.connections) >= self._limits.connections:
            assert isinstance(transport, asyncio.Transport)
            transport.abort()
            return
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that has begun has to be complete within its time."""
        if not self._request_in_progress:
            self._expect_head()
        super().data_received(data)
        if self._messages or self._request_in_progress:
            self._head_is_here()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  it quotes the client's bytes, which nobody needs to read back
    ) -> web.StreamResponse:
        """The answer to a request that could not be parsed, or whose handler failed."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        if isinstance(exc, LineTooLong) or "Too many headers" in str(exc):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("request_failed", path=request.path, exc_info=exc)
        response = web.Response(
            status=status, text=f"{status} {HTTPStatus(status).phrase}\n", headers={"Server": "slad"}
        )
        response.force_close()
        return response

    def _expect_head(self) -> None:
        if self._deadline is None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(self._limits.head_s, self._give_up)

    def _head_is_here(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.force_close()


@asynccontextmanager
async def connections_to(
    app: web.Application, limits: Limits
) -> AsyncIterator[Callable[[], ClientConnection]]:
    """A protocol factory for listeners that lead to `app`; at the end running requests get a moment to finish."""
    runner = web.AppRunner(
        app, handler_cancellation=True, shutdown_timeout=limits.shutdown_s, access_log=None
    )
    await runner.setup()
    server = runner.server
    assert server is not None
    try:
        yield lambda: ClientConnection(server, limits)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def listening(
    app: web.Application,
    limits: Limits,
    addresses: Iterable[tuple[str, int]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[list[tuple[str, int]]]:
    """Serve on TCP addresses; yields those that were bound, in which port 0 has become a real one.

    Raises OSError for an address that cannot be bound.
    """
    loop = asyncio.get_running_loop()
    async with connections_to(app, limits) as connection:
        servers: list[asyncio.Server] = []
        try:
            for host, port in addresses:
                handshake_s = _TLS_HANDSHAKE_S if tls is not None else None
                servers.append(
                    await loop.create_server(
                        connection, host, port, ssl=tls, ssl_handshake_timeout=handshake_s
                    )
                )
            yield [listener.getsockname()[:2] for server in servers for listener in server.sockets]
        finally:
            for server in servers:
                server.close()


def bounded(limits: Limits) -> Any:
    """A middleware: so many requests at once, so long, with no more than a small body."""
    under_way = 0

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal under_way
        if under_way >= limits.requests:
            return busy(f"{under_way} requests are under way, and no more are served at once\n")
        if (request.content_length or 0) > limits.body_bytes:
            too_large = web.Response(
                status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text="413 the body is too large\n"
            )
            too_large.force_close()
            return too_large
        under_way += 1
        try:
            async with asyncio.timeout(limits.request_s):
                return await handler(request)
        except TimeoutError:
            if request.writer.output_size > 0:
                # A slow reader: closing would wait for it to take what is buffered.
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionError("the answer took too long") from None
            return busy("the answer took too long\n")
        finally:
            under_way -= 1

    return middleware


def busy(text: str) -> web.Response:
    """503, and when to come back."""
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text=text, headers={"Retry-After": "1"})
