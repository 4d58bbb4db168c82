"""What the live figures of months and solutions cost: a whole refresh of /metrics, from the book to the members.

`python -m bench.standing [SERVERS]` prints a table: a fleet as it is (one server in ten was down this month), and one in
which no two servers have a figure in common.
"""

import asyncio
import gc
import json
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Final

from bench.exposition import ROUNDS, STALL_S
from bench.measuring import least, measured, memory_mb
from bench.table import MEMORY, Row, cpu_and_stall, show
from daemon.book.live_book import LiveBook
from daemon.clock import SystemClock
from daemon.exposition.bodies import Format
from daemon.exposition.exposition import Exposition
from daemon.live.facts import ServerFacts
from daemon.live.figures import LiveFigures
from daemon.live.snapshots import Snapshots
from daemon.pacing import tune_gc
from daemon.timezones import use_packaged_time_zones
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant, parse_instant
from sla.records import (
    ALL_LEGS,
    Blind,
    Category,
    Client,
    ClientId,
    Exclusion,
    ExclusionId,
    Leg,
    Server,
    ServerId,
    SolutionId,
    State,
    Witness,
)

MONTH: Final = parse_instant("2026-11-01T05:00:00Z")
BEFORE: Final = Instant(MONTH - 20 * DAY)
NOW: Final = parse_instant("2026-11-18T03:20:00Z")  # inside a maintenance window, in Toronto
VC: Final = Witness("bench", "vc")
NET: Final = Witness("bench", "internet")
CLIENTS: Final = 300
TICK_US: Final = 5 * SECOND
CHANGES: Final = 20
"""Servers that something is said of between two refreshes."""


class Fleet:
    """A book as a daemon has it in the middle of a month."""

    def __init__(self, servers: int, *, is_worst: bool) -> None:
        self.dice = random.Random(1)
        self.is_worst = is_worst
        self.now = NOW
        self.book = LiveBook("bench")
        self.ids = [
            ServerId(str(uuid.UUID(int=self.dice.getrandbits(128), version=4))) for _ in range(servers)
        ]
        self._tell_clients()
        self._tell_exclusions()
        spans = [Instant(MONTH + number * 9 * HOUR) for number in range(40)]
        blind = [Blind(witness=VC, start=at, end=Instant(at + MINUTE)) for at in spans]
        self.book.take_watermarks({VC: NOW, NET: NOW}, [], blind)
        for number, server in enumerate(self.ids):
            self._tell(number, server)
        self.book.settle(NOW)

    def tick(self) -> None:
        """A tick later: everything was seen, and a few servers changed."""
        self.now = Instant(self.now + TICK_US)
        self.book.take_watermarks({VC: self.now, NET: self.now}, [], [])
        for server in self.dice.sample(self.ids, CHANGES):
            self._say(server, self.dice.choice(tuple(State)), self.now)
        self.book.settle(self.now)

    def _tell_clients(self) -> None:
        zones = ("America/Toronto", "America/St_Johns", "America/Vancouver")
        for number in range(CLIENTS):
            client = ClientId(f"client {number}")
            zone = zones[0 if self.is_worst else number % len(zones)]
            self.book.take_record(
                Client(id=client, name=client, timezone=zone, tech_admins=(), recorded_at=BEFORE), None
            )

    def _tell_exclusions(self) -> None:
        for number in range(3 if self.is_worst else 8):
            start = Instant(NOW - 20 * MINUTE - 7 * DAY * number)
            window = Exclusion(
                id=ExclusionId(f"w{number}"),
                category=Category.SCHEDULED_MAINTENANCE,
                start=start,
                end=Instant(start + 2 * HOUR),
                announced_at=BEFORE,
                recorded_at=BEFORE,
            )
            self.book.take_record(window, None)
        if self.is_worst:
            for name, category in (("c", Category.CLIENT_CHANGE), ("f", Category.FORCE_MAJEURE)):
                start = Instant(MONTH + (5 if name == "c" else 7) * DAY)
                end = Instant(start + HOUR)
                self.book.take_record(
                    Exclusion(
                        id=ExclusionId(name), category=category, start=start, end=end, recorded_at=BEFORE
                    ),
                    None,
                )

    def _tell(self, number: int, server: ServerId) -> None:
        # In the worst case each began in the midst of the two exclusions, for which so each has another time.
        since = Instant(MONTH + 5 * DAY + number * 80_000) if self.is_worst else BEFORE
        self.book.take_record(
            Server(
                id=server,
                name=f"vm-{number:05}",
                client=ClientId(f"client {number % CLIENTS}"),
                solution=None if number % 2 else SolutionId(f"solution {number // 8}"),
                in_service_from=since,
                in_service_until=None,
                recorded_at=BEFORE,
            ),
            None,
        )
        for leg in ALL_LEGS:
            track = self.book.track(server, leg, NET if leg is Leg.INTERNET else VC)
            self.book.take_observation(track, since, State.UP, "", since)
        outages = 3 if self.is_worst else int(number % 10 == 0)
        for outage in range(outages):
            at = Instant(MONTH + (8 + outage) * DAY + self.dice.randrange(DAY // 2))
            self._say(server, State.DOWN, at, ALL_LEGS[outage])
            self._say(server, State.UP, Instant(at + self.dice.randrange(HOUR)), ALL_LEGS[outage])

    def _say(self, server: ServerId, state: State, at: Instant, leg: Leg = Leg.RUNNING) -> None:
        witness = NET if leg is Leg.INTERNET else VC
        track = self.book.track(server, leg, witness)
        self.book.take_observation(track, at, state, "", self.book.settled(server, witness))


async def side(servers: int, *, is_worst: bool) -> list[Row]:
    """The figures of one fleet."""
    use_packaged_time_zones()
    tune_gc()
    fleet = Fleet(servers, is_worst=is_worst)
    gc.freeze()
    standing = LiveFigures(fleet.book)
    figures = Snapshots(fleet.book, standing, ServerFacts(source_of=lambda _: "vc"))
    exposition = Exposition(SystemClock(), fresh_us=10**15)
    held_mb = memory_mb("VmRSS")

    async def judge_all() -> None:
        while not await figures.keep_up():
            pass

    async def refresh() -> None:
        await exposition.prepare(await figures.snapshot(), ())

    first = await measured(judge_all)
    await refresh()
    parts: dict[str, list[float]] = {"keep up": [], "snapshot": [], "members": []}
    refreshes = []
    for _ in range(ROUNDS):
        fleet.tick()

        async def whole() -> None:
            began = time.process_time()
            await judge_all()
            kept = time.process_time()
            snapshot = await figures.snapshot()
            taken = time.process_time()
            await exposition.prepare(snapshot, ())
            parts["keep up"].append(kept - began)
            parts["snapshot"].append(taken - kept)
            parts["members"].append(time.process_time() - taken)

        refreshes.append(await measured(whole))
    peak_mb = memory_mb("VmHWM")
    async with exposition.scrape() as published:
        blocks = [block async for block in published.body(Format.TEXT).blocks(gzip=False)]
        compressed_mb = published.text.length(gzip=True) / 1e6
    text = b"".join(blocks)
    samples = sum(line.startswith(b"slad_server") for line in text.split(b"\n"))
    kinds = sum(formula is not None for formula in standing.servers.formulas.by_number)
    return [
        Row("formulas", kinds, ""),
        Row("series a server", samples / servers, ""),
        Row("body", len(text) / 1e6, MEMORY),
        Row("body, compressed", compressed_mb, MEMORY),
        *cpu_and_stall("judging all", first),
        *cpu_and_stall("refresh", least(refreshes), cpu=1.0, stall=STALL_S),
        *(Row(f"of it {name}: CPU", min(values)) for name, values in parts.items()),
        Row("memory before", held_mb, MEMORY),
        Row("memory at the peak", peak_mb, MEMORY),
    ]


def asked(servers: int) -> Iterator[Row]:
    """Both fleets, each in a process of its own."""
    for name, heading in (("usual", "a fleet as it is"), ("worst", "no two alike")):
        command = [sys.executable, "-m", "bench.standing", name, str(servers)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        for what, *rest in json.loads(answer.splitlines()[-1]):
            yield Row(f"{heading}: {what}", *rest)


def main(servers: int = 40_000) -> None:
    """Print the table."""
    show(f"live figures, {servers:,} servers", asked(servers))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["usual" | "worst" as name, count]:
            print(json.dumps(asyncio.run(side(int(count), is_worst=name == "worst"))))
        case [count]:
            main(int(count))
        case _:
            main()
