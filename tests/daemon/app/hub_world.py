"""The world around hubs, for stories: a vCenter that two monitors watch, PostgreSQL with a replica, two hubs, an Alertmanager and
its pager. Each has a way of its own to the store, by a proxy. What a story breaks is mended by `heal`; what holds after any
story, whatever happened in it, is `check`.
"""

import asyncio
import json
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from click.testing import CliRunner

from daemon.cli import main
from daemon.hub.states import HubError, HubState
from daemon.hub.store import HubStore
from daemon.ledger import verified
from probes.simulation import ThreadedVCenter
from sla.instants import SECOND, Instant, format_instant
from tests.daemon.app.test_crash import published_head
from tests.daemon.app.test_hub import agreed, announce, evaluated, hub, monitor, running, value
from tests.daemon.harness import Daemon, Samples, by_server, running_machines, simulated
from tests.daemon.hub.stores import TestStore, add_hub, body, chained, make_store
from tests.peers import free_port
from tests.peers.alertmanager import Alertmanager, Pager, alertmanager, pager, routes_to
from tests.peers.postgres import Postgres, postgres, replica
from tests.peers.proxy import FAIR, FaultProxy, Weather
from tests.waiting import wait_until

MONITORS: Final = ("mon1", "mon2")
HUBS: Final = ("hub1", "hub2")
ALERT: Final = "VirtualServerDown"
FIGURES: Final = {
    "slad_server_month_availability_ratio": "availability",
    "slad_server_month_availability_low_ratio": "availability_low",
    "slad_server_month_coverage_ratio": "coverage",
    "slad_server_month_budget_remaining_seconds": "budget_left",
}
"""Metrics of a server, and what a statement calls the same."""
PRECISION: Final = 1e-5
HALF_OPEN: Final = Weather(silent=True, stall_after_bytes=0)
"""Neither side learns that the other one is gone."""


class World:
    """All of it, running. Made by `world`."""

    def __init__(
        self,
        folder: Path,
        stack: ExitStack,
        *,
        store: TestStore,
        vcenter: ThreadedVCenter,
        alertmanager: Alertmanager,
        told: Pager,
    ) -> None:
        self.store = store
        self.told = told
        self.broken: dict[str, Callable[[], None]] = {}
        """What is broken now, and how it is mended: by the name of a process, `way of` one, or `store`."""
        self.acknowledged: list[str] = []
        """The references that a hub said are on record, in order."""
        self._folder = folder
        self._stack = stack
        self._vcenter = vcenter
        self._replica = stack.enter_context(replica(store.server))
        self._heads: dict[tuple[str, int], bytes] = {}
        """Records that the store was seen to have: each one's chain value."""
        self._asked: set[str] = set()
        self._outages: dict[str, int] = {}
        """How often a server was made to fail, by its name."""
        self._off: set[str] = set()
        self.ways: dict[str, FaultProxy] = {}
        """Everybody's way to the store."""
        self.daemons: dict[str, Daemon] = {}
        paging = f'[alertmanager]\nurls = ["{alertmanager.url}"]\nresend = "15s"'
        for name in (*MONITORS, *HUBS):
            way = self.ways[name] = stack.enter_context(FaultProxy(("127.0.0.1", store.server.port)))
            at = (way.host, way.port)
            self.daemons[name] = (
                monitor(store, vcenter, name, at=at)
                if name in MONITORS
                else hub(store, name, at=at, port=free_port(), more=paging)
            )
        self.machines = {
            name: str(vcenter.do(vcenter.world.machines.find, name).instance_uuid)
            for name in running_machines(vcenter)
            if name.startswith("acme")
        }
        """The servers that are up, unless a story says otherwise: by name, what slad calls each."""

    # What is asked of it

    @property
    def hubs(self) -> list[str]:
        """Those that run."""
        return [name for name in HUBS if name not in self.broken]

    def shown(self, name: str) -> Samples:
        """What somebody's /metrics shows; nothing while the door is closed, as of a hub that begins anew."""
        try:
            return self.daemons[name].scraped()
        except OSError:
            return {}

    def is_active(self, name: str) -> bool:
        """Whether a hub is the active one."""
        return value(self.shown(name), "slad_hub_active") == 1

    def is_ready(self, name: str) -> bool:
        """Whether a hub shows the figures of now."""
        return value(self.shown(name), "slad_ready") == 1

    def active(self) -> str:
        """The active hub, once there is one that is ready."""
        return self._one_that(lambda name: self.is_active(name) and self.is_ready(name), "an active hub")

    def standby(self) -> str:
        """The other one, once it stands by and is ready."""
        return self._one_that(lambda name: not self.is_active(name) and self.is_ready(name), "a standby")

    def alerts_sent(self, name: str) -> float:
        """How many alerts a hub that is not active has told Alertmanager of, each as often as it did.

        Of one that is active it is not known: what a scrape shows may be ten seconds old.
        """
        shown = wait_until(lambda: self._shown_passive(name), f"{name} to tell nobody any more")
        return sum(count for (family, _), count in shown.items() if family == "slad_alerts_sent_total")

    def _shown_passive(self, name: str) -> Samples | None:
        shown = self.shown(name)
        return shown if value(shown, "slad_hub_active") == 0 else None

    def wait_for(self, at: str, server: str, *, is_up: bool) -> None:
        """Until a hub shows that a server is up, or down; by its name."""
        wait_until(
            lambda: by_server(self.shown(at), "slad_server_up").get(self.machines[server]) == is_up,
            f"{server} at {at}",
        )

    def _one_that(self, holds: Callable[[str], bool], what: str) -> str:
        return wait_until(lambda: next(filter(holds, self.hubs), None), what)

    # What people do

    def announce(self, reference: str, at: str) -> bool:
        """Have something recorded at a hub; whether that says that it is on record."""
        self._asked.add(reference)
        is_recorded = announce(self.daemons[at], reference).exit_code == 0
        if is_recorded:
            self.acknowledged.append(reference)
        return is_recorded

    def power_off(self, name: str) -> None:
        """A server goes down, unless it is."""
        if name not in self._off:
            self._off.add(name)
            self._vcenter.do(self._vcenter.world.machines.power_off, name, user="eve")
            self._outages[name] = self._outages.get(name, 0) + 1

    def power_on(self, name: str) -> None:
        """It comes back, if it is down."""
        if name in self._off:
            self._off.remove(name)
            self._vcenter.do(self._vcenter.world.machines.power_on, name, user="eve")

    # What breaks

    def kill(self, name: str) -> None:
        """SIGKILL to a monitor or a hub."""
        self.daemons[name].kill()
        self.broken[name] = self.daemons[name].start

    def stop(self, name: str) -> None:
        """SIGSTOP."""
        self.daemons[name].send(signal.SIGSTOP)
        self.broken[name] = lambda: self.daemons[name].send(signal.SIGCONT)

    def cut(self, name: str, weather: Weather) -> None:
        """Somebody's way to the store."""
        self.ways[name].weather = weather
        if weather.refuse:
            self.ways[name].drop(reset=True)
        self.broken[f"way of {name}"] = lambda: self._clear(name)

    def kill_store(self) -> None:
        """SIGKILL to PostgreSQL."""
        self.note()
        self.store.server.kill()
        self.broken["store"] = self.store.server.start

    def lose_store(self, meanwhile: Callable[[], object]) -> None:
        """PostgreSQL is gone for ever, and its replica takes its place, which lacks what came in while `meanwhile` was done."""
        wait_until(lambda: self._replica.position() >= self.store.server.position(), "the replica to follow")
        self._replica.kill()
        meanwhile()
        self.note()
        self.store.server.kill()
        self._replica.start()
        self._replica.promote()
        self.store = replace(self.store, server=self._replica)
        for way in self.ways.values():
            way.upstream = ("127.0.0.1", self.store.server.port)
            way.drop(reset=True)
        self._replica = self._stack.enter_context(replica(self.store.server))
        wait_until(
            lambda: set(self.acknowledged) <= set(self.recorded()), "what people had recorded to be back"
        )

    def put_back_older_ledger(self, name: str, meanwhile: Callable[[], object]) -> str:
        """A monitor is to start with its ledger of before `meanwhile`, and the store has more of it: what it ends with. It is mended as that says."""
        daemon = self.daemons[name]
        ledger, copy = daemon.config.parent / "ledger.db", daemon.config.parent / "older.db"
        assert daemon.terminate() == 0
        shutil.copy(ledger, copy)
        older = verified(copy).head.seq
        daemon.start()
        meanwhile()
        wait_until(lambda: self._shipped(name)[0] > older, "the store to have more than the copy")
        self.wait_for_shipping(name)
        assert daemon.terminate() == 0
        whole = verified(ledger).head
        for file in daemon.config.parent.glob("ledger.db*"):
            file.unlink()
        copy.rename(ledger)
        daemon.launch()
        status, said = daemon.wait_ended()
        assert status == 1, said
        restored = CliRunner().invoke(main, ["import", "--from-hub", "--config", str(daemon.config)])
        assert restored.exit_code == 0, restored.output
        assert verified(ledger).head == whole
        daemon.start()
        return said

    def begin_namesake(self, name: str) -> tuple[int, str]:
        """Another monitor begins with somebody's observer name, and no ledger; its exit status, and what it says."""
        folder = self._folder / f"namesake of {name}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(
            self.daemons[name].config.parent, folder, ignore=shutil.ignore_patterns("ledger.db*", "*.sock")
        )
        namesake = Daemon(folder / "slad.toml")
        namesake.launch()
        return namesake.wait_ended()

    def forge(self, by: str, of: str) -> None:
        """A monitor's role appends to another's ledger, and to its own in the other's name: neither goes."""
        for ledger in (of, by):
            wait_until(
                partial(self._is_refused, by, ledger, of), f"a forged record in {ledger} to be refused"
            )

    def _is_refused(self, by: str, ledger: str, of: str) -> bool:
        """Whether a record of somebody is refused after the last in a ledger: that may have got another one meanwhile."""
        last = self.store.lines(ledger)[-1]

        async def append() -> str:
            monitor = await HubStore.open(self.store.table(by), ledger, "forger")
            try:
                outcome, _ = await monitor.append(chained([body(1, of)], last.chain, last.seq + 1))
            finally:
                await monitor.close()
            return outcome

        try:
            outcome = asyncio.run(append())
        except HubError as error:
            return error.state is HubState.NOT_ALLOWED
        assert outcome == "diverged"
        return False

    def heal(self) -> None:
        """Mend what is broken."""
        for what in sorted(self.broken, reverse=True):  # ways first, then the store
            self.mend(what)
        for name in self.machines:
            self.power_on(name)

    def mend(self, what: str) -> None:
        """One thing that is broken."""
        self.broken.pop(what)()

    # What holds

    def note(self) -> None:
        """Remember what the store has, which nothing may take from it."""
        rows = self.store.rows("SELECT name, seq, chain FROM slad.ledger WHERE seq > 0")
        self._heads |= {(name, seq): chain for name, seq, chain in rows}

    def arrivals(self) -> int:
        """How many lines the store was ever given."""
        return int(self.store.rows("SELECT arrival FROM slad.store")[0][0])

    def wait_for_arrival(self, *, after: int) -> None:
        """Until the store was given more than so many."""
        wait_until(lambda: self.arrivals() > after, "something to arrive")

    def wait_for_shipping(self, *names: str) -> None:
        """Until the store has all that monitors have."""
        for name in names or MONITORS:
            wait_until(partial(self._has_all_of, name), f"the store to have all of {name}")

    def check(self) -> None:
        """What holds after every story: nothing that was acknowledged is missing, the hubs show one truth, which their evidence
        proves, and nobody was paged twice.
        """
        self.heal()
        active, standby = self.active(), self.standby()
        self.wait_for_shipping()
        self.note()
        chains = {
            (ledger, line.seq): line.chain
            for ledger in (*MONITORS, "hub")
            for line in self.store.lines(ledger)
        }
        assert self._heads.items() <= chains.items(), "an acknowledged record is another one, or gone"
        recorded = self.recorded()
        assert [each for each in recorded if each in self.acknowledged] == self.acknowledged
        assert len(recorded) == len(set(recorded))
        assert set(recorded) <= self._asked
        for name in (active, standby):
            for server in self.machines:
                self.wait_for(name, server, is_up=True)
        wait_until(
            partial(self._prove, (active, standby)), "the evidence to come to the figures of both hubs"
        )
        assert [self.is_active(name) for name in (active, standby)] == [True, False]
        for name, count in self._outages.items():
            pages = [
                each for each in self.told.pages(ALERT) if each["labels"]["server"] == self.machines[name]
            ]
            assert len(pages) <= count, f"{name}: {pages}"

    def recorded(self) -> list[str]:
        """The references of what people had recorded, as the hub's ledger has them."""
        said = [json.loads(line.body) for line in self.store.lines("hub")]
        return [each["reference"] for each in said if each.get("reference")]

    def _prove(self, hubs: Sequence[str]) -> bool:
        """Whether the evidence that the first of two hubs exports comes to what both show; to its statement it does for certain."""
        shown = [self.shown(name) for name in hubs]
        document, _ = agreed(self.daemons[hubs[0]], self._folder)
        return all(samples and self._is_proved(samples, document["statement"]["month"]) for samples in shown)

    def _is_proved(self, samples: Samples, month: str) -> bool:
        at = Instant(round(samples["slad_figures_timestamp_seconds", frozenset()] * SECOND))
        rows = evaluated(self._folder / "evidence.jsonl", month, format_instant(at))
        return all(
            abs(by_server(samples, family).get(server, -1.0) - rows[server][key]) < PRECISION
            for server in self.machines.values()
            for family, key in FIGURES.items()
        )

    def _has_all_of(self, name: str) -> bool:
        samples = self.shown(name)
        if value(samples, "slad_hub_behind_records") != 0:
            return False
        seq, chain = published_head(samples)
        return self._shipped(name) == (seq, bytes.fromhex(chain))

    def _shipped(self, name: str) -> tuple[int, bytes]:
        """The last record that the store has of a monitor: its number and chain value; 0 where it has none."""
        rows = self.store.rows(f"SELECT seq, chain FROM slad.ledger WHERE name = '{name}'")
        return rows[0] if rows else (0, b"")

    def _clear(self, name: str) -> None:
        self.ways[name].weather = FAIR
        self.ways[name].drop(reset=True)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """All of it, begun."""
    with ExitStack() as stack:
        server = stack.enter_context(postgres())
        told = stack.enter_context(pager())
        made = World(
            folder,
            stack,
            store=asyncio.run(_store_of(server, folder)),
            vcenter=stack.enter_context(simulated(servers=8, clients=("acme",))),
            alertmanager=stack.enter_context(alertmanager(folder / "am", routes_to(told.url))),
            told=told,
        )
        stack.enter_context(running(*made.daemons.values()))
        yield made


async def _store_of(server: Postgres, folder: Path) -> TestStore:
    store = await make_store(server, folder, *MONITORS)
    await add_hub(store)
    return store
