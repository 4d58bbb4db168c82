"""A hub's memory without a store: lines of monitors go in, and what it knows can be compared."""

from collections.abc import Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from daemon.book.disagreements import Disagreements
from daemon.clock import SystemClock
from daemon.config.hub import WHOLE, HubTable
from daemon.hub.merged_ledger import MergedLedger
from daemon.hub.session import Arrived
from daemon.hub.tail import Arrivals, Seen, Tail
from daemon.ledger import Chained
from daemon.ledger.store import SLICE
from daemon.metrics.hub import TailMetrics
from daemon.recording.hub_snapshot import restore
from daemon.recording.merging import Merging, StoreRecollection
from daemon.recording.recollection import Recollection
from sla.instants import FOREVER, Instant
from tests.daemon.monitor import policy
from tests.daemon.recording.lives import OBSERVER, Life

TABLE = HubTable.model_validate({"dsn": "postgresql://nobody@/nowhere?host=/nowhere"})


async def lines_of_a_life(path: Path, seed: int, steps: int) -> tuple[list[Arrived], Instant]:
    """What a monitor ships, and when it did last."""
    life = Life(path, seed)
    await life.begin()
    for _ in range(steps):
        await life.step()
    lines: list[Chained] = []
    while more := await life.ledger.read(len(lines), SLICE):
        lines += more
    await life.ledger.close()
    arrived = [Arrived(line.seq, OBSERVER, line.seq, line.body, line.chain) for line in lines]
    return arrived, life.now


def nothing() -> Recollection:
    return Recollection("hub", policy(), is_merged=True)


class Hub:
    """What a hub knows, without a store."""

    def __init__(self, path: Path | None = None, now: Instant = FOREVER) -> None:
        """`path`: beside which there is a snapshot to go on from, at an instant."""
        self.known = nothing()
        self.metrics = TailMetrics(CollectorRegistry())
        self.ledger = MergedLedger(Tail(clock=SystemClock(), table=TABLE, metrics=self.metrics))
        self.told = StoreRecollection(self.ledger, self.known, Disagreements(self.known.book.evidence))
        if path is not None:
            restore(path, self.told, WHOLE, now)
        self.merging = Merging(self.told, self.metrics)

    async def take(self, lines: Sequence[Arrived], seen: Seen | None = None) -> None:
        await self.merging.take(Arrivals(lines=lines, keys={}, seen=seen))
