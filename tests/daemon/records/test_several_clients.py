"""What people record of several clients: a record for each, which tells nothing of another, and yet one thing to people."""

import json
from typing import Any

import pytest

from daemon.records.idempotency import RecordedRequests
from sla.evidence import encode
from sla.records import Event, Exclusion, ExclusionEnded, ExclusionId, ExclusionWithdrawn
from tests.daemon.records.office import NOW, REQUEST, WINDOW, Caller, Office, fleet
from tests.sla.stories import Line, at, says, seen, server, statement

OPEN = {"category": "client_system", "from": "2026-03-10T12:00:00Z", "open": True}


def exclusions(office: Office) -> list[Exclusion]:
    return [record for record in office.recorded if isinstance(record, Exclusion)]


def scopes(office: Office) -> list[tuple[tuple[str, ...], ...]]:
    return [(each.clients, each.solutions, each.servers) for each in exclusions(office)]


async def test_each_client_has_a_record_that_names_what_is_its_own(office: Office, caller: Caller) -> None:
    scope = {"clients": ["d"], "solutions": ["shop"], "servers": ["s", "t"]}
    said = await caller.post("/v1/maintenance", {**WINDOW, **scope, "id": "mw"})
    assert said.status == 201
    assert said.json["id"] == "mw"
    assert {key: said.json[key] for key in ("clients", "solutions")} == {
        "clients": ["d"],
        "solutions": ["shop"],
    }
    assert {row["server"] for row in said.json["servers"]} == {"w1", "w2", "s", "t"}
    assert scopes(office) == [(("d",), (), ("t",)), ((), ("shop",), ("s",))]
    ids = [record.id for record in exclusions(office)]
    assert len(set(ids)) == 2
    assert all(id_.startswith("mw.") for id_ in ids)
    assert said.json["seq"] == office.seq - 1, "the first of the two"


@pytest.mark.parametrize(
    "scope",
    [
        {"clients": ["c"]},
        {"servers": ["w1", "s"]},
        {"clients": ["c"], "solutions": ["shop"], "servers": ["s"]},
        {},
    ],
)
async def test_what_concerns_one_client_or_everybody_is_one_record_under_its_own_id(
    office: Office, caller: Caller, scope: dict[str, Any]
) -> None:
    said = await caller.post("/v1/maintenance", {**WINDOW, **scope, "id": "mw"})
    (record,) = exclusions(office)
    assert record.id == said.json["id"] == "mw"


async def test_what_clients_share_is_a_record_of_its_own(office: Office, caller: Caller) -> None:
    office.learn([server("v", client="d", solution="shop", recorded_at=NOW)])
    await caller.post("/v1/maintenance", {**WINDOW, "solutions": ["shop"], "clients": ["c"]})
    assert scopes(office) == [(("c",), (), ()), ((), ("shop",), ())]


async def test_a_server_is_its_owners_of_the_span(office: Office, caller: Caller) -> None:
    moved = [
        server("m", in_service_until="2026-03-05T00:00:00Z", recorded_at=NOW),
        server("m", client="d", since="2026-03-05T00:00:00Z", recorded_at=NOW),
    ]
    office.learn(moved)
    before = {"from": "2026-03-03T00:00:00Z", "until": "2026-03-04T00:00:00Z"}
    across = {"from": "2026-03-04T00:00:00Z", "until": "2026-03-06T00:00:00Z"}
    for span in (before, across):
        await caller.post("/v1/exclusions", {**span, "category": "force_majeure", "servers": ["m", "s", "t"]})
    assert scopes(office) == [
        ((), (), ("m", "s")),
        ((), (), ("t",)),
        ((), (), ("m",)),
        ((), (), ("m",)),
        ((), (), ("s",)),
        ((), (), ("t",)),
    ]
    of_m = [(record.start, record.end) for record in exclusions(office)[2:4]]
    moved_at = at("2026-03-05T00:00:00Z")
    assert of_m == [(at(across["from"]), moved_at), (moved_at, at(across["until"]))]


async def test_what_is_recorded_over_a_move_is_listed_whole(office: Office, caller: Caller) -> None:
    office.learn(
        [
            server("m", in_service_until="2026-03-05T00:00:00Z", recorded_at=NOW),
            server("m", client="d", since="2026-03-05T00:00:00Z", recorded_at=NOW),
        ]
    )
    said = {"from": "2026-03-04T00:00:00Z", "category": "client_change", "open": True, "servers": ["m"]}
    await caller.post("/v1/exclusions", {**said, "id": "ex"})
    first, second = exclusions(office)
    assert (first.end, second.end) == (at("2026-03-05T00:00:00Z"), None)
    (row,) = (await caller.get("/v1/exclusions")).json["exclusions"]
    assert (row["id"], row["from"], row["until"], row["servers"]) == ("ex", said["from"], None, ["m"])
    assert (await caller.post("/v1/exclusions/ex/end", {})).status == 201
    (ended,) = [record for record in office.recorded if isinstance(record, ExclusionEnded)]
    assert ended.id == second.id


async def test_it_is_listed_and_withdrawn_as_one(office: Office, caller: Caller) -> None:
    await caller.post("/v1/maintenance", {**WINDOW, "clients": ["c", "d"], "id": "mw"})
    (row,) = (await caller.get("/v1/maintenance")).json["maintenance"]
    assert (row["id"], row["clients"], row["state"]) == ("mw", ["c", "d"], "announced")
    assert row["records"] == [record.id for record in exclusions(office)]
    said = await caller.post("/v1/maintenance/mw/withdraw", {"why": "not needed"})
    assert (said.status, said.json["id"]) == (201, "mw")
    withdrawn = [record.id for record in office.recorded if isinstance(record, ExclusionWithdrawn)]
    assert withdrawn == row["records"]
    (row,) = (await caller.get("/v1/maintenance?past=true")).json["maintenance"]
    assert (row["id"], row["state"], row["withdrawn"]["why"]) == ("mw", "withdrawn", "not needed")
    assert (await caller.post("/v1/maintenance/mw/withdraw", {"why": "again"})).status == 409


async def test_one_clients_part_can_be_withdrawn_and_then_the_rest(office: Office, caller: Caller) -> None:
    await caller.post("/v1/maintenance", {**WINDOW, "clients": ["c", "d"], "id": "mw"})
    first, second = (record.id for record in exclusions(office))
    assert (await caller.post(f"/v1/maintenance/{first}/withdraw", {"why": "not theirs"})).status == 201
    (row,) = (await caller.get("/v1/maintenance")).json["maintenance"]
    assert (row["id"], row["clients"]) == (second, ["d"]), "they no longer stand alike"
    assert (await caller.post("/v1/maintenance/mw/withdraw", {"why": "not needed"})).status == 201
    withdrawn = [(r.id, r.why) for r in office.recorded if isinstance(r, ExclusionWithdrawn)]
    assert withdrawn == [(first, "not theirs"), (second, "not needed")]


async def test_it_is_ended_as_one_and_once(office: Office, caller: Caller) -> None:
    await caller.post("/v1/exclusions", {**OPEN, "clients": ["c", "d"], "id": "ex"})
    first, second = (record.id for record in exclusions(office))
    assert (await caller.post(f"/v1/exclusions/{first}/end", {"at": "2026-03-10T13:00:00Z"})).status == 201
    said = await caller.post("/v1/exclusions/ex/end", {"at": "2026-03-10T14:00:00Z"})
    assert (said.status, said.json["id"]) == (201, "ex")
    ended = [(each.id, each.at) for each in office.recorded if isinstance(each, ExclusionEnded)]
    assert ended == [(first, at("2026-03-10T13:00:00Z")), (second, at("2026-03-10T14:00:00Z"))]
    again = await caller.post("/v1/exclusions/ex/end")
    assert (again.status, "was ended at" in again.json["error"]) == (409, True)


async def test_its_id_is_taken_and_each_of_its_ids(office: Office, caller: Caller) -> None:
    await caller.post("/v1/maintenance", {**WINDOW, "clients": ["c", "d"], "id": "mw"})
    for id_ in ("mw", exclusions(office)[0].id):
        said = await caller.post("/v1/maintenance", {**WINDOW, "clients": ["c"], "id": id_})
        assert (said.status, said.json["errors"][0]["field"]) == (409, "id")


async def test_a_request_for_several_clients_is_recorded_once(office: Office, caller: Caller) -> None:
    body = {**WINDOW, "clients": ["c", "d"]}
    first = await caller.post("/v1/maintenance", body, key="once")
    again = await caller.post("/v1/maintenance", body, key="once")
    assert (again.status, again.headers["Idempotent-Replay"]) == (200, "true")
    assert again.json == first.json
    assert len(exclusions(office)) == 2


async def test_no_record_says_who_asked_or_under_which_key_and_the_answers_do(
    office: Office, caller: Caller
) -> None:
    said = await caller.post("/v1/maintenance", {**WINDOW, "clients": ["c", "d"], "id": "mw"}, key="sesame")
    me = said.json["recorded_by"]
    await caller.post("/v1/maintenance/mw/withdraw", {"why": "no"})
    await caller.post("/v1/requests", {**REQUEST, "id": "sr"})
    lines = [encode(record) for record in office.recorded]
    assert all('"recorded_by":"provider"' in line for line in lines)
    assert not [line for line in lines if me in line or "sesame" in line]
    (window,) = (await caller.get("/v1/maintenance?past=true")).json["maintenance"]
    (request,) = (await caller.get("/v1/requests")).json["requests"]
    assert window["recorded_by"] == window["withdrawn"]["recorded_by"] == request["recorded_by"] == me


@pytest.mark.parametrize(
    "records", ["7", "{}", "null", '"x"', "[]", "[7]", '[["exclusion"]]', '[["exclusion","y"],{}]']
)
def test_an_event_of_another_tool_that_looks_like_ours_claims_nothing(records: str) -> None:
    """The end is on record all the same, and nobody asked for it."""
    requests = RecordedRequests()
    event = Event(
        source="slad",
        key="mw",
        type="slad.Recorded",
        at=at(NOW),
        server=None,
        user="eve",
        text="",
        recorded_at=at(NOW),
        extra=(("records", records),),
    )
    ended = ExclusionEnded(id=ExclusionId("x"), at=at(NOW), recorded_at=at(NOW), recorded_by="ann")
    requests.take(1, event)
    requests.take(2, ended)
    assert requests.who(ended) == "ann"
    assert requests.groups == {}


# The figures are those of one record for all


async def test_the_arithmetic_of_the_parts_is_that_of_the_whole(office: Office, caller: Caller) -> None:
    for day, scope in enumerate(
        ({"clients": ["c", "d"]}, {"servers": ["w1", "t"]}, {"solutions": ["shop"], "servers": ["t", "s"]}),
        12,
    ):
        window = {"from": f"2026-03-{day}T03:30:00Z", "until": f"2026-03-{day}T04:15:00Z"}
        await caller.post("/v1/maintenance", {**window, **scope, "announced_at": NOW})
        await caller.post(
            "/v1/exclusions", {**window, **scope, "category": "end_user_pc", "announced_at": None}
        )
    parts = [json.loads(encode(record)) for record in exclusions(office)]
    whole: dict[str, Line] = {}
    for part in parts:
        line = whole.setdefault(
            part["id"].split(".")[0], {**part, "clients": [], "solutions": [], "servers": []}
        )
        line.update({key: line[key] + part[key] for key in ("clients", "solutions", "servers")})
    together = [{**line, "id": name} for name, line in whole.items()]
    assert (len(parts), len(together)) == (12, 6)
    assert figures(parts) == figures(together)


def figures(windows: list[Line]) -> list[Line]:
    """What is said of each server, but for the ids of windows."""
    down = says("down", "2026-03-12T04:00:00Z", server="w1")
    rows = statement([*fleet(), down, seen("2026-04-01T00:00:00Z"), *windows])["servers"]
    assert all(row["excluded"] for row in rows)
    for row in rows:
        for each in row["ineligible"]:
            each["exclusion"] = each["exclusion"].split(".")[0]
    return list(rows)
