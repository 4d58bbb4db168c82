"""What pings cost: 10,000 loopback addresses at once, beside fping and aioping, in the same run.

`python -m bench.ping [PINGS]` prints a table, as root, in a network namespace of its own where the kernel answers: its
work is in every figure. Each is a process of its own; CPU is that of its pings alone, of fping that of all of it. False are live
addresses that were not found to be up.
"""

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bench.measuring import Took, least, measured
from bench.table import Row, cpu_and_stall, show
from daemon.pacing import tune_gc
from probes.targets.ping.pinger import Pinger
from probes.targets.ping.settings import Backend, PingSettings
from sla.records import State

PINGS: Final = 10_000
ROUNDS: Final = 7
PEER_ROUNDS: Final = 3
TIMEOUT_S: Final = 2.0
WAIT_S: Final = 300
CPU_S: Final = 0.125
STALL_S: Final = 0.015
FPING: Final = "fping -i 0"
WITHOUT_RAW: Final = ("setpriv", "--inh-caps=-net_raw", "--bounding-set=-net_raw")

Figures = list[tuple[float, float, int]]
"""Of each round: CPU in seconds, stall in seconds (0: there is no loop), false results."""


def addresses(count: int) -> list[str]:
    return [f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}" for number in range(count)]


async def rounds(work: Callable[[], Awaitable[int]], count: int) -> Figures:
    """Of work that says how many results were false."""
    figures: Figures = []
    false = 0

    async def counted() -> None:
        nonlocal false
        false = await work()

    for _ in range(count):
        took = await measured(counted)
        figures.append((*took, false))
    return figures


async def slad(backend: Backend, rate: int | None, count: int) -> Figures:
    targets = addresses(count)
    async with Pinger.open(PingSettings(backend=backend, rate=rate)) as pinger:

        async def work() -> int:
            results = await pinger.ping_all(targets, TIMEOUT_S)
            return sum(result.state is not State.UP for result in results)

        await work()
        return await rounds(work, ROUNDS)


async def aioping(at_once: int, count: int) -> Figures:
    library = __import__("aioping")
    targets = addresses(count)

    async def work() -> int:
        slots = asyncio.Semaphore(at_once)
        false = 0

        async def one(address: str) -> None:
            nonlocal false
            async with slots:
                try:
                    await library.ping(address, timeout=TIMEOUT_S)
                except TimeoutError:
                    false += 1

        async with asyncio.TaskGroup() as group:
            for address in targets:
                group.create_task(one(address))
        return false

    return await rounds(work, PEER_ROUNDS)


def fping(count: int) -> Figures:
    """All at once; it prints those that are alive."""
    figures: Figures = []
    command = ["fping", "-a", "-i", "0", "-r", "0", "-t", f"{TIMEOUT_S * 1_000:.0f}"]
    for _ in range(PEER_ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            command,
            input="\n".join(addresses(count)),
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        figures.append((cpu_s, 0.0, count - len(done.stdout.split())))
    return figures


def rows(who: str, count: int, figures: Figures, *, is_held: bool = False) -> list[Row]:
    """`is_held`: to the targets, of so many pings as are usual."""
    took = least([Took(cpu_s, stall_s) for cpu_s, stall_s, _ in figures])
    cpu_s = CPU_S * count / PINGS if is_held else None
    cpu, stall = cpu_and_stall(f"{who}, {count:,} pings", took, cpu=cpu_s, stall=STALL_S if is_held else None)
    false = sum(false for _, _, false in figures) / len(figures)
    return [
        cpu,
        *([stall] if took.stall_s else []),
        Row(f"{who}, a second and core", count / took.cpu_s, ""),
        Row(f"{who}, false", false, "", 0),
    ]


def apart(*arguments: str, prefix: Sequence[str] = ()) -> Figures:
    """A row's figures, from a process of its own."""
    command = [*prefix, sys.executable, "-m", "bench.ping", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=WAIT_S, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def table(count: int) -> list[Row]:
    counted = str(count)
    first, *others = rows("slad", count, apart("--slad", "datagram", "0", counted), is_held=True)
    others += rows("slad, at most 25,000 a second", count, apart("--slad", "datagram", "25000", counted))
    others += rows("slad, raw socket", count, apart("--slad", "raw", "0", counted))
    if shutil.which("fping"):
        peer = rows(FPING, count, fping(count))
        first = first.beside(FPING, peer[0].value)
        others += peer
    if find_spec("aioping"):
        few = min(count, 2_000)
        others += rows("aioping, 50 at once", few, apart("--aioping", "50", str(few)))
        others += rows("aioping, 1,000 at once", few, apart("--aioping", "1000", str(few)))
        if shutil.which("setpriv"):
            figures = apart("--aioping", "1000", str(few), prefix=WITHOUT_RAW)
            others += rows("aioping, 1,000 at once, without CAP_NET_RAW", few, figures)
    return [first, *others]


def own_network() -> None:
    """Loopback, and ping sockets for all."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=WAIT_S)
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")


def main() -> None:
    """Print the table."""
    tune_gc()  # as the daemon does
    match sys.argv[1:]:
        case ["--slad", backend, rate, count]:
            print(json.dumps(asyncio.run(slad(Backend(backend), int(rate) or None, int(count)))))
        case ["--aioping", at_once, count]:
            print(json.dumps(asyncio.run(aioping(int(at_once), int(count)))))
        case ["--inside", count]:
            own_network()
            show(f"{int(count):,} pings", table(int(count)))
        case rest:
            if os.geteuid() != 0:
                print("needs root, for a network namespace of its own")
                return
            inside = [
                "unshare",
                "--net",
                sys.executable,
                "-m",
                "bench.ping",
                "--inside",
                *(rest or [str(PINGS)]),
            ]
            subprocess.run(inside, check=True, timeout=2 * WAIT_S)


if __name__ == "__main__":
    main()
