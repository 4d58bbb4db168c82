"""What may not be recorded: the answer names the field and what is allowed, and nothing is recorded."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemon.control import recording
from daemon.control.door import LIMITS
from daemon.records.refusals import NotRecordingError
from tests.daemon.records.office import NOW, Caller, Office, at_the_door

WINDOW = {"from": "2026-03-17T03:00:00Z", "until": "2026-03-17T04:00:00Z"}
MAINTENANCE = {**WINDOW, "clients": ["c"]}
EXCLUSION = {**WINDOW, "category": "force_majeure"}
REQUEST = {"client": "c", "solution": "shop", "opened_by": "ann", "channel": "phone"}
NOTICE = {"client": "c", "solution": "shop"}
STEP = {"client": "c", "solution": "shop", "event": "activated"}
LATER = "2026-03-10T15:00:00.000001Z"
"""Than now."""


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def caller(office: Office, tmp_path: Path) -> AsyncIterator[Caller]:
    async with at_the_door(office, tmp_path / "control.sock") as somebody:
        yield somebody


@pytest.mark.parametrize(
    ("path", "body", "field", "message"),
    [
        ("maintenance", {**WINDOW, "servers": ["s", "nobody"]}, "servers[2]", 'there is no server "nobody"'),
        (
            "maintenance",
            {**WINDOW, "servers": ["web"]},
            "servers[1]",
            '2 servers are called "web": name one by its id, t, w1',
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
            'client "c" has no solution "t": it has s, shop',
        ),
        ("requests", {**REQUEST, "opened_at": LATER}, "opened_at", "is in the future"),
        ("notices", {**NOTICE, "solution": "shops"}, "solution", 'did you mean "shop"?'),
        ("notices", {**NOTICE, "given_at": LATER}, "given_at", "is in the future"),
        ("lifecycle", {**STEP, "event": "sold"}, "event", "must be 'order_accepted', 'provisioned'"),
        ("lifecycle", {**STEP, "client": "d"}, "solution", 'client "d" has no solution "shop": it has t'),
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
        assert (said.status, said.json["errors"]) == (404, [{"field": "id", "message": message}])
    assert (await caller.get("/v1/clients/x")).status == 404
    assert len(office.recorded) == 1


async def test_what_contradicts_the_record_is_a_conflict(office: Office, caller: Caller) -> None:
    await caller.post("/v1/exclusions", {**EXCLUSION, "id": "ex"})
    await caller.post(
        "/v1/exclusions", {"category": "client_change", "from": NOW, "open": True, "id": "open"}
    )
    await caller.post("/v1/requests", {**REQUEST, "id": "sr"})
    office.set("2026-03-10T16:00:00Z")
    await caller.post("/v1/exclusions/open/withdraw", {"why": "no"})
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


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "the body is no JSON: Expecting property name"),
        (b"[]", 400, "the body is no JSON object"),
        (b"\xff", 400, "the body is not UTF-8"),
        (b'{"from": NaN}', 400, "NaN is no number"),
        (b'{"why": "a", "why": "b"}', 400, "why: is given twice"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b'{"why": "' + b"x" * LIMITS.body_bytes + b'"}', 413, "too large"),
        (b"", 422, "from: is missing"),
    ],
)
async def test_a_body_that_is_no_json_object_of_a_bounded_size_is_refused(
    office: Office, caller: Caller, body: bytes, status: int, message: str
) -> None:
    said = await caller.post("/v1/maintenance", data=body)
    assert said.status == status
    assert message in said.json["error"]
    assert office.recorded == []


async def test_a_body_whose_size_is_not_announced_is_bounded_too(office: Office, caller: Caller) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(2 * LIMITS.body_bytes // 1024):
            yield b" " * 1024

    said = await caller.post("/v1/maintenance", data=endless())
    assert said.status == 413
    assert "error" in said.json
    assert office.recorded == []


async def test_a_body_of_another_type_is_refused(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/maintenance", MAINTENANCE, headers={"Content-Type": "text/plain"})
    assert (said.status, said.json["errors"][0]["field"]) == (415, "Content-Type")
    assert office.recorded == []


async def test_a_body_that_is_too_slow_is_cut_off(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "BODY_S", 0.2)
    path = tmp_path / "control.sock"
    async with at_the_door(office, path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(
            b"POST /v1/maintenance HTTP/1.1\r\nHost: slad\r\nContent-Type: application/json\r\n"
            b"Idempotency-Key: k\r\nContent-Length: 100\r\n\r\n{"
        )
        async with asyncio.timeout(20):
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "the body did not arrive within 0.2 s"
    assert office.recorded == []


async def test_a_defect_of_slad_is_told_as_json_and_in_the_log(office: Office, caller: Caller) -> None:
    office.failing = ZeroDivisionError("a defect")
    with capture_logs() as logs:
        said = await caller.post("/v1/maintenance", MAINTENANCE)
    assert said.status == 500
    assert said.json == {"error": "slad failed at this request, by a defect of its own: its log says how"}
    assert [(log["event"], log["path"], log["exc_info"]) for log in logs] == [
        ("control_failed", "/v1/maintenance", True)
    ]
    office.failing = None
    assert (await caller.post("/v1/maintenance", MAINTENANCE)).status == 201, "the door stays open"


async def test_a_mistyped_dry_run_records_nothing(office: Office, caller: Caller) -> None:
    for query, field in (
        ("dryrun=true", "dryrun"),
        ("dry_run=yes", "dry_run"),
        ("dry_run=true&dry_run=false", "dry_run"),
    ):
        said = await caller.post(f"/v1/maintenance?{query}", MAINTENANCE)
        assert (said.status, said.json["errors"][0]["field"]) == (400, field)
    assert (await caller.get("/v1/maintenance?old=true")).status == 400
    assert office.recorded == []


async def test_a_request_without_a_sound_key_is_refused(office: Office, caller: Caller) -> None:
    for key in ("x" * 201, "\u00e9"):
        said = await caller.post("/v1/maintenance", MAINTENANCE, key=key)
        assert (said.status, said.json["errors"][0]["field"]) == (400, "Idempotency-Key")
    async with caller.session.post("http://slad/v1/maintenance", json=MAINTENANCE) as response:
        assert response.status == 400
    assert office.recorded == []


async def test_the_key_of_another_request_is_a_conflict(office: Office, caller: Caller) -> None:
    await caller.post("/v1/maintenance", MAINTENANCE, key="k")
    for path, body in (("/v1/maintenance", {**MAINTENANCE, "reference": "x"}), ("/v1/exclusions", EXCLUSION)):
        said = await caller.post(path, body, key="k")
        assert (said.status, said.json["errors"][0]["field"]) == (409, "Idempotency-Key")
    assert len(office.recorded) == 1


async def test_a_refused_request_may_be_mended_under_its_key(office: Office, caller: Caller) -> None:
    assert (await caller.post("/v1/maintenance", {**WINDOW, "clients": ["x"]}, key="k")).status == 422
    assert (await caller.post("/v1/maintenance", MAINTENANCE, key="k")).status == 201


async def test_the_order_of_keys_and_white_space_make_no_other_request(
    office: Office, caller: Caller
) -> None:
    first = await caller.post("/v1/maintenance", MAINTENANCE, key="k")
    office.set("2026-04-10T00:00:00Z")
    turned = json.dumps(dict(reversed(MAINTENANCE.items())), indent=3).encode()
    again = await caller.post("/v1/maintenance", data=turned, key="k")
    assert (again.status, again.headers["Idempotent-Replay"], again.json) == (200, "true", first.json)
    assert len(office.recorded) == 1


async def test_while_nothing_can_be_recorded_the_answer_says_when_to_come_back(
    office: Office, caller: Caller
) -> None:
    office.failing = NotRecordingError("nothing was recorded: the disk is full")
    said = await caller.post("/v1/maintenance", MAINTENANCE, key="k")
    assert (said.status, said.headers["Retry-After"]) == (503, "5")
    assert said.json["error"] == (
        "nothing was recorded: the disk is full; send it again with the same Idempotency-Key"
    )
    office.failing = None
    assert (await caller.post("/v1/maintenance", MAINTENANCE, key="k")).status == 201


async def test_a_fault_of_our_own_is_no_answer_of_success(office: Office, caller: Caller) -> None:
    office.failing = RuntimeError("a bug")
    async with caller.session.post(
        "http://slad/v1/maintenance", json=MAINTENANCE, headers={"Idempotency-Key": "k"}
    ) as response:
        assert response.status == 500
    assert office.recorded == []
