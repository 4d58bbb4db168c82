"""The whole daemon in virtual time: half a day in half a minute, and the same every time.

Loop, doors, ledger, book and alerts are the daemon's own. Clocks and the watches of vCenters say what the test wants.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from daemon.app import App
from daemon.config.loading import load
from daemon.ledger import Ledger
from probes.report import Report, Resume, SourceFailure
from probes.vcenter.settings import Settings
from sla.instants import SECOND, Instant, parse_instant
from tests.daemon.monitor import Monitor, Source, Vm

START = parse_instant("2026-03-10T12:00:00Z")
POLL_S = 10
"""How often a watch looks, if the test does not mind, and the daemon's tick."""


@dataclass
class VirtualClocks:
    """Those of a machine whose time is the loop's. `ahead_us`: how far the wall clock is set ahead; `slept_us`: how long it slept."""

    ahead_us: int = 0
    slept_us: int = 0

    def now(self) -> Instant:
        return Instant(START + self.boottime_us() + self.ahead_us)

    def monotonic_us(self) -> int:
        return int(asyncio.get_running_loop().time() * SECOND)

    def boottime_us(self) -> int:
        return self.monotonic_us() + self.slept_us


@dataclass
class VCenter:
    """What a vCenter shows, and why it does not answer; "" while it does."""

    vms: dict[str, Vm] = field(default_factory=dict)
    lost: str = ""


class Watch:
    """Stands in for `VcenterWatch`: it looks when it is told to."""

    progress_due_s = None
    failure = None

    def __init__(
        self,
        site: "VirtualSite",
        settings: Settings,
        now: Callable[[], Instant],
        emit: Callable[[Report | SourceFailure], None],
    ) -> None:
        self._site = site
        self._name = settings.source
        self._now = now
        self._emit = emit
        self._source = Source(
            cast(Monitor, self), self._name, site.vcenters[self._name].vms, observer=settings.observer
        )

    @property
    def now(self) -> Instant:
        """The instant of a look."""
        return self._now()

    def start(self) -> None:
        self._site.watches[self._name] = self

    def stop(self) -> None:
        self._site.watches.pop(self._name, None)

    def join(self, timeout_s: float) -> bool:
        return timeout_s >= 0

    def look(self) -> None:
        """Tell what there is."""
        lost = self._site.vcenters[self._name].lost
        if lost:
            self._source.restarted()
            self._emit(
                SourceFailure(
                    source=self._name, reason="unreachable", message=lost, retry_in_us=POLL_S * SECOND
                )
            )
        else:
            self._emit(self._source.report())


@dataclass
class VirtualSite:
    """A folder with a configuration, vCenters, and the daemon once it runs, which goes by the name of `observer`."""

    folder: Path
    vcenters: dict[str, VCenter]
    observer: str = "mon"
    clocks: VirtualClocks = field(default_factory=VirtualClocks)
    watches: dict[str, Watch] = field(default_factory=dict)
    tick_s: int = POLL_S

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    @property
    def socket(self) -> Path:
        return self.folder / "control.sock"

    def write(self, more: str = "") -> Path:
        """The configuration, with `more` at its end."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "password").write_text("secret")
        (self.folder / "password").chmod(0o600)
        vcenters = "".join(_VCENTER.format(name=name) for name in self.vcenters)
        text = f'observer = "{self.observer}"\n{_CONFIG.format(tick_s=self.tick_s)}{vcenters}{more}'
        path = self.folder / "slad.toml"
        path.write_text(text)
        return path

    def look(self) -> None:
        """Every watch looks."""
        for watch in list(self.watches.values()):
            watch.look()

    def evidence(self) -> list[str]:
        """The lines of the ledger that it left."""
        ledger = Ledger.open(self.ledger)
        try:
            return [body for _, body, _ in ledger.replay()]
        finally:
            asyncio.run(ledger.close())


@asynccontextmanager
async def running(monkeypatch: pytest.MonkeyPatch, *sites: VirtualSite) -> AsyncIterator[list[App]]:
    """The daemons of sites, started; stopped in good order at the end."""
    by_observer = {site.observer: site for site in sites}

    def made(
        settings: Settings,
        _: Resume,
        now: Callable[[], Instant],
        emit: Callable[[Report | SourceFailure], None],
    ) -> Watch:
        return Watch(by_observer[settings.observer], settings, now, emit)

    monkeypatch.setattr("daemon.watching.sources.VcenterWatch", made)
    # Nothing is ever late here: four looks a second at how late it is would be most of the work.
    monkeypatch.setattr("daemon.app.health.STALL_CHECK_S", 60.0)
    apps = [App(load(site.write(), {}), {}, clock=site.clocks) for site in sites]
    async with asyncio.TaskGroup() as tasks:
        for app in apps:
            tasks.create_task(app.run(), name="daemon")
            await app.started.wait()
        await asyncio.sleep(1)
        try:
            yield apps
        finally:
            for app in apps:
                app.stop()


async def scraped(app: App) -> str:
    """What /metrics shows, over a connection of its own."""
    host, port = app.addresses[0]
    connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(f"http://{host}:{port}/metrics") as answer,
    ):
        return await answer.text()


_CONFIG = """\
[ledger]
path = "ledger.db"
[web]
listen = ["127.0.0.1:0"]
[control]
socket = "control.sock"
[watch]
tick = "{tick_s}s"
grace = "5m"
[client.acme]
name = "ACME"
timezone = "America/St_Johns"
tech_admins = ["ann"]
[client.beta]
name = "Beta"
timezone = "Europe/London"
[[rule]]
name = "acme-*"
client = "acme"
solution = "mail"
[[rule]]
name = "beta-*"
client = "beta"
"""
_VCENTER = """\
[vcenter.{name}]
address = "127.0.0.1:9"
scheme = "http"
user = "slad"
password_file = "password"
"""
