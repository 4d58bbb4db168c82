"""What people record: each kind, its answer, and that it is on record as it was asked for."""

import json
import os
import pwd
from pathlib import Path

import pytest

from sla.records import (
    CancellationNotice,
    Category,
    ClientId,
    Exclusion,
    ExclusionEnded,
    ExclusionWithdrawn,
    Lifecycle,
    ServiceRequest,
    ServiceRequestClosed,
    ServiceRequestResponded,
    SolutionId,
)
from tests.daemon.records.office import NOW, Caller, Office, at_the_door, fleet
from tests.sla.stories import Line, at, says, seen, server

ME = f"uid:{os.getuid()} ({pwd.getpwuid(os.getuid()).pw_name})"
WINDOW = {"from": "2026-03-17T03:00:00Z", "until": "2026-03-17T05:00:00Z"}
"""23:00 to 01:00 in Toronto, seven days ahead."""


async def test_a_window_is_recorded_with_who_and_when_and_answers_what_is_eligible(
    office: Office, caller: Caller
) -> None:
    said = await caller.post(
        "/v1/maintenance", {**WINDOW, "servers": ["w1", "lone"], "reference": "CHG-1", "id": "mw-1"}
    )
    assert said.status == 201
    (record,) = office.recorded
    assert isinstance(record, Exclusion)
    assert (record.id, record.category, record.servers) == (
        "mw-1",
        Category.SCHEDULED_MAINTENANCE,
        ("w1", "s"),
    )
    assert (record.recorded_at, record.recorded_by, record.announced_at) == (at(NOW), "provider", at(NOW))
    assert said.json["seq"] == office.seq
    assert (said.json["recorded_at"], said.json["recorded_by"], said.json["dry_run"]) == (NOW, ME, False)
    assert said.json["summary"] == {"servers": 2, "fully_eligible": 0, "partly": 2, "not_at_all": 0}
    lone, web = said.json["servers"]
    assert (lone["server"], lone["name"], lone["client"]) == ("s", "lone", "c")
    assert (web["seconds"], web["eligible_seconds"]) == (7200, 3600)
    assert web["ineligible"] == [
        {
            "reason": "over_weekly_cap",
            "seconds": 3600,
            "spans": [{"from": "2026-03-17T04:00:00Z", "until": "2026-03-17T05:00:00Z"}],
        }
    ]
    assert web["weeks"] == [
        {"from": "2026-03-16T04:00:00Z", "cap_seconds": 3600, "used_seconds": 3600, "left_seconds": 0}
    ]


async def test_a_window_may_be_announced_by_how_long_it_lasts(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/maintenance", {"from": WINDOW["from"], "duration_seconds": 7200})
    assert (said.status, said.json["until"]) == (201, WINDOW["until"])
    (record,) = office.recorded
    assert isinstance(record, Exclusion)
    assert record.end == at(WINDOW["until"])


async def test_a_late_window_says_so_and_is_on_record_all_the_same(office: Office, caller: Caller) -> None:
    said = await caller.post(
        "/v1/maintenance",
        {"from": "2026-03-12T03:00:00Z", "until": "2026-03-12T03:30:00Z", "clients": ["c"]},
    )
    assert said.status == 201
    assert said.json["summary"] == {"servers": 3, "fully_eligible": 0, "partly": 0, "not_at_all": 3}
    assert {row["ineligible"][0]["reason"] for row in said.json["servers"]} == {"late_notice"}
    assert said.json["servers"][0]["weeks"][0]["left_seconds"] == 3600
    assert len(office.recorded) == 1


async def test_a_dry_run_only_answers(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/maintenance?dry_run=true", {**WINDOW, "solutions": ["shop"]})
    assert said.status == 200
    assert said.json["dry_run"] is True
    assert said.json["summary"]["servers"] == 2
    for key in ("id", "seq", "recorded_at", "recorded_by"):
        assert said.json[key] is None
    assert office.recorded == []
    assert (await caller.get("/v1/maintenance")).json == {"maintenance": []}


async def test_a_second_window_of_the_week_finds_the_hour_used(caller: Caller) -> None:
    first = {"from": "2026-03-17T03:00:00Z", "until": "2026-03-17T03:45:00Z", "servers": ["s"]}
    await caller.post("/v1/maintenance", first)
    second = {"from": "2026-03-18T03:00:00Z", "until": "2026-03-18T03:45:00Z", "servers": ["s"]}
    said = await caller.post("/v1/maintenance?dry_run=true", second)
    (row,) = said.json["servers"]
    assert (row["eligible_seconds"], row["ineligible"][0]["seconds"]) == (900, 1800)
    assert row["weeks"][0]["left_seconds"] == 0


async def test_windows_are_listed_by_their_state_and_withdrawn_once(office: Office, caller: Caller) -> None:
    made = (await caller.post("/v1/maintenance", {**WINDOW, "clients": ["c"]})).json["id"]
    (row,) = (await caller.get("/v1/maintenance")).json["maintenance"]
    assert row["names"] == {}
    assert (row["id"], row["state"], row["clients"], row["withdrawn"]) == (made, "announced", ["c"], None)
    assert (row["from"], row["until"]) == (WINDOW["from"], WINDOW["until"])
    office.set("2026-03-17T03:30:00Z")
    assert (await caller.get("/v1/maintenance")).json["maintenance"][0]["state"] == "running"
    office.set("2026-03-18T00:00:00Z")
    assert (await caller.get("/v1/maintenance")).json["maintenance"] == []
    assert (await caller.get("/v1/maintenance?past=true")).json["maintenance"][0]["state"] == "past"
    said = await caller.post(f"/v1/maintenance/{made}/withdraw?confirmed=true", {"why": "postponed"})
    assert (said.status, said.json["id"], said.json["why"]) == (201, made, "postponed")
    assert isinstance(office.recorded[-1], ExclusionWithdrawn)
    (row,) = (await caller.get("/v1/maintenance?past=true")).json["maintenance"]
    assert (row["state"], row["withdrawn"]["why"]) == ("withdrawn", "postponed")
    again = await caller.post(f"/v1/maintenance/{made}/withdraw", {"why": "postponed"})
    assert (again.status, again.json["error"]) == (
        409,
        f"{made} was withdrawn already, at 2026-03-18T00:00:00Z",
    )
    assert len(office.recorded) == 2


async def test_servers_and_solutions_that_are_servers_are_listed_with_their_names(caller: Caller) -> None:
    await caller.post("/v1/maintenance", {**WINDOW, "servers": ["w1"], "solutions": ["shop", "s"]})
    (row,) = (await caller.get("/v1/maintenance")).json["maintenance"]
    assert (row["servers"], row["solutions"]) == (["w1"], ["shop", "s"])
    assert row["names"] == {"w1": "web", "s": "lone"}
    for solution in ("shop", "s"):
        body = {"client": "c", "solution": solution, "opened_by": "ann", "channel": "phone", "id": solution}
        await caller.post("/v1/requests", body)
    rows = (await caller.get("/v1/requests")).json["requests"]
    assert [(row["solution"], row["solution_name"]) for row in rows] == [("s", "lone"), ("shop", None)]


async def test_an_open_exclusion_lasts_until_it_is_ended(office: Office, caller: Caller) -> None:
    body = {"category": "force_majeure", "from": "2026-03-10T12:00:00Z", "until": None, "open": True}
    said = await caller.post("/v1/exclusions", {**body, "id": "storm"})
    assert (said.status, said.json["id"], said.json["until"]) == (201, "storm", None)
    assert (await caller.get("/v1/exclusions")).json["exclusions"][0]["state"] == "running"
    early = await caller.post("/v1/exclusions/storm/end", {"at": "2026-03-10T12:00:00Z"})
    assert (early.status, early.json["errors"][0]["field"]) == (422, "at")
    ended = await caller.post("/v1/exclusions/storm/end")
    assert (ended.status, ended.json["at"]) == (201, NOW)
    assert isinstance(office.recorded[-1], ExclusionEnded)
    (row,) = (await caller.get("/v1/exclusions?past=true")).json["exclusions"]
    assert (row["state"], row["ended"]["at"]) == ("past", NOW)
    assert (await caller.post("/v1/exclusions/storm/end")).status == 409


async def test_a_request_is_due_after_four_hours_of_business_time(office: Office, caller: Caller) -> None:
    body = {"client": "c", "solution": "shop", "opened_by": "ann", "channel": "phone", "id": "sr-1"}
    said = await caller.post("/v1/requests", {**body, "opened_at": "2026-03-09T22:00:00Z"})
    assert said.status == 201
    assert (said.json["due_at"], said.json["response"]) == ("2026-03-10T14:00:00Z", "missed")
    assert isinstance(office.recorded[0], ServiceRequest)
    assert (await caller.get("/v1/requests?open=true")).json["requests"][0]["id"] == "sr-1"
    said = await caller.post("/v1/requests/sr-1/respond", {"at": "2026-03-10T13:00:00Z"})
    assert (said.status, said.json["response"], said.json["responded_at"]) == (
        201,
        "met",
        "2026-03-10T13:00:00Z",
    )
    assert isinstance(office.recorded[1], ServiceRequestResponded)
    said = await caller.post("/v1/requests/sr-1/close")
    assert (said.status, said.json["closed_at"]) == (201, NOW)
    assert isinstance(office.recorded[2], ServiceRequestClosed)
    assert (await caller.get("/v1/requests?open=true")).json["requests"] == []
    assert (await caller.get("/v1/requests")).json["requests"][0]["closed_at"] == NOW
    assert (await caller.post("/v1/requests/sr-1/close")).status == 409


async def test_a_step_answers_the_deadlines(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/lifecycle", {"client": "c", "solution": "shop", "event": "data_requested"})
    assert said.status == 201
    assert isinstance(office.recorded[0], Lifecycle)
    assert said.json["deadlines"] == [
        {
            "client": "c",
            "solution": "shop",
            "deadline": "data_return",
            "due_at": "2026-03-14T04:00:00Z",
            "outcome": "pending",
        }
    ]


async def test_a_notice_without_a_chronic_outage_is_on_record_and_not_valid(
    office: Office, caller: Caller
) -> None:
    said = await caller.post("/v1/notices", {"client": "c", "solution": "s"})
    assert (said.status, said.json["valid"], said.json["observed"]["stage"]) == (201, False, "clear")
    assert isinstance(office.recorded[0], CancellationNotice)


async def test_clients_are_shown_with_what_is_due(caller: Caller) -> None:
    await caller.post(
        "/v1/requests", {"client": "c", "solution": "shop", "opened_by": "bob", "channel": "email"}
    )
    await caller.post("/v1/lifecycle", {"client": "c", "solution": "shop", "event": "data_requested"})
    rows = (await caller.get("/v1/clients")).json["clients"]
    assert [(row["id"], row["servers"]) for row in rows] == [("c", 3), ("d", 1)]
    shown = (await caller.get("/v1/clients/c")).json
    assert (shown["timezone"], shown["tech_admins"], shown["servers"]) == (
        "America/Toronto",
        ["ann", "bob"],
        3,
    )
    assert shown["terms"]["availability"]["target"] == "0.999"
    assert [(row["id"], row["name"], row["servers"]) for row in shown["solutions"]] == [
        ("s", "lone", 1),
        ("shop", None, 2),
    ]
    assert shown["solutions"][0]["observed"]["stage"] == "clear"
    assert [row["deadline"] for row in shown["deadlines"]] == ["data_return"]
    assert [row["opened_by"] for row in shown["open_requests"]] == ["bob"]


async def test_only_servers_in_service_are_counted(tmp_path: Path) -> None:
    gone = server("gone", in_service_until="2026-03-09T00:00:00Z")
    office = Office([*fleet(), gone, server("soon", since="2026-03-11T00:00:00Z", solution="shop")])
    async with at_the_door(office, tmp_path / "control.sock") as caller:
        assert [row["servers"] for row in (await caller.get("/v1/clients")).json["clients"]] == [3, 1]
        shown = (await caller.get("/v1/clients/c")).json
    assert shown["servers"] == 3
    assert [(row["id"], row["servers"]) for row in shown["solutions"]] == [
        ("gone", 0),
        ("s", 1),
        ("shop", 2),
    ]


def chronic() -> list[Line]:
    """The lone server s was down for three hours on each of five days."""
    outages = [
        says(state, f"2026-03-{day:02}T{hour:02}:00:00Z")
        for day in range(2, 7)
        for hour, state in ((14, "down"), (17, "up"))
    ]
    return [*fleet(), says("up", "2026-03-01T05:00:00Z"), *outages, seen(NOW)]


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_notice_in_time_opens_the_resolution_period(tmp_path: Path, dry_run: bool) -> None:
    office = Office(chronic())
    async with at_the_door(office, tmp_path / "control.sock") as caller:
        before = (await caller.get("/v1/clients/c")).json["solutions"][0]
        said = await caller.post(
            f"/v1/notices?dry_run={json.dumps(dry_run)}", {"client": "c", "solution": "s"}
        )
        after = (await caller.get("/v1/clients/c")).json["solutions"][0]
    assert (before["id"], before["observed"]["stage"]) == ("s", "chronic")
    assert said.json["valid"] is True
    assert said.json["observed"]["stage"] == "resolution"
    assert said.json["documented"]["stage"] == "clear"
    assert said.json["notice_closes_at"] == "2026-03-14T04:00:00Z"
    assert said.json["resolution_until"] == "2026-04-10T04:00:00Z"
    assert said.json["evaluation_until"] == "2026-05-10T04:00:00Z"
    assert after["observed"]["stage"] == ("chronic" if dry_run else "resolution")
    assert len(office.recorded) == (0 if dry_run else 1)


async def test_a_solution_that_only_the_configuration_names_may_be_ordered(
    office: Office, caller: Caller
) -> None:
    order = {"client": "c", "solution": "mail", "event": "order_accepted"}
    assert (await caller.post("/v1/lifecycle", order)).status == 422
    office.records.validator.configured = {(SolutionId("mail"), ClientId("c"))}
    assert (await caller.post("/v1/lifecycle", {**order, "client": "d"})).status == 422
    assert (await caller.post("/v1/lifecycle", order)).status == 201
