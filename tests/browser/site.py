"""A running daemon with something to show, and the pages of it that a browser looks at."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from probes.simulation import ThreadedVCenter
from sla.calendars import calendar_of
from sla.instants import DAY, HOUR, Instant, format_instant, parse_instant
from tests.daemon.harness import Daemon, Samples, by_server, running_machines, simulated, write_config
from tests.wall import now

NAME: Final = "Société d’hébergement <ACME> & fils"
"""A client's name with markup in it."""
_CLIENTS: Final = f"""[client.acme]
name = "{NAME}"
timezone = "America/Toronto"
tech_admins = ["ann"]
[client.borealis]
name = "Borealis Inc."
timezone = "America/St_Johns"
"""
_RULES: Final = """[[rule]]
folder = "/DC1/vm/acme/**"
client = "acme"
[[rule]]
folder = "/DC1/vm/borealis/**"
client = "borealis"
"""


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where it is; `pages` are paths by their names, to be looked at in every form."""

    root: str
    pages: dict[str, str]


FLEET: Final = {
    "fleet": "/",
    "clients": "/clients",
    "client": "/clients/acme",
    "solution": "/solutions/acme/SERVER",
    "servers": "/servers?sort=worst",
    "server": "/servers/SERVER",
    "server closer": "/servers/SERVER?from=FROM&until=UNTIL",
    "incident": "/incidents/SERVER/BEGAN",
    "outages": "/outages",
    "maintenance": "/maintenance",
    "statements": "/statements",
    "evidence": "/evidence",
    "refused": "/servers?cursor=odd",
    "statement": "/clients/acme/statements/MONTH.html",
}
"""What there is to be looked at. A page that is new is named here."""
OWN: Final = {
    f"own {name}": f"/c/TOKEN{path}" for name, path in FLEET.items() if not path.startswith("/clients")
} | {"own statement": "/c/TOKEN/statements/MONTH.html"}
"""The same under a client's link."""
NAMES: Final = (*FLEET, *OWN)


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """The daemon on a simulated vCenter: a server is down, another was, maintenance is to come."""
    with simulated(servers=24) as vcenter:
        daemon = Daemon(write_config(folder, vcenter, client=_CLIENTS, rule=_RULES))
        daemon.start()
        try:
            daemon.wait(lambda samples: samples[("slad_ready", frozenset())] == 1, "the daemon")
            _happen(vcenter, daemon)
            token = _recorded(folder)
            down = _outage(folder)
            named = {
                "TOKEN": token,
                "SERVER": str(down["server"]),
                "BEGAN": str(down["from"]),
                "MONTH": str(calendar_of("America/Toronto").month_of(parse_instant(str(down["from"])))),
                "FROM": format_instant(Instant(now() - 2 * HOUR)),
                "UNTIL": format_instant(Instant(now() + HOUR)),
            }
            pages = {
                name: re.sub("|".join(named), lambda word: named[word[0]], path)
                for name, path in (FLEET | OWN).items()
            }
            yield Site(root=f"http://127.0.0.1:{daemon.port}", pages=pages)
        finally:
            daemon.terminate()


def _happen(vcenter: ThreadedVCenter, daemon: Daemon) -> None:
    """One of acme's servers was down for a moment, and another is."""
    daemon.wait(lambda samples: by_server(samples, "slad_server_up") != {}, "the servers")
    running = [name for name in running_machines(vcenter) if name.startswith("acme-")]
    for name in running[:2]:
        vcenter.do(partial(vcenter.world.machines.power_off, name))
    daemon.wait(lambda samples: _down(samples) == 2, "the outages")
    vcenter.do(partial(vcenter.world.machines.power_on, running[0]))
    daemon.wait(lambda samples: _down(samples) == 1, "the end of one")


def _down(samples: Samples) -> int:
    return [*by_server(samples, "slad_server_up").values()].count(0.0)


def _recorded(folder: Path) -> str:
    """Maintenance to come is on record, and a link, whose token it is."""
    start = Instant(now() + 7 * DAY)
    span = ("--from", format_instant(start), "--until", format_instant(Instant(start + HOUR)))
    _done(folder, "maintenance", "announce", *span, "--client", "acme", "--reference", "CHG-1")
    return str(_done(folder, "client", "link", "acme")["token"])


def _outage(folder: Path) -> Any:
    """The outage under way, by the evidence; a server without a solution is one by itself, of its id."""
    (row,) = _done(folder, "outages", "--open")["outages"]
    return row


def _done(folder: Path, *arguments: str) -> Any:
    """What a command says; as a process, for Playwright has a loop in this thread."""
    command = (sys.executable, "-m", "daemon", *arguments, "--socket", str(folder / "control.sock"))
    ended = subprocess.run((*command, "--format", "json"), check=True, capture_output=True, text=True)
    return json.loads(ended.stdout)
