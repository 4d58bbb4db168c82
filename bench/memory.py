"""What a whole daemon holds in memory: after a first sync, and on a month of history; and what an observation takes there.

`python -m bench.memory [SERVERS]` starts a daemon on a simulated vCenter, without a ledger and then on two of a month. In it every
server was moved to another host three times, of which events tell; and one in ten, or every one, was restarted, with all that a real
ledger has of that: it was down and up, two events say so, and a cause says who did it. A ledger is read whole by one daemon, and by
the next from the snapshot. What is idle is scraped by nobody. Tracks are measured alone, each fleet in a process of its own.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Final

from bench.daemon import CONTACTED, Daemon, configure, machines, simulation
from bench.measuring import memory_mb
from bench.observed import said
from bench.table import MEMORY, Row, show
from daemon.clock import SystemClock
from daemon.ledger import Batch, Entry, Ledger
from daemon.servers.policy import NOBODY
from probes.simulation.values import identifier
from sla.book import Book
from sla.instants import DAY, HOUR, MINUTE, Instant
from sla.records import (
    Cause,
    CauseKind,
    Client,
    Confidence,
    Event,
    Leg,
    Record,
    Server,
    ServerId,
    State,
    Witness,
)

MOVES: Final = 3
"""Times that each server is moved in a month."""
PASTS: Final = {"a month, one server in ten down once": 10, "a month, every server down once": 1}
TARGET_MB: Final = 350
"""Idle, on a month of history (issue 16)."""
OBSERVED: Final = (25, 250)
"""Observations a server."""
SEED: Final = 1
"""The simulation's own: by it and their numbers servers have their UUIDs."""
SOURCE: Final = "sim"
VCENTER: Final = Witness("bench", SOURCE)
RECOVERED: Final = Witness("bench", f"{SOURCE}/recovered")
LEGS: Final = (Leg.RUNNING, Leg.SAN)
MONTH_US: Final = 30 * DAY
AT_ONCE: Final = 10_000
SETTLES_S: Final = 10
"""Its memory is what it stays at by then."""


def month(names: Sequence[str], restarted: int, until: Instant) -> Iterator[tuple[Instant, Record]]:
    """The records of a month until an instant, each with when it was recorded.

    `names`: of the servers, by their numbers. `restarted`: of so many servers one was.
    """
    began = Instant(until - MONTH_US)
    client = NOBODY.client
    yield began, Client(id=client, name=client, timezone="UTC", tech_admins=(), recorded_at=began)
    servers = len(names)
    ids = [ServerId(identifier(SEED, "vm", number)) for number in range(servers)]
    for name, server in zip(names, ids, strict=True):
        yield (
            began,
            Server(
                id=server,
                name=name,
                client=client,
                solution=None,
                in_service_from=began,
                in_service_until=None,
                legs=LEGS,
                observer=VCENTER.observer,
                recorded_at=began,
                recorded_by="slad",
            ),
        )
        for leg in LEGS:
            yield began, said(VCENTER, server, leg, State.UP, began)
    pause_us = (MONTH_US - 2 * HOUR) // (MOVES * servers)
    for number in range(MOVES * servers):
        at, server = Instant(began + HOUR + number * pause_us), ids[number % servers]
        yield at, event(f"move-{number}", "DrsVmMigratedEvent", server, at)
        if number < servers and number % restarted == 0:
            yield from restart(number, server, at)


def restart(number: int, server: ServerId, at: Instant) -> Iterator[tuple[Instant, Record]]:
    """A server is off for a minute, by its client's hand."""
    key, back_at = f"off-{number}", Instant(at + MINUTE)
    yield at, event(key, "VmPoweredOffEvent", server, at)
    yield at, said(VCENTER, server, Leg.RUNNING, State.DOWN, at)
    cause = Cause(
        server=server,
        start=at,
        cause=CauseKind.CLIENT_CHANGE,
        confidence=Confidence.PROVED,
        user="admin@client",
        because=(key,),
        text="admin@client powered it off.",
        incident=identifier("incident", number),
        host=f"esxi-{number % 300}",
        recorded_at=at,
        recorded_by="slad",
    )
    yield at, cause
    yield back_at, event(f"on-{number}", "VmPoweredOnEvent", server, back_at)
    yield back_at, said(VCENTER, server, Leg.RUNNING, State.UP, back_at)


def event(key: str, kind: str, server: ServerId, at: Instant) -> Event:
    """What vCenter tells of it."""
    return Event(
        source=SOURCE,
        key=key,
        type=kind,
        at=at,
        server=server,
        user="admin@client",
        text=f"{server} on esxi is turned",
        recorded_at=at,
        recorded_by="slad",
    )


async def write(path: Path, names: Sequence[str], restarted: int) -> int:
    """Write the ledger; how many records it has."""
    ledger = Ledger.open(path)
    now = SystemClock().now()
    given = iter(sorted(month(names, restarted, Instant(now - HOUR)), key=itemgetter(0)))
    settled = Instant(now - MONTH_US)
    while some := list(islice(given, AT_ONCE)):
        until = some[-1][0]
        entries = [Entry(record=record, settled=settled) for _, record in some]
        await ledger.commit(Batch(entries=entries, watermarks=dict.fromkeys((VCENTER, RECOVERED), until)))
        settled = until
    await ledger.close()
    return ledger.head.seq


def held(name: str, folder: Path) -> Iterator[Row]:
    """What a daemon in a folder holds, idle and then scraped."""
    daemon = Daemon(folder)
    try:
        daemon.logged(CONTACTED)
        time.sleep(SETTLES_S)
        yield Row(f"{name}: idle", daemon.memory_mb("VmRSS"), MEMORY, most=TARGET_MB)
        for _ in range(3):
            daemon.scraped()
            time.sleep(SETTLES_S)
        yield Row(f"{name}: scraped", daemon.memory_mb("VmRSS"), MEMORY)
        yield Row(f"{name}: peak", daemon.memory_mb(), MEMORY)
    finally:
        daemon.stop()


def daemons(servers: int) -> Iterator[Row]:
    """A daemon without a past, and one with each."""
    with simulation(servers) as address:
        with tempfile.TemporaryDirectory() as folder:
            configure(Path(folder), address, legs=LEGS)
            yield from held("after a first sync", Path(folder))
        for name, restarted in PASTS.items():
            with tempfile.TemporaryDirectory() as folder:
                configure(Path(folder), address, legs=LEGS)
                records = asyncio.run(write(Path(folder, "ledger.db"), machines(address), restarted))
                yield Row(f"{name}: records", records, "")
                of_old = Daemon(Path(folder))
                of_old.logged(CONTACTED)
                of_old.stop()
                yield from held(f"{name}, from the snapshot", Path(folder))


def tracks(servers: int, observations: int) -> list[Row]:
    """The tracks of a fleet, filled as a ledger's are: every server is heard of before the first is heard of again.

    What a track takes before the first is none of it.
    """
    ids = [ServerId(identifier(SEED, "vm", number)) for number in range(servers)]
    book = Book()
    held = [book.track(server, Leg.RUNNING, VCENTER) for server in ids]
    before_mb = memory_mb("VmRSS")
    for number in range(observations):
        at, state = Instant(number * HOUR), State.DOWN if number % 2 else State.UP
        for track in held:
            track.add(at, state)
    taken_mb = memory_mb("VmRSS") - before_mb
    return [
        Row(f"{observations} observations a server: memory", taken_mb, MEMORY),
        Row(
            f"{observations} observations a server: bytes of each",
            taken_mb * 2**20 / observations / servers,
            "",
        ),
    ]


def rows_of(servers: int) -> Iterator[Row]:
    """The rows of the table."""
    yield from daemons(servers)
    for observations in OBSERVED:
        command = [sys.executable, "-m", "bench.memory", "tracks", str(servers), str(observations)]
        answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
        yield from (Row(*row) for row in json.loads(answer))


def main(servers: int = 40_000) -> None:
    """Print the table."""
    show(f"memory, {servers:,} servers", rows_of(servers))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["tracks", servers, observations]:
            print(json.dumps(tracks(int(servers), int(observations))))
        case [servers]:
            main(int(servers))
        case _:
            main()
