"""`slad exclusion`: time that is excluded for other reasons, and what is open."""

from daemon.cli.words import local
from tests.daemon.cli.recording import (
    A_MINUTE_AGO,
    AN_HOUR_AGO,
    Slad,
    cells,
)


def test_an_open_exclusion_goes_on_until_it_is_ended(slad: Slad) -> None:
    add = ("exclusion", "add", "client_system", "--server", "web7", "--from", AN_HOUR_AGO)
    assert slad.done(*add, "--open", "--id", "ex-1") == "Recorded as ex-1, until it is ended.\n"
    row = cells(slad.done("exclusion", "list"), "ex-1")
    assert (row[1], row[3], row[4]) == ("running", "open", "client system")
    assert (
        slad.done("exclusion", "end", "ex-1", "--at", A_MINUTE_AGO)
        == f"ex-1 ended at {local(A_MINUTE_AGO)}.\n"
    )
    assert "ex-1" not in slad.done("exclusion", "list")
    row = cells(slad.done("exclusion", "list", "--past"), "ex-1")
    assert (row[1], row[3]) == ("past", local(A_MINUTE_AGO))
    assert slad.done("exclusion", "withdraw", "ex-1", "--why", "ours", "--yes") == "ex-1 is withdrawn.\n"
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
    assert slad.told("exclusion", "withdraw", ended["id"], "--why", "x", "--yes")["why"] == "x"


def test_a_dry_run_says_what_it_would_change_and_records_nothing(slad: Slad) -> None:
    count = slad.records()
    add = (
        "exclusion",
        "add",
        "client_change",
        "--server",
        "web7",
        "--from",
        AN_HOUR_AGO,
        "--open",
        "--dry-run",
    )
    assert slad.done(*add) == "Nothing was recorded. It would change no figure so far.\n"
    told = slad.told(*add)
    assert (told["id"], told["dry_run"], told["effects"]) == (None, True, [])
    assert slad.records() == count
