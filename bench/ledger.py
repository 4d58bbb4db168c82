"""How long the ledger takes: to make a mass outage durable, one tick's watermarks, and to replay its records at start."""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

from daemon.ledger import Batch, Entry, Ledger
from sla.instants import Instant
from sla.records import Leg, Observation, ServerId, State, Witness

WITNESS = Witness("monitor", "vc1")
STARTED_AT = 1_772_000_000_000_000


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


async def _commit_times_ms(path: Path, batch: Batch, runs: int) -> list[float]:
    ledger = Ledger.open(path)
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        await ledger.commit(batch)
        times.append((time.perf_counter() - began) * 1000)
    await ledger.close()
    return times


def commit_ms(folder: Path, count: int, runs: int = 15) -> float:
    """Median of a commit of `count` observations, from the call to its answer."""
    at = Instant(STARTED_AT)
    batch = Batch(entries=observations(count, at), watermarks={WITNESS: at})
    return median(asyncio.run(_commit_times_ms(folder / f"commit-{count}.db", batch, runs)))


def replay_s(folder: Path, count: int, runs: int = 3) -> float:
    """Median of reading and verifying `count` records, the ledger open."""
    path = folder / "replay.db"
    batch = Batch(entries=observations(10_000, Instant(STARTED_AT)))
    asyncio.run(_commit_times_ms(path, batch, count // len(batch.entries)))
    times = []
    for _ in range(runs):
        ledger = Ledger.open(path)
        began = time.perf_counter()
        assert sum(1 for _ in ledger.replay()) == count
        times.append(time.perf_counter() - began)
        asyncio.run(ledger.close())
    return median(times)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"commit of a tick's watermarks        {commit_ms(folder, 0, runs=200):8.2f} ms")
        print(f"commit of 10,000 observations        {commit_ms(folder, 10_000):8.1f} ms")
        print(f"replay of 1,000,000 records, verified {replay_s(folder, 1_000_000):7.2f} s")


if __name__ == "__main__":
    main()
