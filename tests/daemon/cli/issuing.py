"""A daemon on a ledger with a past: October of the client acme, with an outage, and commands that issue its statement."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import Result

from daemon.app import App
from daemon.app.hub import HubApp
from sla.instants import parse_instant
from tests.daemon.cli.recording import run, serving
from tests.daemon.hand import SetClock
from tests.daemon.harness import config_of
from tests.sla.stories import Line, client, in_order, says, seen, server

MONTH = "2026-10"
ACME = '[client.acme]\nname = "ACME"\ntimezone = "America/Toronto"\ntech_admins = ["ann"]'
NIGHT = ("--from", "2026-10-10T10:00Z", "--until", "2026-10-10T10:30Z")
"""Half of the outage."""
DOWN_S = 3600
NOW = parse_instant("2026-11-20T12:00:00Z")
"""When these tests begin."""
_CLOCK = SetClock()
_CLOCK.set_us = NOW - _CLOCK.now()


def october() -> list[Line]:
    """Server s of acme was down for an hour; t was never; d of beta began in November."""
    return [
        client("acme", name="ACME", tech_admins=["ann"]),
        client("beta", zone="UTC", name="Beta"),
        client("quiet", zone="UTC", name="Quiet"),
        server("s", "2026-09-01T05:00:00Z", client="acme", name="web"),
        server("t", "2026-09-01T05:00:00Z", client="acme", name="db"),
        server("d", "2026-11-05T00:00:00Z", client="beta", name="beta"),
        says("up", "2026-09-01T05:00:00Z"),
        says("up", "2026-09-01T05:00:00Z", server="t"),
        says("down", "2026-10-10T10:00:00Z"),
        says("up", "2026-10-10T11:00:00Z"),
        seen("2026-11-20T00:00:00Z"),
    ]


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """A running daemon, and the commands that ask it."""

    folder: Path
    app: App | HubApp

    @property
    def socket(self) -> Path:
        return self.folder / "control.sock"

    def run(self, *arguments: str) -> Result:
        return run(*arguments, "--socket", str(self.socket))

    def done(self, *arguments: str) -> str:
        ended = self.run(*arguments)
        assert (ended.exit_code, ended.stderr) == (0, ""), ended.output
        return ended.stdout

    def told(self, *arguments: str) -> Any:
        return json.loads(self.done(*arguments, "--format", "json"))

    def issued(self, *arguments: str, of: str = "acme") -> Any:
        return self.told("statement", "issue", of, "--month", MONTH, *arguments)

    def corrected(self, name: str = "x1", *when: str) -> None:
        """Have half of the outage excluded, which was recorded too late for what is issued."""
        scope = ("--client", "acme", "--id", name, "--yes")
        self.done("exclusion", "add", "force_majeure", *(when or NIGHT), *scope)


def imported(folder: Path, lines: list[Line], *more: str) -> Path:
    """The ledger of a folder, with evidence in it."""
    evidence, ledger = folder / "evidence.jsonl", folder / "ledger.db"
    evidence.write_text("".join(json.dumps(line) + "\n" for line in in_order(lines)))
    ended = run("import", str(evidence), "--ledger", str(ledger), *more)
    assert ended.exit_code == 0, ended.output
    return ledger


@contextmanager
def issuer(folder: Path, **sections: str) -> Iterator[Issuer]:
    """A daemon on what a folder holds, on the evidence of October where that is nothing yet."""
    if not (folder / "ledger.db").exists():
        imported(folder, october())
    with serving(config_of(folder, **{"client": ACME, "rule": ""} | sections), _CLOCK) as app:
        yield Issuer(folder=folder, app=app)
