"""A line for every command that does what the command is for, again and again, on a running daemon and files beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from daemon.control.client import Json
from probes.simulation.entities import Vm
from tests.daemon.cli.issuing import MONTH as OCTOBER
from tests.daemon.cli.issuing import Issuer, imported, october
from tests.daemon.cli.recording import A_MINUTE_AGO, AN_HOUR_AGO, NEXT_MARCH, Slad
from tests.daemon.cli.test_help import COMMANDS, GROUPS

LEAVES: Final = tuple(" ".join(path) for path in COMMANDS if path not in GROUPS or path == ("statement",))
"""Every command that does something itself; `statement` does without another behind it."""
MONTH: Final = "2026-03"
DOWN: Final = "borealis-mail-00006"
"""A server that is down from when the ground is prepared."""
EVIDENCE: Final = """\
{"kind": "client", "id": "c", "name": "Client c", "timezone": "America/Toronto", "tech_admins": ["ann"], "recorded_at": "2026-01-01T00:00:00Z"}
{"kind": "server", "id": "s", "name": "Server s", "client": "c", "solution": null, "in_service_from": "2026-03-01T05:00:00Z", "legs": ["internet"], "recorded_at": "2026-01-01T00:00:00Z"}
{"kind": "observation", "observer": "o", "source": "icmp", "server": "s", "leg": "internet", "state": "up", "at": "2026-03-01T05:00:00Z"}
{"kind": "observed_until", "observer": "o", "source": "icmp", "at": "2026-04-02T00:00:00Z"}
"""
CONFIG: Final = """\
observer = "other"
[ledger]
path = "other.db"
[web]
listen = ["127.0.0.1:{taken}"]
[control]
socket = "other.sock"
[vcenter.vc1]
address = "127.0.0.1:{nothing}"
scheme = "http"
user = "slad"
password_file = "password"
[client.acme]
name = "ACME"
timezone = "UTC"
[[rule]]
client = "acme"
"""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where the commands run. Ports: one that a daemon has, one where nobody listens."""

    slad: Slad
    past: Issuer
    """A daemon on a ledger in which October can be issued."""
    folder: Path
    taken: int
    nothing: int
    numbers: "count[int]" = field(default_factory=count)
    proposals: list[str] = field(default_factory=list)
    """The ids of three."""
    links: list[str] = field(default_factory=list)
    """The id of one."""

    @property
    def no_store(self) -> str:
        """The store of several monitors, where nobody answers."""
        return f"postgresql://slad@127.0.0.1:{self.nothing}/slad"

    def prepare(self) -> None:
        """What the lines name."""
        (self.folder / "evidence.jsonl").write_text(EVIDENCE)
        (self.folder / "slad.toml").write_text(CONFIG.format(taken=self.taken, nothing=self.nothing))
        (self.folder / "password").write_text("secret")
        (self.folder / "password").chmod(0o600)
        (old := self.folder / "old").mkdir()
        imported(old, october())
        self.past.issued()
        self.past.corrected()
        self.past.issued()
        self.slad.done("maintenance", "announce", *NEXT_MARCH, "--all", "--id", "mw-gone")
        self.slad.done("exclusion", "add", "force_majeure", *_OPEN, "--id", "ex-ended")
        self.slad.done("exclusion", "add", "force_majeure", *_OPEN, "--id", "ex-gone")
        self.slad.done(*_REQUEST, "--id", "T-responded")
        for request in ("T-closed", "T-gone"):
            self.slad.done(*_REQUEST, "--id", request)
        self.slad.done("notice", "give", "acme", "shop", "--id", "cn-gone")
        self.slad.done(
            "lifecycle",
            "record",
            "acme",
            "shop",
            "data_requested",
            "--at",
            AN_HOUR_AGO,
            "--id",
            "lc-gone",
            "--yes",
        )
        self.links.append(self.slad.told("client", "link", "acme")["id"])
        self._propose()

    def _propose(self) -> None:
        """The systems of three servers crash, of which each makes a proposal."""
        world = self.slad.vcenter.world
        crashed = [vm.moid for vm in world.inventory.every(Vm) if vm.name in ("twin", "shop")]
        assert len(crashed) == 3
        for moid in crashed:
            self.slad.vcenter.do(partial(world.machines.guest_crash, moid))
            self.slad.vcenter.do(partial(world.machines.power_off, moid))

        def proposed() -> list[Json]:
            found: list[Json] = self.slad.told("proposals", "list")["proposals"]
            return found

        self.slad.wait(lambda: len(proposed()) == len(crashed), "the proposals")
        self.proposals[:] = [each["id"] for each in proposed()]
        machines = self.slad.vcenter.world.machines
        self.slad.vcenter.do(lambda: machines.power_off(_moid_of(self.slad, DOWN)))
        self.slad.wait(lambda: bool(self.slad.told("outages", "--server", DOWN)["outages"]), "an outage")

    def outage(self) -> str:
        """When the one began that is under way."""
        (row,) = self.slad.told("outages", "--server", DOWN, "--open")["outages"]
        return str(row["from"])

    def line(self, command: str) -> tuple[str, ...]:
        """The arguments of a command."""
        return (*command.split(), *map(str, LINES[command](self)))


def _moid_of(slad: Slad, name: str) -> str:
    return slad.vcenter.world.inventory.find(Vm, name).moid


def _asking(*arguments: str) -> Callable[[Ground], tuple[object, ...]]:
    return lambda ground: (*arguments, "--socket", ground.slad.socket)


def _recording(*arguments: str) -> Callable[[Ground], tuple[object, ...]]:
    """Recorded once however often it is run."""
    return _asking(*arguments, "--idempotency-key", " ".join(arguments))


def _of_past(*arguments: str) -> Callable[[Ground], tuple[object, ...]]:
    return lambda ground: ("acme", "--month", OCTOBER, *arguments, "--socket", ground.past.socket)


def _of_proposal(number: int, *arguments: str) -> Callable[[Ground], tuple[object, ...]]:
    return lambda ground: (ground.proposals[number], *arguments, "--socket", ground.slad.socket)


_OPEN: Final = ("--from", AN_HOUR_AGO, "--open", "--client", "borealis")
_REQUEST: Final = (
    *("request", "open", "acme", "shop", "--by", "ann"),
    *("--channel", "phone", "--at", A_MINUTE_AGO),
)
LINES: Final[Mapping[str, Callable[[Ground], tuple[object, ...]]]] = {
    # Daemons end at once: their port is taken.
    "demo": lambda ground: ("--port", ground.taken, "--servers", 10, "--dir", ground.folder / "demo"),
    "run": lambda ground: ("--config", ground.folder / "slad.toml"),
    "check-config": lambda ground: ("--config", ground.folder / "slad.toml"),
    "doctor": lambda ground: ("--config", ground.folder / "slad.toml"),
    "probe": lambda ground: (f"tcp://127.0.0.1:{ground.taken}",),
    "status": _asking(),
    "server": _asking("web7"),
    "servers": _asking("--sort", "worst"),
    "outages": _asking("--month", "2026-11", "--client", "acme"),
    "cause set": lambda ground: _recording(DOWN, ground.outage(), "storage", "--why", "a test")(ground),
    "clock show": _asking(),
    "clock accept": _asking(),
    "client list": _asking(),
    "client show": _asking("acme"),
    "client link": _recording("acme", "--expires", "30d", "--name", "ann"),
    "client links": _asking("acme", "--all"),
    "client unlink": lambda ground: (
        *(ground.links[0], "--idempotency-key", "unlink"),
        *("--socket", ground.slad.socket),
    ),
    "maintenance announce": _recording(*NEXT_MARCH, "--client", "acme", "--id", "mw-1"),
    "maintenance list": _asking("--past"),
    "maintenance calendar": _asking("--client", "acme"),
    "maintenance withdraw": _recording("mw-gone", "--why", "not needed"),
    "exclusion add": _recording("client_change", *_OPEN, "--id", "ex-1", "--reference", "T-4711"),
    "exclusion end": _recording("ex-ended"),
    "exclusion list": _asking("--past"),
    "exclusion withdraw": _recording("ex-gone", "--why", "a mistake", "--yes"),
    "proposals list": _asking("--state", "all"),
    "proposals show": _of_proposal(0),
    "proposals accept": _of_proposal(1, "--idempotency-key", "accept"),
    "proposals reject": _of_proposal(2, "--why", "it was us", "--idempotency-key", "reject"),
    "request open": _recording(*_REQUEST[2:], "--id", "T-1"),
    "request respond": _recording("T-responded"),
    "request close": _recording("T-closed"),
    "request list": _asking("--all"),
    "request withdraw": _recording("T-gone", "--why", "a mistake"),
    "notice give": _recording("acme", "shop"),
    "notice list": _asking("--all"),
    "notice withdraw": _recording("cn-gone", "--why", "a mistake"),
    "lifecycle record": _recording("acme", "shop", "activated", "--at", AN_HOUR_AGO, "--yes"),
    "lifecycle list": _asking("--all"),
    "lifecycle withdraw": _recording("lc-gone", "--why", "a mistake", "--yes"),
    "token": lambda _: (),
    "statement": _asking("--month", "2020-01"),
    "statement issue": _of_past(),
    "statement list": lambda ground: ("--socket", ground.past.socket),
    "statement show": _of_past(),
    "statement diff": _of_past("--version", "2"),
    "statement verify": _of_past(),
    "export": _asking(),
    "verify": _asking(),
    "compact": lambda ground: ("--ledger", ground.folder / "old" / "ledger.db", "--dry-run"),
    "evaluate": lambda ground: (ground.folder / "evidence.jsonl", "--month", MONTH),
    "hub init": lambda ground: ("--dsn", ground.no_store),
    "hub monitor add": lambda ground: ("mon1", "--dsn", ground.no_store),
    "hub run": lambda ground: ("--config", ground.folder / "slad.toml"),
    "hub role": lambda ground: ("--dsn", ground.no_store),
    "hub retire": lambda ground: ("mon1", "--dsn", ground.no_store),
    "import": lambda ground: (
        ground.folder / "evidence.jsonl",
        "--ledger",
        ground.folder / f"{next(ground.numbers)}.db",
    ),
}
