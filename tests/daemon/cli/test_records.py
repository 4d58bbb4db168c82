"""The commands for records by people, against a running daemon with a simulated vCenter."""

import asyncio
import hashlib
import json
import re
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from daemon.app import App
from daemon.cli import asking, main
from daemon.config import load
from daemon.control.tokens import new_token
from daemon.control_client import ControlClient
from daemon.records.desk import Desk
from daemon.records.refusals import NotRecordingError
from probes.simulation import ThreadedVCenter
from sla.instants import HOUR, MINUTE, Instant, format_instant
from tests.daemon.harness import WAIT_S, running_app, simulated, until, write_config
from tests.peers.tls import Certificate, issue
from tests.wall import now

STEERING = "web [bold]5[/bold] \x9b31m\u202e"
"""A name with markup, and with characters that steer terminals."""
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
NEXT_CENTURY = ("--from", "2090-03-01T12:00-05:00", "--until", "2090-03-01T14:00-05:00")
"""Two hours, announced in time."""
TOMORROW = format_instant(Instant(now() + 24 * HOUR))
AN_HOUR_AGO = format_instant(Instant(now() - HOUR))
A_MINUTE_AGO = format_instant(Instant(now() - MINUTE))


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
        result = self.run(*arguments)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout

    def told(self, *arguments: str) -> Any:
        """The same, as JSON."""
        return json.loads(self.done(*arguments, "--format", "json"))

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition holds."""
        asyncio.run(until(condition, what))

    def records(self) -> int:
        """How many records the ledger holds."""
        status = self.told("status")
        assert status["not_ready"] == []
        return int(status["ledger"]["records"])


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@contextmanager
def serving(config: Path) -> Iterator[App]:
    """The daemon on a loop in a thread of its own, as commands run loops of theirs; its logs are kept from them."""
    started: Future[tuple[App, Callable[[], object]]] = Future()

    async def serve() -> None:
        done = asyncio.Event()
        async with running_app(config) as app:
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
    """A daemon that has seen all servers."""
    issue(folder)
    with simulated(14) as vcenter:
        vcenter.do(partial(_rename, vcenter))
        config = write_config(folder, vcenter, control=CONTROL, client=CLIENTS, rule=RULES, terms=TERMS)
        with serving(config) as app:
            slad = Slad(folder=folder, app=app, vcenter=vcenter)
            slad.wait(lambda: sum(slad.told("status")["states"].values()) == RUNNING, "the fleet")
            yield slad


def _rename(vcenter: ThreadedVCenter) -> None:
    for old, new in NAMES.items():
        vcenter.world.machines.rename(old, name=new)


@pytest.fixture(scope="module")
def slad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slad]:
    """One daemon for all tests, each of which leaves its records."""
    with watching(tmp_path_factory.mktemp("slad")) as running:
        yield running


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause before a retry."""
    monkeypatch.setattr(asking, "RETRY_S", 0)


def cells(table: str, first: str) -> list[str]:
    """The cells of the row that begins with `first`."""
    (row,) = (line for line in table.splitlines() if line.startswith(first))
    return re.split(r"  +", row.strip())


# Maintenance


def test_an_announcement_says_what_will_be_excluded_and_why_not(slad: Slad) -> None:
    shown = slad.done("maintenance", "announce", *NEXT_CENTURY, "--server", "web7", "--id", "mw-cap")
    assert "The window is announced as mw-cap.\n" in shown
    assert "Servers in it: 1. Excluded whole for 0, in part for 1, not at all for 0.\n" in shown
    assert cells(shown, "web7") == [
        "web7",
        "acme",
        "2:00:00",
        "1:00:00",
        "1:00:00 over weekly cap",
        "0:00:00",
    ]
    late = slad.done(
        "maintenance", "announce", "--from", A_MINUTE_AGO, "--until", TOMORROW, "--client", "acme"
    )
    assert "not at all for 6." in late
    assert re.search(r"^web7 .* 0:00:00 +\d+:\d\d:\d\d\.?\d* late notice ", late, re.MULTILINE)


def test_an_announcement_in_json_is_the_answer_of_the_door(slad: Slad) -> None:
    told = slad.told(
        "maintenance", "announce", *NEXT_CENTURY, "--solution", "shop", "--emergency", "--reference", "T-1"
    )
    assert told["category"] == "emergency_security_update"
    assert (told["from"], told["until"]) == ("2090-03-01T17:00:00Z", "2090-03-01T19:00:00Z")
    assert (told["solutions"], told["reference"], told["dry_run"]) == (["shop"], "T-1", False)
    assert told["recorded_by"].startswith("uid:")
    assert [row["name"] for row in told["servers"]] == ["web7"]


def test_a_dry_run_answers_the_same_and_records_nothing(slad: Slad) -> None:
    before = slad.records()
    announce = ("maintenance", "announce", *NEXT_CENTURY, "--all", "--dry-run")
    shown = slad.done(*announce)
    assert "The window would be announced; nothing was recorded.\nServers in it: 13." in shown
    told = slad.told(*announce)
    assert (told["dry_run"], told["id"], told["summary"]["partly"]) == (True, None, 13)
    assert slad.records() == before


def test_windows_are_listed_and_withdrawn_ones_only_with_the_past(slad: Slad) -> None:
    slad.done("maintenance", "announce", *NEXT_CENTURY, "--client", "acme", "--id", "mw-kept")
    slad.done("maintenance", "announce", *NEXT_CENTURY, "--all", "--id", "mw-gone", "--reference", "T-2")
    assert cells(slad.done("maintenance", "list"), "mw-kept")[:6] == [
        "mw-kept",
        "announced",
        "2090-03-01T17:00:00Z",
        "2090-03-01T19:00:00Z",
        "scheduled maintenance",
        "client acme",
    ]
    withdrawn = slad.told("maintenance", "withdraw", "mw-gone", "--why", "the part has not come")
    assert (withdrawn["id"], withdrawn["why"]) == ("mw-gone", "the part has not come")
    assert "mw-gone" not in slad.done("maintenance", "list")
    row = cells(slad.done("maintenance", "list", "--past"), "mw-gone")
    assert (row[1], row[5], row[7], row[-1]) == ("withdrawn", "everybody", "T-2", "the part has not come")
    listed = slad.told("maintenance", "list", "--past")["maintenance"]
    assert {each["id"]: each["state"] for each in listed}["mw-gone"] == "withdrawn"
    assert slad.done("maintenance", "withdraw", "mw-kept", "--why", "x") == "mw-kept is withdrawn.\n"


# Exclusions


def test_an_open_exclusion_goes_on_until_it_is_ended(slad: Slad) -> None:
    add = ("exclusion", "add", "client_system", "--server", "web7", "--from", AN_HOUR_AGO)
    assert slad.done(*add, "--open", "--id", "ex-1") == "Recorded as ex-1, until it is ended.\n"
    row = cells(slad.done("exclusion", "list"), "ex-1")
    assert (row[1], row[3], row[4]) == ("running", "open", "client system")
    assert slad.done("exclusion", "end", "ex-1", "--at", A_MINUTE_AGO) == f"ex-1 ended at {A_MINUTE_AGO}.\n"
    assert "ex-1" not in slad.done("exclusion", "list")
    row = cells(slad.done("exclusion", "list", "--past"), "ex-1")
    assert (row[1], row[3]) == ("past", A_MINUTE_AGO)
    assert slad.done("exclusion", "withdraw", "ex-1", "--why", "ours") == "ex-1 is withdrawn.\n"
    assert cells(slad.done("exclusion", "list", "--past"), "ex-1")[-1] == "ours"


def test_exclusions_in_json_are_the_answers_of_the_door(slad: Slad) -> None:
    span = ("--from", AN_HOUR_AGO, "--until", A_MINUTE_AGO)
    made = slad.told("exclusion", "add", "force_majeure", *span, "--client", "acme", "--client", "borealis")
    assert (made["category"], made["clients"]) == ("force_majeure", ["acme", "borealis"])
    assert made["announced_at"] is None
    listed = slad.told("exclusion", "list", "--past")["exclusions"]
    assert made["id"] in [each["id"] for each in listed]
    assert made["id"] not in [each["id"] for each in slad.told("exclusion", "list")["exclusions"]]
    ended = slad.told("exclusion", "add", "end_user_pc", "--from", AN_HOUR_AGO, "--open", "--all")
    assert slad.told("exclusion", "end", ended["id"])["id"] == ended["id"]
    assert slad.told("exclusion", "withdraw", ended["id"], "--why", "x")["why"] == "x"


# Requests, notices, life, clients


def test_a_request_from_opening_to_its_end(slad: Slad) -> None:
    open_ = ("request", "open", "acme", "shop", "--by", "ann", "--channel", "phone", "--at", AN_HOUR_AGO)
    assert re.fullmatch(r"Opened as T-10; a response is due by \S+Z\.\n", slad.done(*open_, "--id", "T-10"))
    row = cells(slad.done("request", "list"), "T-10")
    assert (row[1:3], row[3], row[4], row[6]) == (["acme", "shop"], AN_HOUR_AGO, "ann", "pending")
    shown = slad.done("request", "respond", "T-10", "--at", A_MINUTE_AGO)
    assert shown == f"T-10 was responded to at {A_MINUTE_AGO}, in time.\n"
    assert cells(slad.done("request", "list"), "T-10")[-2:] == ["met", A_MINUTE_AGO]
    closed = slad.done("request", "close", "T-10", "--at", A_MINUTE_AGO)
    assert closed == f"T-10 was closed at {A_MINUTE_AGO}.\n"
    assert "T-10" not in slad.done("request", "list")
    assert cells(slad.done("request", "list", "--all"), "T-10")[-1] == A_MINUTE_AGO


def test_a_response_after_the_time_is_late(slad: Slad) -> None:
    at = format_instant(Instant(now() - 30 * 24 * HOUR))
    slad.done(
        "request", "open", "acme", "shop", "--by", "bob", "--channel", "email", "--at", at, "--id", "T-11"
    )
    assert re.fullmatch(r"T-11 was responded to at \S+, late\.\n", slad.done("request", "respond", "T-11"))
    slad.done("request", "close", "T-11")


def test_requests_in_json_are_the_answers_of_the_door(slad: Slad) -> None:
    made = slad.told("request", "open", "acme", "shop", "--by", "bob", "--channel", "portal")
    assert (made["opened_by"], made["channel"], made["response"]) == ("bob", "portal", "pending")
    assert made["id"] in [each["id"] for each in slad.told("request", "list")["requests"]]
    assert slad.told("request", "respond", made["id"])["response"] == "met"
    assert slad.told("request", "close", made["id"])["closed_at"] is not None
    assert made["id"] not in [each["id"] for each in slad.told("request", "list")["requests"]]
    assert made["id"] in [each["id"] for each in slad.told("request", "list", "--all")["requests"]]


def test_a_notice_without_a_chronic_outage_starts_nothing(slad: Slad) -> None:
    assert "it starts nothing" in slad.done("notice", "give", "acme", "shop")
    told = slad.told("notice", "give", "acme", "shop", "--at", AN_HOUR_AGO)
    assert (told["valid"], told["given_at"], told["observed"]["stage"]) == (False, AN_HOUR_AGO, "clear")


def test_a_step_in_the_life_of_a_solution_answers_its_deadlines(slad: Slad) -> None:
    shown = slad.done("lifecycle", "record", "acme", "shop", "data_requested", "--at", AN_HOUR_AGO)
    assert f"data requested at {AN_HOUR_AGO} is on record.\n" in shown
    assert cells(shown, "data return")[-1] == "pending"
    told = slad.told("lifecycle", "record", "acme", "shop", "data_returned")
    assert [(each["deadline"], each["outcome"]) for each in told["deadlines"]] == [("data_return", "met")]


def test_a_client_is_shown_with_terms_solutions_requests_and_deadlines(slad: Slad) -> None:
    slad.done("request", "open", "acme", "shop", "--by", "ann", "--channel", "phone", "--id", "T-20")
    slad.done("lifecycle", "record", "acme", "db", "data_requested")
    shown = slad.done("client", "show", "acme")
    assert "ACME (acme), local time of America/Toronto\ntech admins: ann, bob; servers: 6\n" in shown
    assert cells(shown, "availability.target") == ["availability.target", "0.999"]
    assert cells(shown, "scheduled_maintenance.emergency_in_cap")[1] == "true"
    assert cells(shown, "shop  ")[:3] == ["shop", "1", "clear"]
    assert cells(shown, "T-20")[1] == "shop"
    lone = {row["name"]: row["id"] for row in slad.told("client", "show", "acme")["solutions"] if row["name"]}
    assert cells(shown, "db")[:3] == ["db", "1", "clear"], "a server that is sold alone, by its name"
    assert cells(shown, f"shop ({lone['shop']})")[1] == "1", "another solution is called so"
    assert cells(shown, "data return")[-1] == "pending"
    slad.done("request", "close", "T-20")
    assert "T-20" not in slad.done("client", "show", "acme")
    told = slad.told("client", "show", "acme")
    assert (told["servers"], told["tech_admins"]) == (6, ["ann", "bob"])
    assert cells(slad.done("client", "list"), "acme") == ["acme", "ACME", "America/Toronto", "6", "ann, bob"]
    assert [row["id"] for row in slad.told("client", "list")["clients"]] == ["acme", "borealis", "unassigned"]


def test_a_chronic_outage_and_the_notice_that_follows(tmp_path: Path) -> None:
    with watching(tmp_path) as slad:
        machines = slad.vcenter.world.machines
        interrupt(slad)
        slad.vcenter.do(machines.power_on, "web7", user="eve")
        slad.wait(lambda: len(shop_of(slad)) == 6, "the end of the interruption")
        interrupt(slad)
        slad.wait(lambda: shop_of(slad)[4] == "chronic", "a chronic outage")
        _, _, since, counted, _, observed, _, documented = shop_of(slad)
        assert re.fullmatch(r"\d{4}-\S+Z", since)
        assert re.fullmatch(r"0:\d\d:\d\d(\.\d+)?", counted)
        assert (observed, documented) == ("2", "0")
        slad.vcenter.do(machines.power_on, "web7", user="eve")
        slad.wait(lambda: shop_of(slad)[2].startswith("chronic until 20"), "a notice period that closes")
        shown = slad.done("notice", "give", "acme", "shop")
        valid = re.fullmatch(r"The notice is valid: to be mended by (\S+), evaluated until \S+\.\n", shown)
        assert valid is not None
        assert f"resolution until {valid[1]}" in slad.done("client", "show", "acme")


def test_an_open_client_change_ends_by_itself(tmp_path: Path) -> None:
    with watching(tmp_path) as slad:
        interrupt(slad)
        change = ("exclusion", "add", "client_change", "--server", "web7", "--from", AN_HOUR_AGO, "--open")
        slad.done(*change, "--id", "ex-ends")
        assert cells(slad.done("exclusion", "list"), "ex-ends")[3] == "open"
        slad.vcenter.do(slad.vcenter.world.machines.power_on, "web7", user="eve")
        slad.wait(lambda: "ex-ends" not in slad.done("exclusion", "list"), "its end with the next up")
        (ended,) = slad.told("exclusion", "list", "--past")["exclusions"]
        assert (ended["state"], ended["ended"]["recorded_by"]) == ("past", "slad")


def interrupt(slad: Slad) -> None:
    """Let the solution shop be down, for longer than a second so far."""
    slad.vcenter.do(slad.vcenter.world.machines.power_off, "web7", user="eve")
    slad.wait(lambda: len(row := shop_of(slad)) == 8 and row[3] > "0:00:01", "an interruption")


def shop_of(slad: Slad) -> list[str]:
    """The row of the solution shop in `slad client show`; two cells are there only during an interruption."""
    return cells(slad.done("client", "show", "acme"), "shop  ")


# Names


def of_acme(slad: Slad, name: str) -> str:
    """The id of Acme's server of a name, as a dry run tells it."""
    told = slad.told("maintenance", "announce", *NEXT_CENTURY, "--client", "acme", "--dry-run")
    (server,) = (row["server"] for row in told["servers"] if row["name"] == name)
    return str(server)


def test_a_server_that_is_sold_alone_may_be_named_where_a_solution_is_asked_for(slad: Slad) -> None:
    db = of_acme(slad, "db")
    opened = slad.told("request", "open", "acme", "db", "--by", "ann", "--channel", "phone")
    assert opened["solution"] == db
    assert slad.told("lifecycle", "record", "acme", "db", "data_requested")["solution"] == db
    assert slad.told("notice", "give", "acme", "db")["solution"] == db
    assert slad.told("notice", "give", "acme", db)["solution"] == db
    assert slad.told("notice", "give", "acme", STEERING)["solution"] == of_acme(slad, STEERING)


def test_a_solution_goes_before_a_server_of_its_name(slad: Slad) -> None:
    assert of_acme(slad, "shop") != "shop"
    assert slad.told("notice", "give", "acme", "shop")["solution"] == "shop"


def test_a_name_is_recorded_once_under_its_key(slad: Slad) -> None:
    before = slad.records()
    give = ("notice", "give", "acme", "db", "--idempotency-key", "by-name")
    assert slad.told(*give) == slad.told(*give)
    assert slad.records() == before + 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("twin", "solution: 2 servers of client acme have this name: name one by its id, "),
        ("web7", 'solution: client "acme" has no solution "web7"'),
        ("borealis-mail-00006", 'solution: client "acme" has no solution "borealis-mail-00006"'),
        ("nothing", 'solution: client "acme" has no solution "nothing"'),
        ("..", 'solution: client "acme" has no solution ".."'),
    ],
)
def test_a_name_that_is_not_one_lone_server_s_is_refused(slad: Slad, name: str, message: str) -> None:
    before = slad.records()
    result = slad.run("notice", "give", "acme", name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert slad.records() == before


def test_names_neither_mark_up_nor_steer_the_terminal(slad: Slad) -> None:
    announce = ("maintenance", "announce", *NEXT_CENTURY, "--server", STEERING, "--reference", "[red]T[/red]")
    shown = slad.done(*announce, "--id", "mw-steering") + slad.done("maintenance", "list")
    assert "web [bold]5[/bold] �31m�" in shown
    assert "[red]T[/red]" in shown
    assert not set("\x9b\u202e") & set(shown)
    told = slad.done(*announce, "--dry-run", "--format", "json")
    assert not set("\x9b\u202e") & set(told)
    assert json.loads(told)["servers"][0]["name"] == STEERING
    refused = slad.run("client", "show", STEERING)
    assert refused.exit_code == 1
    assert not set("\x9b\u202e") & set(refused.stderr)


# Bad input

ANNOUNCE = ("maintenance", "announce", *NEXT_CENTURY)
ADD = ("exclusion", "add", "force_majeure", "--from", AN_HOUR_AGO)
OPEN = ("request", "open", "acme", "shop", "--channel", "phone")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ANNOUNCE, "--server", "nobody"), 'servers[1]: there is no server "nobody"'),
        ((*ANNOUNCE, "--server", "twin"), 'servers[1]: 2 servers are called "twin": name one by its id'),
        ((*ANNOUNCE, "--client", "acmee"), 'clients[1]: there is no client "acmee": did you mean "acme"?'),
        ((*ANNOUNCE, "--solution", "shpo"), 'solutions[1]: there is no solution "shpo"'),
        ((*ANNOUNCE, "--all", "--announced-at", TOMORROW), "announced_at: is in the future"),
        ((*ANNOUNCE, "--all", "--id", "a b"), "id: is no id"),
        ((*ANNOUNCE, "--all", "--reference", "x" * 300_000), "the body is too large"),
        (
            ("maintenance", "announce", "--from", TOMORROW, "--until", AN_HOUR_AGO, "--all"),
            "until: must be after from",
        ),
        (
            ("maintenance", "announce", "--from", "2089-01-01T00:00Z", *NEXT_CENTURY[2:], "--all"),
            "until: is more",
        ),
        (
            ("maintenance", "withdraw", "nothing", "--why", "x"),
            'id: there is no maintenance window "nothing"',
        ),
        (("maintenance", "withdraw", "a/b", "--why", "x"), 'id: there is no maintenance window "a/b"'),
        (("maintenance", "withdraw", "mw", "--why", ""), "why: "),
        ((*ADD, "--until", AN_HOUR_AGO, "--all"), "until: must be after from"),
        ((*ADD, "--open", "--all", "--announced-at", TOMORROW), "announced_at: is in the future"),
        ((*ADD, "--open", "--client", "x"), 'clients[1]: there is no client "x"'),
        (("exclusion", "end", "nothing"), 'id: there is no exclusion "nothing"'),
        (("exclusion", "withdraw", "nothing", "--why", "x"), 'id: there is no exclusion "nothing"'),
        (
            (*OPEN, "--by", "eve"),
            "opened_by: 'eve' may not open a request: the tech admins are 'ann' and 'bob'",
        ),
        ((*OPEN, "--by", "ann", "--at", TOMORROW), "opened_at: is in the future"),
        (("request", "respond", "nothing"), 'id: there is no service request "nothing"'),
        (("request", "close", "nothing"), 'id: there is no service request "nothing"'),
        (("notice", "give", "x", "shop"), 'client: there is no client "x"'),
        (("notice", "give", "acme", "shop", "--at", TOMORROW), "given_at: is in the future"),
        (("lifecycle", "record", "x", "shop", "activated"), 'client: there is no client "x"'),
        (("lifecycle", "record", "acme", "shop", "activated", "--at", TOMORROW), "at: is in the future"),
        (("client", "show", "x"), 'id: there is no client "x"'),
    ],
)
def test_what_may_not_be_recorded_is_refused_with_the_field(
    slad: Slad, arguments: tuple[str, ...], message: str
) -> None:
    before = slad.records()
    for form in ("text", "json"):
        result = slad.run(*arguments, "--format", form)
        assert (result.exit_code, result.stdout) == (1, "")
        assert f"slad: {message}" in result.stderr or message in result.stderr.splitlines()[0]
    assert slad.records() == before


def test_all_that_is_wrong_is_told_at_once(slad: Slad) -> None:
    result = slad.run(*ANNOUNCE, "--server", "x", "--client", "y")
    assert [line.split(":")[1].strip() for line in result.stderr.splitlines()] == ["servers[1]", "clients[1]"]


def test_what_is_over_cannot_be_ended_again(slad: Slad) -> None:
    slad.done(
        "exclusion", "add", "force_majeure", "--from", AN_HOUR_AGO, "--open", "--all", "--id", "ex-twice"
    )
    slad.done("exclusion", "end", "ex-twice")
    slad.done(*ANNOUNCE, "--all", "--id", "mw-twice")
    slad.done("maintenance", "withdraw", "mw-twice", "--why", "x")
    slad.done(*OPEN, "--by", "ann", "--id", "T-30")
    slad.done("request", "close", "T-30")
    before = slad.records()
    for arguments, message in (
        (("exclusion", "end", "ex-twice"), "exclusion ex-twice was ended at "),
        (("maintenance", "withdraw", "mw-twice", "--why", "x"), "mw-twice was withdrawn already, at "),
        (("request", "close", "T-30"), "T-30 was closed already, at "),
        ((*OPEN, "--by", "ann", "--id", "T-30"), "id: T-30 is taken"),
    ):
        result = slad.run(*arguments)
        assert (result.exit_code, result.stdout) == (1, "")
        assert message in result.stderr
    assert slad.records() == before


def test_a_third_tech_admin_is_refused_where_tech_admins_are_named(slad: Slad, tmp_path: Path) -> None:
    three = CLIENTS.replace('["ann", "bob"]', '["ann", "bob", "eve"]')
    config = write_config(tmp_path, slad.vcenter, client=three)
    result = run("check-config", "--config", str(config))
    assert result.exit_code == 1
    assert re.search(r"slad\.toml:\d+: client\.acme\.tech_admins: ", result.output)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ANNOUNCE,), "say whom it concerns"),
        ((*ANNOUNCE, "--all", "--client", "acme"), "--all means everybody"),
        ((*ANNOUNCE[:4], "--all"), "a window needs its end: --until"),
        (("maintenance", "announce", "--all"), "Missing option '--from'"),
        (("maintenance", "announce", "--from", "2090-03-01T12:00"), "is no instant with a zone"),
        (("maintenance", "announce", "--from", "tomorrow"), "is no instant with a zone"),
        (("maintenance", "withdraw", "x"), "Missing option '--why'"),
        (
            ("exclusion", "add", "vandalism"),
            "is not one of 'force_majeure', 'client_change', 'client_system'",
        ),
        ((*ADD, "--all"), "--until, or --open"),
        ((*ADD, "--all", "--open", "--until", TOMORROW), "--until, or --open"),
        ((*OPEN[:-1], "fax", "--by", "ann"), "is not one of 'phone', 'email', 'portal'"),
        (("lifecycle", "record", "acme", "shop", "sold"), "is not one of 'order_accepted', 'provisioned'"),
        (("notice", "give", "acme", "shop", "--idempotency-key", " x"), "a key has 1 to 200 printable"),
        (("notice", "give", "acme", "shop", "--idempotency-key", "x" * 201), "a key has 1 to 200 printable"),
        (("client", "list", "--url", "https://127.0.0.1:1"), "--socket and --url are two doors"),
    ],
)
def test_wrong_usage_exits_with_2(slad: Slad, arguments: tuple[str, ...], message: str) -> None:
    before = slad.records()
    result = slad.run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.split())
    assert slad.records() == before


def test_without_a_daemon_commands_exit_with_3_and_name_the_socket(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "none.sock")
    for arguments in (
        (*ANNOUNCE, "--all"),
        (*ANNOUNCE, "--all", "--dry-run"),
        ("maintenance", "list"),
        (*ADD, "--open", "--all"),
        ("exclusion", "end", "x"),
        (*OPEN, "--by", "ann"),
        ("notice", "give", "acme", "shop"),
        ("lifecycle", "record", "acme", "shop", "activated"),
        ("client", "show", "acme"),
    ):
        result = run(*arguments, "--socket", nowhere)
        assert (result.exit_code, result.stdout) == (3, "")
        assert (
            result.stderr
            == f"slad: slad does not run, or not with this socket: nobody answers at {nowhere}\n"
        )


# Once and not twice


class Dropping(socketserver.ThreadingUnixStreamServer):
    """A door before the door: it drops the first answers after they were given, and can then be shut."""

    daemon_threads = True

    def __init__(self, path: Path, upstream: Path, *, drops: int, shut: bool = False) -> None:
        super().__init__(str(path), _Between)
        self.path, self.upstream, self.drops, self.shut = path, upstream, drops, shut


class _Between(socketserver.BaseRequestHandler):
    server: Dropping

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as upstream:
            upstream.settimeout(WAIT_S)
            upstream.connect(str(self.server.upstream))
            threading.Thread(target=_pump, args=(self.request, upstream), daemon=True).start()
            while answer := upstream.recv(65536):
                if self.server.drops:
                    self.server.drops -= 1
                    if self.server.shut:
                        self.server.path.unlink()
                    return
                self.request.sendall(answer)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while said := source.recv(65536):
            sink.sendall(said)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        """The other side has hung up."""


@contextmanager
def dropping(slad: Slad, folder: Path, *, drops: int, shut: bool = False) -> Iterator[Dropping]:
    with Dropping(folder / "proxy.sock", slad.socket, drops=drops, shut=shut) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join(WAIT_S)


def test_a_broken_off_answer_is_asked_for_again_and_recorded_once(slad: Slad, tmp_path: Path) -> None:
    before = slad.records()
    with dropping(slad, tmp_path, drops=2) as proxy:
        result = slad.run(*ADD, "--open", "--all", "--id", "ex-once", door=proxy.path)
    assert (result.exit_code, result.stdout) == (0, "Recorded as ex-once, until it is ended.\n")
    assert proxy.drops == 0
    assert slad.records() == before + 1
    slad.done("exclusion", "end", "ex-once")


@pytest.mark.parametrize("shut", [False, True])
def test_a_command_that_gives_up_names_the_key_that_records_it_once(
    slad: Slad, tmp_path: Path, shut: bool
) -> None:
    before = slad.records()
    command = (*ADD, "--until", A_MINUTE_AGO, "--client", "acme")
    with dropping(slad, tmp_path, drops=1 if shut else 3, shut=shut) as proxy:
        result = slad.run(*command, door=proxy.path)
    assert (result.exit_code, result.stdout) == (3, "")
    named = re.search(r"it may be on record or not: .* --idempotency-key (\S+),", result.stderr)
    assert named is not None
    assert slad.records() == before + 1
    first, second = (slad.told(*command, "--idempotency-key", named[1]) for _ in range(2))
    assert first == second
    assert slad.records() == before + 1


def test_a_key_by_hand_records_once_and_is_no_key_for_another_request(slad: Slad) -> None:
    before = slad.records()
    command = (*ANNOUNCE, "--client", "acme", "--idempotency-key", "by hand")
    assert slad.told(*command) == slad.told(*command)
    result = slad.run(*command, "--reference", "another")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "slad: Idempotency-Key: was sent with another request before" in result.stderr
    assert slad.records() == before + 1


def test_a_fault_of_slad_after_the_commit_is_no_refusal(slad: Slad, monkeypatch: pytest.MonkeyPatch) -> None:
    before = slad.records()
    command = (*ADD, "--until", A_MINUTE_AGO, "--client", "acme", "--idempotency-key", "after a fault")
    with monkeypatch.context() as patch:
        patch.setattr(Desk, "_reply", failing(RuntimeError("a bug")))
        result = slad.run(*command)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "--idempotency-key 'after a fault'" in result.stderr
    assert slad.records() == before + 1
    assert slad.run(*command).exit_code == 0
    assert slad.records() == before + 1


def test_a_daemon_that_cannot_record_now_is_asked_again(slad: Slad, monkeypatch: pytest.MonkeyPatch) -> None:
    before = slad.records()
    command = (*ADD, "--until", A_MINUTE_AGO, "--client", "acme")
    with monkeypatch.context() as patch:
        patch.setattr(Desk, "_recorded", failing(NotRecordingError("nothing was recorded: the disk is full")))
        result = slad.run(*command)
        assert (result.exit_code, result.stdout) == (3, "")
        assert "slad: nothing was recorded: the disk is full; " in result.stderr
        assert slad.records() == before
        patch.setattr(Desk, "_recorded", failing(NotRecordingError("not yet"), times=2, then=RECORDED))
        assert slad.run(*command).exit_code == 0
    assert slad.records() == before + 1


RECORDED = Desk._recorded


def failing(error: Exception, *, times: int = 1000, then: Any = None) -> Any:
    """A method that fails the first `times`, and goes on as `then`."""
    errors = [error] * times

    async def method(*arguments: Any) -> Any:
        if errors:
            raise errors.pop()
        return await then(*arguments)

    return method


def test_who_interrupts_a_recording_learns_its_key(slad: Slad, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ControlClient, "record", interrupted)
    for command in ((*ADD, "--open", "--all"), ("notice", "give", "acme", "shop")):
        result = slad.run(*command)
        assert result.exit_code == 3
        assert re.search(
            r"slad: interrupted; it may be on record or not: .* --idempotency-key \S+,", result.stderr
        )
    assert "idempotency" not in slad.run(*ANNOUNCE, "--all", "--dry-run").stderr


def test_a_dry_run_that_breaks_off_names_no_key(slad: Slad, tmp_path: Path) -> None:
    before = slad.records()
    with dropping(slad, tmp_path, drops=3) as proxy:
        result = slad.run(*ANNOUNCE, "--all", "--dry-run", door=proxy.path)
    assert result.exit_code == 3
    assert "idempotency-key" not in result.stderr
    assert slad.records() == before


# On TCP


@dataclass(frozen=True, kw_only=True)
class Remote:
    """Somebody with a token, on TCP."""

    slad: Slad
    folder: Path

    def run(self, token: str, *arguments: str, ca_file: Path | None = None) -> Result:
        file = self.folder / "token"
        file.write_text(token + "\n")
        ca = ca_file or self.slad.folder / "ca.pem"
        return run(
            *arguments,
            "--url",
            self.slad.url,
            "--token-file",
            str(file),
            "--ca-file",
            str(ca),
            "--format",
            "json",
        )


@pytest.fixture
def remote(slad: Slad, tmp_path: Path) -> Remote:
    return Remote(slad=slad, folder=tmp_path)


def test_a_token_to_record_records_under_its_name(remote: Remote) -> None:
    result = remote.run(RECORDER.token, *ANNOUNCE, "--client", "acme")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["recorded_by"] == "token:portal"


def test_a_token_to_read_reads_and_records_nothing(remote: Remote) -> None:
    before = remote.slad.records()
    assert json.loads(remote.run(READER.token, "client", "list").stdout) == remote.slad.told("client", "list")
    for command in (
        (*ANNOUNCE, "--all"),
        (*ANNOUNCE, "--all", "--dry-run"),
        ("notice", "give", "acme", "shop"),
    ):
        result = remote.run(READER.token, *command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert (
            'the token grafana has the role "read": to record needs one with the role "record"'
            in result.stderr
        )
    assert remote.slad.records() == before


def test_a_wrong_or_an_expired_token_is_refused(remote: Remote) -> None:
    before = remote.slad.records()
    for token, message in (
        (STRANGER.token, "the token is wrong"),
        (EXPIRED.token, "the token old expired at 2020-01-02T00:00:00Z"),
    ):
        for command in (("client", "list"), (*ANNOUNCE, "--all")):
            result = remote.run(token, *command)
            assert (result.exit_code, result.stdout) == (1, "")
            assert message in result.stderr
    assert remote.slad.records() == before


def test_a_daemon_that_no_trusted_authority_vouches_for_is_not_told_the_token(
    remote: Remote, tmp_path: Path
) -> None:
    other: Certificate = issue(tmp_path)
    result = remote.run(RECORDER.token, *ANNOUNCE, "--all", ca_file=other.cafile)
    assert (result.exit_code, result.stdout) == (3, "")
    assert (
        f"{remote.slad.url} does not prove who it is: unable to get local issuer certificate" in result.stderr
    )
    result = remote.run(RECORDER.token, "client", "list", ca_file=other.keyfile)
    assert (result.exit_code, result.stderr) == (
        3,
        f"slad: {other.keyfile} holds no certificate in PEM form\n",
    )


def test_a_door_on_tcp_is_named_whole_and_with_a_token(slad: Slad, tmp_path: Path) -> None:
    token, empty = tmp_path / "token", tmp_path / "empty"
    token.write_text(RECORDER.token)
    empty.write_text("\n")
    for arguments, message in (
        (("--url", "http://127.0.0.1:1", "--token-file", str(token)), "--url must be https://HOST:PORT"),
        (("--url", "https://127.0.0.1", "--token-file", str(token)), "--url must be https://HOST:PORT"),
        (("--url", "https://127.0.0.1:1/v1", "--token-file", str(token)), "--url must be https://HOST:PORT"),
        (("--url", "https://127.0.0.1:x", "--token-file", str(token)), "--url must be https://HOST:PORT"),
        (("--url", slad.url), "--url needs --token-file"),
        (("--url", slad.url, "--token-file", str(empty)), "holds no token"),
        (("--token-file", str(token)), "are for --url"),
        (("--url", slad.url, "--token-file", str(tmp_path / "none")), "does not exist"),
    ):
        result = run("client", "list", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in " ".join(result.stderr.split())


def test_a_socket_by_hand_goes_before_a_url_of_the_environment(
    slad: Slad, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(READER.token)
    monkeypatch.setenv("SLAD_CONTROL_URL", slad.url)
    monkeypatch.setenv("SLAD_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("SLAD_CA_FILE", str(slad.folder / "ca.pem"))
    assert run("client", "list").exit_code == 0
    assert run(*ANNOUNCE, "--all").exit_code == 1
    assert slad.run(*ANNOUNCE, "--all").exit_code == 0


# Tokens


def test_a_new_token_comes_with_the_lines_that_let_it_in(
    slad: Slad, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("token", "--name", "status-page", "--role", "read", "--expires", "2100-12-31")
    assert result.exit_code == 0
    token = re.search(r"^ +(slad_\S+)$", result.stdout, re.MULTILINE)
    assert token is not None
    assert list(tmp_path.iterdir()) == []
    lines = result.stdout[result.stdout.index("[[") :].replace("\n    ", "\n")
    certificate = "".join(CONTROL.partition("[[")[:1])
    issue(tmp_path)
    config = write_config(tmp_path, slad.vcenter, control=certificate, zz=lines)
    (read,) = load(config, {}).control.token
    assert (read.name, read.role) == ("status-page", "read")
    assert read.expires is not None
    assert format_instant(read.expires) == "2101-01-01T00:00:00Z"
    assert read.sha256.hex() == hashlib.sha256(token[1].encode()).hexdigest()


def test_a_new_token_in_json_is_for_programs() -> None:
    told = json.loads(run("token", "--format", "json").stdout)
    assert list(told) == ["token", "sha256", "config"]
    assert told["sha256"] == hashlib.sha256(told["token"].encode()).hexdigest()
    assert told["config"] == (
        f'[[control.token]]\nname = "portal"\nrole = "record"\nsha256 = "{told["sha256"]}"\n'
    )
    assert told["token"] != json.loads(run("token", "--format", "json").stdout)["token"]


def test_a_token_that_no_configuration_would_take_is_not_made() -> None:
    for arguments, message in (
        (("--name", "a b"), "is no id"),
        (("--role", "admin"), "is not one of 'read', 'record'"),
        (("--expires", "soon"), "does not match the format"),
    ):
        result = run("token", *arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in " ".join(result.stderr.split())


# A newcomer

GROUPS = ("maintenance", "exclusion", "request", "notice", "lifecycle", "client")


@pytest.mark.parametrize("group", GROUPS)
def test_every_command_and_every_option_is_explained(group: str) -> None:
    listed = run(group, "--help").stdout
    assert "..." not in listed.partition("Commands:")[2]
    for command in re.findall(r"^  ([a-z]+)  ", listed.partition("Commands:")[2], re.MULTILINE):
        shown = run(group, command, "--help").stdout
        options = re.findall(r"^  (?:-h, )?(--\S+)(.*(?:\n {20,}.*)*)", shown, re.MULTILINE)
        assert options
        assert not [option for option, text in options if not re.search(r"[a-z]{3}", text)]


def test_the_program_itself_records(slad: Slad) -> None:
    """The commands as a process of their own, as people and cron start them."""
    program = [sys.executable, "-m", "daemon", *ANNOUNCE, "--all", "--socket", str(slad.socket)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The window is announced as mw-")
