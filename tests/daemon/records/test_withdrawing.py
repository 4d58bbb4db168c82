"""What people withdraw, and what is recorded only when it is confirmed: it turns a state back, or lies far from now."""

import pytest

from sla.records import Lifecycle, Withdrawable, Withdrawn
from tests.daemon.records.office import EXCLUSION, MAINTENANCE, NOW, REQUEST, Caller, Office, Said, fleet
from tests.sla.stories import Line, at, says, seen

OF_SHOP = {"client": "c", "solution": "shop"}
WHY = {"why": "a mistake"}
PLURALS = {"requests": "requests", "notices": "notices", "lifecycle": "steps"}
RECORDED = {
    "requests": {**REQUEST, "id": "x"},
    "notices": {**OF_SHOP, "id": "x"},
    "lifecycle": {**OF_SHOP, "event": "data_requested", "id": "x"},
}
each_kind = pytest.mark.parametrize("kind", RECORDED)


def asked_about(said: Said) -> list[str]:
    """What gives pause about a request that was not recorded."""
    assert said.status == 409, said.json
    assert said.json["error"].endswith("; send it with confirmed=true if that is meant")
    assert {each["field"] for each in said.json["errors"]} == {"confirmed"}
    return [each["message"] for each in said.json["errors"]]


async def told(caller: Caller, path: str, body: object, key: str | None = None) -> Said:
    """A request that has to be confirmed, confirmed."""
    asked_about(await caller.post(path, body, key=key))
    said = await caller.post(f"{path}?confirmed=true", body, key=key)
    assert said.status == 201, said.json
    return said


@each_kind
async def test_what_was_recorded_of_a_solution_is_withdrawn_once(
    office: Office, caller: Caller, kind: str
) -> None:
    assert (await caller.post(f"/v1/{kind}", RECORDED[kind])).json["id"] == "x"
    office.set("2026-03-10T16:00:00Z")
    said = await caller.post(f"/v1/{kind}/x/withdraw", WHY, key="once")
    assert (said.status, said.json["id"], said.json["why"]) == (201, "x", "a mistake")
    record = office.recorded[-1]
    assert isinstance(record, Withdrawn)
    assert (record.id, record.recorded_at) == ("x", at("2026-03-10T16:00:00Z"))
    again = await caller.post(f"/v1/{kind}/x/withdraw", WHY, key="once")
    assert (again.status, again.json, again.headers["Idempotent-Replay"]) == (200, said.json, "true")
    refused = await caller.post(f"/v1/{kind}/x/withdraw", WHY)
    assert (refused.status, refused.json["error"]) == (
        409,
        "x was withdrawn already, at 2026-03-10T16:00:00Z",
    )
    taken = await caller.post(f"/v1/{kind}", RECORDED[kind])
    assert (taken.status, taken.json["errors"][0]["field"]) == (409, "id"), "its id stays its own"
    assert len(office.recorded) == 2


@each_kind
async def test_a_list_shows_what_stands_and_on_request_what_was_withdrawn(caller: Caller, kind: str) -> None:
    await caller.post(f"/v1/{kind}", RECORDED[kind])
    made = (await caller.post(f"/v1/{kind}", {**RECORDED[kind], "id": None})).json["id"]
    await caller.post(f"/v1/{kind}/x/withdraw", WHY)
    standing, everything = ("?open=true", "") if kind == "requests" else ("", "?withdrawn=true")
    rows = (await caller.get(f"/v1/{kind}{standing}")).json[PLURALS[kind]]
    assert [(row["id"], row["withdrawn"]) for row in rows] == [(made, None)]
    rows = (await caller.get(f"/v1/{kind}{everything}")).json[PLURALS[kind]]
    assert {row["id"]: (row["withdrawn"] or WHY)["why"] for row in rows} == {
        "x": "a mistake",
        made: "a mistake",
    }
    assert [row["id"] for row in rows if row["withdrawn"]] == ["x"]


@each_kind
async def test_what_is_not_there_or_has_no_reason_is_not_withdrawn(
    office: Office, caller: Caller, kind: str
) -> None:
    said = await caller.post(f"/v1/{kind}/nothing/withdraw", WHY)
    noun = {"requests": "service request", "notices": "cancellation notice", "lifecycle": "life-cycle event"}
    assert (said.status, said.json["error"]) == (
        404,
        f'id: there is no {noun[kind]} "nothing": the list of {noun[kind]}s has their ids',
    )
    await caller.post(f"/v1/{kind}", RECORDED[kind])
    for body, field in (({}, "why"), ({"why": ""}, "why"), ({**WHY, "at": NOW}, "at")):
        said = await caller.post(f"/v1/{kind}/x/withdraw", body)
        assert (said.status, said.json["errors"][0]["field"]) == (422, field)
    others = next(other for other in RECORDED if other != kind)
    assert (await caller.post(f"/v1/{others}/x/withdraw", WHY)).status == 404, "each kind has its own ids"
    assert len(office.recorded) == 1


async def test_a_dry_run_withdraws_nothing_and_asks_nothing(office: Office, caller: Caller) -> None:
    await caller.post("/v1/notices", {**OF_SHOP, "id": "x"})
    said = await caller.post("/v1/notices/x/withdraw?dry_run=true", WHY)
    assert (said.status, said.json["dry_run"], said.json["id"]) == (200, True, "x")
    supposed = await caller.post("/v1/lifecycle?dry_run=true", {**OF_SHOP, "event": "order_accepted"})
    assert (supposed.status, supposed.json["id"]) == (200, None)
    assert len(office.recorded) == 1
    assert office.book.withdrawable.keys() == {(Withdrawable.CANCELLATION_NOTICE, "x")}


async def test_a_withdrawn_request_is_nobodys_any_more(caller: Caller) -> None:
    await caller.post("/v1/requests", {**REQUEST, "id": "x"})
    await caller.post("/v1/requests/x/withdraw", WHY)
    for step in ("respond", "close"):
        said = await caller.post(f"/v1/requests/x/{step}", {})
        assert (said.status, said.json["error"]) == (409, "x is withdrawn")
    assert (await caller.get("/v1/clients/c")).json["open_requests"] == []


async def test_a_step_that_was_recorded_without_an_id_is_listed_and_stays() -> None:
    old = {"kind": "lifecycle", **OF_SHOP, "event": "data_requested", "at": NOW, "recorded_at": NOW}
    office = Office([*fleet(), old])
    (row,) = office.records._now().steps(withdrawn=True)
    assert (row.id, row.withdrawn) == (None, None)


# What would turn back how a running solution stands


async def test_an_order_for_a_running_solution_is_asked_about(office: Office, caller: Caller) -> None:
    order = {**OF_SHOP, "event": "order_accepted"}
    said = await caller.post("/v1/lifecycle", order, key="order")
    assert asked_about(said) == [
        "shop is accepted from 2026-03-01T05:00:00Z on: it would be so no more",
    ]
    assert office.recorded == []
    await told(caller, "/v1/lifecycle", order, key="order")
    again = await caller.post("/v1/lifecycle", order, key="order")
    assert (again.status, again.headers["Idempotent-Replay"]) == (200, "true"), "it was confirmed once"
    (record,) = office.recorded
    assert isinstance(record, Lifecycle)
    assert record.id is not None
    assert (await caller.post(f"/v1/lifecycle/{record.id}/withdraw", WHY)).status == 201, (
        "forward asks nothing"
    )


async def test_the_withdrawal_of_an_acceptance_is_asked_about(caller: Caller) -> None:
    for number, (event, moment) in enumerate(
        (
            ("order_accepted", "2026-01-05T15:00:00Z"),
            ("provisioned", "2026-01-06T15:00:00Z"),
            ("activated", "2026-01-07T15:00:00Z"),
            ("activated", "2026-01-08T15:00:00Z"),
        )
    ):
        step = {**OF_SHOP, "event": event, "at": moment, "id": f"l{number}"}
        await caller.post("/v1/lifecycle?confirmed=true", step)
    withdraw = "/v1/lifecycle/{}/withdraw"
    assert (await caller.post(withdraw.format("l3"), WHY)).status == 201, "the first activation counts"
    assert asked_about(await caller.post(withdraw.format("l2"), WHY)) == [
        "shop is accepted from 2026-01-07T15:00:00Z on: it would be so no more"
    ]
    assert asked_about(await caller.post(withdraw.format("l1"), WHY)) == [
        "provisioning of shop, due 2026-01-13T05:00:00Z, is met: it would be missed"
    ]
    assert asked_about(await caller.post(withdraw.format("l0"), WHY)) == [
        "provisioning of shop, due 2026-01-13T05:00:00Z, is met: it would be no deadline"
    ]
    problem = {**OF_SHOP, "event": "problem_reported", "at": "2026-01-09T15:00:00Z"}
    assert asked_about(await caller.post("/v1/lifecycle", problem)) == [
        "shop is accepted from 2026-01-07T15:00:00Z on: it would be so no more"
    ]
    now = await caller.post("/v1/lifecycle", {**problem, "at": NOW})
    assert now.status == 201, "a problem after the acceptance turns nothing back"


def chronic() -> list[Line]:
    """The lone server s after five interruptions of two hours, of which the last ended yesterday."""
    told = [says("up", "2026-03-01T05:00:00Z"), seen()]
    for day in (1, 3, 5, 7, 9):
        told += [says("down", f"2026-03-0{day}T15:00:00Z"), says("up", f"2026-03-0{day}T17:00:00Z")]
    requests = [
        {**REQUEST, "kind": "service_request", "solution": "s", "id": f"r{day}", "opened_at": opened, "recorded_at": opened}
        for day in (1, 3, 5, 7, 9)
        for opened in (f"2026-03-0{day}T15:30:00Z",)
    ]  # fmt: skip
    return [*fleet(), *told, *requests]


class TestAChronicOutage:
    @pytest.fixture
    def office(self) -> Office:
        return Office(chronic())

    async def test_a_notice_that_goes_on_asks_nothing_and_its_withdrawal_does(
        self, office: Office, caller: Caller
    ) -> None:
        said = await caller.post("/v1/notices", {"client": "c", "solution": "s", "id": "n"})
        assert (said.status, said.json["valid"], said.json["observed"]["stage"]) == (201, True, "resolution")
        assert asked_about(await caller.post("/v1/notices/n/withdraw", WHY)) == [
            f"lone, as observed, is resolution by the notice of {NOW}: it would be chronic",
            f"lone, as documented, is resolution by the notice of {NOW}: it would be chronic",
        ]
        await told(caller, "/v1/notices/n/withdraw", WHY)
        (row,) = [row for row in (await caller.get("/v1/clients/c")).json["solutions"] if row["id"] == "s"]
        assert (row["observed"]["stage"], row["observed"]["notice_given_at"]) == ("chronic", None)

    async def test_a_second_notice_that_decides_nothing_is_withdrawn_at_once(self, caller: Caller) -> None:
        for name in ("n", "second"):
            await caller.post("/v1/notices", {"client": "c", "solution": "s", "id": name})
        assert (await caller.post("/v1/notices/second/withdraw", WHY)).status == 201

    async def test_the_withdrawal_of_a_request_that_documents_is_asked_about(self, caller: Caller) -> None:
        assert asked_about(await caller.post("/v1/requests/r9/withdraw", WHY)) == [
            "lone, as documented, is chronic: it would be at risk",
            "the interruption of 2026-03-09T15:00:00Z is documented: it would be so no more",
        ]


async def test_the_withdrawal_of_an_exclusion_that_has_begun_is_asked_about(
    office: Office, caller: Caller
) -> None:
    ahead = (await caller.post("/v1/maintenance", MAINTENANCE)).json["id"]
    assert (await caller.post(f"/v1/maintenance/{ahead}/withdraw", WHY)).status == 201
    before = {**EXCLUSION, "from": "2026-02-01T00:00:00Z", "until": "2026-02-02T00:00:00Z", "id": "before"}
    await caller.post("/v1/exclusions", before)
    assert (await caller.post("/v1/exclusions/before/withdraw", WHY)).status == 201, "nothing was in service"
    past = {**EXCLUSION, "from": "2026-03-08T00:00:00Z", "until": "2026-03-09T00:00:00Z", "id": "past"}
    for scope in ({}, {"clients": ["c"]}, {"servers": ["s"]}, {"solutions": ["shop"]}):
        name = f"past{len(office.recorded)}"
        await caller.post("/v1/exclusions", {**past, **scope, "id": name})
        said = await caller.post(f"/v1/exclusions/{name}/withdraw", WHY)
        assert asked_about(said) == [
            f"{name} began at 2026-03-08T00:00:00Z: the service time in it would count again"
        ]
    await told(caller, f"/v1/exclusions/{name}/withdraw", WHY)


# What lies far from now


@pytest.mark.parametrize(
    ("path", "body", "questions"),
    [
        (
            "exclusions",
            {**EXCLUSION, "until": "2999-03-10T15:00:00Z"},
            ["until, 2999-03-10T15:00:00Z, is 973 years ahead"],
        ),
        (
            "maintenance",
            {**MAINTENANCE, "from": "2030-03-17T03:00:00Z", "until": "2030-03-17T04:00:00Z"},
            ["from, 2030-03-17T03:00:00Z, is 4 years ahead", "until, 2030-03-17T04:00:00Z, is 4 years ahead"],
        ),
        (
            "maintenance",
            {**MAINTENANCE, "announced_at": "2016-03-17T03:00:00Z"},
            ["announced_at, 2016-03-17T03:00:00Z, is 9 years back"],
        ),
        (
            "requests",
            {**REQUEST, "opened_at": "1970-01-01T00:00:00Z"},
            ["opened_at, 1970-01-01T00:00:00Z, is 56 years back"],
        ),
        (
            "notices",
            {**OF_SHOP, "given_at": "2024-03-09T14:59:59Z"},
            ["given_at, 2024-03-09T14:59:59Z, is 2 years back"],
        ),
        (
            "lifecycle",
            {**OF_SHOP, "event": "data_requested", "at": "2006-03-10T15:00:00Z"},
            ["at, 2006-03-10T15:00:00Z, is 20 years back"],
        ),
    ],
)
async def test_what_is_years_away_is_asked_about(
    office: Office, caller: Caller, path: str, body: object, questions: list[str]
) -> None:
    assert asked_about(await caller.post(f"/v1/{path}", body)) == questions
    assert office.recorded == []
    await told(caller, f"/v1/{path}", body)


async def test_the_end_of_an_exclusion_and_an_answer_may_be_years_away_too(caller: Caller) -> None:
    opened = {**EXCLUSION, "from": "2020-01-01T00:00:00Z", "until": None, "open": True, "id": "ex"}
    await told(caller, "/v1/exclusions", opened)
    await told(caller, "/v1/exclusions/ex/end", {"at": "2020-01-02T00:00:00Z"})
    await told(caller, "/v1/requests", {**REQUEST, "opened_at": "2020-01-01T00:00:00Z", "id": "sr"})
    await told(caller, "/v1/requests/sr/respond", {"at": "2020-01-01T00:00:00Z"})
    await told(caller, "/v1/requests/sr/close", {"at": "2020-01-02T00:00:00Z"})


async def test_two_years_are_not_far(office: Office, caller: Caller) -> None:
    for moment in ("2024-03-09T15:00:00Z", NOW):
        assert (await caller.post("/v1/notices", {**OF_SHOP, "given_at": moment})).status == 201
    window = {**EXCLUSION, "until": "2028-03-10T15:00:00Z"}
    assert (await caller.post("/v1/exclusions", window)).status == 201
    assert len(office.recorded) == 3
