"""Monitors of which there is but a ledger and its way to the store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from daemon.clock import SystemClock
from daemon.config.hub import HubTable
from daemon.hub.shipping import Shipper
from daemon.hub.states import HubState
from daemon.ledger import SLICE, Batch, Chained, Ledger
from daemon.metrics.hub import HubMetrics
from tests.daemon.hub.stores import begun_ledger
from tests.waiting import until_told


class Monitor:
    """A shipper that runs, over a ledger that the test commits to."""

    def __init__(self, ledger: Ledger, table: HubTable, observer: str = "mon1") -> None:
        self.ledger = ledger
        self.families = CollectorRegistry()
        self.shipper = Shipper(
            clock=SystemClock(), ledger=ledger, observer=observer, metrics=HubMetrics(self.families)
        )
        self.shipper.follow(table)

    async def commit(self, batch: Batch) -> None:
        await self.ledger.commit(batch)
        self.shipper.wake()

    def value(self, name: str, **labels: str) -> float | None:
        return self.families.get_sample_value(name, labels)

    async def until(self, holds: "Callable[[], object]", what: str) -> None:
        async def found() -> bool:
            return bool(holds())

        await until_told(found, what)

    async def until_state(self, state: HubState) -> str:
        await self.until(lambda: self.shipper.standing and self.shipper.standing.state is state, state.value)
        assert self.shipper.standing is not None
        return self.shipper.standing.why

    async def until_level(self) -> None:
        await self.until(lambda: self.value("slad_hub_behind_records") == 0, "the store to have all")

    async def lines(self) -> list[Chained]:
        """All that the ledger holds."""
        found: list[Chained] = []
        while some := await self.ledger.read(len(found), SLICE):
            found += some
        return found


@asynccontextmanager
async def shipping_to(table: HubTable, path: Path, observer: str = "mon1") -> AsyncIterator[Monitor]:
    """A monitor that ships, until the end of the block in good order."""
    ledger = await begun_ledger(path, observer)
    monitor = Monitor(ledger, table, observer)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(monitor.shipper.run())
        try:
            yield monitor
        finally:
            monitor.shipper.finish()
    await ledger.close()
