"""What all doors share: how a connection is watched and ended, and which requests are worked on.

A connection has one deadline at most: until its request's head is complete, until its reader has taken some more of an
answer, until it is gone after its end. When it passes the connection is aborted, whatever is still to be sent. Whoever
waits for slad has no deadline, and whoever idles has aiohttp's (`keepalive_s`).
"""

import asyncio
import fcntl
import socket
import struct
import termios
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from daemon.web.callers import caller_of
from daemon.web.door import Door
from daemon.web.room import Room

_log = structlog.get_logger(__name__)

_MAX_HEADERS: Final = 64
_UNSENT_BYTES: Final = 64 * 1024
"""How much of an answer may lie in a connection's buffer before its handler waits."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Phase(Enum):
    IDLE = auto()
    HEAD = auto()
    REQUEST = auto()


class ClientConnection(web.RequestHandler):
    """One client's connection, from its acceptance to its end: a guest of the room at its door."""

    def __init__(self, manager: web.Server, door: Door, room: Room, accepted: socket.socket) -> None:
        limits = door.limits
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
        self.caller = caller_of(accepted)
        self.waits_since: float | None = self._loop.time()
        self._door = door
        self._room = room
        self._socket = accepted
        self._wire: asyncio.Transport | None = None
        self._phase = _Phase.HEAD
        self._is_worked_for = False
        self._deadline: asyncio.TimerHandle | None = None
        self._unread = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: the first head has to come."""
        assert isinstance(transport, asyncio.Transport)
        self._wire = transport
        transport.set_write_buffer_limits(high=_UNSENT_BYTES)
        super().connection_made(transport)
        self._give(self._door.limits.head_s, "slow_request")

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that has begun has to be complete within its time."""
        if self._phase is _Phase.IDLE and data:
            self._phase = _Phase.HEAD
            self.waits_since = self._loop.time()
            self._give(self._door.limits.head_s, "slow_request")
        super().data_received(data)
        if self._phase is _Phase.HEAD and self._messages:
            self._phase = _Phase.REQUEST
            self._take_back_deadline()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send the rest of an answer; then the connection idles, unless the next request is here."""
        finished = await super().finish_response(request, resp, start_time)
        if not self._messages:
            self._phase = _Phase.IDLE
        self.waits_since = self._loop.time()
        return finished

    def pause_writing(self) -> None:
        """The reader has a lot to read: slad waits for it."""
        super().pause_writing()
        self.waits_since = self._loop.time()
        self._unread = self._count_unread()
        self._give_reader_time()

    def resume_writing(self) -> None:
        """The reader has taken most of it."""
        super().resume_writing()
        self._take_back_deadline()
        self.waits_since = None if self._is_worked_for else self._loop.time()

    async def start(self) -> None:
        """Serve requests until the connection ends; what is still to be sent then has a deadline."""
        try:
            await super().start()
        finally:
            self._give(self._door.limits.leave_s, "slow_reader")

    def connection_lost(self, exc: BaseException | None) -> None:
        self._wire = None
        self._take_back_deadline()
        self._room.leave(self)
        super().connection_lost(exc)

    def show_out(self) -> None:
        """Close at once, to make room; during the handshake of TLS there is no more than a socket."""
        self._door.metrics.closed(self._door.name, "room")
        self._abort()

    def admit(self) -> bool:
        """Whether there is room for it as one that was let in."""
        return self._room.admit(self)

    @contextmanager
    def worked_for(self) -> Iterator[bool]:
        """While slad works on its request, if one more may be; whether it may."""
        if self._room.at_work >= self._door.limits.requests:
            self._door.metrics.refused(self._door.name, "busy")
            yield False
            return
        self.waits_since, self._is_worked_for = None, True
        try:
            yield True
        finally:
            self.waits_since, self._is_worked_for = self._loop.time(), False

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  it quotes the client's bytes, which nobody needs to read back
    ) -> web.StreamResponse:
        """The answer to a request that could not be parsed, or whose handler failed."""
        if request.writer.output_size > 0 or isinstance(exc, ConnectionError):
            raise ConnectionError("nobody reads an answer now: it has begun already, or the client hung up")
        if isinstance(exc, LineTooLong) or "Too many headers" in str(exc):
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("request_failed", route=_route_of(request), exc_info=exc)
        response = web.Response(status=status, text=f"{status} {HTTPStatus(status).phrase}\n")
        self._door.secure(response)
        response.force_close()
        return response

    def _give(self, seconds: float, reason: str) -> None:
        """A deadline, in place of any other; a connection that is gone needs none."""
        self._take_back_deadline()
        if self._wire is not None:
            self._deadline = self._loop.call_later(seconds, self._give_up, reason)

    def _give_reader_time(self) -> None:
        self._give(self._door.limits.progress_s, "slow_reader")

    def _take_back_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self, reason: str) -> None:
        if self.writing_paused and self._has_read_on():
            self._give_reader_time()
            return
        self._door.metrics.closed(self._door.name, reason)
        self._abort()

    def _has_read_on(self) -> bool:
        """Whether the reader of an answer has taken enough of it since the last look."""
        before, self._unread = self._unread, self._count_unread()
        return before - self._unread >= self._door.limits.progress_bytes

    def _count_unread(self) -> int:
        """Bytes that the other end has not taken: those in our buffer, and those that the kernel holds."""
        assert self._wire is not None
        packed = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, bytes(4))
        in_kernel: int = struct.unpack("i", packed)[0]
        return self._wire.get_write_buffer_size() + in_kernel

    def _abort(self) -> None:
        if self._wire is not None:
            self._wire.abort()
        else:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _route_of(request: web.BaseRequest) -> str:
    """The path of a request as its route is written: what stands in it may be a secret."""
    resource = request.match_info.route.resource if isinstance(request, web.Request) else None
    return "" if resource is None else resource.canonical


def bounded(door: Door) -> Any:
    """A middleware, inside of the one that lets in: so many requests at once, so long, with no more than a small body.

    A request counts once all of it is here, and no more while its reader makes slad wait.
    """
    limits = door.limits

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, ClientConnection)
        if not connection.admit():
            return busy("there are too many connections\n")
        return await _unread_body(request, door) or await _worked_on(connection, request, handler)

    async def _worked_on(
        connection: ClientConnection, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        with connection.worked_for() as may_be:
            if not may_be:
                return busy(f"{limits.requests} requests are under way, and no more are served at once\n")
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

    return middleware


async def _unread_body(request: web.Request, door: Door) -> web.Response | None:
    """Wait for the body; what is wrong with it, if anything is, ends the connection: the rest of it is not read."""
    limits = door.limits
    if (request.content_length or 0) > limits.body_bytes:
        return _ended(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "413 the body is too large")
    try:
        async with asyncio.timeout(limits.body_s):
            await request.read()
    except TimeoutError:
        door.metrics.closed(door.name, "slow_request")
        return _ended(HTTPStatus.REQUEST_TIMEOUT, f"the body did not arrive within {limits.body_s:g} s")
    except web.HTTPRequestEntityTooLarge:
        return _ended(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "413 the body is too large")
    except web.RequestPayloadError:
        return _ended(HTTPStatus.BAD_REQUEST, "the body cannot be read")
    return None


def _ended(status: HTTPStatus, text: str) -> web.Response:
    response = web.Response(status=status, text=f"{text}\n")
    response.force_close()
    return response


def busy(text: str) -> web.Response:
    """503, and when to come back."""
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, text=text, headers={"Retry-After": "1"})
