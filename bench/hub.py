"""The store: how fast a monitor catches up into a real PostgreSQL, and how many bytes a record takes there with its indexes."""

import asyncio
import tempfile
import time
from pathlib import Path

from bench.ledger import WITNESS, observations
from daemon.clock import SystemClock
from daemon.hub.shipping import Shipper
from daemon.ledger import Batch, Ledger
from daemon.metrics import Metrics
from sla.instants import Instant
from tests.daemon.hub.stores import TestStore, make_store
from tests.peers.postgres import postgres
from tests.waiting import until_told

STARTED_AT = Instant(1_772_000_000_000_000)
RECORDS = 200_000
AT_ONCE = 10_000
PAUSE_S = 0.005
_SIZES = """
SELECT sum(pg_table_size(c.oid)), sum(pg_indexes_size(c.oid))
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'slad.line'::regclass
"""


async def _catch_up(store: TestStore, path: Path) -> tuple[float, float]:
    """How long it takes to ship a ledger whole, from the first connection on; and the longest stall of the loop meanwhile. Seconds."""
    ledger = Ledger.open(path)
    for first in range(0, RECORDS, AT_ONCE):
        await ledger.commit(
            Batch(
                entries=observations(AT_ONCE, Instant(STARTED_AT + first)), watermarks={WITNESS: STARTED_AT}
            )
        )
    shipper = Shipper(clock=SystemClock(), ledger=ledger, observer=WITNESS.observer, metrics=Metrics().hub)
    shipper.follow(store.table(WITNESS.observer))
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(shipper.run())

        stalls_s = [0.0]

        async def is_level() -> bool:
            before_s = time.perf_counter()
            await asyncio.sleep(PAUSE_S)
            stalls_s.append(time.perf_counter() - before_s - PAUSE_S)
            return shipper.standing is not None and shipper.standing.level_at is None

        await until_told(is_level, "the store to have all", timeout_s=600)
        took_s = time.perf_counter() - began
        shipper.finish()
    await ledger.close()
    return took_s, max(stalls_s)


async def _measure(folder: Path) -> None:
    with postgres("fsync=on") as server:
        store = await make_store(server, folder, WITNESS.observer)
        took_s, stall_s = await _catch_up(store, folder / "ledger.db")
        ((table, indexes),) = store.rows(_SIZES)
        ((body,),) = store.rows("SELECT avg(octet_length(body)) FROM slad.line")
    print("| what | measured |")
    print("| --- | --- |")
    print(f"| catch-up of {RECORDS:,} records | {took_s:.1f} s: {RECORDS / took_s:,.0f} records/s |")
    print(f"| longest stall of the event loop meanwhile | {stall_s * 1000:.0f} ms |")
    print(
        f"| a record in the store, of {float(body):.0f} bytes itself | {float(table + indexes) / RECORDS:.0f} bytes, {float(indexes) / RECORDS:.0f} of them indexes |"
    )


def main() -> None:
    """Print what is above."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(Path(folder)))


if __name__ == "__main__":
    main()
