"""What /metrics costs: slad's prepared members beside prometheus_client, in the same run on the same machine.

`python -m bench.exposition [SERVERS]` prints a table. Each side runs in a process of its own. CPU times are medians of
five with [min..max]; the stall is the worst lateness of a 1 ms heartbeat on the event loop; memory is what the process
holds over a bare interpreter with the same fleet.
"""

import asyncio
import gzip
import json
import random
import statistics
import subprocess
import sys
import time
import urllib.request
import uuid
from array import array
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, cast

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from daemon.clock import SystemClock
from daemon.exposition.exposition import Exposition
from daemon.exposition.families import RATIO_ONE, Column, ServerFamily, Snapshot, label
from daemon.web.links import OwnSite
from daemon.web.pages import Overview
from daemon.web.server import public_http

LEGS: Final = ("service", "running", "san", "internet")
COUNTED: Final = ("up", "down", "unobserved")
RATIOS: Final = 5
BUDGETS: Final = 7
SERIES: Final = len(LEGS) * len(COUNTED) + RATIOS + BUDGETS
ROUNDS: Final = 5


class Fleet:
    """Servers with random ids and 24 series each, no two values alike; the seed makes runs alike."""

    def __init__(self, servers: int) -> None:
        self.dice = random.Random(1)
        self.ids = [str(uuid.UUID(int=self.dice.getrandbits(128), version=4)) for _ in range(servers)]
        self.labels = [label("server", server) for server in self.ids]
        self.info = [
            f"{rendered},{label('name', f'vm-{row:05}')},{label('client', f'client {row % 300}')}"
            for row, rendered in enumerate(self.labels)
        ]

    def values(self, below: int = 10**13) -> "array[int]":
        return array("q", (self.dice.randrange(below) for _ in self.ids))

    def counters(self, name: str, labels: Sequence[str]) -> ServerFamily:
        columns = tuple(Column(labels=rendered, values=self.values()) for rendered in labels)
        return ServerFamily(name=name, help="A figure.", kind="counter", decimals=6, columns=columns)

    def gauge(self, name: str, decimals: int) -> ServerFamily:
        below = RATIO_ONE if decimals == 9 else 10**10
        column = Column(labels="", values=self.values(below))
        return ServerFamily(name=name, help="A figure.", kind="gauge", decimals=decimals, columns=(column,))

    def families(self) -> tuple[ServerFamily, ...]:
        """As slad has them: 3 families of 4 legs, ratios and times of the month."""
        legs = [label("leg", leg) for leg in LEGS]
        return (
            *(self.counters(f"slad_server_{counted}_seconds_total", legs) for counted in COUNTED),
            *(self.gauge(f"slad_server_month_figure{n}_ratio", 9) for n in range(RATIOS)),
            *(self.gauge(f"slad_server_month_figure{n}_seconds", 6) for n in range(BUDGETS)),
        )

    def snapshot(self, families: tuple[ServerFamily, ...]) -> Snapshot:
        return Snapshot(generation=1, servers=self.labels, info=self.info, families=families)


class FromSnapshot(Collector):
    """The library's way without stale children: a custom collector of metric families."""

    def __init__(self, fleet: Fleet) -> None:
        self.ids = fleet.ids
        self.families = fleet.families()

    def collect(self) -> Iterable[Metric]:
        for family in self.families:
            of = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            legs = LEGS if len(family.columns) > 1 else ("",)
            metric = of(family.name, family.help, labels=["server", "leg"][: 2 if legs is LEGS else 1])
            for leg, column in zip(legs, family.columns, strict=True):
                for server, value in zip(self.ids, column.values, strict=True):
                    metric.add_metric([server, leg] if leg else [server], value / 10**family.decimals)
            yield metric


class Stall:
    """The worst lateness of a 1 ms heartbeat."""

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._done = False

    async def beat(self) -> None:
        while not self._done:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            self.worst_s = max(self.worst_s, time.perf_counter() - before - 0.001)

    async def during(self, work: Callable[[], Awaitable[None]]) -> float:
        """The stall that some work causes, in milliseconds."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.beat())
            await asyncio.sleep(0.05)
            self.worst_s = 0.0
            await work()
            await asyncio.sleep(0.005)
            self._done = True
        return self.worst_s * 1e3


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} [{min(values):.1f}..{max(values):.1f}]"


def memory_mb(key: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise AssertionError(key)


async def measured(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """CPU milliseconds of some work, and the stall in milliseconds that it causes."""
    stall = Stall()
    before = 0.0

    async def counted() -> None:
        nonlocal before
        before = time.process_time()
        await work()
        before = time.process_time() - before

    worst_ms = await stall.during(counted)
    return before * 1e3, worst_ms


class _Site:
    def __init__(self, exposition: Exposition) -> None:
        self.exposition = exposition
        self.own = cast(OwnSite, None)  # nobody has a link here

    def readiness(self) -> Sequence[str]:
        return ()

    def overview(self) -> Overview:
        raise NotImplementedError("nobody looks at the landing page here")

    async def calendar(self) -> bytes:
        raise NotImplementedError


def scrapes(address: tuple[str, int]) -> list[float]:
    """Wall milliseconds of scrapes, each read whole."""
    request = urllib.request.Request(
        f"http://{address[0]}:{address[1]}/metrics", headers={"Accept-Encoding": "gzip"}
    )
    times = []
    for _ in range(ROUNDS + 1):
        before = time.perf_counter()
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
        times.append((time.perf_counter() - before) * 1e3)
    return times[1:]


async def slad(servers: int) -> dict[str, str]:
    fleet = Fleet(servers)
    families = fleet.families()
    exposition = Exposition(SystemClock(), fresh_us=10**12)
    before_mb = memory_mb("VmRSS")
    await exposition.prepare(fleet.snapshot(families), ())
    state_mb = memory_mb("VmRSS") - before_mb
    async with exposition.scrape() as published:
        size_mb = published.text.length(gzip=True) / 1e6

    rows = {
        "held in memory, MB": f"{state_mb:.0f}",
        "peak while preparing, MB": f"{memory_mb('VmHWM') - before_mb:.0f}",
        "body, MB compressed": f"{size_mb:.1f}",
    }

    async def refresh(name: str, make: Callable[[], tuple[ServerFamily, ...]]) -> None:
        snapshots = [fleet.snapshot(make()) for _ in range(ROUNDS)]
        figures = [await measured(partial(exposition.prepare, one, ())) for one in snapshots]
        rows[f"{name}, CPU ms"] = spread([cpu for cpu, _ in figures])
        rows[f"{name}, stall ms"] = spread([stall for _, stall in figures])

    await refresh("refresh all", fleet.families)
    await exposition.prepare(fleet.snapshot(families), ())
    await refresh(
        "refresh, the counters moved", lambda: (*fleet.families()[: len(COUNTED)], *families[len(COUNTED) :])
    )
    await exposition.prepare(fleet.snapshot(families), ())
    await refresh("refresh, nothing moved", lambda: families)
    async with public_http(_Site(exposition), SystemClock(), [("127.0.0.1", 0)]) as addresses:
        served: list[float] = []
        before = time.process_time()

        async def serve() -> None:
            client = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bench.exposition",
                "scrape",
                str(addresses[0][1]),
                stdout=subprocess.PIPE,
            )
            output, _ = await client.communicate()
            served.extend(json.loads(output))

        stall = await Stall().during(serve)
        rows["serve, CPU ms"] = f"{(time.process_time() - before) * 1e3 / (ROUNDS + 1):.1f}"
        rows["serve over loopback, wall ms"] = spread(served)
        rows["serve, stall ms"] = f"{stall:.1f}"
    return rows


async def library(servers: int) -> dict[str, str]:
    fleet = Fleet(servers)
    registry = CollectorRegistry()
    registry.register(FromSnapshot(fleet))
    before_mb = memory_mb("VmRSS")
    body = b""

    async def render() -> None:
        nonlocal body
        body = generate_latest(registry)

    async def compress() -> None:
        gzip.compress(body)

    rendered = [await measured(render) for _ in range(2)]
    compressed_ms, _ = await measured(compress)
    return {
        "refresh all, CPU ms": spread([cpu for cpu, _ in rendered]),
        "refresh all, stall ms": spread([stall for _, stall in rendered]),
        "its gzip on top, CPU ms": f"{compressed_ms:.0f}",
        "peak while preparing, MB": f"{memory_mb('VmHWM') - before_mb:.0f}",
        "body, MB": f"{len(body) / 1e6:.1f}",
    }


def side(name: str, servers: int) -> dict[str, str]:
    """One side, measured in a process of its own."""
    command = [sys.executable, "-m", "bench.exposition", name, str(servers)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    rows: dict[str, str] = json.loads(answer.splitlines()[-1])
    return rows


def main(servers: int = 40_000) -> None:
    """Print the table."""
    print(f"| /metrics, {servers:,} servers x {SERIES} series | |\n| --- | --- |")
    for name, heading in (("slad", "slad"), ("library", "prometheus_client, a custom collector")):
        for row, figure in side(name, servers).items():
            print(f"| {heading}: {row} | {figure} |")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["slad", count]:
            print(json.dumps(asyncio.run(slad(int(count)))))
        case ["library", count]:
            print(json.dumps(asyncio.run(library(int(count)))))
        case ["scrape", port]:
            print(json.dumps(scrapes(("127.0.0.1", int(port)))))
        case [count]:
            main(int(count))
        case _:
            main()
