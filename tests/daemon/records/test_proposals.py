"""People decide on proposals: an accepted one is an exclusion, a rejected one stays, and what is decided is decided."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from daemon.records.endings import Endings
from sla.instants import format_instant
from sla.records import Decision, Exclusion, ProposalDecided
from tests.daemon.records.office import NOW, Caller, Office, at_the_door, fleet
from tests.daemon.records.test_records import ME
from tests.sla.stories import Line, at, exclusion, says, seen, server

DOWN_AT, UP_AT = "2026-03-10T12:00:00Z", "2026-03-10T13:00:00Z"


def cause(name: str = "s", **keys: Any) -> Line:
    line = {
        "kind": "cause",
        "server": name,
        "from": DOWN_AT,
        "cause": "client_change",
        "confidence": "proved",
    }
    said = {"user": "ACME\\bob", "because": ["7"], "text": "ACME\\bob turned it off", "recorded_by": "slad"}
    return {**line, **said, "recorded_at": DOWN_AT, **keys}


def proposal(id_: str = "p", name: str = "s", until: str | None = UP_AT, **keys: Any) -> Line:
    line = {"kind": "proposal", "id": id_, "category": "client_change", "from": DOWN_AT, "until": until}
    said = {"servers": [name], "because": ["7"], "text": "ACME\\bob turned it off", "recorded_by": "slad"}
    return {**line, **said, "recorded_at": DOWN_AT, **keys}


def outage(name: str = "s", until: str | None = UP_AT) -> list[Line]:
    said = [says("up", "2026-03-02T05:00:00Z", server=name), says("down", DOWN_AT, server=name)]
    return [*said, *([] if until is None else [says("up", until, server=name)])]


def story(*lines: Line, until: str | None = UP_AT) -> Office:
    """Server s was down, and what that proposes."""
    return Office([*fleet(), *outage(until=until), cause(), proposal(until=until), *lines, seen(NOW)])


@pytest.fixture
def office() -> Office:
    return story()


@pytest.fixture
async def caller(office: Office, tmp_path: Path) -> AsyncIterator[Caller]:
    async with at_the_door(office, tmp_path / "control.sock") as somebody:
        yield somebody


async def test_an_accepted_one_is_an_exclusion_that_refers_to_it(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/proposals/p/accept")
    assert said.status == 201
    excluded, decided = office.recorded
    assert isinstance(excluded, Exclusion)
    assert isinstance(decided, ProposalDecided)
    assert (excluded.category.value, excluded.servers, excluded.reference) == ("client_change", ("s",), "p")
    assert (excluded.start, excluded.end) == (at(DOWN_AT), at(UP_AT))
    assert (decided.id, decided.decision, decided.exclusion) == ("p", Decision.ACCEPTED, excluded.id)
    assert {excluded.recorded_by, decided.recorded_by} == {"provider"}
    assert (said.json["id"], said.json["exclusion"], said.json["recorded_by"]) == ("p", excluded.id, ME)
    assert said.json["effects"] == []
    shown = await caller.get("/v1/proposals/p")
    assert (shown.json["state"], shown.json["decided"]["recorded_by"]) == ("accepted", ME)
    assert (await caller.get("/v1/exclusions?past=true")).json["exclusions"][0]["id"] == excluded.id


async def test_a_rejected_one_stays_with_its_reason(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/proposals/p/reject", {"why": "our own migration"})
    assert (said.status, said.json["decision"], said.json["exclusion"]) == (201, "rejected", None)
    assert len(office.recorded) == 1
    shown = (await caller.get("/v1/proposals/p")).json
    assert (shown["state"], shown["decided"]["why"]) == ("rejected", "our own migration")


async def test_a_dry_run_tells_the_month_without_it_and_with_it(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/proposals/p/accept?dry_run=true")
    (effect,) = said.json["effects"]
    assert (said.status, said.json["exclusion"], office.recorded) == (200, None, [])
    assert (effect["server"], effect["name"], effect["client"], effect["month"]) == (
        "s",
        "lone",
        "c",
        "2026-03",
    )
    assert effect["before"] == {"availability": "0.995049504", "down_seconds": 3600, "met": False}
    assert effect["after"] == {"availability": "1.000000000", "down_seconds": 0, "met": True}
    assert office.book.pending.keys() == {"p"}
    assert office.book.windows(at(NOW)) == ()


async def test_an_exclusion_by_hand_has_the_same_dry_run(caller: Caller) -> None:
    body = {"category": "client_change", "from": DOWN_AT, "until": UP_AT, "servers": ["lone"]}
    by_hand = (await caller.post("/v1/exclusions?dry_run=true", body)).json["effects"]
    assert by_hand == (await caller.post("/v1/proposals/p/accept?dry_run=true")).json["effects"]
    assert (await caller.post("/v1/exclusions", body)).json["effects"] == []


async def test_a_dry_run_of_what_is_excluded_already_changes_nothing(caller: Caller) -> None:
    await caller.post("/v1/proposals/p/accept")
    body = {"category": "force_majeure", "from": DOWN_AT, "until": UP_AT, "servers": ["lone"]}
    assert (await caller.post("/v1/exclusions?dry_run=true", body)).json["effects"] == []


@pytest.mark.parametrize("first", ["accept", "reject"])
@pytest.mark.parametrize("second", ["accept", "reject"])
async def test_what_is_decided_is_decided(office: Office, caller: Caller, first: str, second: str) -> None:
    assert (await caller.post(f"/v1/proposals/p/{first}", _body(first))).status == 201
    count = len(office.recorded)
    said = await caller.post(f"/v1/proposals/p/{second}", _body(second))
    assert said.status == 409
    assert f"p was {first}ed already, at {NOW}" in said.json["error"]
    assert len(office.recorded) == count


@pytest.mark.parametrize("decision", ["accept", "reject"])
async def test_what_has_lapsed_cannot_be_decided(office: Office, caller: Caller, decision: str) -> None:
    office.learn(
        [
            {
                "kind": "proposal_decided",
                "id": "p",
                "decision": "lapsed",
                "why": "the outage has another cause now",
                "recorded_at": NOW,
            }
        ]
    )
    said = await caller.post(f"/v1/proposals/p/{decision}", _body(decision))
    assert said.status == 409
    assert said.json["error"] == f"p has lapsed, at {NOW}: the outage has another cause now"
    assert office.recorded == []


@pytest.mark.parametrize("decision", ["accept", "reject"])
async def test_there_has_to_be_one(office: Office, caller: Caller, decision: str) -> None:
    said = await caller.post(f"/v1/proposals/q/{decision}", _body(decision))
    assert (said.status, said.json["error"]) == (
        404,
        'id: there is no proposal "q": the list of proposals has their ids',
    )
    assert (await caller.get("/v1/proposals/q")).status == 404
    assert office.recorded == []


async def test_a_rejection_needs_its_reason(office: Office, caller: Caller) -> None:
    assert (await caller.post("/v1/proposals/p/reject", {})).status == 422
    assert (await caller.post("/v1/proposals/p/accept", {"why": "x"})).status == 422
    assert office.recorded == []


async def test_a_repeated_acceptance_is_recorded_once(office: Office, caller: Caller) -> None:
    first = await caller.post("/v1/proposals/p/accept", key="k")
    again = await caller.post("/v1/proposals/p/accept", key="k")
    assert (again.status, again.headers["Idempotent-Replay"]) == (200, "true")
    assert again.json == first.json
    assert len(office.recorded) == 2


async def test_a_server_that_changed_hands_is_excluded_for_each_client(tmp_path: Path) -> None:
    moved = "2026-03-10T12:30:00Z"
    office = story(server("s", since=moved, client="d", name="lone", recorded_at=moved))
    async with at_the_door(office, tmp_path / "control.sock") as caller:
        said = await caller.post("/v1/proposals/p/accept")
        assert said.status == 201
        first, second, decided = office.recorded
        assert isinstance(first, Exclusion)
        assert isinstance(second, Exclusion)
        assert isinstance(decided, ProposalDecided)
        assert (first.end, second.start, second.end) == (at(moved), at(moved), at(UP_AT))
        assert first.reference == second.reference == "p"
        assert decided.exclusion == first.id
        name = (await caller.get("/v1/exclusions?past=true")).json["exclusions"][0]["id"]
        assert (
            await caller.post(f"/v1/exclusions/{name}/withdraw?confirmed=true", {"why": "no"})
        ).status == 201
        assert office.book.windows(at(NOW)) == ()


class TestThatIsOpen:
    """The outage lasts."""

    @pytest.mark.parametrize("category", ["client_change", "client_system"])
    async def test_its_exclusion_ends_with_the_outage(self, tmp_path: Path, category: str) -> None:
        office = story(proposal(until=None, category=category), until=None)
        async with at_the_door(office, tmp_path / "control.sock") as caller:
            assert (await caller.post("/v1/proposals/p/accept")).status == 201
        endings = Endings(office.book, office.recorded_requests)
        office.set("2026-03-10T15:10:00Z")
        assert await endings.due(office.at) == []
        office.learn([says("up", "2026-03-10T15:05:00Z"), seen("2026-03-10T15:10:00Z")])
        (ended,) = await endings.due(office.at)
        assert format_instant(ended.at) == "2026-03-10T15:05:00Z"

    async def test_a_leg_that_the_contract_does_not_count_ends_it_too(self, tmp_path: Path) -> None:
        terms = {"availability": {"legs": ["running"]}}
        contract = {"kind": "contract", "client": "c", "effective_from": "2026-01", "terms": terms}
        office = story({**contract, "recorded_at": "2026-01-01T00:00:00Z"}, proposal(until=None), until=None)
        async with at_the_door(office, tmp_path / "control.sock") as caller:
            assert (await caller.post("/v1/proposals/p/accept")).status == 201
        office.learn([says("up", "2026-03-10T15:00:00Z"), seen("2026-03-10T15:10:00Z")])
        (ended,) = await Endings(office.book, office.recorded_requests).due(at("2026-03-10T15:10:00Z"))
        assert format_instant(ended.at) == "2026-03-10T15:00:00Z"

    async def test_another_open_exclusion_of_that_category_goes_on(self) -> None:
        theirs = exclusion("x", "client_system", DOWN_AT, None, servers=["s"], reference="T-4711")
        office = story(theirs)
        assert await Endings(office.book, office.recorded_requests).due(at(NOW)) == []


class TestTheList:
    """Which there are."""

    @pytest.fixture
    def office(self) -> Office:
        of_february = {"from": "2026-02-28T12:00:00Z", "until": "2026-03-01T05:00:00Z"}
        decided = {
            "kind": "proposal_decided",
            "id": "a",
            "decision": "rejected",
            "why": "",
            "recorded_at": NOW,
        }
        return story(
            server("old", since="2026-02-01T00:00:00Z", name="old"),
            proposal("t", "t"),
            proposal("a", "w1"),
            {**proposal("f", "old"), **of_february},
            decided,
        )

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("", ["f", "p", "t"]),
            ("?state=all", ["f", "a", "p", "t"]),
            ("?state=rejected", ["a"]),
            ("?state=lapsed", []),
            ("?client=c", ["f", "p"]),
            ("?client=d&state=all", ["t"]),
            ("?month=2026-03&client=c", ["p"]),
            ("?month=2026-02", ["f"]),
            ("?month=2026-04&state=all", []),
        ],
    )
    async def test_is_by_client_month_and_state(self, caller: Caller, query: str, found: list[str]) -> None:
        said = await caller.get(f"/v1/proposals{query}")
        assert said.status == 200
        assert [each["id"] for each in said.json["proposals"]] == found

    async def test_of_a_client_that_is_none_is_refused(self, caller: Caller) -> None:
        assert (await caller.get("/v1/proposals?client=nobody")).status == 404

    @pytest.mark.parametrize(
        "query", ["?month=2026-13", "?month=march", "?month=", "?state=open", "?state=", "?server=s"]
    )
    async def test_refuses_what_it_does_not_know(self, caller: Caller, query: str) -> None:
        assert (await caller.get(f"/v1/proposals{query}")).status == 400


async def test_one_is_shown_with_its_outage_and_what_proves_it(caller: Caller) -> None:
    said = (await caller.get("/v1/proposals/p")).json
    assert (said["from"], said["until"], said["state"]) == (DOWN_AT, UP_AT, "pending")
    assert said["servers"] == [{"server": "s", "name": "lone", "client": "c"}]
    assert (said["outage_from"], said["outage_until"]) == (DOWN_AT, UP_AT)
    assert (said["cause"]["cause"], said["cause"]["user"]) == ("client_change", "ACME\\bob")
    assert [(each["key"], each["type"]) for each in said["events"]] == [("7", "VmPoweredOffEvent")]
    assert said["decided"] is None


def _body(decision: str) -> dict[str, str]:
    return {"why": "it was us"} if decision == "reject" else {}
