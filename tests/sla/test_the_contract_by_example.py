"""The examples of docs/contract.md, worked out: what that page tells a newcomer is what slad does."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.sla.stories import client, exclusion, maintenance, row_of, says, seen, server, statement

PAGE: Final = (Path(__file__).parents[2] / "docs/contract.md").read_text(encoding="utf-8")
UP: Final = says("up", "2026-03-01T05:00:00Z")


def told(text: str) -> str:
    """A text that the page has, whatever its lines are."""
    assert " ".join(text.split()) in " ".join(PAGE.split())
    return text


def down(since: str, until: str, **keys: Any) -> list[Any]:
    return [says("down", since, **keys), says("up", until, **keys)]


def month(*lines: Any) -> Any:
    """The row of a server that was up but for what the lines say."""
    return row_of([client(), server(), UP, *lines, seen()])


def test_a_month_and_its_budget() -> None:
    told("743 h. At a target of 99.9 % the budget of downtime is 0.743 h, 44 min 34 s")
    told("down for 40 min met its target; 45 min miss it")
    row = month(*down("2026-03-10T12:00:00Z", "2026-03-10T12:40:00Z"))
    assert (row["service"], int(row["budget"]), row["met"]) == (743 * 3600, 44 * 60 + 34, True)
    assert month(*down("2026-03-10T12:00:00Z", "2026-03-10T12:45:00Z"))["met"] is False
    told("the agreed time 742 h, and the budget 44 min 31 s")
    excluded = month(maintenance("mw", "2026-03-15T05:00:00Z", "2026-03-15T06:00:00Z"))
    assert (excluded["agreed"], int(excluded["budget"])) == (742 * 3600, 44 * 60 + 31)


def test_what_nobody_saw() -> None:
    told("down for 30 min, and for another 30 min the monitor was off")
    blind = {"kind": "blind", "observer": "o", "source": "icmp"}
    off = {**blind, "from": "2026-03-11T12:00:00Z", "until": "2026-03-11T12:30:00Z"}
    row = month(*down("2026-03-10T12:00:00Z", "2026-03-10T12:30:00Z"), off)
    assert (row["down"], row["unobserved"], row["conclusive"]) == (1800, 1800, False)


WINDOWS = [
    ("scheduled_maintenance", "12T13:00", "15T05:00", "15T06:30", 0, {"late_notice": 5400}),
    ("scheduled_maintenance", "11T13:00", "15T05:00", "15T06:30", 3600, {"over_weekly_cap": 1800}),
    ("scheduled_maintenance", "11T13:00", "15T09:30", "15T10:30", 1800, {"outside_band": 1800}),
    ("emergency_security_update", "15T18:00", "15T18:00", "15T18:40", 2400, {}),
]


@pytest.mark.parametrize(("category", "recorded", "since", "until", "excluded", "refused"), WINDOWS)
def test_maintenance(
    category: str, recorded: str, since: str, until: str, excluded: int, refused: dict[str, int]
) -> None:
    told("Wanted: Sunday, 15 March, 01:00 to 02:30")
    recorded_at = f"2026-03-{recorded}:00Z"
    window = exclusion("mw", category, f"2026-03-{since}:00Z", f"2026-03-{until}:00Z")
    row = month({**window, "announced_at": recorded_at, "recorded_at": recorded_at})
    assert row["excluded"] == excluded
    assert {each["reason"]: each["seconds"] for each in row["ineligible"]} == refused
    for reason in refused:
        told(f"`{reason}`")


def test_other_exclusions_book_each_second_once() -> None:
    told("`client_change`, which comes first (§4.1)")
    change = exclusion("ex", "client_change", "2026-03-15T05:00:00Z", "2026-03-15T05:20:00Z")
    row = month(change, maintenance("mw", "2026-03-15T05:10:00Z", "2026-03-15T05:20:00Z"))
    assert row["excluded_by"] == {"client_change": 1200}


def test_interruptions() -> None:
    told("one interruption of 2 h 10 min. It qualifies at 12:00")
    pair = [server("web", solution="shop"), server("db", solution="shop")]
    story = [client(), *pair, *(says("up", "2026-03-01T05:00:00Z", server=name) for name in ("web", "db"))]
    story += down("2026-03-10T14:00:00Z", "2026-03-10T15:30:00Z", server="web")
    story += down("2026-03-10T15:15:00Z", "2026-03-10T16:10:00Z", server="db")
    (interruption,) = statement([*story, seen()])["solutions"][0]["interruptions"]
    assert interruption["counted"] == 2 * 3600 + 600
    assert interruption["qualified_at"] == "2026-03-10T16:00:00Z"
    told("it would be the database's 55 min alone")
    excluded = exclusion(
        "ex", "client_system", "2026-03-10T14:00:00Z", "2026-03-10T15:30:00Z", servers=["web"]
    )
    (left,) = statement([*story, excluded, seen()])["solutions"][0]["interruptions"]
    assert left["counted"] == 55 * 60


def test_chronic_outages() -> None:
    told("on the 3rd, 9th, 14th, 20th and 28th of a month")
    days = ("03", "09", "14", "20", "28")
    story = [line for day in days for line in down(f"2026-10-{day}T15:00:00Z", f"2026-10-{day}T18:00:00Z")]
    given = {
        "kind": "cancellation_notice",
        "client": "c",
        "solution": "s",
        "given_at": "2026-11-02T15:00:00Z",
    }
    lines = [client(), server(), UP, *story, {**given, "recorded_at": "2026-11-02T15:00:00Z"}]
    lines.append(seen("2026-12-20T00:00:00Z"))
    observed = statement(lines, month="2026-11", as_of="2026-11-03T00:00:00Z")["solutions"][0]["observed"]
    assert (observed["stage"], observed["chronic_at"]) == ("resolution", "2026-10-28T17:00:00Z")
    told("from 3 November to 2 December for the *resolution*")
    assert observed["resolution_until"] == "2026-12-03T05:00:00Z"
    told("from 3 December to 1 January, the *evaluation*")
    assert observed["evaluation_until"] == "2027-01-02T05:00:00Z"


def test_service_requests() -> None:
    told("Opened on Thursday, 2 April 2026, at 18:30 in Toronto")
    opened = {"kind": "service_request", "id": "r", "client": "c", "solution": "s", "opened_by": "ann"}
    at = "2026-04-02T22:30:00Z"
    story = [
        client(),
        server(),
        UP,
        {**opened, "channel": "phone", "opened_at": at, "recorded_at": at},
        seen(),
    ]
    (request,) = statement(story, month="2026-04", as_of="2026-04-03T00:00:00Z")["service_requests"]
    told("full on Monday at 10:30")
    assert request["due_at"] == "2026-04-06T14:30:00Z"
