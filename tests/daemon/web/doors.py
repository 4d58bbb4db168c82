"""Every door of slad, open on loopback, with callers who do as they are told and callers who do not."""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from daemon.clock import SystemClock
from daemon.config.tables import ControlTable
from daemon.config.values import Surroundings
from daemon.control.api import LIMITS, control_api
from daemon.control.routing import routes_of
from daemon.control.tcp import TcpControlApi
from daemon.exposition.exposition import Exposition
from daemon.metrics import Metrics
from daemon.web.door import DEFAULT_LIMITS, Limits
from daemon.web.server import public_http
from sla.instants import HOUR
from tests.daemon.control.fixed import FixedControl
from tests.daemon.records.office import Office
from tests.daemon.web.door import StandingSite
from tests.peers.tls import issue

DOORS = ("public", "control", "control_tcp")
TOKEN = "slad_test"
LONG_EXPORT = ["x" * 1000] * 3000
"""More than a socket takes unread."""


@dataclass
class OpenDoor:
    """One door, and how to come in. `good` is a request that is to be answered with 200, whatever else happens.

    On the public door so is a scrape.
    """

    name: str
    limits: Limits
    place: Path | tuple[str, int]
    good: bytes
    tls: ssl.SSLContext | None = None
    metrics: Metrics = field(default_factory=Metrics)
    held: list[Any] = field(default_factory=list)

    @property
    def room(self) -> int:
        """How many connections there can be."""
        return self.limits.connections + self.limits.strangers

    async def plain(self) -> socket.socket:
        """A connection on which nothing was said."""
        connection = await self._connected()
        self.held.append(connection)
        return connection

    async def came_in(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection, its handshake done."""
        connection = await self._connected()
        try:
            name = "localhost" if self.tls is not None else None
            reader, writer = await asyncio.open_connection(
                sock=connection, ssl=self.tls, server_hostname=name
            )
        except OSError:
            connection.close()
            raise
        self.held.append(writer)
        return reader, writer

    async def _connected(self) -> socket.socket:
        """Connected, and with room for little that is not read."""
        connection = socket.socket(socket.AF_UNIX if isinstance(self.place, Path) else socket.AF_INET)
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            place = str(self.place) if isinstance(self.place, Path) else self.place
            await asyncio.get_running_loop().sock_connect(connection, place)
        except OSError:
            connection.close()
            raise
        return connection

    async def asked(self, request: bytes, *, close: bool = True) -> bytes:
        """What a request on a connection of its own is answered with."""
        reader, writer = await self.came_in()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if close:
            writer.transport.abort()
        return head

    async def is_open(self) -> bool:
        """Whether good requests are answered with 200."""
        asked = [self.good, request("/metrics")] if self.name == "public" else [self.good]
        async with asyncio.timeout(20):
            return all([(await self.asked(each)).startswith(b"HTTP/1.1 200 ") for each in asked])

    def count(self, family: str, reason: str) -> float:
        """What the door counted."""
        name = f"slad_door_{family}_total"
        return (
            self.metrics.process._registry.get_sample_value(name, {"door": self.name, "reason": reason}) or 0
        )


def request(path: str, *lines: str, method: str = "GET", body: str = "") -> bytes:
    """A request by HTTP/1.1."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", body)).encode()


AUTHORIZED = f"Authorization: Bearer {TOKEN}"


@asynccontextmanager
async def open_door(name: str, folder: Path, **limits: Any) -> AsyncIterator[OpenDoor]:
    """A door by its name; `limits` in place of its own."""
    metrics, control, office = Metrics(), FixedControl(lines=LONG_EXPORT), Office()
    standard = DEFAULT_LIMITS if name == "public" else LIMITS
    bounds = Limits(**{key: getattr(standard, key) for key in Limits.__slots__} | limits)
    operations = partial(routes_of, control, office.records)
    async with AsyncExitStack() as stack:
        place: Path | tuple[str, int]
        if name == "public":
            # Figures that stay fresh, however long it takes to fill a door on a loaded machine.
            site = StandingSite(Exposition(SystemClock(), wait_s=0.05, fresh_us=HOUR))
            await site.prepare(60_000)
            public = public_http(
                site, SystemClock(), [("127.0.0.1", 0)], limits=bounds, metrics=metrics.doors
            )
            (place,) = await stack.enter_async_context(public)
            door = OpenDoor(name, bounds, place, request("/-/healthy"), metrics=metrics)
        elif name == "control":
            place = folder / "control.sock"
            unix = control_api(operations, place, limits=bounds, metrics=metrics.doors)
            await stack.enter_async_context(unix)
            door = OpenDoor(name, bounds, place, request("/v1/status"), metrics=metrics)
        else:
            certificate = issue(folder)
            said = {
                "socket": "control.sock",
                "listen": ["127.0.0.1:0"],
                "cert_file": str(certificate.certfile),
                "key_file": str(certificate.keyfile),
                "token": [
                    {"name": "t", "role": "record", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}
                ],
            }
            table = ControlTable.model_validate(said, context=Surroundings(folder=folder, env={}))
            tcp = TcpControlApi(table, office).open(operations, bounds, metrics.doors)
            (place,) = await stack.enter_async_context(tcp)
            trust = ssl.create_default_context(cafile=certificate.cafile)
            good = request("/v1/status", AUTHORIZED)
            door = OpenDoor(name, bounds, place, good, tls=trust, metrics=metrics)
        try:
            yield door
        finally:
            for connection in door.held:
                connection.close() if isinstance(connection, socket.socket) else connection.transport.abort()
            await asyncio.sleep(0.01)  # asyncio closes the sockets of transports in its next turns


def descriptors() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
