"""Windows that recur every week: each a record of its own, all or none of them, once however often they are asked for."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.records.idempotency import Series
from daemon.records.planning import MOST_NAMED
from sla.records import Exclusion, ExclusionWithdrawn
from sla.recurrence import parse_weekly
from tests.daemon.records.office import NOW, Caller, Office
from tests.sla.stories import at, server

SERIES = {"every": "tue 23:00", "count": 3, "duration_seconds": 3600, "clients": ["c"]}
"""By the clock of c, in Toronto; the first on the evening of the day on which it is asked for."""
PATH = "/v1/maintenance/series"


def exclusions(office: Office) -> list[Exclusion]:
    return [record for record in office.recorded if isinstance(record, Exclusion)]


async def test_each_window_is_a_record_of_its_own_and_judged(office: Office, caller: Caller) -> None:
    said = await caller.post(PATH, {**SERIES, "id": "mw", "reference": "CHG-1"})
    assert said.status == 201
    assert [(record.id, record.start, record.end) for record in exclusions(office)] == [
        ("mw-1", at("2026-03-11T03:00:00Z"), at("2026-03-11T04:00:00Z")),
        ("mw-2", at("2026-03-18T03:00:00Z"), at("2026-03-18T04:00:00Z")),
        ("mw-3", at("2026-03-25T03:00:00Z"), at("2026-03-25T04:00:00Z")),
    ]
    assert {(each.clients, each.reference, each.announced_at) for each in exclusions(office)} == {
        (("c",), "CHG-1", at(NOW))
    }
    assert (said.json["id"], said.json["timezone"], said.json["every"]) == (
        "mw",
        "America/Toronto",
        "tue 23:00",
    )
    late, *eligible = said.json["windows"]
    assert (late["id"], late["local"], late["clock_change"]) == ("mw-1", "2026-03-10 23:00:00-04:00", None)
    assert late["summary"] == {"servers": 3, "fully_eligible": 0, "partly": 0, "not_at_all": 3}
    (row,) = late["servers"]
    assert (row["client"], row["servers"], row["seconds"], row["eligible_seconds"]) == ("c", 3, 3600, 0)
    assert [part["reason"] for part in row["ineligible"]] == ["late_notice"]
    for window in eligible:
        assert window["summary"] == {"servers": 3, "fully_eligible": 3, "partly": 0, "not_at_all": 0}
        assert window["servers"][0]["weeks"][0]["left_seconds"] == 0


async def test_until_is_the_last_date_by_that_clock(office: Office, caller: Caller) -> None:
    body = {key: value for key, value in SERIES.items() if key != "count"}
    said = await caller.post(PATH, {**body, "until": "2026-03-24"})
    assert [window["from"] for window in said.json["windows"]] == [
        "2026-03-11T03:00:00Z",
        "2026-03-18T03:00:00Z",
        "2026-03-25T03:00:00Z",
    ]


async def test_what_the_clock_skips_or_shows_twice_is_said(caller: Caller) -> None:
    for since, every, change, begins in (
        ("2027-03-10T00:00:00Z", "sun 02:30", "skipped", "2027-03-14T07:00:00Z"),
        ("2026-10-30T00:00:00Z", "sun 01:30", "twice", "2026-11-01T05:30:00Z"),
    ):
        said = await caller.post(PATH, {**SERIES, "every": every, "from": since, "count": 2})
        first, second = said.json["windows"]
        assert (first["from"], first["clock_change"], second["clock_change"]) == (begins, change, None)


async def test_it_recurs_by_the_clock_that_is_asked_for(caller: Caller) -> None:
    said = await caller.post(PATH, {**SERIES, "count": 1, "timezone": "Europe/London"})
    assert said.json["windows"][0]["local"] == "2026-03-10 23:00:00+00:00"


@pytest.mark.parametrize("scope", [{"solutions": ["shop"]}, {"servers": ["w1", "lone"]}])
async def test_servers_and_solutions_have_the_clock_of_their_client(
    caller: Caller, scope: dict[str, Any]
) -> None:
    said = await caller.post(PATH, {**SERIES, "clients": [], **scope})
    assert (said.status, said.json["timezone"]) == (201, "America/Toronto")


async def test_of_several_clients_each_window_is_one_thing(office: Office, caller: Caller) -> None:
    said = await caller.post(
        PATH, {**SERIES, "clients": ["c", "d"], "timezone": "UTC", "count": 2, "id": "mw"}
    )
    assert [window["id"] for window in said.json["windows"]] == ["mw-1", "mw-2"]
    assert [row["client"] for row in said.json["windows"][1]["servers"]] == ["c", "d"]
    listed = (await caller.get("/v1/maintenance")).json["maintenance"]
    assert [(row["id"], row["clients"], len(row["records"])) for row in listed] == [
        ("mw-1", ["c", "d"], 2),
        ("mw-2", ["c", "d"], 2),
    ]
    assert (await caller.post("/v1/maintenance/mw-1/withdraw", {"why": "not needed"})).status == 201
    withdrawn = [record.id for record in office.recorded if isinstance(record, ExclusionWithdrawn)]
    assert withdrawn == listed[0]["records"]
    assert [row["id"] for row in (await caller.get("/v1/maintenance")).json["maintenance"]] == ["mw-2"]


async def test_a_dry_run_answers_the_same_and_records_nothing(office: Office, caller: Caller) -> None:
    dry = await caller.post(f"{PATH}?dry_run=true", SERIES)
    assert (dry.status, dry.json["dry_run"], office.recorded) == (200, True, [])
    done = await caller.post(PATH, SERIES)
    for window in (*dry.json["windows"], *done.json["windows"]):
        window["id"] = None
    assert dry.json["windows"] == done.json["windows"]


async def test_it_is_recorded_once_and_answered_alike(office: Office, caller: Caller) -> None:
    """After a start too: tests/daemon/records/test_durability.py."""
    body = {**SERIES, "clients": ["c", "d"], "timezone": "UTC"}
    first = await caller.post(PATH, body, key="once")
    office.set("2026-03-12T00:00:00Z")
    again = await caller.post(PATH, body, key="once")
    assert (again.status, again.headers["Idempotent-Replay"], again.json) == (200, "true", first.json)
    assert len(exclusions(office)) == 6
    assert (await caller.post(PATH, SERIES, key="once")).status == 409


async def test_the_id_of_any_of_its_windows_may_be_taken_and_then_nothing_is_recorded(
    office: Office, caller: Caller
) -> None:
    single = {"from": "2026-03-17T03:00:00Z", "duration_seconds": 60, "id": "mw-3"}
    assert (await caller.post("/v1/maintenance", single)).status == 201
    said = await caller.post(PATH, {**SERIES, "id": "mw"})
    assert (said.status, said.json["errors"][0]["field"]) == (409, "id")
    assert [record.id for record in exclusions(office)] == ["mw-3"]


async def test_windows_that_lie_years_ahead_are_asked_about(office: Office, caller: Caller) -> None:
    body = {**SERIES, "from": "2030-01-01T00:00:00Z"}
    assert (await caller.post(PATH, body)).status == 409
    assert office.recorded == []
    assert (await caller.post(f"{PATH}?confirmed=true", body)).status == 201


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"every": "sunday 23:00"}, "every", "must be a day (mon, tue, wed, thu, fri, sat, sun) and a time"),
        ({"every": None}, "every", "must be a day"),
        ({"count": None}, "count", "is missing: give it, or until, the last date"),
        ({"until": "2026-04-01"}, "count", "cannot be there beside until: leave one out"),
        ({"count": 0}, "count", "must be at least 1"),
        ({"count": 54}, "count", "must be at most 53"),
        ({"count": 2.0}, "count", "must be a whole number"),
        ({"count": None, "until": "2026-02-30"}, "until", "'2026-02-30' is no date"),
        (
            {"count": None, "until": "3000-01-01"},
            "until",
            "3000-01-01 lies outside of the years 1970 to 2999",
        ),
        ({"count": None, "until": 20260401}, "until", "must be a date"),
        (
            {"count": None, "until": "2026-03-09"},
            "until",
            "is before the first of them, 2026-03-10 23:00:00-04:00",
        ),
        (
            {"count": None, "until": "2999-12-31"},
            "until",
            "would make more than 53 windows: it may be 2027-03-09",
        ),
        ({"duration_seconds": None}, "duration_seconds", "must be a whole number"),
        ({"duration_seconds": 7 * 86_400 + 1}, "duration_seconds", "must be at most 604800"),
        ({"timezone": "Mars/Olympus"}, "timezone", 'there is no time zone "Mars/Olympus"'),
        ({"timezone": "../../etc/passwd"}, "timezone", 'there is no time zone "../../etc/passwd"'),
        (
            {"clients": ["c", "d"]},
            "timezone",
            "is missing: those whom it concerns have several, America/Toronto, Europe/London",
        ),
        ({"clients": []}, "timezone", "is missing: those whom it concerns have several"),
        ({"clients": ["e"]}, "clients[1]", 'there is no client "e"'),
        ({"announced_at": "2026-03-10T15:00:01Z"}, "announced_at", "is in the future"),
        ({"from": "2026-03-10"}, "from", "'2026-03-10' is no RFC 3339 instant with a zone"),
        (
            {"open": True},
            "open",
            "is unknown: known are servers, solutions, clients, category, every, timezone",
        ),
    ],
)
async def test_what_is_wrong_is_told_and_nothing_is_recorded(
    office: Office, caller: Caller, change: dict[str, Any], field: str, message: str
) -> None:
    said = await caller.post(PATH, {**SERIES, **change})
    assert said.status == 422
    (error,) = said.json["errors"]
    assert error["field"] == field
    assert error["message"].startswith(message)
    assert office.recorded == []


async def test_so_many_names_are_too_many_for_so_many_windows(office: Office, caller: Caller) -> None:
    names = [f"m{number}" for number in range(MOST_NAMED // 10 + 1)]
    office.learn([server(name) for name in names])
    body = {**SERIES, "clients": [], "servers": names}
    said = await caller.post(PATH, {**body, "count": 10})
    assert (said.status, said.json["errors"][0]["field"]) == (422, "servers")
    assert "it can be 9 windows at once" in said.json["error"]
    assert (await caller.post(f"{PATH}?dry_run=true", {**body, "count": 9})).status == 200


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.sampled_from(["sun 23:00", "UTC"]),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["every", "timezone", "windows"]), inner)
        ),
    )
)
@settings(deadline=None)
def test_an_event_of_another_tool_may_say_anything(said: object) -> None:
    series = Series.read(said, 1)
    assert series is None or Series.read(json.loads(series.as_json()), 1) == series


def test_a_series_is_kept_as_it_is() -> None:
    series = Series(parse_weekly("sun 23:00"), "UTC", ["mw-1", "mw-1", "mw-2"])
    assert Series.read(json.loads(series.as_json()), 3) == series
    assert Series.read(json.loads(series.as_json()), 2) is None
