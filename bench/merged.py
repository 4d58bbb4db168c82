"""The hub over what ten monitors shipped: how soon it stands, what it holds, what it costs while nothing changes, and how soon a
change at a monitor is on its /metrics.

`python -m bench.merged [SERVERS [SHARDS]]` fills a real PostgreSQL with months of evidence of so many servers, and runs the hub as a
process over it, or one shard of so many. CPU is the hub's own, by /proc; PostgreSQL's stands beside it.
"""

import asyncio
import random
import sys
import tempfile
import time
import urllib.error
import uuid
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from bench.daemon import Daemon
from bench.table import MEMORY, Row, show
from daemon.clock import SystemClock
from daemon.config.hub import Shard
from daemon.hub.store import HubStore
from sla.evidence import encode
from sla.instants import DAY, MINUTE, SECOND, Instant
from sla.records import (
    Cause,
    CauseKind,
    Client,
    ClientId,
    Confidence,
    Event,
    Leg,
    Observation,
    Record,
    Server,
    ServerId,
    SolutionId,
    State,
    Witness,
)
from tests.daemon.hub.stores import TestStore, add_hub, chained, make_store
from tests.peers.postgres import postgres

MONITORS: Final = 10
CLIENTS: Final = 300
LEGS: Final = (Leg.RUNNING, Leg.SAN)
PAST_US: Final = 150 * DAY
AT_ONCE: Final = 2_000
TICK_S: Final = 5
QUIET_S: Final = 60
CHANGES: Final = 5
_SIZES: Final = """
SELECT sum(pg_table_size(c.oid) + pg_indexes_size(c.oid)), (SELECT count(*) FROM slad.line)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'slad.line'::regclass
"""


class Site:
    """One monitor, and what it recorded: an outage of each server in the months that are over, with its event and cause."""

    def __init__(self, number: int, servers: int, now: Instant) -> None:
        self.name = f"mon{number}"
        self.witness = Witness(self.name, "vc")
        self._dice = random.Random(number)
        self._number = number
        self._since = Instant(now - PAST_US)
        self._now = now
        self.servers = [
            ServerId(str(uuid.UUID(int=self._dice.getrandbits(128), version=4))) for _ in range(servers)
        ]

    def client_of(self, number: int) -> ClientId:
        """Each client has servers at one site, as most have."""
        return ClientId(f"client-{number % (CLIENTS // MONITORS) * MONITORS + self._number}")

    def evidence(self) -> Iterator[Record]:
        """All of it, in the order of the ledger."""
        at = self._since
        for client in dict.fromkeys(map(self.client_of, range(len(self.servers)))):
            yield Client(id=client, name=client, timezone="America/Toronto", tech_admins=(), recorded_at=at)
        for number, server in enumerate(self.servers):
            yield Server(
                id=server,
                name=f"vm-{self._number}-{number:05}",
                client=self.client_of(number),
                solution=None if number % 2 else SolutionId(f"solution-{self._number}-{number // 8}"),
                in_service_from=at,
                in_service_until=None,
                legs=LEGS,
                observer=self.name,
                recorded_at=at,
                recorded_by="slad",
            )
            for leg in LEGS:
                yield self.said(server, State.UP, at, leg)
        step = (PAST_US - DAY) // max(1, len(self.servers))
        for number, server in enumerate(self._dice.sample(self.servers, len(self.servers))):
            yield from self._outage(server, Instant(at + MINUTE + number * step))

    def _outage(self, server: ServerId, at: Instant) -> Iterator[Record]:
        end = Instant(at + self._dice.randrange(MINUTE, 30 * MINUTE))
        yield self.said(server, State.DOWN, at)
        yield Event(
            source="vc",
            key=str(at),
            type="VmPoweredOffEvent",
            at=at,
            server=server,
            user="VSPHERE.LOCAL\\operator",
            text=f"{server} on esx-17.example.net in DC is powered off",
            recorded_at=at,
            recorded_by="slad",
        )
        yield Cause(
            server=server,
            start=at,
            cause=CauseKind.PROVIDER_CHANGE,
            confidence=Confidence.PROVED,
            user="VSPHERE.LOCAL\\operator",
            because=(str(at),),
            text="somebody of the provider switched it off",
            recorded_at=at,
            recorded_by="slad",
        )
        yield self.said(server, State.UP, end)

    def said(self, server: ServerId, state: State, at: Instant, leg: Leg = Leg.RUNNING) -> Observation:
        """What its vCenter says."""
        return Observation(
            witness=self.witness,
            server=server,
            leg=leg,
            state=state,
            at=at,
            reason="poweredOff" if state is State.DOWN else "",
            noticed_at=Instant(at + SECOND // 3),
        )


class Shipping:
    """A site that ships to the store."""

    def __init__(self, site: Site, store: HubStore) -> None:
        self.site = site
        self._store = store

    async def append(self, records: Sequence[Record]) -> None:
        head = await self._store.head()
        bodies = [
            f'{encode(record)[:-1]},"salt":"{seq:032x}"}}' for seq, record in enumerate(records, head.seq)
        ]
        outcome, _ = await self._store.append(chained(bodies, head.chain, head.seq + 1))
        assert outcome == "appended", outcome

    async def saw(self, now: Instant) -> None:
        """Nothing changed, up to now."""
        await self._store.put_watermarks(0, {self.site.witness: now})


async def fill(store: TestStore, sites: Sequence[Site]) -> list[Shipping]:
    """Ship all that the sites recorded, by turns, as it would arrive."""
    shipping = [Shipping(site, await store.open(site.name)) for site in sites]
    given = [site.evidence() for site in sites]
    while any([await _some(one, records) for one, records in zip(shipping, given, strict=True)]):
        pass
    await look(shipping)
    return shipping


async def _some(one: Shipping, records: Iterator[Record]) -> bool:
    some = list(islice(records, AT_ONCE))
    if some:
        await one.append(some)
    return bool(some)


async def look(shipping: Sequence[Shipping]) -> None:
    """A tick of all monitors, in which nothing changed."""
    now = SystemClock().now()
    for one in shipping:
        await one.saw(now)


async def watch(shipping: Sequence[Shipping]) -> None:
    """Look for ever."""
    while True:
        await look(shipping)
        await asyncio.sleep(TICK_S)


def hub_folder(store: TestStore, shards: int) -> Path:
    """The configuration of a hub, in a folder of its own."""
    folder = store.folder / "hub"
    folder.mkdir()
    (folder / "hub.password").write_text((store.folder / "hub.password").read_text())
    (folder / "hub.password").chmod(0o600)
    shard = f'\nshard = "1/{shards}"' if shards > 1 else ""
    (folder / "slad.toml").write_text(
        f'observer = "hub"\n{store.toml("hub")}{shard}\n[web]\nlisten = ["127.0.0.1:0"]\n[control]\nsocket = "c.sock"\n'
        f'[ledger]\npath = "ledger.db"\n[watch]\ntick = "{TICK_S}s"\n'
    )
    return folder


def started(folder: Path) -> tuple[Daemon, float]:
    """A hub that has all, and how long that took."""
    began = time.monotonic()
    hub = Daemon(folder, "hub", "run")
    while not hub.is_ready():
        time.sleep(0.1)
    return hub, time.monotonic() - began


async def measure(store: TestStore, servers: int, shards: int) -> list[Row]:
    """The rows of the table."""
    now = SystemClock().now()
    sites = [Site(number, servers // MONITORS, now) for number in range(MONITORS)]
    shipping = await fill(store, sites)
    ((size, lines),) = store.rows(_SIZES)
    folder = hub_folder(store, shards)
    watching = asyncio.get_running_loop().create_task(watch(shipping))
    rows = [
        Row("records in the store", float(lines), ""),
        Row("a record in the store, with its indexes", float(size) / float(lines), "bytes", most=600),
    ]
    hub, took_s = await asyncio.to_thread(started, folder)
    try:
        rows += [
            Row("start, all of them read", took_s, most=60),
            Row("... CPU", hub.cpu_s()),
            Row("... memory", hub.memory_mb(), MEMORY),
        ]
        began = time.monotonic()
        await scraped(hub)
        rows.append(
            Row("the first scrape, months and solutions of all judged for it", time.monotonic() - began)
        )
        rows += await changes(hub, shipping[0], Shard(number=1, count=shards))
        rows.append(await quiet(hub))
        rows.append(Row("memory, peak", hub.memory_mb(), MEMORY, most=1200))
    finally:
        hub.stop()
    hub, took_s = await asyncio.to_thread(started, folder)
    rows += [
        Row("start again", took_s),
        Row("... CPU", hub.cpu_s()),
        Row("... memory", hub.memory_mb(), MEMORY),
    ]
    hub.stop()
    watching.cancel()
    return rows


async def quiet(hub: Daemon) -> Row:
    """Time in which nothing changes but how far monitors have seen, and nobody scrapes."""
    await asyncio.sleep(4 * TICK_S)  # until the last scrape is no reason any more to prepare another

    before_s = hub.cpu_s()
    await asyncio.sleep(QUIET_S)
    percent = (hub.cpu_s() - before_s) / QUIET_S * 100
    return Row("quiet: CPU of a core", percent, "%", most=10)


async def scraped(hub: Daemon) -> str:
    """The text of a scrape, asked for until there is one, as Prometheus does."""
    while True:
        try:
            return await asyncio.to_thread(hub.scraped)
        except urllib.error.HTTPError:
            await asyncio.sleep(1)


async def changes(hub: Daemon, one: Shipping, shard: Shard) -> list[Row]:
    """Of servers of the shard: from a commit at a monitor until a scrape shows it, the longest of some; and what a scrape takes."""
    took_s, scrapes_s, size = [], [], 0
    own = (each for number, each in enumerate(one.site.servers) if shard.has(one.site.client_of(number)))
    for server in islice(own, CHANGES):
        for state in (State.DOWN, State.UP):
            at = SystemClock().now()
            began = time.monotonic()
            await one.append([one.site.said(server, state, at)])
            await one.saw(Instant(at + 1))
            shown = f'slad_server_up{{server="{server}"'
            while True:
                scraped_at = time.monotonic()
                text = await scraped(hub)
                scrapes_s.append(time.monotonic() - scraped_at)
                size = len(text)
                line = next((line for line in text.splitlines() if line.startswith(shown)), "")
                if line.endswith(" 1" if state is State.UP else " 0"):
                    break
                await asyncio.sleep(0.1)
            took_s.append(time.monotonic() - began)
    return [
        Row(
            f"a change at a monitor until on /metrics, the longest of {len(took_s)}",
            max(took_s),
            most=2 * TICK_S + 1,
        ),
        Row("... the least", min(took_s)),
        Row("a scrape, not compressed, the least", min(scrapes_s)),
        Row("its size", size / 1e6, MEMORY),
    ]


async def run(servers: int, shards: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, postgres("fsync=on", "shared_buffers=256MB") as server:
        store = await make_store(server, Path(folder), *(f"mon{number}" for number in range(MONITORS)))
        await add_hub(store)
        of = f", shard 1 of {shards}" if shards > 1 else ""
        rows = await measure(store, servers, shards)
    show(f"the hub, {MONITORS} monitors, {servers:,} servers{of}", rows)


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    asyncio.run(run(*(numbers + [100_000, 1][len(numbers) :])))
