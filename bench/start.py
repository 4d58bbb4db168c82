"""Start from a ledger: how long until book and counters stand again.

`python -m bench.start [RECORDS]` writes a ledger of that many records for 40,000 servers, then starts from it in a process of its
own, reading all of them, which writes the snapshot, and in another one from that; the least of a few such runs.
"""

import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.measuring import measured, memory_mb
from bench.observed import said
from bench.table import MEMORY, Row, cpu_and_stall, show
from daemon.ledger import NOTHING_READ, Batch, Entry, Extent, Ledger, snapshot_of
from daemon.pacing import freeze_gc, tune_gc
from daemon.recording.recollection import Recollection
from daemon.recording.replay import replay
from daemon.recording.start_snapshot import StartSnapshots, restore, sections_of
from daemon.servers.policy import Policy
from sla.instants import HOUR, SECOND, Instant
from sla.records import Client, ClientId, Leg, Observation, Record, Server, ServerId, State, Witness

SERVERS = 40_000
RUNS = 2
START = Instant(1_790_000_000 * SECOND)
VCENTER = Witness("bench", "vc")


def evidence(records: int) -> Iterator[Record]:
    """A client, the servers, and observations in the order of time."""
    dice = random.Random(1)
    servers = [ServerId(str(uuid.UUID(int=dice.getrandbits(128), version=4))) for _ in range(SERVERS)]
    yield Client(id=ClientId("c"), name="Client", timezone="UTC", tech_admins=(), recorded_at=START)
    for number, server in enumerate(servers):
        yield Server(
            id=server,
            name=f"server-{number}",
            client=ClientId("c"),
            solution=None,
            in_service_from=START,
            in_service_until=None,
            legs=(Leg.RUNNING, Leg.SAN),
            recorded_at=START,
        )
        for leg in (Leg.RUNNING, Leg.SAN):
            yield said(VCENTER, server, leg, State.UP, START)
    rest = records - 3 * SERVERS - 1
    for number in range(rest):
        at = Instant(START + HOUR + number * SECOND)
        state = State.DOWN if number // SERVERS % 2 == 0 else State.UP
        yield said(VCENTER, servers[number % SERVERS], Leg.RUNNING, state, at)


async def write(path: Path, records: int) -> None:
    """Write the ledger."""
    ledger = Ledger.open(path)
    given = evidence(records)
    until = START
    while batch := [Entry(record=record, settled=until) for record in islice(given, 10_000)]:
        until = max(e.record.at for e in batch if isinstance(e.record, Observation))
        await ledger.commit(Batch(entries=batch, watermarks={VCENTER: until}))
    await ledger.close()


def start(path: Path, *, whole: bool) -> list[Row]:
    """Start from the ledger as the daemon does, and say what it took; after a whole replay write the snapshot too."""
    tune_gc()
    cpu, began = time.process_time(), time.monotonic()
    ledger = Ledger.open(path)
    policy = Policy(assign=lambda *_: None, zone_of=lambda _: "UTC", legs={}, grace_us=HOUR)
    recollection = Recollection("bench", policy)
    unread = restore(path, ledger, recollection)
    assert whole == (unread == NOTHING_READ)
    recollection.book.settle(replay(ledger, recollection, unread).newest)
    freeze_gc()
    how = "all of them read and verified" if whole else "from the snapshot"
    took, beside = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = [
        Row(how, took, most=8.0 if whole else 3.0),
        Row(f"{how}: CPU", time.process_time() - cpu + beside.ru_utime + beside.ru_stime),
        Row(f"{how}: memory", memory_mb("VmHWM"), MEMORY),
    ]
    rows += asyncio.run(write_snapshot(path, ledger, recollection) if whole else verify(ledger, unread))
    return rows


async def write_snapshot(path: Path, ledger: Ledger, recollection: Recollection) -> list[Row]:
    """Write the snapshot for the next start."""
    snapshots = StartSnapshots(
        path, lambda: ledger.head.seq, lambda: sections_of(recollection, ledger.extent), 0
    )
    snapshots.want()
    took = await measured(lambda: snapshots.write_if_due(0, is_last=True))
    size = snapshot_of(path).stat().st_size / 1e6
    await ledger.close()
    return [
        *cpu_and_stall("the snapshot written", took, cpu=1.0, stall=0.015),
        Row("its size", size, MEMORY),
    ]


async def verify(ledger: Ledger, unread: Extent) -> list[Row]:
    """Verify behind the start, without the pauses."""
    cpu = time.process_time()
    verified = NOTHING_READ
    while verified != unread:
        verified = await ledger.verify(verified, unread)
    await ledger.close()
    return [Row("verified behind the start: CPU", time.process_time() - cpu)]


def runs(path: Path, count: int) -> Iterator[Row]:
    """Start from all records, and from the snapshot, each a few times in processes of their own; the least of each figure."""
    for how in ("--whole", "--from-snapshot"):
        tables = []
        for _ in range(count):
            if how == "--whole":
                snapshot_of(path).unlink(missing_ok=True)
            command = [sys.executable, "-m", "bench.start", how, str(path)]
            answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
            tables.append([Row(*row) for row in json.loads(answer.splitlines()[-1])])
        for same in zip(*tables, strict=True):
            yield min(same, key=lambda row: row.value)


def main(records: int) -> None:
    """Write a ledger, and start from it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.db")
        asyncio.run(write(path, records))
        show(f"start from {records:,} records at {SERVERS:,} servers", runs(path, RUNS))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--whole" | "--from-snapshot" as how, path]:
            print(json.dumps(start(Path(path), whole=how == "--whole")))
        case arguments:
            main(int(arguments[0]) if arguments else 1_000_000)
