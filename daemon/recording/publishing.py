"""When figures are prepared for `/metrics`: at most once a tick, and only while somebody scrapes; at once for a scrape that waits.

Nothing is published that is not durable: while the ledger fails, the last figures that were stand still, and say so.
"""

import asyncio
from collections.abc import Callable, Iterator
from math import inf
from typing import Final, Never

from daemon.book.live_book import LiveBook
from daemon.clock import Clock
from daemon.exposition.exposition import Exposition
from daemon.exposition.families import Snapshot
from daemon.ledger import ReadableLedger
from daemon.live.snapshots import Snapshots
from daemon.metrics.process import ProcessMetrics
from sla.instants import SECOND

WHOLE_WITHIN_US: Final = 30 * SECOND
"""How long after the start the first figures wait for those of months, so that no series comes later than others."""

SOONEST_US: Final = SECOND
"""How long after one preparation was begun the next is, whoever waits for it: changes may come by the hundred."""


class Publisher:
    """Takes snapshots between ticks, and prepares them beside the ticks, which need not wait for it."""

    def __init__(
        self,
        *,
        clock: Clock,
        ledger: ReadableLedger,
        book: LiveBook,
        snapshots: Snapshots,
        exposition: Exposition,
        metrics: ProcessMetrics,
        fault: Callable[[], str],
        verified_until: Callable[[], int],
        on_prepared: Callable[[], None],
    ) -> None:
        """`fault`: why the ledger takes no records, if it does not; `verified_until`: the number of a record; `on_prepared`:
        called when a scrape can be answered.
        """
        self._clock = clock
        self._ledger = ledger
        self._book = book
        self._snapshots = snapshots
        self._exposition = exposition
        self._metrics = metrics
        self._fault = fault
        self._verified_until = verified_until
        self._on_prepared = on_prepared
        self._began_us = clock.monotonic_us()
        self._prepared_at_us = 0
        """When the last preparation was begun, by the monotonic clock."""
        self._snapshot: Snapshot | None = None
        """What is, or was last, prepared."""
        self._news = 0
        """How many there had been when it was taken."""
        self._is_preparing = False
        self._snapshot_taken = asyncio.Event()

    def awaited_in_s(self) -> float:
        """How long until figures can be prepared that a scrape waits for; endless while none waits, or they are prepared."""
        if self._is_preparing or not self._exposition.asked.is_set():
            return inf
        if self._snapshot is None:
            return 0.0
        return max(0.0, (self._prepared_at_us + SOONEST_US - self._clock.monotonic_us()) / SECOND)

    def progress_due_us(self) -> Iterator[tuple[str, int]]:
        """By when the preparation under way ought to be over, by the monotonic clock; nothing while there is none."""
        if self._is_preparing:
            yield "publisher", self._prepared_at_us

    async def publish_if_due(self, tick_us: int) -> None:
        """Take a snapshot if somebody wants one, and the last is older than a tick or somebody waits. Between ticks."""
        if self._is_due(tick_us):
            self._news = self._exposition.news()  # none can come while the snapshot is taken
            self._publish(await self._snapshots.snapshot())

    def publish_the_fault(self) -> None:
        """Show that figures stand still, and why, beside the last ones that were durable."""
        if self._snapshot is not None and not self._is_preparing:
            self._publish(self._snapshot)

    async def run(self) -> Never:
        """Prepare the figures of each snapshot, for ever."""
        while True:
            await self._snapshot_taken.wait()
            self._snapshot_taken.clear()
            assert self._snapshot is not None
            began_us = self._clock.monotonic_us()
            await self._exposition.prepare(self._snapshot, self._metrics.rendered(), news=self._news)
            self._is_preparing = False
            self._on_prepared()
            self._metrics.exposition_prepare_duration.observe(
                (self._clock.monotonic_us() - began_us) / SECOND
            )

    def _is_due(self, tick_us: int) -> bool:
        now_us = self._clock.monotonic_us()
        is_late = now_us - self._began_us > WHOLE_WITHIN_US
        if self._is_preparing or not (self._snapshots.are_whole or is_late):
            return False
        if self._exposition.asked.is_set():
            return self.awaited_in_s() == 0
        return now_us - self._prepared_at_us >= tick_us and self._exposition.wanted(now_us, tick_us)

    def _publish(self, snapshot: Snapshot) -> None:
        self._prepared_at_us = self._clock.monotonic_us()
        self._measure()
        self._snapshot, self._is_preparing = snapshot, True
        self._snapshot_taken.set()

    def _measure(self) -> None:
        head = self._ledger.head
        self._metrics.ledger_size.set(self._ledger.size_bytes)
        self._metrics.ledger_records.set(head.seq)
        self._metrics.ledger_verified.set(self._verified_until())
        self._metrics.ledger_head.info({"sha256": head.chain.hex()})
        self._metrics.ready.set(0 if self._fault() else 1)
        self._metrics.set_corrected(self._book.corrected)
