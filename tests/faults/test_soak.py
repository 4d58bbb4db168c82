"""Half a day of faults at random: what the daemon holds grows with its evidence alone, and the evidence stays whole."""

import asyncio
import gc
import random
import re
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from daemon.app import App
from daemon.control.client import ControlClient, ControlError
from daemon.ledger import verified
from daemon.ledger.store import Store, WritePlan
from sla.instants import HOUR, SECOND, Instant
from tests.daemon.monitor import Vm
from tests.faults.evaluating import months_of, statement_of
from tests.faults.virtual_daemon import START, VCenter, VirtualSite, running, scraped
from tests.virtual import run

SERVERS = 60
LOOK_S = 30
SCRAPE_S = 60
A_RECORD = 40
"""How many objects of the garbage collector's a record may add to what the daemon holds; some 6 are usual."""


@dataclass(frozen=True)
class Holding:
    """What the daemon holds while it rests."""

    tasks: int
    descriptors: int
    objects: int
    records: int


@dataclass
class Soak:
    """A day's faults, from a seed."""

    site: VirtualSite
    chance: random.Random
    app: App
    until_s: dict[str, float] = field(default_factory=dict)
    """When each fault that lasts ends."""
    held: list[Holding] = field(default_factory=list)
    next_scrape_s: float = 0.0
    counters: dict[str, float] = field(default_factory=dict)
    """Those of the newest scrape."""
    records: int = 0
    refused: int = 0
    asked: int = 0

    async def hours(self, count: int) -> None:
        """Let so many hours pass; each ends in rest, and what is held is counted."""
        loop = asyncio.get_running_loop()
        for hour in range(1, count + 1):
            while loop.time() < hour * HOUR / SECOND - 15 * 60:
                await self.step(loop.time())
            await self.rest()

    async def rest(self) -> None:
        """A quarter of an hour without a fault."""
        self.until_s.clear()
        self._follow(0.0)
        for _ in range(15 * 60 // LOOK_S):
            self.site.look()
            await asyncio.sleep(LOOK_S)
        self._take(await scraped(self.app))
        await asyncio.sleep(LOOK_S)
        gc.collect()
        self.held.append(
            Holding(
                tasks=len(asyncio.all_tasks()),
                descriptors=open_descriptors(),
                objects=len(gc.get_objects()),
                records=self.records,
            )
        )

    async def step(self, now_s: float) -> None:
        """One look, after whatever happens before it."""
        for fault, (odds, longest_s) in FAULTS.items():
            if now_s >= self.until_s.get(fault, 0.0) and self.chance.random() < odds:
                self.until_s[fault] = now_s + self.chance.uniform(LOOK_S, longest_s)
        self._follow(now_s)
        vms = self.site.vcenters["vc1"].vms
        if self.chance.random() < 0.4:
            vm = vms[self.chance.choice(sorted(vms))]
            vm.on = not vm.on
        if self.chance.random() < 0.02:
            name = f"u{self.chance.randrange(SERVERS)}"
            if vms.pop(name, None) is None:
                vms[name] = machine(int(name[1:]))
        self.site.look()
        await asyncio.sleep(self.chance.uniform(0.5, 1) * LOOK_S)
        if self.chance.random() < 0.1:
            await self.people()
        if self.chance.random() < 0.02:
            self.site.write(self.chance.choice(("", "# as before\n", "observer = 7\n", "[client.beta]\n")))
            self.app.reload()
        if not self.is_on("prometheus away") and now_s >= self.next_scrape_s:
            self.next_scrape_s = now_s + SCRAPE_S
            await self.hang_up()
            self._take(await scraped(self.app))

    def is_on(self, fault: str) -> bool:
        """Whether a fault lasts."""
        return asyncio.get_running_loop().time() < self.until_s.get(fault, 0.0)

    def _take(self, text: str) -> None:
        """No counter of a scrape is below that of the one before."""
        before, self.counters = self.counters, {s: float(v) for s, v in _COUNTERS.findall(text)}
        fell = [series for series, value in before.items() if self.counters.get(series, value) < value]
        assert not fell, fell
        self.records = int(_RECORDS.search(text)[1])  # type: ignore[index]  # it is always there

    def _follow(self, now_s: float) -> None:
        self.site.vcenters["vc1"].lost = (
            "it does not answer" if now_s < self.until_s.get("vcenter lost", 0.0) else ""
        )

    async def people(self) -> None:
        """Somebody records a request, over the control door."""
        self.asked += 1
        body = {"client": "acme", "solution": "mail", "opened_by": "ann", "channel": "phone"}
        async with ControlClient(self.site.socket) as client:
            try:
                await client.record("/v1/requests", body, key=f"k{self.asked}")
            except ControlError:
                self.refused += 1

    async def hang_up(self) -> None:
        """Somebody asks for the figures and does not wait for them."""
        reader, writer = await asyncio.open_connection(*self.app.addresses[0])
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        with suppress(OSError):
            await reader.read(self.chance.choice((1, 100, 10_000)))
        writer.transport.abort()


FAULTS = {
    "vcenter lost": (0.02, 900.0),
    "disk full": (0.01, 40.0),
    "prometheus away": (0.004, 3600.0),
}
"""Those that last: how probable each is before a look, and how long it lasts at most."""


_COUNTERS = re.compile(r"^(slad_\w+_total(?:\{.*\})?) (\S+)$", re.MULTILINE)
_RECORDS = re.compile(r"^slad_ledger_records (\d+)", re.MULTILINE)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def machine(number: int) -> Vm:
    return Vm(f"u{number}", f"{('acme', 'beta')[number % 2]}-{number}")


def soaked(folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int, hours: int) -> Soak:
    """A daemon after so many hours, stopped."""
    vms = {f"u{number}": machine(number) for number in range(SERVERS)}
    site = VirtualSite(folder, {"vc1": VCenter(vms)}, tick_s=LOOK_S)
    soaks: list[Soak] = []
    write = Store.write

    def written(store: Store, plan: WritePlan) -> None:
        if soaks and soaks[0].is_on("disk full"):
            full = sqlite3.OperationalError("database or disk is full")
            full.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise full
        write(store, plan)

    monkeypatch.setattr(Store, "write", written)

    async def main() -> None:
        async with running(monkeypatch, site) as (app,):
            soaks.append(Soak(site, random.Random(seed), app))
            await soaks[0].hours(hours)

    run(main())
    return soaks[0]


@pytest.mark.parametrize(
    ("seed", "hours"), [(1, 12), *(pytest.param(seed, 48, marks=pytest.mark.long) for seed in (2, 3))]
)
def test_half_a_day_of_faults_leaves_nothing_behind_but_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, hours: int
) -> None:
    soak = soaked(tmp_path, monkeypatch, seed, hours)
    first, *_, last = soak.held
    for counts in ([each.tasks for each in soak.held], [each.descriptors for each in soak.held]):
        assert max(counts) - min(counts) <= 2, counts
    assert last.objects - first.objects <= A_RECORD * (last.records - first.records)
    assert 0 < soak.refused < soak.asked, "some of what people recorded met a full disk"

    assert verified(soak.site.ledger).head.seq >= last.records
    as_of = Instant(START + hours * HOUR)
    statement = statement_of(soak.site.evidence(), as_of)
    assert statement == statement_of(soak.site.evidence(), as_of)
    rows = months_of(statement).values()
    assert max(row["unobserved"] for row in rows) > 0
    for row in rows:
        told = row["up"] + row["down"] + row["unobserved"] + row["excluded"]
        assert round((told - row["service"]) * SECOND) == 0, row
