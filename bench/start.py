"""Start from a ledger: how long until book and counters stand again.

`python -m bench.start [RECORDS]` writes a ledger of that many records for 40,000 servers, then starts from it in a process of its
own, reading all of them, which writes the snapshot, and in another one from that. The stall is the worst lateness of a 1 ms
heartbeat on the event loop.
"""

import asyncio
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from bench.exposition import measured
from daemon.ledger import NOTHING_READ, Batch, Entry, Extent, Ledger, snapshot_of
from daemon.pacing import freeze_gc, tune_gc
from daemon.recording.recollection import Recollection
from daemon.recording.replay import replay
from daemon.recording.start_snapshot import StartSnapshots, restore
from daemon.servers.policy import Policy
from sla.instants import HOUR, SECOND, Instant
from sla.records import Client, ClientId, Leg, Observation, Record, Server, ServerId, State, Witness

SERVERS = 40_000
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
            yield said(server, leg, State.UP, START)
    rest = records - 3 * SERVERS - 1
    for number in range(rest):
        at = Instant(START + HOUR + number * SECOND)
        state = State.DOWN if number // SERVERS % 2 == 0 else State.UP
        yield said(servers[number % SERVERS], Leg.RUNNING, state, at)


def said(server: ServerId, leg: Leg, state: State, at: Instant) -> Observation:
    """What vCenter says, noticed a moment later."""
    return Observation(
        witness=VCENTER, server=server, leg=leg, state=state, at=at, noticed_at=Instant(at + SECOND // 3)
    )


async def write(path: Path, records: int) -> None:
    """Write the ledger."""
    ledger = Ledger.open(path)
    given = evidence(records)
    until = START
    while batch := [Entry(record=record, settled=until) for record in islice(given, 10_000)]:
        until = max(e.record.at for e in batch if isinstance(e.record, Observation))
        await ledger.commit(Batch(entries=batch, watermarks={VCENTER: until}))
    await ledger.close()


def start(path: Path, *, whole: bool) -> None:
    """Start from the ledger as the daemon does, and say what it took; after a whole replay write the snapshot too."""
    tune_gc()
    began, cpu = time.monotonic(), time.process_time()
    ledger = Ledger.open(path)
    policy = Policy(assign=lambda *_: None, zone_of=lambda _: "UTC", legs={}, grace_us=HOUR)
    recollection = Recollection("bench", policy)
    unread = restore(path, ledger, recollection)
    assert whole == (unread == NOTHING_READ)
    recollection.book.settle(replay(ledger, recollection, unread).newest)
    freeze_gc()
    how = "all of them read" if whole else "from the snapshot"
    say(f"start from {ledger.head.seq:,} records, {how}", began, cpu)
    asyncio.run(write_snapshot(path, ledger, recollection) if whole else verify(ledger, unread))


async def write_snapshot(path: Path, ledger: Ledger, recollection: Recollection) -> None:
    """Write the snapshot for the next start."""
    snapshots = StartSnapshots(path, ledger, recollection, NOTHING_READ)
    snapshots.want()
    began = time.monotonic()
    cpu_ms, stall_ms = await measured(lambda: snapshots.write_if_due(0, is_last=True))
    size = snapshot_of(path).stat().st_size / 1e6
    print(
        f"snapshot of {size:.0f} MB: {time.monotonic() - began:.1f} s wall, {cpu_ms / 1000:.1f} s CPU,"
        f" longest stall {stall_ms:.1f} ms"
    )
    await ledger.close()


async def verify(ledger: Ledger, unread: Extent) -> None:
    """Verify behind the start, without the pauses."""
    began, cpu = time.monotonic(), time.process_time()
    verified = NOTHING_READ
    while verified != unread:
        verified = await ledger.verify(verified, unread)
    say(f"verified behind it: {unread.head.seq:,} records", began, cpu)
    await ledger.close()


def say(what: str, began: float, cpu: float) -> None:
    """What it took since then, and the most memory that the process ever had."""
    print(
        f"{what}: {time.monotonic() - began:.1f} s wall, {time.process_time() - cpu:.1f} s CPU,"
        f" {getrusage(RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )


def main(records: int) -> None:
    """Write, then start twice: from all records, and from the snapshot."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.db")
        asyncio.run(write(path, records))
        for how in ("--whole", "--from-snapshot"):
            subprocess.run([sys.executable, "-m", "bench.start", how, str(path)], check=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--whole" | "--from-snapshot" as how, path]:
            start(Path(path), whole=how == "--whole")
        case arguments:
            main(int(arguments[0]) if arguments else 1_000_000)
