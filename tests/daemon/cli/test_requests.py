"""`slad request`, `notice`, `lifecycle` and `client`: what clients say, and how they stand."""

import re
from pathlib import Path

from daemon.cli.words import local
from sla.instants import HOUR, Instant, format_instant
from tests.daemon.cli.recording import (
    A_MINUTE_AGO,
    AN_HOUR_AGO,
    Slad,
    cells,
    watching,
)
from tests.wall import now


def test_a_request_from_opening_to_its_end(slad: Slad) -> None:
    open_ = ("request", "open", "acme", "shop", "--by", "ann", "--channel", "phone", "--at", AN_HOUR_AGO)
    assert re.fullmatch(
        r"Opened as T-10; a response is due by \S+ \S+\.\n", slad.done(*open_, "--id", "T-10")
    )
    row = cells(slad.done("request", "list"), "T-10")
    assert (row[1:3], row[3], row[4], row[6]) == (["acme", "shop"], local(AN_HOUR_AGO), "ann", "pending")
    shown = slad.done("request", "respond", "T-10", "--at", A_MINUTE_AGO)
    assert shown == f"T-10 was responded to at {local(A_MINUTE_AGO)}, in time.\n"
    assert cells(slad.done("request", "list"), "T-10")[-2:] == ["met", local(A_MINUTE_AGO)]
    closed = slad.done("request", "close", "T-10", "--at", A_MINUTE_AGO)
    assert closed == f"T-10 was closed at {local(A_MINUTE_AGO)}.\n"
    assert "T-10" not in slad.done("request", "list")
    assert cells(slad.done("request", "list", "--all"), "T-10")[-1] == local(A_MINUTE_AGO)


def test_a_response_after_the_time_is_late(slad: Slad) -> None:
    at = format_instant(Instant(now() - 30 * 24 * HOUR))
    slad.done(
        "request", "open", "acme", "shop", "--by", "bob", "--channel", "email", "--at", at, "--id", "T-11"
    )
    assert re.fullmatch(
        r"T-11 was responded to at \S+ \S+, late\.\n", slad.done("request", "respond", "T-11")
    )
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
    assert f"data requested at {local(AN_HOUR_AGO)} is on record.\n" in shown
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
        assert re.fullmatch(r"\d{4}-\S+ \S+-0[45]:00", since)
        assert re.fullmatch(r"0:\d\d:\d\d", counted)
        assert (observed, documented) == ("2", "0")
        slad.vcenter.do(machines.power_on, "web7", user="eve")
        slad.wait(lambda: shop_of(slad)[2].startswith("chronic until 20"), "a notice period that closes")
        shown = slad.done("notice", "give", "acme", "shop")
        valid = re.fullmatch(
            r"Recorded as cn-\S+\.\nThe notice is valid: to be mended by (\S+ \S+), evaluated until \S+ \S+\.\n",
            shown,
        )
        assert valid is not None
        (shop,) = (row for row in slad.told("client", "show", "acme")["solutions"] if row["id"] == "shop")
        assert local(shop["observed"]["resolution_until"]) == valid[1]


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
