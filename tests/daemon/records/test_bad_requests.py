"""Requests that are none: bodies, parameters and keys that are refused before anybody looks at what they ask for."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daemon.control.api import LIMITS
from daemon.records.refusals import NotRecordingError
from tests.daemon.records.office import EXCLUSION, MAINTENANCE, WINDOW, Caller, Office, at_the_door

TOO_LARGE = f"the body is too large: it may have {LIMITS.body_bytes} bytes"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "the body is no JSON: Expecting property name"),
        (b"[]", 400, "the body is no JSON object"),
        (b"\xff", 400, "the body is not UTF-8"),
        (b'{"from": NaN}', 400, "NaN is no number"),
        (b'{"why": "a", "why": "b"}', 400, "why: is given twice"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b'{"why": "' + b"x" * LIMITS.body_bytes + b'"}', 413, TOO_LARGE),
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
    assert (said.status, said.json["error"]) == (413, TOO_LARGE)
    assert office.recorded == []


async def test_a_body_of_another_type_is_refused(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/maintenance", MAINTENANCE, headers={"Content-Type": "text/plain"})
    assert (said.status, said.json["errors"][0]["field"]) == (415, "Content-Type")
    assert office.recorded == []


async def test_a_body_that_is_too_slow_is_cut_off(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with at_the_door(office, path, replace(LIMITS, body_s=0.2)):
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
    assert office.recorded == []
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


async def test_a_mistyped_question_is_not_answered_with_all_there_is(caller: Caller) -> None:
    for path, field, message in (
        ("export?clint=c", "clint", "is no parameter: known are client, from, until"),
        ("export?client=c&client=d", "client", "is given twice"),
        ("export?from=2026-03-17", "from", "'2026-03-17' is no RFC 3339 instant with a zone"),
        ("status?client=c", "client", "is no parameter: there are none here"),
        ("servers/s?x=1", "x", "is no parameter: there are none here"),
        ("solutions?client=c", "client", "is no parameter: there are none here"),
        ("solutions/c/s?x=1", "x", "is no parameter: there are none here"),
        ("clients?id=c", "id", "is no parameter: there are none here"),
        ("requests?open=yes", "open", "must be true or false"),
    ):
        said = await caller.get(f"/v1/{path}")
        assert said.status == 400, path
        (error,) = said.json["errors"]
        assert error["field"] == field
        assert error["message"].startswith(message)


async def test_every_refusal_is_in_the_log_with_who_and_why(caller: Caller) -> None:
    with capture_logs() as logs:
        await caller.post("/v1/maintenance", {"from": WINDOW["from"]})
        await caller.post("/v1/maintenance/nix/withdraw", {"why": "x"})
    refused = [log for log in logs if log["event"] == "record_refused"]
    assert [(log["operation"], log["reason"]) for log in refused] == [
        ("POST /v1/maintenance", "until: is missing: give it, or duration_seconds"),
        (
            "POST /v1/maintenance/nix/withdraw",
            'id: there is no maintenance window "nix": the list of maintenance windows has their ids',
        ),
    ]
    assert all(log["by"].startswith("uid:") for log in refused)


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
    for why, told in (
        ("nothing was recorded: the disk is full", ""),
        (
            "it may yet be recorded: the disk is slow",
            "; sent again with the same Idempotency-Key it is recorded once",
        ),
    ):
        office.failing = NotRecordingError(why)
        said = await caller.post("/v1/maintenance", MAINTENANCE, key="k")
        assert (said.status, said.headers["Retry-After"]) == (503, "5")
        assert said.json["error"] == f"{why}{told}"
    office.failing = None
    assert (await caller.post("/v1/maintenance", MAINTENANCE, key="k")).status == 201
