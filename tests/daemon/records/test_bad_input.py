"""What may not be recorded: the answer names the field and what is allowed, and nothing is recorded."""

from typing import Any

import pytest

from tests.daemon.records.office import EXCLUSION, MAINTENANCE, NOW, REQUEST, WINDOW, Caller, Office

NOTICE = {"client": "c", "solution": "shop"}
STEP = {"client": "c", "solution": "shop", "event": "activated"}
LATER = "2026-03-10T15:00:00.000001Z"
"""Than now."""


@pytest.mark.parametrize(
    ("path", "body", "field", "message"),
    [
        ("maintenance", {**WINDOW, "servers": ["s", "nobody"]}, "servers[2]", 'there is no server "nobody"'),
        (
            "maintenance",
            {**WINDOW, "servers": ["web"]},
            "servers[1]",
            '2 servers are called "web": name one by its id, t (of d), w1 (of c)',
        ),
        (
            "maintenance",
            {**WINDOW, "servers": ["lonely"]},
            "servers[1]",
            'there is no server "lonely": did you mean "lone"?',
        ),
        ("maintenance", {**WINDOW, "clients": ["e"]}, "clients[1]", 'there is no client "e": c, d'),
        (
            "maintenance",
            {**WINDOW, "solutions": ["shop", "shpo"]},
            "solutions[2]",
            'there is no solution "shpo": did you mean "shop"?',
        ),
        (
            "maintenance",
            {**WINDOW, "category": "force_majeure"},
            "category",
            "must be 'scheduled_maintenance' or 'emergency_security_update'",
        ),
        (
            "exclusions",
            {**WINDOW, "category": "scheduled_maintenance"},
            "category",
            "must be 'force_majeure', 'client_change', 'client_system' or 'end_user_pc'",
        ),
        ("maintenance", {"from": WINDOW["from"]}, "until", "is missing"),
        ("maintenance", {**WINDOW, "until": WINDOW["from"]}, "until", "must be after from"),
        ("exclusions", {**EXCLUSION, "until": "2026-03-17T02:59:59Z"}, "until", "must be after from"),
        (
            "maintenance",
            {**WINDOW, "until": "2026-04-18T03:00:00Z"},
            "until",
            "is more than 31 days after from",
        ),
        (
            "maintenance",
            {**WINDOW, "announced_at": LATER},
            "announced_at",
            f"is in the future: it must not be later than now, {NOW}",
        ),
        (
            "exclusions",
            {**EXCLUSION, "announced_at": LATER},
            "announced_at",
            f"is in the future: it must not be later than now, {NOW}",
        ),
        (
            "maintenance",
            {**MAINTENANCE, "duration_seconds": 3600},
            "duration_seconds",
            "cannot be there beside until: leave one out",
        ),
        *(
            (
                "maintenance",
                {"from": WINDOW["from"], "duration_seconds": seconds},
                "duration_seconds",
                message,
            )
            for seconds, message in (
                (0, "must be at least 1"),
                (31 * 86_400 + 1, "must be at most 2678400"),
                ("3600", "must be a whole number"),
                (3600.5, "must be a whole number"),
                (True, "must be a whole number"),
            )
        ),
        ("exclusions", {**EXCLUSION, "open": True}, "open", "cannot be true where until is given"),
        ("exclusions", {**EXCLUSION, "until": None}, "until", 'give it, or "open": true'),
        (
            "maintenance",
            {**WINDOW, "from": "2026-03-17 03:00"},
            "from",
            "'2026-03-17 03:00' is no RFC 3339 instant with a zone",
        ),
        ("maintenance", {**WINDOW, "from": 5}, "from", "must be an RFC 3339 instant with a zone"),
        (
            "maintenance",
            {**WINDOW, "until": "3000-01-01T00:00:00Z"},
            "until",
            "lies outside of the years 1970 to 2999",
        ),
        ("maintenance", {**WINDOW, "id": "a/b"}, "id", "is no id: letters, digits"),
        ("maintenance", {**WINDOW, "servers": "s"}, "servers", "must be a list of texts"),
        ("maintenance", {**WINDOW, "reference": "a\nb"}, "reference", "must be one line"),
        ("maintenance", {**WINDOW, "reference": ""}, "reference", "must not be empty"),
        (
            "maintenance",
            {**WINDOW, "clients": ["c" * 257]},
            "clients[1]",
            "is too long: at most 256 characters",
        ),
        (
            "maintenance",
            {**WINDOW, "clients": ["c"] * 1001},
            "clients",
            "has 1001 elements, and at most 1000 can",
        ),
        ("maintenance", {**WINDOW, "from": "2026" * 1000}, "from", "must be an RFC 3339 instant with a zone"),
        ("maintenance", {**WINDOW, "reason": "x"}, "reason", "is unknown: known are servers, solutions"),
        (
            "requests",
            {**REQUEST, "opened_by": "eve"},
            "opened_by",
            "'eve' may not open a request: the tech admins are 'ann' and 'bob'",
        ),
        ("requests", {**REQUEST, "channel": "fax"}, "channel", "must be 'phone', 'email' or 'portal'"),
        ("requests", {**REQUEST, "client": "x"}, "client", 'there is no client "x": c, d'),
        (
            "requests",
            {**REQUEST, "solution": "t"},
            "solution",
            'client "c" has no solution "t": it has shop, s (lone)',
        ),
        ("requests", {**REQUEST, "solution": "loan"}, "solution", 'no solution "loan": did you mean "lone"?'),
        ("requests", {**REQUEST, "opened_at": LATER}, "opened_at", "is in the future"),
        ("notices", {**NOTICE, "solution": "shops"}, "solution", 'did you mean "shop"?'),
        ("notices", {**NOTICE, "given_at": LATER}, "given_at", "is in the future"),
        ("lifecycle", {**STEP, "event": "sold"}, "event", "must be 'order_accepted', 'provisioned'"),
        (
            "lifecycle",
            {**STEP, "client": "d"},
            "solution",
            'client "d" has no solution "shop": it has t (web)',
        ),
        ("lifecycle", {**STEP, "at": LATER}, "at", "is in the future"),
    ],
)
async def test_a_value_that_may_not_be_is_named_with_what_is_allowed(
    office: Office, caller: Caller, path: str, body: dict[str, Any], field: str, message: str
) -> None:
    said = await caller.post(f"/v1/{path}", body)
    assert said.status == 422, said.json
    (error,) = [each for each in said.json["errors"] if each["field"] == field]
    assert message in error["message"]
    assert f"{field}: {error['message']}" in said.json["error"]
    assert office.recorded == []


async def test_all_that_is_wrong_is_told_at_once(caller: Caller) -> None:
    said = await caller.post("/v1/maintenance", {**WINDOW, "clients": ["x", "y"], "servers": ["z"]})
    assert [each["field"] for each in said.json["errors"]] == ["servers[1]", "clients[1]", "clients[2]"]


async def test_what_a_path_names_has_to_be_there(office: Office, caller: Caller) -> None:
    await caller.post("/v1/exclusions", {**EXCLUSION, "id": "ex"})
    why = {"why": "x"}
    for path, body, message in (
        ("/v1/maintenance/ex/withdraw", why, 'there is no maintenance window "ex"'),
        ("/v1/exclusions/mw/withdraw", why, 'there is no exclusion "mw"'),
        ("/v1/exclusions/mw/end", {}, 'there is no exclusion "mw"'),
        ("/v1/requests/sr/respond", {}, 'there is no service request "sr"'),
        ("/v1/requests/sr/close", {}, 'there is no service request "sr"'),
    ):
        said = await caller.post(path, body)
        (error,) = said.json["errors"]
        assert (said.status, error["field"]) == (404, "id")
        assert error["message"].startswith(f"{message}: the list of ")
    assert (await caller.get("/v1/clients/x")).status == 404
    assert len(office.recorded) == 1


async def test_what_contradicts_the_record_is_a_conflict(office: Office, caller: Caller) -> None:
    await caller.post("/v1/exclusions", {**EXCLUSION, "id": "ex"})
    await caller.post(
        "/v1/exclusions", {"category": "client_change", "from": NOW, "open": True, "id": "open"}
    )
    await caller.post("/v1/requests", {**REQUEST, "id": "sr"})
    office.set("2026-03-10T16:00:00Z")
    await caller.post("/v1/exclusions/open/withdraw?confirmed=true", {"why": "no"})
    before = len(office.recorded)
    for path, body, message in (
        ("/v1/maintenance", {**MAINTENANCE, "id": "ex"}, "id: ex is taken"),
        ("/v1/exclusions", {**EXCLUSION, "id": "ex"}, "id: ex is taken"),
        ("/v1/requests", {**REQUEST, "id": "sr"}, "id: sr is taken"),
        ("/v1/exclusions/ex/end", {}, "exclusion ex is not open: its until is 2026-03-17T04:00:00Z"),
        ("/v1/exclusions/open/end", {}, "exclusion open is withdrawn"),
        (
            "/v1/exclusions/open/withdraw",
            {"why": "no"},
            "open was withdrawn already, at 2026-03-10T16:00:00Z",
        ),
    ):
        said = await caller.post(path, body)
        assert said.status == 409, said.json
        assert message in said.json["error"]
    assert len(office.recorded) == before


async def test_an_answer_to_a_request_cannot_come_before_it(office: Office, caller: Caller) -> None:
    await caller.post("/v1/requests", {**REQUEST, "id": "sr"})
    for step in ("respond", "close"):
        said = await caller.post(f"/v1/requests/sr/{step}", {"at": "2026-03-10T14:59:59Z"})
        assert (said.status, said.json["errors"][0]["field"]) == (422, "at")
    assert len(office.recorded) == 1
    assert (await caller.post("/v1/requests/sr/respond", {"at": NOW})).status == 201
