"""A whole site on loopback: a simulated vCenter, slad, Prometheus with the shipped rules, Alertmanagers, and a pager.

The shipped files are used as they are, but for what would take hours: waiting times are seconds, and each receiver is a
webhook of the pager's under its own name.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from probes.simulation import ThreadedVCenter
from tests.daemon.harness import Daemon, by_server, simulated, write_config
from tests.peers.alertmanager import Alertmanager, Pager, alertmanager, alertmanagers, pager
from tests.peers.prometheus import Prometheus, prometheus
from tests.wall import now

ROOT = Path(__file__).parents[2]
MIXIN = ROOT / "deploy/mixin"
ROUTES = ROOT / "deploy/alertmanager/alertmanager.yml"

LASTING_S = 1
TERMS = f'[contract.chronic_outages]\nlasting = "{LASTING_S}s"\n'
SERVER = "acme-app-00001"
OWNERS = f'[[rule]]\nname = "{SERVER}"\nclient = "acme"\nsolution = "mail"\n[[rule]]\nname = "acme-*"\nclient = "acme"\n'


def ago(**time: float) -> str:
    """An instant that lies so long back, in the words of the evidence."""
    then = datetime.fromtimestamp(now() / 1e6, UTC) - timedelta(**time)
    return then.isoformat(timespec="seconds").replace("+00:00", "Z")


def hasty_rules() -> str:
    """The shipped rules, which wait, evaluate and keep firing in seconds where they do in minutes, and take any month for over."""
    recordings, alerts = ((MIXIN / f"{name}.yml").read_text() for name in ("rules", "alerts"))
    shipped = recordings.replace("time() < 21600", "time() < 9e9") + alerts.partition("groups:\n")[2]
    return re.sub(r"^( *(?:for|keep_firing_for|interval): \d+)m$", r"\1s", shipped, flags=re.MULTILINE)


def hasty_routes(url: str) -> dict[str, Any]:
    """The shipped routes, which wait for a second, with every receiver at one webhook: notifications name it."""
    config: dict[str, Any] = yaml.safe_load(ROUTES.read_text())
    del config["global"]
    routes = [config["route"], *config["route"]["routes"]]
    for route in routes:
        for key in ("group_wait", "group_interval"):
            if key in route or route is config["route"]:
                route[key] = "1s"
    config["receivers"] = [
        {
            "name": receiver["name"],
            "webhook_configs": [{"url": url, "send_resolved": True}],
        }
        for receiver in config["receivers"]
    ]
    return config


@dataclass
class Site:
    """What there is, all running."""

    folder: Path
    vcenter: ThreadedVCenter
    daemon: Daemon
    prometheus: Prometheus
    alertmanagers: tuple[Alertmanager, ...]
    pager: Pager
    ids: dict[str, str] = field(default_factory=dict)

    def slad(self, *arguments: str, status: int = 0) -> str:
        """Call the command line; what it printed."""
        called = subprocess.run(
            [sys.executable, "-m", "daemon", *arguments, "--socket", str(self.folder / "control.sock")],
            check=False, capture_output=True, text=True, timeout=60, cwd=ROOT,
        )  # fmt: skip
        assert called.returncode == status, called.stderr
        return called.stdout + called.stderr

    def interrupt(self, times: int = 1, name: str = SERVER) -> None:
        """Switch a server off for long enough, and on again."""
        for _ in range(times):
            before = self.qualifying()
            self.vcenter.do(self.vcenter.world.machines.power_off, name, user="PROVIDER\\ops")
            self.daemon.wait(lambda samples, before=before: qualifying_in(samples) > before, "one more")  # type: ignore[misc]
            self.vcenter.do(self.vcenter.world.machines.power_on, name, user="PROVIDER\\ops")
            server = self.id_of(name)
            self.daemon.wait(
                lambda samples, server=server: by_server(samples, "slad_server_up").get(server) == 1,  # type: ignore[misc]
                f"{name} up",
            )

    def qualifying(self) -> float:
        """How many interruptions of the solution qualify."""
        return qualifying_in(self.daemon.scraped())

    def names(self) -> list[str]:
        """The names of ACME's servers."""
        told = [dict(labels) for family, labels in self.daemon.scraped() if family == "slad_server_info"]
        self.ids.update((each["name"], each["server"]) for each in told)
        return sorted(each["name"] for each in told if each["client"] == "acme")

    def id_of(self, name: str) -> str:
        """A server's id."""
        if name not in self.ids:
            self.names()
        return self.ids[name]


def qualifying_in(samples: Any) -> float:
    """How many interruptions of the solution qualify, by what was observed."""
    wanted = {("client", "acme"), ("solution", "mail"), ("basis", "observed")}
    found = samples.get(("slad_solution_qualifying_interruptions", frozenset(wanted)), 0.0)
    return float(found)


@contextmanager
def site(
    folder: Path,
    *,
    is_clustered: bool = False,
    history: Path | None = None,
    sections: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """Everything, started. `sections` of slad.toml take the place of those here; `history` is evidence to begin with."""
    with ExitStack() as stack:
        told = stack.enter_context(pager())
        vcenter = stack.enter_context(simulated())
        daemon = Daemon(
            write_config(folder, vcenter, rule=OWNERS, **{"contract": TERMS} | dict(sections or {}))
        )
        if history is not None:
            subprocess.run(
                [sys.executable, "-m", "daemon", "import", str(history), "--ledger", str(folder / "ledger.db")],
                check=True, timeout=60, cwd=ROOT,
            )  # fmt: skip
        stack.callback(daemon.kill)
        daemon.start()
        routes = hasty_routes(told.url)
        managers = (
            stack.enter_context(alertmanagers(folder, routes))
            if is_clustered
            else (stack.enter_context(alertmanager(folder / "alertmanager", routes)),)
        )
        asked = stack.enter_context(
            prometheus(
                folder / "prometheus",
                scrape=[f"127.0.0.1:{daemon.port}"],
                rules=hasty_rules(),
                alertmanagers=[manager.name for manager in managers],
            )
        )
        daemon.wait(lambda samples: bool(by_server(samples, "slad_server_up")), "servers")
        yield Site(
            folder=folder,
            vcenter=vcenter,
            daemon=daemon,
            prometheus=asked,
            alertmanagers=managers,
            pager=told,
        )
