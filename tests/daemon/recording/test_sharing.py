"""Shards together are what one hub of all is: every client at one of them, with the same figures, and nobody twice."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from prometheus_client import CollectorRegistry

from daemon.book.disagreements import Disagreements
from daemon.clock import SystemClock
from daemon.config.hub import WHOLE, Shard
from daemon.hub import tail as tail_module
from daemon.hub.merged_ledger import MergedLedger
from daemon.hub.schema import HUB
from daemon.hub.session import Arrived
from daemon.hub.tail import Tail
from daemon.ledger import Chained
from daemon.metrics.hub import TailMetrics
from daemon.recording.merging import Merging, StoreRecollection
from daemon.recording.recollection import Recollection
from daemon.statements.judging import judged
from probes.report import INTERNET
from sla.calendars import parse_month
from sla.client_document import Imprint, client_document
from sla.instants import Instant
from sla.records import ClientId, Witness
from tests.daemon.hub.stores import TestStore, add_hub, make_store
from tests.daemon.monitor import policy
from tests.daemon.recording.lives import OBSERVER
from tests.daemon.recording.merged import lines_of_a_life
from tests.peers.postgres import Postgres
from tests.waiting import until_told

AT_ONCE: Final = 50
"""Lines that are shipped at once."""
MONTHS: Final = [parse_month(text) for text in ("2026-02", "2026-03")]
IMPRINT: Final = Imprint(time_zones="2026a")


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    store = await make_store(server, tmp_path, OBSERVER)
    await add_hub(store)
    return store


class ShardHub:
    """What one shard knows of a store."""

    def __init__(self, store: TestStore, shard: Shard) -> None:
        self.metrics = TailMetrics(CollectorRegistry())
        table = store.table(HUB, shard=str(shard))
        self.tail = Tail(clock=SystemClock(), table=table, metrics=self.metrics)
        self.ledger = MergedLedger(self.tail)
        self.known = Recollection("hub", policy(), is_merged=True, is_partial=not shard.is_whole)
        told = StoreRecollection(self.ledger, self.known, Disagreements(self.known.book.evidence))
        self.merging = Merging(told, self.metrics, shard)

    async def read(self, now: Instant) -> None:
        """All that is there."""
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.tail.run())

            async def is_level() -> bool:
                arrivals = self.tail.take()
                await self.merging.take(arrivals)
                return arrivals.seen is not None

            await until_told(is_level, "all lines")
            running.cancel()
        self.known.book.settle(now)

    def documents(self, now: Instant) -> dict[ClientId, list[str]]:
        """Every client's statements."""
        book = self.known.book.evidence
        return {
            client: [
                client_document(judged(book, month=month, as_of=now), client, IMPRINT) for month in MONTHS
            ]
            for client in book.clients
        }

    def servers(self) -> dict[str, str]:
        """Whose the servers in service are, and how they stand."""
        book = self.known.book
        return {
            row.server: f"{book.record_of(row.server).client} {book.state(row.server)}"
            for group in book.groups.values()
            for row in group.members_in_service()
        }


async def shipped(store: TestStore, lines: Sequence[Arrived], now: Instant) -> None:
    """Ship lines, and that all witnesses saw until now."""
    monitor = await store.open(OBSERVER)
    for first in range(0, len(lines), AT_ONCE):
        some = [Chained(line.seq, line.body, line.chain) for line in lines[first : first + AT_ONCE]]
        assert (await monitor.append(some))[0] == "appended"
    seen = {Witness(OBSERVER, source): now for source in ("vc1", "vc2", INTERNET)}
    await monitor.put_watermarks(lines[-1].seq, seen)
    await monitor.close()


def assert_together(shards: Sequence[ShardHub], whole: ShardHub, now: Instant) -> None:
    """Every client, and every server in service, is at one of them, and is what it is at one hub of all."""
    documents, servers = [hub.documents(now) for hub in shards], [hub.servers() for hub in shards]
    assert sum(map(len, documents)) == len(whole.documents(now)), "no client twice"
    assert {client: those for each in documents for client, those in each.items()} == whole.documents(now)
    assert len(whole.servers()) > 3
    assert sum(map(len, servers)) == len(whole.servers()), "no server twice"
    assert {server: how for each in servers for server, how in each.items()} == whole.servers()
    assert [hub.metrics.unread._value.get() for hub in shards] == [0] * len(shards)


@pytest.mark.parametrize("seed", range(5))
async def test_shards_together_have_what_one_hub_has_and_no_client_twice(
    store: TestStore, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers move between clients of different shards in these lives, and back: before a shard reads, and while it does."""
    monkeypatch.setattr(tail_module, "MOST_AT_ONCE", 20)
    sys.stdout.write(f"seed {seed}\n")
    lines, now = await lines_of_a_life(tmp_path / "ledger.db", seed, 60)
    whole = ShardHub(store, WHOLE)
    following = [ShardHub(store, Shard(number=each, count=4)) for each in range(1, 5)]
    for some in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
        await shipped(store, some, now)
        for hub in (whole, *following):
            await hub.read(now)
        assert_together(following, whole, now)
    late = [ShardHub(store, Shard(number=each, count=4)) for each in range(1, 5)]
    for hub in late:
        await hub.read(now)
    assert_together(late, whole, now)
