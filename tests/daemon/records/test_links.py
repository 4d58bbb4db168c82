"""Links for clients: made once, told once, kept as a hash, held until they expire or are taken back."""

import hashlib
import json
import re
from typing import Any

import pytest

from daemon.ledger import RequestKey
from daemon.records.bodies import LinkBody
from daemon.records.idempotency import RecordedRequests
from daemon.records.links import MOST_LINKS, ClientLink
from sla.evidence import encode
from sla.instants import DAY, Instant
from sla.reader import EvidenceReader
from sla.records import Event
from tests.daemon.records.office import Caller, Office, Said

NO_TOKEN = ("", "slad_", "slad_x", "\udcff", "/", "a" * 5000)


async def made(caller: Caller, client: str = "c", **said: Any) -> Said:
    link = await caller.post(f"/v1/clients/{client}/links", said)
    assert link.status == 201, link
    return link


def opened(office: Office, token: str) -> ClientLink | None:
    return office.recorded_requests.links.opened_by(token, office.at)


async def test_a_link_opens_a_clients_own_to_whoever_has_its_token(office: Office, caller: Caller) -> None:
    said = (await made(caller, name="ann", valid_seconds=3600)).json
    assert re.fullmatch(r"slad_[\w-]{43}", said["token"])
    assert said["path"] == f"/c/{said['token']}/"
    assert (said["client"], said["name"], said["expires_at"]) == ("c", "ann", "2026-03-10T16:00:00Z")
    assert (said["recorded_at"], said["recorded_by"].partition(" ")[0]) == ("2026-03-10T15:00:00Z", "uid:0")
    link = opened(office, said["token"])
    assert link is not None
    assert (link.id, link.grant.client) == (said["id"], "c")
    assert [opened(office, token) for token in (*NO_TOKEN, said["token"][:-1], said["id"])] == [None] * 8


async def test_it_holds_ninety_days_until_just_before_its_end(office: Office, caller: Caller) -> None:
    said = (await made(caller)).json
    began = office.at
    office.at = Instant(began + 90 * DAY - 1)
    assert opened(office, said["token"]) is not None
    office.at = Instant(began + 90 * DAY)
    assert opened(office, said["token"]) is None


async def test_one_that_is_taken_back_opens_nothing_from_then_on(office: Office, caller: Caller) -> None:
    one, other = (await made(caller)).json, (await made(caller)).json
    taken = await caller.post(f"/v1/links/{one['id']}/revoke")
    assert (taken.status, taken.json["id"], taken.json["client"]) == (201, one["id"], "c")
    assert opened(office, one["token"]) is None
    assert opened(office, other["token"]) is not None
    again = await caller.post(f"/v1/links/{one['id']}/revoke")
    assert (again.status, "was taken back at 2026-03-10T15:00:00Z" in again.json["error"]) == (409, True)


async def test_a_request_that_is_sent_again_makes_one_link_and_tells_no_token(
    office: Office, caller: Caller
) -> None:
    first = await caller.post("/v1/clients/c/links", {"name": "ann"}, key="k")
    second = await caller.post("/v1/clients/c/links", {"name": "ann"}, key="k")
    assert (first.status, second.status) == (201, 200)
    assert second.headers["Idempotent-Replay"] == "true"
    assert second.json == {**first.json, "token": None, "path": None}
    assert len(office.recorded_requests.links.by_id) == 1
    other = await caller.post("/v1/clients/c/links", {"name": "bob"}, key="k")
    assert other.status == 409
    taken = [await caller.post(f"/v1/links/{first.json['id']}/revoke", key="r") for _ in range(2)]
    assert [each.status for each in taken] == [201, 200]
    assert taken[0].json == taken[1].json


async def test_a_dry_run_makes_none(office: Office, caller: Caller) -> None:
    said = await caller.post("/v1/clients/c/links?dry_run=true", {})
    keys = ("dry_run", "id", "token", "path", "seq", "recorded_at")
    assert [said.json[key] for key in keys] == [True, None, None, None, None, None]
    link = (await made(caller)).json
    revoked = await caller.post(f"/v1/links/{link['id']}/revoke?dry_run=true")
    assert (revoked.status, revoked.json["recorded_at"]) == (200, None)
    assert opened(office, link["token"]) is not None


async def test_the_list_tells_how_each_stands_and_no_token(office: Office, caller: Caller) -> None:
    short = (await made(caller, name="short", valid_seconds=60)).json
    gone, other = (await made(caller, name="gone")).json, (await made(caller, "d")).json
    await caller.post(f"/v1/links/{gone['id']}/revoke")
    office.at = Instant(office.at + DAY)
    listed = await caller.get("/v1/links?past=true")
    assert [(row["id"], row["state"]) for row in listed.json["links"]] == [
        (short["id"], "expired"),
        (gone["id"], "revoked"),
        (other["id"], "valid"),
    ]
    assert not [said for said in (short, gone, other) if said["token"] in json.dumps(listed.json)]
    assert [row["id"] for row in (await caller.get("/v1/links")).json["links"]] == [other["id"]]
    assert (await caller.get("/v1/links?client=c")).json["links"] == []


async def test_what_may_not_be_asked_for_is_refused(office: Office, caller: Caller) -> None:
    nobody = await caller.post("/v1/clients/nobody/links", {})
    assert (nobody.status, nobody.json["error"]) == (404, 'client: there is no client "nobody": c, d')
    assert (await caller.get("/v1/links?client=nobody")).status == 404
    for body in ({"valid_seconds": 59}, {"valid_seconds": 731 * 86_400 + 1}, {"name": "a\nb"}, {"x": 1}):
        assert (await caller.post("/v1/clients/c/links", body)).status == 422
    assert (await caller.post("/v1/links/ln-1/revoke")).status == 404
    assert (await caller.post("/v1/links/ln-1/revoke", {"why": ""})).status == 422
    assert office.recorded_requests.links.by_id == {}


async def test_a_client_has_no_end_of_links(office: Office, caller: Caller) -> None:
    for _ in range(MOST_LINKS):
        await made(caller, valid_seconds=60)
    full = await caller.post("/v1/clients/c/links", {})
    assert (full.status, "take one back first" in full.json["error"]) == (409, True)
    assert (await made(caller, "d")).status == 201
    office.at = Instant(office.at + DAY)
    assert (await made(caller)).status == 201


# The ledger


async def lines_of(office: Office, caller: Caller) -> tuple[list[str], str, str]:
    """What the ledger holds after two links, of which the second was taken back; and their tokens."""
    taken: list[str] = []
    take = office._take

    def noting(line: str) -> Any:
        taken.append(line)
        return take(line)

    office._take = noting  # type: ignore[method-assign]
    kept, gone = (await made(caller, name="ann")).json, (await made(caller)).json
    await caller.post(f"/v1/links/{gone['id']}/revoke")
    return taken, kept["token"], gone["token"]


async def test_a_restart_knows_them_by_their_hashes_alone(office: Office, caller: Caller) -> None:
    lines, kept, gone = await lines_of(office, caller)
    assert not [line for line in lines if kept in line or gone in line]
    assert hashlib.sha256(kept.encode()).hexdigest() in lines[0]
    keys = {1: RequestKey("key-1", "digest")}
    requests, reader = RecordedRequests(keys), EvidenceReader()
    for seq, line in enumerate(lines, 1):
        record = reader.read(line.encode())
        assert isinstance(record, Event)
        assert encode(record) == line
        requests.take(seq, record)
    link = requests.links.opened_by(kept, office.at)
    assert link == office.recorded_requests.links.opened_by(kept, office.at)
    assert requests.links.opened_by(gone, office.at) is None


@pytest.mark.parametrize(
    "said",
    [
        1,
        [],
        {},
        "taken",
        {"client": "c"},
        {"client": "c", "name": "", "sha256": "xyz", "expires_at": "2030-01-01T00:00:00Z"},
        {"client": "c", "name": "", "sha256": "ab", "expires_at": "never"},
        {"client": 1, "name": "", "sha256": "ab", "expires_at": "2030-01-01T00:00:00Z"},
    ],
)
async def test_an_event_of_another_that_says_odd_things_makes_none(
    office: Office, caller: Caller, said: object
) -> None:
    lines, kept, _ = await lines_of(office, caller)
    line = {**json.loads(lines[0]), "key": "ln-odd", "link": said}
    office._take(json.dumps(line))
    assert "ln-odd" not in office.recorded_requests.links.by_id
    assert opened(office, kept) is not None


async def test_what_was_made_or_taken_back_twice_counts_once(office: Office, caller: Caller) -> None:
    """Evidence of several monitors may hold a record twice."""
    lines, kept, gone = await lines_of(office, caller)
    for line in (*lines, lines[1]):
        office._take(line)
    assert opened(office, gone) is None
    assert opened(office, kept) is not None


def test_a_link_never_shows_its_token() -> None:
    links = RecordedRequests().links
    office = Office()
    _, grant = links.granted(office.book, "c", LinkBody(), office.at)
    assert grant.token
    assert grant.token not in repr(grant) + grant.as_json()
