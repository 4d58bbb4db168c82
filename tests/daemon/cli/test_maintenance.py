"""`slad maintenance`, against a running daemon with a simulated vCenter."""

import csv
import io
import json
import re
import subprocess
import sys

import pytest
from icalendar import Calendar

from daemon.cli.words import local
from sla.texts import cleaned
from tests.daemon.cli.recording import (
    A_MINUTE_AGO,
    ANNOUNCE,
    MARCH_UTC,
    NEXT_MARCH,
    STEERED,
    STEERING,
    TOMORROW,
    Slad,
    cells,
    run,
)
from tests.daemon.harness import WAIT_S


def test_an_announcement_says_what_will_be_excluded_and_why_not(slad: Slad) -> None:
    shown = slad.done("maintenance", "announce", *NEXT_MARCH, "--server", "web7", "--id", "mw-cap")
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
        "maintenance", "announce", *NEXT_MARCH, "--solution", "shop", "--emergency", "--reference", "T-1"
    )
    assert told["category"] == "emergency_security_update"
    assert (told["from"], told["until"]) == MARCH_UTC
    assert (told["solutions"], told["reference"], told["dry_run"]) == (["shop"], "T-1", False)
    assert told["recorded_by"].startswith("uid:")
    assert [row["name"] for row in told["servers"]] == ["web7"]


WEEKLY = ("maintenance", "announce", "--every", "Sun 23:00", "--duration", "1h", "--client", "acme")


def test_a_window_is_announced_by_how_long_it_lasts(slad: Slad) -> None:
    told = slad.told("maintenance", "announce", *NEXT_MARCH[:2], "--duration", "120m", "--all")
    assert (told["from"], told["until"]) == MARCH_UTC


def test_windows_that_recur_are_announced_at_once_and_withdrawn_one_by_one(slad: Slad) -> None:
    dry = slad.done(*WEEKLY, "--count", "3", "--dry-run")
    assert (
        "3 windows would be announced; nothing was recorded: sun 23:00, by the clock of America/Toronto.\n"
        in dry
    )
    shown = slad.done(*WEEKLY, "--count", "3", "--id", "mw-weekly")
    assert "3 windows announced as mw-weekly: sun 23:00, by the clock of America/Toronto.\n" in shown
    rows = [cells(shown, f"mw-weekly-{number}") for number in (1, 2, 3)]
    assert all(" 23:00:00-0" in row[1] for row in rows)
    assert [row[3:] for row in rows[1:]] == [["acme", "6", "1:00:00", "none", "0:00:00"]] * 2
    slad.done("maintenance", "withdraw", "mw-weekly-2", "--why", "a holiday")
    listed = slad.done("maintenance", "list")
    assert "mw-weekly-1" in listed
    assert "mw-weekly-2" not in listed


def test_until_is_the_last_date_of_windows_that_recur_and_what_the_clock_does_is_said(slad: Slad) -> None:
    year = MARCH_UTC[0][:4]
    said = ("--from", f"{year}-03-01T00:00Z", "--until", f"{year}-03-31", "--every", "sun 02:30")
    shown = slad.done("maintenance", "announce", *said, "--duration", "30m", "--client", "acme", "--dry-run")
    assert shown.count("the clock skips its time") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--duration", "1h"), "a window needs its beginning"),
        ((*NEXT_MARCH, "--duration", "1h"), "--until, or --duration; one of them"),
        (NEXT_MARCH[:2], "--until, or --duration; one of them"),
        ((*NEXT_MARCH, "--count", "2"), "--count and --timezone are for --every"),
        ((*NEXT_MARCH[:2], "--until", "2027-03-31"), "--until 2027-03-31 is a date"),
        (("--every", "sun 23:00", "--count", "2"), "need to last"),
        (("--every", "sun 23:00", "--duration", "1h"), "--count, or --until with the last date"),
        (("--every", "sun 23:00", "--duration", "1h", *NEXT_MARCH), "is the last date"),
        (("--every", "sunday", "--duration", "1h"), "must be a day"),
        (("--every", "sun 23:00", "--duration", "1 hour"), "must be a whole number and a unit"),
        (("--every", "sun 23:00", "--duration", "1h", "--count", "54"), "1<=x<=53"),
        (("--every", "sun 23:00", "--duration", "1h", "--until", "2027-02-30"), "is no date"),
    ],
)
def test_what_makes_no_window_is_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    refused = run("maintenance", "announce", "--all", *arguments)
    assert refused.exit_code == 2
    assert message in refused.stderr


def test_the_calendar_shows_what_windows_come_to_in_every_form(slad: Slad) -> None:
    slad.done(
        "maintenance", "announce", *NEXT_MARCH, "--client", "acme", "--id", "mw-cal", "--reference", "a, b"
    )
    slad.done("maintenance", "announce", *NEXT_MARCH, "--client", "borealis", "--id", "mw-other")
    span = ("--since", MARCH_UTC[0], "--until", MARCH_UTC[1])
    calendar = ("maintenance", "calendar", *span, "--client", "acme")
    shown = slad.done(*calendar)
    assert cells(shown, "mw-cal")[7:] == ["acme", "6", "1:00:00", "1:00:00 over weekly cap", "0:00:00"]
    assert "mw-other" not in shown
    told = slad.told(*calendar)
    windows = {each["window"]["id"]: each for each in told["windows"]}
    assert windows["mw-cal"]["summary"]["partly"] == 6
    table = list(csv.DictReader(io.StringIO(slad.done(*calendar, "--format", "csv"), newline="")))
    (row,) = [row for row in table if row["id"] == "mw-cal"]
    assert (row["reference"], row["servers"], row["excluded"]) == ("a, b", "6", "1:00:00")
    document = slad.run(*calendar, "--format", "ics").stdout_bytes
    events = {str(event["uid"]): event for event in Calendar.from_ical(document).events}
    assert events.keys() == {f"{id_}@mon" for id_ in windows}
    whole = slad.run("maintenance", "calendar", *span, "--format", "ics").stdout_bytes
    assert "mw-other@mon" in whole.decode()
    assert slad.run("maintenance", "calendar", "--client", "nobody").exit_code == 1
    assert slad.run("maintenance", "calendar", "--client", "nobody", "--format", "ics").exit_code == 1


def test_servers_are_listed_by_their_names(slad: Slad) -> None:
    shown = slad.done("maintenance", "announce", *NEXT_MARCH, "--all", "--dry-run")
    names = [re.split("  +", line)[0] for line in shown.partition("\nserver ")[2].splitlines()[1:]]
    assert len(names) > 2
    assert names == sorted(names)
    slad.done("maintenance", "announce", *NEXT_MARCH, "--server", "web7", "--id", "mw-named")
    assert cells(slad.done("maintenance", "list"), "mw-named")[5] == "server web7"


def test_a_dry_run_answers_the_same_and_records_nothing(slad: Slad) -> None:
    before = slad.records()
    announce = ("maintenance", "announce", *NEXT_MARCH, "--all", "--dry-run")
    shown = slad.done(*announce)
    assert "The window would be announced; nothing was recorded.\nServers in it: 13." in shown
    told = slad.told(*announce)
    assert (told["dry_run"], told["id"], told["summary"]["partly"]) == (True, None, 13)
    assert slad.records() == before


def test_windows_are_listed_and_withdrawn_ones_only_with_the_past(slad: Slad) -> None:
    slad.done("maintenance", "announce", *NEXT_MARCH, "--client", "acme", "--id", "mw-kept")
    slad.done("maintenance", "announce", *NEXT_MARCH, "--all", "--id", "mw-gone", "--reference", "T-2")
    assert cells(slad.done("maintenance", "list"), "mw-kept")[:6] == [
        "mw-kept",
        "announced",
        *map(local, MARCH_UTC),
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


def test_the_program_itself_records(slad: Slad) -> None:
    """The commands as a process of their own, as people and cron start them."""
    program = [sys.executable, "-m", "daemon", *ANNOUNCE, "--all", "--socket", str(slad.socket)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The window is announced as mw-")


def test_names_neither_mark_up_nor_steer_the_terminal(slad: Slad) -> None:
    reference = "[red]T[/red] \x9b31m\u202e"
    announce = ("maintenance", "announce", *NEXT_MARCH, "--server", STEERED, "--reference", reference)
    shown = slad.done(*announce, "--id", "mw-steering") + slad.done("maintenance", "list")
    assert STEERED in shown
    assert cleaned(reference) in shown
    assert not set("\x9b\u202e") & set(shown)
    told = slad.done(*announce, "--dry-run", "--format", "json")
    assert not set("\x9b\u202e") & set(told)
    assert json.loads(told)["servers"][0]["name"] == STEERED
    refused = slad.run("client", "show", STEERING)
    assert refused.exit_code == 1
    assert not set("\x9b\u202e") & set(refused.stderr)
