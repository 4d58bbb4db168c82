"""A daemon for tests: its configuration, the process or the App, and what its doors show."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.app import App, Meant
from daemon.app.hub import HubApp
from daemon.app.opening import NOTHING_LOST
from daemon.book.live_book import LiveBook
from daemon.clock import Clock
from daemon.config.loading import load
from daemon.live.figures import LiveFigures
from probes.simulation import Power, SimulatedVCenter, ThreadedVCenter, build
from probes.simulation.entities import Vm
from sla.instants import SECOND, Instant
from tests.daemon.quick import TICK_US
from tests.waiting import wait_until
from tests.wall import now

WAIT_S = 30.0
LONGEST_WAIT_S = TICK_US / SECOND
"""After which a simulated vCenter answers that nothing changed, though slad would wait for a second."""

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

_SAMPLE = re.compile(r"^([a-z_:0-9]+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'([a-z_0-9]+)="((?:[^"\\]|\\.)*)"')


@contextmanager
def simulated(
    servers: int = 30,
    *,
    seed: int = 1,
    clients: tuple[str, ...] = ("acme", "borealis"),
    longest_wait_s: float | None = LONGEST_WAIT_S,
    now_us: Callable[[], Instant] = now,
    **keywords: Any,
) -> Iterator[ThreadedVCenter]:
    """A simulated vCenter on a thread of its own; two of one seed hold servers of the same UUIDs."""
    inventory = build(now=now_us(), servers=servers, seed=seed, clients=clients)

    def make() -> SimulatedVCenter:
        return SimulatedVCenter(inventory, now_us=now_us, longest_wait_s=longest_wait_s, **keywords)

    with ThreadedVCenter(make) as vcenter:
        yield vcenter


def running_machines(vcenter: ThreadedVCenter) -> list[str]:
    """The names of the virtual machines that run."""
    machines = vcenter.do(lambda: list(vcenter.world.inventory.every(Vm)))
    return sorted(vm.name for vm in machines if vm.power is Power.ON)


def write_config(folder: Path, vcenter: ThreadedVCenter, **changes: str) -> Path:
    """A configuration that watches `vcenter`; `changes` replace whole sections, by their name without dots."""
    watched = (
        f'[vcenter.vc1]\naddress = "{vcenter.host}:{vcenter.port}"\nscheme = "http"\nuser = "slad"\n'
        'password_file = "password"\npoll = "1s"'
    )
    return config_of(folder, **{"vcenter": watched} | changes)


def config_of(folder: Path, **sections: str) -> Path:
    """A configuration of these sections, and of what else one needs."""
    (folder / "password").write_text("secret")
    (folder / "password").chmod(0o600)
    every = {
        "ledger": '[ledger]\npath = "ledger.db"',
        "web": '[web]\nlisten = ["127.0.0.1:0"]',
        "control": '[control]\nsocket = "control.sock"',
        "watch": '[watch]\ntick = "1s"\ngrace = "1m"',
        "vcenter": "",
        "client": '[client.acme]\nname = "ACME"\ntimezone = "America/Toronto"\ntech_admins = ["ann"]',
        "rule": '[[rule]]\nname = "acme-*"\nclient = "acme"',
    } | sections
    path = folder / "slad.toml"
    path.write_text('observer = "mon"\n' + "\n".join(every.values()) + "\n")
    return path


@asynccontextmanager
async def running_app(
    config: Path,
    make_figures: Callable[[LiveBook], LiveFigures] = LiveFigures,
    meant: Meant = NOTHING_LOST,
    clock: Clock | None = None,
) -> AsyncIterator[App]:
    """The daemon in this process, started; stopped in good order at the end."""
    app = App(load(config, {}), {}, tick_us=TICK_US, make_figures=make_figures, meant=meant, clock=clock)
    async with run_meanwhile(app):
        yield app


@asynccontextmanager
async def run_meanwhile(app: App | HubApp) -> AsyncIterator[None]:
    """An app that is started, and stopped in good order at the end."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(app.run())
        starting = tasks.create_task(app.started.wait())
        await asyncio.wait({task, starting}, return_when=asyncio.FIRST_COMPLETED, timeout=WAIT_S)
        starting.cancel()
        if task.done():
            task.result()
        try:
            yield
        finally:
            app.stop()
            async with asyncio.timeout(WAIT_S):
                await asyncio.wait({task})


def scraped(host: str, port: int, path: str = "/metrics") -> Samples:
    """What /metrics shows."""
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=WAIT_S) as response:
        text = response.read().decode()
    return {
        (name, frozenset(_LABEL.findall(labels or ""))): float(value)
        for name, labels, value in _SAMPLE.findall(text)
    }


def by_server(samples: Samples, name: str) -> dict[str, float]:
    """The samples of one family by server; of several labels only those without further ones."""
    return {
        dict(labels)["server"]: value
        for (family, labels), value in samples.items()
        if family == name and len(labels) == 1
    }


@dataclass
class Daemon:
    """`slad run` as a process, on a quick tick."""

    config: Path
    env: dict[str, str] = field(default_factory=dict)
    program: tuple[str, ...] = ("-m", "tests.daemon.quick")
    process: "subprocess.Popen[str] | None" = None
    log: list[str] = field(default_factory=list)
    port: int = 0

    def start(self) -> None:
        """Start it and wait until its doors are open."""
        self.launch()
        self.wait_open()

    def wait_open(self) -> None:
        """Wait until the doors of one that was launched are open."""
        assert self.process is not None
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            opened = re.search(r'"addresses": \[\["127\.0\.0\.1", (\d+)\]\]', line)
            if opened:
                self.port = int(opened[1])
                return
        raise AssertionError(f"slad ended with {self.process.wait()}:\n{''.join(self.log)}")

    def launch(self) -> None:
        """Start it, and do not wait."""
        self.process = subprocess.Popen(
            [sys.executable, *self.program, str(self.config)],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | self.env,
            cwd=Path(__file__).parents[2],
        )

    def logged(self, event: str) -> str:
        """The next line of its log that has an event."""
        assert self.process is not None
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if f'"event": "{event}"' in line:
                return line
        raise AssertionError(f"slad ended without {event}:\n{''.join(self.log)}")

    def wait_ended(self) -> tuple[int, str]:
        """Wait for its end; its exit status and what it said."""
        assert self.process is not None
        _, said = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, "".join(self.log) + said

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """SIGTERM; gives the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.communicate(timeout=WAIT_S)
        return self.process.returncode

    def scraped(self) -> Samples:
        """What /metrics shows."""
        return scraped("127.0.0.1", self.port)

    def wait(self, condition: Callable[[Samples], bool], what: str) -> Samples:
        """Scrape until a condition holds."""

        def found() -> Samples | None:
            samples = self.scraped()
            return samples if condition(samples) else None

        return wait_until(found, what)


def fetched(port: int, path: str) -> tuple[int, str]:
    """A page's status and text."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=WAIT_S) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


__all__ = [
    "Daemon",
    "Instant",
    "by_server",
    "fetched",
    "running_app",
    "running_machines",
    "scraped",
    "simulated",
    "write_config",
]
