"""A running daemon with a simulated vCenter, and the commands for records by people that ask it."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from daemon.app import App
from daemon.cli import main
from daemon.clock import Clock
from daemon.new_tokens import new_token
from probes.simulation import ThreadedVCenter
from sla.calendars import calendar_of
from sla.instants import BEGINNING, HOUR, MINUTE, Instant, datetime_of, format_instant, parse_instant
from sla.texts import cleaned
from tests.daemon.harness import WAIT_S, running_app, simulated, write_config
from tests.peers.tls import issue
from tests.waiting import until
from tests.wall import now

STEERING = "web [bold]5[/bold] \x9b31m\u202e"
"""A name with markup, and with characters that steer terminals."""
STEERED = cleaned(STEERING)
"""As a machine of that name is recorded."""
NAMES = {
    "acme-app-00001": "twin",
    "acme-app-00009": "twin",
    "acme-app-00011": "db",
    "borealis-web-00002": "db",
    "acme-files-00005": STEERING,
    "acme-web-00007": "web7",
    "acme-files-00013": "shop",
}
"""Of Acme's servers web7 is the solution shop, the others are sold alone; one of them has the solution's name."""
_A = TypeVar("_A")

RULES = """[[rule]]
name = "web7"
client = "acme"
solution = "shop"
[[rule]]
folder = "/DC1/vm/acme/**"
client = "acme"
[[rule]]
folder = "/DC1/vm/borealis/**"
client = "borealis"
"""
CLIENTS = """[client.acme]
name = "ACME"
timezone = "America/Toronto"
tech_admins = ["ann", "bob"]
[client.borealis]
name = "Borealis"
timezone = "UTC"
"""
TERMS = """[contract.scheduled_maintenance]
between = ["00:00", "24:00"]
[contract.chronic_outages]
interruptions = 2
lasting = "1s"
request_early = "15m"
"""
RUNNING = 13
"""Of 14 machines one is off."""
READER, RECORDER, EXPIRED, STRANGER = (new_token() for _ in range(4))
CONTROL = f"""[control]
socket = "control.sock"
listen = ["127.0.0.1:0"]
cert_file = "cert.pem"
key_file = "key.pem"
[[control.token]]
name = "grafana"
role = "read"
sha256 = "{READER.sha256}"
[[control.token]]
name = "portal"
role = "record"
sha256 = "{RECORDER.sha256}"
[[control.token]]
name = "old"
role = "record"
sha256 = "{EXPIRED.sha256}"
expires = 2020-01-01
"""
_MARCH = f"{datetime_of(now()).year + 1}-03-01"
NEXT_MARCH = ("--from", f"{_MARCH}T12:00-05:00", "--until", f"{_MARCH}T14:00-05:00")
"""Two hours, announced in time."""
TOMORROW = format_instant(Instant(now() + 24 * HOUR))
AN_HOUR_AGO = format_instant(Instant(now() - HOUR))
A_MINUTE_AGO = format_instant(Instant(now() - MINUTE))
MARCH_UTC = (f"{_MARCH}T17:00:00Z", f"{_MARCH}T19:00:00Z")
ANNOUNCE = ("maintenance", "announce", *NEXT_MARCH)
RECORDED = 2
"""Records that one request adds to the ledger: who asked, and what for."""
ADD = ("exclusion", "add", "force_majeure", "--from", AN_HOUR_AGO)
OPEN = ("request", "open", "acme", "shop", "--channel", "phone")


@dataclass(frozen=True, kw_only=True)
class Slad:
    """A running daemon, and the commands that ask it."""

    folder: Path
    app: App
    vcenter: ThreadedVCenter

    @property
    def socket(self) -> Path:
        return self.folder / "control.sock"

    @property
    def url(self) -> str:
        host, port = self.app.control_addresses[0]
        return f"https://{host}:{port}"

    def run(self, *arguments: str, door: Path | None = None) -> Result:
        """A command on the socket, or on `door`."""
        return run(*arguments, "--socket", str(door or self.socket))

    def done(self, *arguments: str) -> str:
        """What a command that succeeds says."""
        return _succeeded(self.run(*arguments))

    def told(self, *arguments: str) -> Any:
        """The same, as JSON."""
        return json.loads(self.done(*arguments, "--format", "json"))

    def told_of(self, *arguments: str, options: Sequence[str] = ()) -> Any:
        """The same of a command whose last arguments are names, which may look like options."""
        words = arguments[: 1 if arguments[0] == "server" else 2]
        asked = (*words, *options, "--format", "json", "--socket", str(self.socket))
        return json.loads(_succeeded(run(*asked, "--", *arguments[len(words) :])))

    def settled_at(self) -> Instant:
        """Until when all is settled; long ago before anything is."""
        at = self.told("status")["settled_at"]
        return BEGINNING if at is None else parse_instant(at)

    @cached_property
    def month(self) -> str:
        """A month of Acme's calendar in which its servers are in service, also when it turns while tests run: when this was first asked."""
        return str(calendar_of("America/Toronto").month_of(self.settled_at()))

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition holds."""
        asyncio.run(until(condition, what))

    def records(self) -> int:
        """How many records the ledger holds."""
        status = self.told("status")
        assert status["not_ready"] == []
        return int(status["ledger"]["records"])


def _succeeded(result: Result) -> str:
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@contextmanager
def serving(config: Path, clock: Clock | None = None) -> Iterator[App]:
    """The daemon on a loop in a thread of its own, as commands run loops of theirs; its logs are kept from them."""
    with served(lambda: running_app(config, clock=clock)) as app:
        yield app


@contextmanager
def served(open_: Callable[[], AbstractAsyncContextManager[_A]]) -> Iterator[_A]:
    """The same of any app."""
    started: Future[tuple[_A, Callable[[], object]]] = Future()

    async def serve() -> None:
        done = asyncio.Event()
        async with open_() as app:
            started.set_result((app, partial(asyncio.get_running_loop().call_soon_threadsafe, done.set)))
            await done.wait()

    with capture_logs(), ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: asyncio.run(serve()))
        running.add_done_callback(lambda _: started.cancel())
        wait([started], WAIT_S)
        if running.done():
            running.result()
        app, stop = started.result(0)
        try:
            yield app
        finally:
            stop()
            running.result(WAIT_S)


@contextmanager
def watching(folder: Path) -> Iterator[Slad]:
    """A daemon that has seen all servers, and settled that they are in service."""
    issue(folder)
    with simulated(14) as vcenter:
        vcenter.do(partial(_rename, vcenter))
        config = write_config(folder, vcenter, control=CONTROL, client=CLIENTS, rule=RULES, terms=TERMS)
        with serving(config) as app:
            slad = Slad(folder=folder, app=app, vcenter=vcenter)
            slad.wait(lambda: sum(slad.told("status")["states"].values()) == RUNNING, "the fleet")
            seen_at = now()
            slad.wait(lambda: slad.settled_at() > seen_at, "what was seen of it to be settled")
            yield slad


def _rename(vcenter: ThreadedVCenter) -> None:
    for old, new in NAMES.items():
        vcenter.world.machines.rename(old, name=new)


def cells(table: str, first: str) -> list[str]:
    """The cells of the row that begins with `first`."""
    (row,) = (line for line in table.splitlines() if line.startswith(first))
    return re.split(r"  +", row.strip())
