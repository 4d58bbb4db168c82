"""Issuing as a recording: once under its key, made anew where evidence comes meanwhile, refused with the field."""

import pytest

from sla.records import Issued
from tests.daemon.records.office import NOW, Caller, Office

MARCH = {"client": "c", "month": "2026-03"}


async def test_a_version_is_recorded_with_who_and_when(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/statements", MARCH)
    assert said.status == 201
    (record,) = office.recorded
    assert isinstance(record, Issued)
    assert (record.recorded_by, said.json["recorded_at"], said.json["seq"]) == ("provider", NOW, office.seq)
    assert said.json["recorded_by"].startswith("uid:")
    assert (said.json["version"], said.json["corrects"], said.json["sha256"]) == (1, None, record.sha256)


async def test_sent_again_under_its_key_it_is_answered_as_before_and_nothing_is_made(
    office: Office, caller: Caller
) -> None:
    first = await caller.post("/v1/statements", MARCH, key="once")
    again = await caller.post("/v1/statements", MARCH, key="once")
    assert (again.status, again.headers["Idempotent-Replay"], again.json) == (200, "true", first.json)
    other = await caller.post("/v1/statements", {**MARCH, "month": "2026-02"}, key="once")
    assert other.status == 409
    assert len(office.recorded) == 1
    second = await caller.post("/v1/statements", MARCH)
    assert (second.json["version"], second.json["corrects"]) == (2, 1)


async def test_a_dry_run_records_nothing(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/statements?dry_run=true", MARCH)
    assert (said.status, said.json["dry_run"], said.json["version"], said.json["seq"]) == (200, True, 1, None)
    assert office.recorded == []


async def test_evidence_that_comes_meanwhile_has_it_made_anew(office: Office, caller: Caller) -> None:
    office.moved = ["once", "twice"]
    assert (await caller.post("/v1/statements", MARCH)).status == 201
    office.moved = ["again"] * 9
    busy = await caller.post("/v1/statements", MARCH, key="later")
    assert busy.status == 503
    assert "evidence of 2026-03 comes faster than it is read" in busy.json["error"]
    office.moved = []
    assert (await caller.post("/v1/statements", MARCH, key="later")).json["version"] == 2


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"client": "nobody", "month": "2026-03"}, 404, "client"),
        ({"client": "c"}, 422, "month"),
        ({"client": "c", "month": "2026-13"}, 422, "month"),
        ({"client": "c", "month": 3}, 422, "month"),
        ({"client": "c", "month": "2026-03" * 100}, 422, "month"),
        ({**MARCH, "version": 7}, 422, "version"),
    ],
)
async def test_what_is_wrong_is_told_with_its_field(
    office: Office, caller: Caller, body: dict[str, object], status: int, field: str
) -> None:
    said = await caller.post("/v1/statements", body)
    assert (said.status, said.json["errors"][0]["field"]) == (status, field)
    assert office.recorded == []
