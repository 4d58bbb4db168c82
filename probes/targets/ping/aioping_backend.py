"""Pings by the library aioping (extra `slad[aioping]`, GPLv2), as a second opinion.

Of aioping 0.4.0 only what sends and what receives one ping is used, on datagram sockets that are opened and closed
here: its own `ping` tries a raw socket first, on which it takes other hosts' replies for its own and loses its own, and
leaves its sockets open on errors. Where the process may open raw sockets at all the backend is refused, and no more
than a few pings are under way at a time. It takes late reading for a late answer, and hears no ICMP errors.
"""

import asyncio
import importlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Protocol, cast

from probes.targets.ping.packets import protocol_of, socket_name
from probes.targets.ping.results import failed_here, timed_out, up
from probes.targets.ping.settings import (
    PingBackendError,
    PingForbiddenError,
    PingSettings,
    PingSourceError,
    forbidden,
)
from probes.targets.result import Result

MAX_CONCURRENT: Final = 50
_CAP_NET_RAW: Final = 13


class _Library(Protocol):
    """The two functions of aioping that do not open sockets."""

    async def send_one_ping(
        self,
        sock: socket.socket,
        address: tuple[str | int, ...],
        identifier: int,
        timeout_s: float,
        family: int,
    ) -> None: ...

    async def receive_one_ping(self, sock: socket.socket, identifier: int, timeout_s: float) -> float: ...


def may_open_raw_sockets() -> bool:
    """Whether this process has CAP_NET_RAW in effect."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return bool(int(value, 16) >> _CAP_NET_RAW & 1)
    return False


class AiopingPinger:
    """Pings by aioping; offers what `Pinger` does."""

    def __init__(self, library: _Library) -> None:
        self._library = library
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)

    @staticmethod
    @asynccontextmanager
    async def open(
        settings: PingSettings, *, is_privileged: Callable[[], bool] = may_open_raw_sockets
    ) -> AsyncIterator["AiopingPinger"]:
        """Raises PingBackendError where it is not installed or must not be used, PingForbiddenError, PingSourceError."""
        if settings.address is not None or settings.interface is not None:
            raise PingSourceError("the backend aioping cannot choose the address or interface to send from")
        if is_privileged():
            raise PingBackendError(
                "the backend aioping is refused to a process with CAP_NET_RAW: on raw sockets it reports live hosts "
                "down and dead ones up"
            )
        try:
            library = cast("_Library", importlib.import_module("aioping"))
        except ImportError as error:
            raise PingBackendError(
                "the backend aioping is not installed: pip install 'slad[aioping]'"
            ) from error
        try:
            _open("127.0.0.1").close()
        except PermissionError as error:
            raise PingForbiddenError(forbidden(raw=False)) from error
        yield AiopingPinger(library)

    async def ping(self, address: str, timeout_s: float) -> Result:
        """Ping one numeric address. Raises ValueError if it is none."""
        socket_name(address)
        async with self._slots:
            try:
                sock = _open(address)
            except OSError as error:
                return failed_here(error.errno or 0)
            try:
                return await self._exchange(sock, address, timeout_s)
            finally:
                _close(sock)

    async def ping_all(self, addresses: Sequence[str], timeout_s: float) -> list[Result]:
        """Ping every address once; results in their order."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.ping(address, timeout_s)) for address in addresses]
        return [task.result() for task in tasks]

    async def _exchange(self, sock: socket.socket, address: str, timeout_s: float) -> Result:
        try:
            async with asyncio.timeout(timeout_s):
                await self._library.send_one_ping(sock, (address, 0), 0, timeout_s, sock.family)
                delay_s = await self._library.receive_one_ping(sock, 0, timeout_s)
        except TimeoutError:
            return timed_out("")
        except OSError as error:
            return failed_here(error.errno or 0)
        return up(round(delay_s * 1_000_000))


def _open(address: str) -> socket.socket:
    protocol = protocol_of(address)
    return socket.socket(protocol.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol.number)


def _close(sock: socket.socket) -> None:
    """The library closes it on a time-out, and otherwise leaves it registered with the loop."""
    if sock.fileno() >= 0:
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        loop.remove_writer(sock)
        sock.close()
