"""What TCP probes cost: 10,000 connects, 100 at once; beside bare `loop.sock_connect`, 100 at once too, and
asyncio's streams without a bound, in the same run.

`python -m bench.tcp [CONNECTS]` prints a table. The server is a process of its own and listens on four loopback ports.
CPU and stall are medians with [min..max]; a stall is the worst lateness of a 1 ms heartbeat on the loop.
"""

import asyncio
import json
import selectors
import socket
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Final

from bench.measuring import best_of
from bench.table import Row, cpu_and_stall, show
from daemon.pacing import tune_gc
from probes.targets.burst import burst
from probes.targets.ping.pinger import Pinger
from probes.targets.ping.settings import PingSettings
from probes.targets.resolve import Resolver
from probes.targets.table import probe
from probes.targets.target import Target, parse_target
from probes.targets.tools import Tools, open_tools, trust
from sla.records import State

CONNECTS: Final = 10_000
AT_ONCE: Final = 100
PORTS: Final = 4
ROUNDS: Final = 3
TIMEOUT_S: Final = 3.0
"""As the daemon's default."""
CPU_S: Final = 1.5
STALL_S: Final = 0.03
BARE: Final = "bare loop.sock_connect"
BACKLOG: Final = 16_384


def serve() -> None:
    """Be the server: print the ports, accept and close, until the input ends."""
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) for _ in range(PORTS)]
    print(json.dumps([listener.getsockname()[1] for listener in listeners]), flush=True)
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        for listener in listeners:
            listener.setblocking(False)
            selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if not isinstance(key.fileobj, socket.socket):
                    return
                _accept_all(key.fileobj)


def _accept_all(listener: socket.socket) -> None:
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return
        except ConnectionAbortedError:  # it was reset before
            continue


@contextmanager
def server() -> Iterator[list[int]]:
    """The ports of a server process."""
    command = [sys.executable, "-m", "bench.tcp", "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ports: list[int] = json.loads(process.stdout.readline())
            yield ports
        finally:
            process.stdin.close()


async def slad_round(targets: Sequence[Target], tools: Tools) -> list[float]:
    """Every target once, as `slad probe` does it: the round-trip times in seconds of those that are up."""
    rtts: list[float] = []

    async def attempt(target: Target) -> None:
        result = await probe(target, tools, TIMEOUT_S)
        if result.state is State.UP:
            rtts.append((result.rtt_us or 0) / 1e6)

    await burst(targets, attempt, at_once=AT_ONCE)
    return rtts


async def bare_round(targets: Sequence[Target]) -> list[float]:
    """What a connect costs at the least in asyncio."""
    rtts: list[float] = []
    loop = asyncio.get_running_loop()

    async def attempt(target: Target) -> None:
        started_s = loop.time()
        with socket.socket() as sock:
            sock.setblocking(False)
            await loop.sock_connect(sock, (target.host, target.port))
        rtts.append(loop.time() - started_s)

    await burst(targets, attempt, at_once=AT_ONCE)
    return rtts


async def streams_round(targets: Sequence[Target]) -> list[float]:
    """Every target once, each in a task of its own that starts at once."""
    rtts: list[float] = []
    loop = asyncio.get_running_loop()

    async def attempt(target: Target) -> None:
        started_s = loop.time()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                _, writer = await asyncio.open_connection(target.host, target.port)
        except OSError:
            return
        rtts.append(loop.time() - started_s)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for target in targets:
            group.create_task(attempt(target))
    return rtts


async def rounds(
    name: str, one: Callable[[], Awaitable[list[float]]], count: int, *, repeat: int = ROUNDS
) -> list[Row]:
    """Rows of the table."""
    rtts: list[float] = []

    async def work() -> None:
        rtts.extend(await one())

    took = await best_of(repeat, work)
    ours = name == "slad"
    return [
        *cpu_and_stall(name, took, cpu=CPU_S if ours else None, stall=STALL_S if ours else None),
        Row(f"{name}: round trip that it reports", statistics.median(rtts)),
        Row(f"{name}: connects that failed, of {count * repeat:,}", count * repeat - len(rtts), "", 0),
    ]


async def table(ports: Sequence[int], count: int) -> list[Row]:
    targets = [parse_target(f"tcp://127.0.0.1:{ports[number % len(ports)]}") for number in range(count)]
    with closing(Pinger(PingSettings())) as pings:
        async with open_tools(pings, Resolver(), trust()) as tools:
            ours = await rounds("slad", lambda: slad_round(targets, tools), count)
    bare = await rounds(BARE, lambda: bare_round(targets), count)
    streams = await rounds("unbounded asyncio streams", lambda: streams_round(targets), count, repeat=1)
    return [ours[0].beside(BARE, bare[0].value), *ours[1:], *bare, *streams]


def main() -> None:
    """Print the table."""
    tune_gc()  # as the daemon does
    if sys.argv[1:] == ["--serve"]:
        serve()
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CONNECTS
    with server() as ports:
        rows = asyncio.run(table(ports, count))
    show(f"{count:,} TCP connects", rows)


if __name__ == "__main__":
    main()
