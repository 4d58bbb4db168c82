"""Start from a ledger: how long until book and counters stand again.

`python -m bench.start [RECORDS]` writes a ledger of that many records for 40,000 servers, then replays it in a process of
its own.
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

from daemon.book.live_book import LiveBook
from daemon.ledger import Batch, Entry, Ledger
from daemon.pacing import tune_gc
from daemon.recording.replay import replay
from daemon.recording.transitions import Transitions
from daemon.servers.policy import Policy
from daemon.servers.registry import ServerRegistry
from daemon.statements.register import StatementRegister
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


def start(path: Path) -> None:
    """Replay the ledger as the daemon does, and say what it took."""
    tune_gc()
    began, cpu = time.monotonic(), time.process_time()
    ledger = Ledger.open(path)
    book = LiveBook("bench")
    policy = Policy(assign=lambda *_: None, zone_of=lambda _: "UTC", legs={}, grace_us=HOUR)
    registry = ServerRegistry("bench", policy, book.last_said)
    newest = replay(ledger, book, registry, Transitions(book, registry), StatementRegister(book.evidence))
    book.settle(newest.newest)
    print(
        f"start from {ledger.head.seq:,} records: {time.monotonic() - began:.1f} s wall,"
        f" {time.process_time() - cpu:.1f} s CPU, {getrusage(RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )
    asyncio.run(ledger.close())


def main(records: int) -> None:
    """Write, then start."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ledger.db")
        asyncio.run(write(path, records))
        subprocess.run([sys.executable, "-m", "bench.start", "--replay", str(path)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--replay"]:
        start(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
