"""Real targets on loopback, good and bad, and tools to probe them with."""

import asyncio
import socket
import ssl
import time
from asyncio.trsock import TransportSocket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from struct import pack

from probes.targets.connect import Origin
from probes.targets.ping.pinger import Pinger
from probes.targets.ping.settings import PingSettings
from probes.targets.resolve import LookUp, Resolver, system_look_up
from probes.targets.result import Reason, Result
from probes.targets.table import probe
from probes.targets.target import Target, parse_target
from probes.targets.tools import Tools, open_tools, trust

TIMEOUT_S = 10.0
"""For what must not time out."""
SHORT_S = 0.25
"""For what must."""

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def tools(
    *,
    origin: Origin | None = None,
    look_up: LookUp = system_look_up,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Tools]:
    """Tools as the daemon has them."""
    with closing(Pinger(PingSettings())) as pings:
        async with open_tools(pings, Resolver(look_up), tls or trust(), origin=origin) as opened:
            yield opened


async def tried(text: str, timeout_s: float = TIMEOUT_S, *, origin: Origin | None = None) -> Result:
    """What one try of a target finds, with tools of its own."""
    async with tools(origin=origin) as opened:
        return await probe(parse_target(text), opened, timeout_s)


async def out_of_time(target: Target, opened: Tools) -> Result:
    """What a try finds whose time runs out. Where this process stood still in it, it is tried again with more time."""
    timeout_s = SHORT_S
    while (result := await probe(target, opened, timeout_s)).reason is Reason.OVERRUN:
        timeout_s *= 2
        assert timeout_s < TIMEOUT_S, result
    return result


@asynccontextmanager
async def server(
    handler: Handler, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """A server's port; the handler's connection is closed when it returns, and at the end in any case."""
    async with AsyncExitStack() as stack:

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stack.callback(writer.transport.abort)
            try:
                await handler(reader, writer)
            except ConnectionError:
                pass
            finally:
                writer.close()

        listening = await asyncio.start_server(handle, host, 0, ssl=tls)
        stack.callback(listening.close)
        yield listening.sockets[0].getsockname()[1]


@contextmanager
def listening(host: str = "127.0.0.1", backlog: int = 16) -> Iterator[socket.socket]:
    """A listener whose kernel accepts connections, and nobody else."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen(backlog)
        yield listener


@contextmanager
def full_listener() -> Iterator[int]:
    """A port that drops whoever comes: its queue is full, and nobody empties it."""
    with listening(backlog=0) as listener, socket.socket() as waiting, socket.socket() as dropped:
        waiting.connect(listener.getsockname())
        dropped.setblocking(False)
        dropped.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def reset_on_close(sock: socket.socket | TransportSocket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))


def descriptors() -> set[str]:
    """The sockets that this process has open."""
    places = (str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink())
    return {place for place in places if place.startswith("socket:")}


def hold_the_loop(seconds: float) -> None:
    """Block whoever calls, as a long computation would."""
    time.sleep(seconds)
