"""`slad outages`, `slad servers` and `slad cause`: for people whole at 80 columns, for programs whole at all, for spreadsheets safe."""

import asyncio
import csv
import io
import json
from typing import Any

import pytest

from daemon.cli import servers as command
from daemon.cli.months import say_month
from daemon.cli.terminal import Printer
from daemon.control.client import ControlClient
from daemon.control.routes import LIST_EVENTS
from daemon.csv_text import csv_text
from probes.simulation.entities import Vm
from sla.calendars import Month
from tests.daemon.cli.recording import Slad, run

DOWN = "borealis-mail-00006"


@pytest.fixture(scope="module")
def down(slad: Slad) -> Slad:
    """One server is down, and has been before."""
    world = slad.vcenter.world
    moid = world.inventory.find(Vm, DOWN).moid
    for outages in (1, 2):
        slad.vcenter.do(lambda: world.machines.power_off(moid, user="eve"))
        slad.wait(lambda: len(listed(slad, "--open")) == 1, "an outage")
        if outages == 1:
            slad.vcenter.do(lambda: world.machines.power_on(moid))
            slad.wait(lambda: not listed(slad, "--open"), "its end")
    slad.wait(lambda: all(row["cause"] for row in listed(slad)), "its cause")
    return slad


def listed(slad: Slad, *options: str) -> list[Any]:
    return list(slad.told("outages", *options)["outages"])


def test_an_outage_is_told_to_people_in_lines_that_are_whole(down: Slad) -> None:
    said = down.done("outages", "--server", DOWN)
    newest, oldest = listed(down, "--server", DOWN)
    lines = said.splitlines()
    assert lines[0] == f"{DOWN} ({newest['server']})"
    assert " to now, " in lines[2]
    assert oldest["until"][:10] in said
    assert "whom no pattern names" in said or "no employees are configured" in said
    assert "down: running (powered off" in said


def test_for_programs_instants_are_utc_and_all_is_there(down: Slad) -> None:
    found = down.told("outages", "--client", "borealis")
    assert found["has_more"] is False
    assert [row["until"] is None for row in found["outages"]] == [True, False]
    assert all(row["from"].endswith("Z") for row in found["outages"])
    cut = down.told("outages", "--client", "borealis", "--limit", "1")
    assert (len(cut["outages"]), cut["has_more"]) == (1, True)


def test_people_are_told_that_there_are_more(down: Slad) -> None:
    assert "There are more: these are the first 1." in down.done("outages", "--limit", "1")
    assert "There are more" not in down.done("outages")


def test_incidents_are_told(down: Slad) -> None:
    said = down.done("outages", "--incidents", "--open")
    assert said.startswith(f"1 server: {DOWN}\n  of borealis; 1 of them down now\n")
    assert down.told("outages", "--incidents", "--open")["incidents"][0]["servers"] == 1


def test_csv_has_a_column_a_key(down: Slad) -> None:
    rows = list(csv.DictReader(io.StringIO(down.done("outages", "--format", "csv", "--server", DOWN))))
    assert [row["name"] for row in rows] == [DOWN, DOWN]
    assert (rows[0]["until"], rows[0]["legs"], rows[0]["client"]) == ("", "running", "borealis")
    (server,) = csv.DictReader(io.StringIO(down.done("servers", "--format", "csv", "--state", "down")))
    assert (server["name"], server["state"]) == (DOWN, "down")


def test_that_there_is_none_is_said(down: Slad) -> None:
    assert down.done("outages", "--client", "acme", "--cause", "network") == "No such outage is on record.\n"
    assert down.done("outages", "--month", "2020-02") == "No such outage is on record in February 2020.\n"
    assert down.done("servers", "--name", "nobody*") == "No such server is in service.\n"
    assert down.told("outages", "--cause", "network") == {"outages": [], "has_more": False}
    header, *rows = down.done("outages", "--cause", "network", "--format", "csv").splitlines()
    assert (header.split(",")[0], rows) == ("server", [])


def test_who_is_not_there_is_told(slad: Slad) -> None:
    for arguments, said in (
        (("outages", "--client", "nobody"), 'slad: client: there is no client "nobody"'),
        (("outages", "--server", "twin"), 'slad: 2 servers are called "twin": name one by its id, '),
        (("servers", "--solution", "none"), 'slad: solution: there is no solution "none"'),
    ):
        ended = slad.run(*arguments)
        assert (ended.exit_code, ended.stderr.startswith(said)) == (1, True), ended.stderr
    assert slad.run("outages", "--month", "2026-11", "--since", "2026-11-01T00:00Z").exit_code == 2
    assert run("servers", "--socket", "/nobody/there").exit_code == 3


def test_servers_are_told_worst_first(down: Slad) -> None:
    said = down.done("servers", "--sort", "worst", "--limit", "1")
    assert DOWN in said.splitlines()[2]
    assert [row["name"] for row in down.told("servers", "--name", "BOREALIS-mail*")["servers"]] == [DOWN]


def test_a_table_of_servers_is_whole_at_80_columns(down: Slad, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    narrow = Printer(file=out, width=80, force_terminal=False)
    monkeypatch.setattr(command, "console", lambda: narrow)
    rows = down.told("servers")["servers"]
    rows[0]["name"] = "n" * 80
    command._print(rows)
    said = out.getvalue().split()
    assert {row["server"] for row in rows} < set(said)
    assert "n" * 80 in said


def test_where_a_server_runs_and_why_it_is_down_is_told(down: Slad) -> None:
    told = down.told("server", DOWN)
    assert told["runs_on"]["host"].startswith("esx")
    assert told["runs_on"]["datastores"]
    said = down.done("server", DOWN)
    assert f"runs on {told['runs_on']['host']}, datastores {', '.join(told['runs_on']['datastores'])}" in said
    assert "down, cause: " in said


def test_a_person_overrules_a_cause_and_takes_it_back(down: Slad) -> None:
    start = listed(down, "--open")[0]["from"]
    asked = ("cause", "set", DOWN, start, "provider_change", "--why", "the wrong cable")
    assert "would be recorded; nothing was" in down.done(*asked, "--dry-run")
    said = down.done(*asked, "--idempotency-key", "word")
    assert "cause: a change of our own, proved, by a person's word: the wrong cable" in said
    assert listed(down, "--open")[0]["cause"]["recorded_by"] == "provider"
    assert down.done(*asked, "--idempotency-key", "word") == said
    assert "before: cause: a change of our own" in down.done("cause", "set", DOWN, start, "automatic")
    assert listed(down, "--open")[0]["cause"]["recorded_by"] == "slad"
    refused = down.run("cause", "set", DOWN, "2020-01-01T00:00Z", "guest", "--why", "x")
    assert (refused.exit_code, "was not down then" in refused.stderr) == (1, True)


def test_events_of_a_server_are_at_the_door(down: Slad) -> None:
    async def asked() -> Any:
        async with ControlClient(down.socket) as daemon:
            return await daemon.document(LIST_EVENTS.path(), {"server": DOWN, "limit": "3"})

    numbers = [event["seq"] for event in asyncio.run(asked())["events"]]
    assert len(numbers) == 3
    assert numbers == sorted(numbers, reverse=True)


# A month


def row(name: str, start: str, until: str | None, **keys: Any) -> dict[str, Any]:
    told = {"client": "acme", "timezone": "America/Toronto", "incident": "", "host": "", "datastore": ""}
    cause = {
        "cause": "storage",
        "confidence": "proved",
        "text": "its host lost a datastore",
        "recorded_by": "slad",
    }
    day = "2026-11-18T"
    return {
        **told,
        "uplink": "",
        "server": f"id-{name}",
        "name": name,
        "from": f"{day}{start}",
        "until": until and f"{day}{until}",
        "lasted_seconds": 723,
        "down_seconds": 720,
        "cause": cause,
        "excluded_seconds": 0,
        "exclusions": [],
        **keys,
    }


def test_a_month_is_said_in_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    storm = {"incident": "in-1", "host": "esx1", "datastore": "san1"}
    whole = {"excluded_seconds": 720, "exclusions": ["ex-1"]}
    by_hand = {"cause": "guest", "confidence": "likely", "text": "it hung", "recorded_by": "provider"}
    say_month(
        Month(2026, 11),
        [
            row("web1", "12:00:00Z", "12:12:03Z", **storm),
            row("web2", "12:00:01Z", "12:12:03.5Z", **storm, excluded_seconds=60, exclusions=["mw-1"]),
            row("db", "13:00:00Z", "13:12:03Z", **whole),
            row("lone", "14:00:00Z", None, client="borealis", timezone="UTC", cause=by_hand),
        ],
    )
    assert capsys.readouterr().out == (
        "Outages in November 2026.\n"
        "\n"
        "Client acme, times in America/Toronto.\n"
        "- 2 servers (web1, web2) were down from 18 November 07:00 EST to 07:12:03 EST, for 12m 3s at the longest."
        " Cause: storage, proved: its host lost a datastore (host esx1, datastore san1)."
        " 1m of it is excluded, by mw-1.\n"
        "- db was down from 18 November 08:00 EST to 08:12:03 EST, for 12m 3s."
        " Cause: storage, proved: its host lost a datastore. All of it is excluded, by ex-1.\n"
        "In all: 3 outages of 3 servers in 2 incidents, 36m of down time in the month, of which 13m excluded.\n"
        "By cause: storage 36m in 3 outages.\n"
        "\n"
        "Client borealis, times in UTC.\n"
        "- lone is down since 18 November 14:00 UTC, 12m 3s so far."
        " Cause: its own operating system, likely, by a person's word: it hung.\n"
        "In all: 1 outage of 1 server in 1 incident, 12m of down time in the month, of which 0s excluded; 1 not over.\n"
        "\n"
        "All clients: 4 outages of 4 servers in 3 incidents, 48m of down time in the month, of which 13m excluded;"
        " 1 not over.\n"
    )


# Spreadsheets


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("@x", "'@x"),
        ("-x", "'-x"),
        ("+1", "+1"),
        ("+1x", "'+1x"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        (-61.5, "-61.5"),
        ("-61", "-61"),
        ("web=1", "web=1"),
        (None, ""),
        ('a "b", c', 'a "b", c'),
        ("a\nb", "a\nb"),
    ],
)
def test_no_cell_is_a_formula(value: object, cell: str) -> None:
    assert list(csv.reader(io.StringIO(csv_text(["x", "y"], [[value, 1]])))) == [["x", "y"], [cell, "1"]]


def test_lines_end_as_rfc_4180_has_it() -> None:
    assert csv_text(["a", "b"], [[1, json.dumps([1, 2])]]) == 'a,b\r\n1,"[1, 2]"\r\n'
