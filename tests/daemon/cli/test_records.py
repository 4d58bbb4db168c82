"""The commands for records by people, against a running daemon with a simulated vCenter."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sla.instants import HOUR, Instant, format_instant
from tests.daemon.cli.recording import (
    A_MINUTE_AGO,
    AN_HOUR_AGO,
    ANNOUNCE,
    NEXT_CENTURY,
    STEERING,
    TOMORROW,
    Slad,
    cells,
    run,
    watching,
)
from tests.daemon.harness import WAIT_S
from tests.wall import now


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
