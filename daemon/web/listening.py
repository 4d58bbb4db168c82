"""Where doors are opened: sockets that are listened on, and connections accepted from them.

slad accepts by itself, so that a connection counts from its first moment, its handshake of TLS included, and so that
running out of descriptors costs connections that wait instead of the door.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final, Never

import structlog
from aiohttp import web

from daemon.ending import end
from daemon.os_faults import AddressTakenError, refused
from daemon.port_holders import holder_of
from daemon.web.connections import ClientConnection
from daemon.web.door import Door
from daemon.web.room import Room

_log = structlog.get_logger(__name__)

_BACKLOG: Final = 128
_RETRY_S: Final = 0.5
_TELL_AGAIN_S: Final = 60.0


@asynccontextmanager
async def listening(
    app: web.Application,
    door: Door,
    addresses: Iterable[tuple[str, int]],
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[list[tuple[str, int]]]:
    """Serve on TCP addresses; yields those that were bound, in which port 0 has become a real one.

    Raises OSError for an address that cannot be bound.
    """
    listeners: list[socket.socket] = []
    try:
        for host, port in addresses:
            await _bind(host, port, listeners)
        async with serving(app, door, listeners, tls):
            yield [listener.getsockname()[:2] for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


@asynccontextmanager
async def serving(
    app: web.Application, door: Door, listeners: Sequence[socket.socket], tls: ssl.SSLContext | None = None
) -> AsyncIterator[None]:
    """Serve on bound sockets, which the caller closes; at the end running requests get a moment to finish."""

    async def secure(_: web.Request, response: web.StreamResponse) -> None:
        door.secure(response)

    app.on_response_prepare.append(secure)
    runner = web.AppRunner(
        app, handler_cancellation=True, shutdown_timeout=door.limits.shutdown_s, access_log=None
    )
    await runner.setup()
    try:
        assert runner.server is not None
        entrance = _Entrance(door, runner.server, tls)
        for listener in listeners:
            listener.setblocking(False)
            listener.listen(_BACKLOG)
        async with beside(entrance.accept_from(listener) for listener in listeners):
            yield
    finally:
        await runner.cleanup()


class _Entrance:
    """How connections come in at one door."""

    def __init__(self, door: Door, manager: web.Server, tls: ssl.SSLContext | None) -> None:
        self._door = door
        self._manager = manager
        self._tls = tls
        self._room = Room(door.limits)

    async def accept_from(self, listener: socket.socket) -> Never:
        """Accept connections for ever. Where there is no descriptor for one, a guest goes who is waited for."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as arrivals:
            told_at = -_TELL_AGAIN_S
            while True:
                try:
                    accepted, _ = await loop.sock_accept(listener)
                except OSError as error:
                    if loop.time() - told_at >= _TELL_AGAIN_S:
                        told_at = loop.time()
                        _log.warning("accept_failed", door=self._door.name, reason=refused(error))
                    self._room.shed()
                    await asyncio.sleep(_RETRY_S)
                    continue
                arrivals.create_task(self._receive(accepted))
                await asyncio.sleep(0)  # an accept that need not wait lets nobody else run

    async def _receive(self, accepted: socket.socket) -> None:
        connection = ClientConnection(self._manager, self._door, self._room, accepted)
        self._room.enter(connection)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=self._door.limits.handshake_s if self._tls is not None else None,
            )
        except OSError as error:  # it hung up, was shown out, took too long, or speaks no TLS that we accept
            self._room.leave(connection)
            if isinstance(error, ConnectionAbortedError):  # asyncio's word for a handshake that took too long
                self._door.metrics.closed(self._door.name, "slow_handshake")
            _log.debug("handshake_failed", door=self._door.name, caller=connection.caller, reason=str(error))


async def _bind(host: str, port: int, listeners: list[socket.socket]) -> None:
    """Add a socket for each address that a host has. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    for family, kind, protocol, _, address in dict.fromkeys(found):
        listener = socket.socket(family, kind, protocol)
        listeners.append(listener)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            listener.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise AddressTakenError(f"{address[0]}:{port}", holder_of(port)) from None


@asynccontextmanager
async def beside(works: Iterable[Coroutine[None, None, Never]]) -> AsyncIterator[None]:
    """Do something while the caller goes on, and end it then. What the caller raises is no group of exceptions."""
    raised: BaseException | None = None
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(work) for work in works]
        try:
            yield
        except BaseException as error:  # noqa: BLE001  raised again below
            raised = error
        await end(running)
    if raised is not None:
        raise raised
