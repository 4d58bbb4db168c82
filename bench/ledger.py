"""How long the ledger takes: to make a mass outage durable, one tick's watermarks, and to replay its records at start."""

import asyncio
import tempfile
import time
from pathlib import Path

from bench.measuring import cpu_of
from bench.table import Row, show
from daemon.ledger import Batch, Entry, Ledger
from sla.instants import Instant
from sla.records import Leg, Observation, ServerId, State, Witness

WITNESS = Witness("monitor", "vc1")
STARTED_AT = 1_772_000_000_000_000
RUNS = 3


def observations(count: int, at: Instant) -> list[Entry]:
    """Of as many servers, each at an instant of its own."""
    return [
        Entry(
            record=Observation(
                witness=WITNESS,
                server=ServerId(f"50239fd6-0000-4000-8000-{number:012x}"),
                leg=Leg.RUNNING,
                state=State.DOWN,
                at=Instant(at + number),
                reason="poweredOff",
                noticed_at=Instant(at + 2_000_000),
            ),
            settled=at,
        )
        for number in range(count)
    ]


async def _commit_s(path: Path, batch: Batch, runs: int) -> float:
    """The least wall seconds of a commit, from the call to its answer."""
    ledger = Ledger.open(path)
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        await ledger.commit(batch)
        times.append(time.perf_counter() - began)
    await ledger.close()
    return min(times)


def commit_s(folder: Path, count: int, runs: int = 15) -> float:
    """The same of `count` observations."""
    at = Instant(STARTED_AT)
    batch = Batch(entries=observations(count, at), watermarks={WITNESS: at})
    return asyncio.run(_commit_s(folder / f"commit-{count}.db", batch, runs))


def replay_s(folder: Path, count: int) -> float:
    """CPU seconds of reading and verifying `count` records, the ledger open."""
    path = folder / "replay.db"
    batch = Batch(entries=observations(10_000, Instant(STARTED_AT)))
    asyncio.run(_commit_s(path, batch, count // len(batch.entries)))
    ledger = Ledger.open(path)

    def read() -> None:
        assert sum(1 for _ in ledger.replay()) == count

    took = cpu_of(RUNS, read)
    asyncio.run(ledger.close())
    return took


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = (
            Row("commit of a tick's watermarks", commit_s(folder, 0, runs=200)),
            Row("commit of 10,000 observations", commit_s(folder, 10_000), most=0.05),
            Row("1,000,000 records read and verified, CPU", replay_s(folder, 1_000_000)),
        )
        show("the ledger", rows)


if __name__ == "__main__":
    main()
