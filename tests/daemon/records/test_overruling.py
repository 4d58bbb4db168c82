"""The cause of an outage by a person's word: on record once, of one outage, until it is taken back."""

from typing import Any

import pytest

from sla.records import Cause, CauseKind, Confidence, ServerId
from tests.daemon.records.office import Caller, Office
from tests.sla.stories import Line, at, says, seen

FIRST, AGAIN, LONG = "2026-03-09T10:00:00Z", "2026-03-09T10:00:40Z", "2026-03-09T12:00:00.500000Z"
STORY = [
    says("up", "2026-03-02T05:00:00Z"),
    says("down", FIRST),
    says("up", "2026-03-09T10:00:20Z"),
    says("down", AGAIN),
    says("up", "2026-03-09T10:05:00Z"),
    says("down", LONG),
    seen("2026-03-10T15:00:00Z"),
]
BODY = {"server": "lone", "at": LONG, "cause": "provider_change", "why": "the wrong cable"}


def found(cause: str, start: str = LONG, **keys: Any) -> Line:
    line = {"kind": "cause", "server": "s", "from": start, "cause": cause, "confidence": "likely"}
    more = {"because": ["7"], "text": "it went off", "recorded_at": "2026-03-09T13:00:00Z"}
    return {**line, **more, "recorded_by": "slad", **keys}


@pytest.fixture
def office(office: Office) -> Office:
    office.learn([*STORY, found("guest", host="esx1", incident="i1")])
    return office


def newest(office: Office) -> Cause:
    record = office.recorded[-1]
    assert isinstance(record, Cause)
    assert office.book.cause(record.server, record.start) == record
    return record


async def test_a_persons_word_is_the_cause_from_then_on(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/causes", BODY)
    assert said.status == 201, said.json
    assert (said.json["server"], said.json["name"], said.json["from"]) == ("s", "lone", LONG)
    assert said.json["cause"]["recorded_by"] == "provider"
    assert (said.json["before"]["cause"], said.json["before"]["recorded_by"]) == ("guest", "slad")
    cause = newest(office)
    assert (cause.cause, cause.confidence, cause.text) == (
        CauseKind.PROVIDER_CHANGE,
        Confidence.PROVED,
        "the wrong cable",
    )
    assert (cause.recorded_by, cause.host, cause.incident) == ("provider", "esx1", "")
    assert office.recorded_requests.who(cause) == said.json["recorded_by"] != "provider"


async def test_the_same_cause_stays_in_its_incident(office: Office, caller: Caller) -> None:
    assert (await caller.post("/v1/causes", {**BODY, "cause": "guest"})).status == 201
    assert newest(office).incident == "i1"


async def test_it_is_recorded_once(office: Office, caller: Caller) -> None:
    first = await caller.post("/v1/causes", BODY, key="once")
    again = await caller.post("/v1/causes", BODY, key="once")
    assert (again.status, again.json) == (200, first.json)
    other = await caller.post("/v1/causes", BODY)
    assert (other.status, other.json["error"]) == (409, "that is on record already")
    assert [each.shown_to for each in office.recorded if isinstance(each, Cause)] == ["c", ""]


async def test_a_dry_run_records_nothing(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/causes?dry_run=true", BODY)
    assert (said.status, said.json["dry_run"], said.json["before"]["cause"]) == (200, True, "guest")
    assert office.recorded == []
    assert [each.cause for each in office.book.causes[ServerId("s")][at(LONG)]] == [CauseKind.GUEST]


async def test_automatic_has_what_slad_found_last_hold_again(office: Office, caller: Caller) -> None:
    automatic = {"server": "s", "at": LONG, "cause": "automatic"}
    refused = await caller.post("/v1/causes", automatic)
    assert (refused.status, "nothing to take back" in refused.json["error"]) == (409, True)
    await caller.post("/v1/causes", BODY)
    office.set("2026-03-10T16:00:00Z")
    assert (await caller.post("/v1/causes", automatic)).status == 201
    cause = newest(office)
    assert (cause.cause, cause.recorded_by, cause.because) == (CauseKind.GUEST, "slad", ("7",))
    assert cause.recorded_at == at("2026-03-10T16:00:00Z")


async def test_automatic_of_what_slad_never_looked_at_is_unknown(office: Office, caller: Caller) -> None:
    await caller.post("/v1/causes", {**BODY, "at": AGAIN})
    await caller.post("/v1/causes", {"server": "s", "at": AGAIN, "cause": "automatic"})
    assert (newest(office).cause, newest(office).recorded_by) == (CauseKind.UNKNOWN, "slad")


@pytest.mark.parametrize(
    "said", [LONG, "2026-03-09T12:00:00Z", "2026-03-09T11:59:30Z", "2026-03-10T03:00:00Z"]
)
async def test_an_instant_of_it_or_just_before_it_means_an_outage(
    office: Office, caller: Caller, said: str
) -> None:
    assert (await caller.post("/v1/causes", {**BODY, "at": said})).json["from"] == LONG


BAD: list[tuple[dict[str, Any], str]] = [
    ({"server": "none"}, 'server: there is no server "none"'),
    ({"server": "web"}, 'server: 2 servers are called "web": name one by its id, t (of d), w1 (of c)'),
    ({"server": "t"}, "at: the server was not down then: it never was"),
    (
        {"at": "2026-03-09T11:00:00Z"},
        f"at: the server was not down then; its nearest outages began at {FIRST}",
    ),
    ({"at": "2026-03-11T00:00:00Z", "server": "db"}, "at: the server was not down then: it never was"),
    (
        {"at": "2026-03-09T09:59:50Z"},
        f"at: 2 outages are meant by it: name one by its first instant, {FIRST}",
    ),
    ({"at": "2026-03-09"}, "at: '2026-03-09' is no RFC 3339 instant"),
    ({"cause": "gremlins"}, "cause"),
    ({"why": None}, "why: is missing"),
    ({"cause": "automatic"}, "why: cannot be given with automatic"),
    ({"why": "a\nb"}, "why: must be one line"),
]


@pytest.mark.parametrize(("change", "message"), BAD, ids=[message[:40] for _, message in BAD])
async def test_what_means_no_outage_is_refused_and_nothing_is_recorded(
    office: Office, caller: Caller, change: dict[str, Any], message: str
) -> None:
    said = await caller.post("/v1/causes", {**BODY, **change})
    assert said.status == 422
    assert message in said.json["error"]
    assert office.recorded == []


async def test_two_outages_in_one_minute_are_told_apart_by_their_first_instants(
    office: Office, caller: Caller
) -> None:
    for start in (FIRST, AGAIN):
        assert (await caller.post("/v1/causes", {**BODY, "at": start})).json["from"] == start
