"""What /metrics costs: slad's prepared members beside prometheus_client, in the same run on the same machine.

`python -m bench.exposition [SERVERS]` prints a table. Each side runs in a process of its own; memory is what the process
holds over a bare interpreter with the same fleet.
"""

import asyncio
import gzip
import json
import random
import subprocess
import sys
import time
import urllib.request
import uuid
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from bench.measuring import best_of, least, measured, memory_mb
from bench.table import MEMORY, TIME, Row, cpu_and_stall, show
from daemon.clock import SystemClock
from daemon.exposition.exposition import Exposition
from daemon.exposition.families import RATIO_ONE, Column, ServerFamily, Snapshot, label
from daemon.web.server import public_http

LEGS: Final = ("service", "running", "san", "internet")
COUNTED: Final = ("up", "down", "unobserved")
RATIOS: Final = 5
BUDGETS: Final = 7
SERIES: Final = len(LEGS) * len(COUNTED) + RATIOS + BUDGETS
ROUNDS: Final = 5
STALL_S: Final = 0.015
REFRESH: Final = "refresh, all of it"
PEER: Final = "prometheus_client"


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


class _Site:
    def __init__(self, exposition: Exposition) -> None:
        self.exposition = exposition

    def readiness(self) -> Sequence[str]:
        return ()


def scrapes(address: tuple[str, int]) -> list[float]:
    """Wall seconds of scrapes, each read whole."""
    request = urllib.request.Request(
        f"http://{address[0]}:{address[1]}/metrics", headers={"Accept-Encoding": "gzip"}
    )
    times = []
    for _ in range(ROUNDS + 1):
        before = time.perf_counter()
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
        times.append(time.perf_counter() - before)
    return times[1:]


async def slad(servers: int) -> list[Row]:
    fleet = Fleet(servers)
    families = fleet.families()
    exposition = Exposition(SystemClock(), fresh_us=10**12)
    before_mb = memory_mb("VmRSS")
    await exposition.prepare(fleet.snapshot(families), ())
    state_mb = memory_mb("VmRSS") - before_mb
    async with exposition.scrape() as published:
        size_mb = published.text.length(gzip=True) / 1e6

    rows = [
        Row("held in memory", state_mb, MEMORY),
        Row("peak while preparing", memory_mb("VmHWM") - before_mb, MEMORY),
        Row("body, compressed", size_mb, MEMORY),
    ]

    async def refresh(name: str, make: Callable[[], tuple[ServerFamily, ...]], most_s: float | None) -> None:
        snapshots = [fleet.snapshot(make()) for _ in range(ROUNDS)]
        took = least([await measured(partial(exposition.prepare, one, ())) for one in snapshots])
        rows.extend(cpu_and_stall(name, took, cpu=most_s, stall=STALL_S))

    await refresh(REFRESH, fleet.families, 1.0)
    await exposition.prepare(fleet.snapshot(families), ())
    await refresh(
        "refresh, the counters moved",
        lambda: (*fleet.families()[: len(COUNTED)], *families[len(COUNTED) :]),
        None,
    )
    await exposition.prepare(fleet.snapshot(families), ())
    await refresh("refresh, nothing moved", lambda: families, None)
    async with public_http(_Site(exposition), SystemClock(), [("127.0.0.1", 0)]) as addresses:
        served: list[float] = []

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

        took = await measured(serve)
        rows += [
            Row("serve: CPU", took.cpu_s / (ROUNDS + 1)),
            Row("serve over loopback, until it is read", min(served), most=0.02),
            Row("serve: longest stall", took.stall_s, most=STALL_S),
        ]
    return rows


async def library(servers: int) -> list[Row]:
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

    rendered = await best_of(2, render)
    compressed = await measured(compress)
    return [
        *cpu_and_stall(REFRESH, rendered),
        Row("its gzip on top: CPU", compressed.cpu_s),
        Row("peak while preparing", memory_mb("VmHWM") - before_mb, MEMORY),
        Row("body", len(body) / 1e6, MEMORY),
    ]


def side(name: str, servers: int) -> list[Row]:
    """One side, measured in a process of its own."""
    command = [sys.executable, "-m", "bench.exposition", name, str(servers)]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    return [Row(*row) for row in json.loads(answer.splitlines()[-1])]


def rows_of(servers: int) -> Iterator[Row]:
    """The library's rows, and slad's: what both do as a multiple of the library's time."""
    peers = {row.what: row for row in side("library", servers)}
    for row in side("slad", servers):
        peer = peers.get(row.what)
        yield row.beside(PEER, peer.value) if peer is not None and row.unit == TIME else row
    for peer in peers.values():
        yield peer._replace(what=f"{PEER}: {peer.what}")


def main(servers: int = 40_000) -> None:
    """Print the table."""
    show(f"/metrics, {servers:,} servers, {SERIES} series", rows_of(servers))


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
