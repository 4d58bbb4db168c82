"""ICMP echo for any number of targets over one socket for each version of IP: `Pinger`."""

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from probes.targets.path import Paths
from probes.targets.ping import packets
from probes.targets.ping.aioping_backend import AiopingPinger
from probes.targets.ping.echo_socket import EchoSocket, UnusableSourceError, open_socket
from probes.targets.ping.flight import PingRequest
from probes.targets.ping.packets import IPV4, IPV6, protocol_of, socket_name
from probes.targets.ping.results import failed_here
from probes.targets.ping.settings import (
    Backend,
    PingBackendError,
    PingError,
    PingForbiddenError,
    Pings,
    PingSettings,
    PingSourceError,
    forbidden,
)
from probes.targets.ping.socket_engine import SocketEngine
from probes.targets.result import Reason, Result, unknown

MakeEngine = Callable[[EchoSocket, Paths, int], SocketEngine]

_AT_ONCE: Final = 4_096
"""Addresses that are read before the loop gets its turn."""


@asynccontextmanager
async def open_pings(settings: PingSettings) -> AsyncIterator[Pings]:
    """The backend that the settings name, closed at the end. Raises PingError."""
    if settings.backend is Backend.AIOPING:
        async with AiopingPinger.open(settings) as pings:
            yield pings
    else:
        async with Pinger.open(settings) as pinger:
            yield pinger


class Pinger:
    """Pings over one socket for each version of IP, opened when first used. For the loop on which it was opened."""

    def __init__(self, settings: PingSettings, make_engine: MakeEngine = SocketEngine) -> None:
        """Raises PingError; `Pinger.open` closes it too."""
        self._settings = settings
        self._make_engine = make_engine
        if settings.address is not None and settings.interface is not None:
            raise PingSourceError("either an address or an interface, not both")
        self._paths = Paths(address=settings.address, interface=settings.interface)
        self._engines: dict[str, SocketEngine] = {}
        self._loop = asyncio.get_running_loop()
        if self._paths.fileno() >= 0:
            self._loop.add_reader(self._paths.fileno(), self._listen)

    @staticmethod
    @asynccontextmanager
    async def open(settings: PingSettings, make_engine: MakeEngine = SocketEngine) -> AsyncIterator["Pinger"]:
        """A pinger, closed at the end: who waits for pings then learns nothing. Raises PingError."""
        pinger = Pinger(settings, make_engine)
        try:
            pinger.check()
            yield pinger
        finally:
            pinger.close()

    def check(self) -> None:
        """Open the first socket. Raises PingError, but not for want of resources, which may pass."""
        protocol = protocol_of(self._settings.address or "")
        try:
            self._engine(protocol)
        except OSError as error:
            translated = _translated(error, self._settings)
            if type(translated) is not PingError:
                raise translated from error

    def close(self) -> None:
        if self._paths.fileno() >= 0:
            self._loop.remove_reader(self._paths.fileno())
        for engine in self._engines.values():
            engine.close(unknown(Reason.OVERRUN, "the pinger was closed"))
        self._engines.clear()
        self._paths.close()

    @property
    def dropped(self) -> dict[str, int]:
        """Packets for which the socket had no room, by version of IP: `ipv4`, `ipv6`."""
        return {name: engine.dropped for name, engine in self._engines.items()}

    @property
    def strays(self) -> dict[str, int]:
        """Packets that answered no ping in flight, by version of IP: late, doubled, forged."""
        return {name: engine.strays for name, engine in self._engines.items()}

    async def ping(self, address: str, timeout_s: float) -> Result:
        """Ping one numeric address. Raises ValueError if it is none."""
        return (await self.ping_all((address,), timeout_s))[0]

    async def ping_all(self, addresses: Sequence[str], timeout_s: float) -> list[Result]:
        """Ping every address once; results in their order. The time-out runs from each ping's sending.

        Returns when the last is concluded. Raises ValueError if one is no numeric address.
        """
        names = await _names(addresses)
        results: list[Result | None] = [None] * len(names)
        timeout_ns = int(timeout_s * 1e9)
        requests: list[asyncio.Future[None]] = []
        for protocol in (IPV4, IPV6):
            places = [place for place, name in enumerate(names) if name[0] == protocol.family]
            if not places:
                continue
            try:
                engine = self._engine(protocol)
            except OSError as error:
                result = failed_here(error.errno or errno.EIO)
                for place in places:
                    results[place] = result
                continue
            done = self._loop.create_future()
            requests.append(done)
            engine.add(PingRequest([names[place] for place in places], places, results, timeout_ns, done))
        try:
            for done in requests:
                await done
        finally:
            for done in requests:
                done.cancel()
        return [result for result in results if result is not None]

    def _engine(self, protocol: packets.Protocol) -> SocketEngine:
        """The engine for a version of IP, opened if need be. Raises OSError."""
        engine = self._engines.get(protocol.name)
        if engine is None or engine.unusable:
            settings = self._settings
            if settings.address is not None and protocol_of(settings.address) is not protocol:
                raise OSError(errno.EAFNOSUPPORT, f"{settings.address} is of the other version of IP")
            gap_ns = 1_000_000_000 // settings.rate if settings.rate else 0
            fresh = self._make_engine(self._socket(protocol), self._paths, gap_ns)
            if engine is not None:
                engine.close(unknown(Reason.NO_ROUTE, "the way out of this host went away"))
                fresh.dropped, fresh.strays = engine.dropped, engine.strays
            engine = self._engines[protocol.name] = fresh
        return engine

    def _listen(self) -> None:
        self._paths.listen(time.monotonic_ns())

    def _socket(self, protocol: packets.Protocol) -> EchoSocket:
        settings = self._settings
        opened = partial(
            open_socket,
            protocol,
            address=settings.address,
            interface=settings.interface,
            receive_buffer_bytes=settings.receive_buffer_bytes,
        )
        match settings.backend:
            case Backend.DATAGRAM:
                return opened(raw=False)
            case Backend.RAW:
                return opened(raw=True)
            case Backend.AUTO:
                try:
                    return opened(raw=False)
                except PermissionError:
                    return opened(raw=True)
            case Backend.AIOPING:
                raise PingBackendError("aioping is a pinger of its own: see open_pings")


async def _names(addresses: Sequence[str]) -> list[bytes]:
    names: list[bytes] = []
    for start in range(0, len(addresses), _AT_ONCE):
        names.extend(map(socket_name, addresses[start : start + _AT_ONCE]))
        if len(names) < len(addresses):
            await asyncio.sleep(0)
    return names


def _translated(error: OSError, settings: PingSettings) -> PingError:
    """What an error at opening means; a plain PingError is one that may pass."""
    if isinstance(error, UnusableSourceError):
        return PingSourceError(error.strerror)
    if isinstance(error, PermissionError):
        return PingForbiddenError(forbidden(raw=settings.backend is Backend.RAW))
    return PingError(f"no ICMP socket could be opened: {error.strerror}")
