"""An export for one client tells nothing of another (`spec/evidence.md`, Proof; design §8, Discreet)."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.evidence.disclosure import KEYS, ROLES, ShownKey, is_plain
from daemon.evidence.export import exported
from daemon.ledger import Chained
from daemon.ledger.sums import _salts
from sla.book import Book
from sla.calendars import Month
from sla.chain import GENESIS, digest_of, link_of, linked, salted, verified_heads
from sla.client_document import Imprint, client_document
from sla.decoding import KINDS, OWN_KEYS, WITHOUT_RECORDED_AT
from sla.document import server_row, solution_row
from sla.evidence import encode
from sla.instants import parse_instant
from sla.reader import EvidenceReader
from sla.records import ClientId
from sla.statement import Judgement
from tests.daemon.evidence.several_clients import AS_OF, CLIENTS, Line, Telling

_RANDOM = re.compile(r'"(digest|salt|chain)":"[0-9a-f]+"')


def rows_of(lines: Iterable[Line], salts: Sequence[str] | None = None) -> list[Chained]:
    """A ledger's rows: of sound lines, each with a salt of its own unless the test says which."""
    reader, bodies = EvidenceReader(), []
    for line in lines:
        record = reader.read(json.dumps(line).encode())
        assert record is not None, (reader.faults[0].shown("story"), line)
        bodies.append(encode(record))
    chain, rows = GENESIS, []
    salts = _salts(len(bodies)) if salts is None else salts
    for seq, (bare, salt) in enumerate(zip(bodies, salts, strict=True), 1):
        body = salted(bare, salt)
        chain = linked(chain, digest_of(body))
        rows.append(Chained(seq, body, chain))
    return rows


def export_of(rows: Sequence[Chained], client: str, **times: Any) -> list[str]:
    async def read(after_seq: int, limit: int) -> Sequence[Chained]:
        return rows[after_seq : after_seq + limit]

    async def collect() -> list[str]:
        return [line async for line in exported(read, client=ClientId(client), **times)]

    lines = asyncio.run(collect())
    links = [link for line in lines if (link := link_of(line)) is not None]
    assert len(links) == len(rows)
    (head,) = verified_heads(links).values()
    assert head.chain == rows[-1].chain, "the chain verifies whatever is left out"
    return lines


def shown(lines: Iterable[str]) -> list[Line]:
    return [line for line in map(json.loads, lines) if line["kind"] != "omitted"]


def judged(lines: Iterable[Line], as_of: str = AS_OF) -> Judgement:
    """March, by lines in their order."""
    reader, book = EvidenceReader(), Book()
    for line in lines:
        record = reader.read(json.dumps(line).encode())
        assert not reader.faults, reader.faults[0].shown("lines")
        if record is not None:
            book.add(record)
    return Judgement(book, month=Month(2026, 3), as_of=parse_instant(as_of), national_holidays=())


def figures(lines: Iterable[str], client: str, as_of: str = AS_OF) -> list[Line]:
    """What a statement says of one client; but for names: that of a server is the newest, whoever gave it."""
    statement = judged(map(json.loads, lines), as_of).statement([ClientId(client)])
    return [
        *({**server_row(row), "name": ""} for row in statement.servers),
        *map(solution_row, statement.solutions),
    ]


def test_the_story_tells_of_every_kind() -> None:
    """So that the properties are about something."""
    stories = [Telling(seed, dict.fromkeys(CLIENTS, 0)).told() for seed in range(30)]
    told = Counter(line["kind"] for lines in stories for line in lines)
    assert told.keys() == KINDS.keys()
    assert min(told.values()) > 5


SEEDS = st.integers(0, 2**32)


@given(seed=SEEDS, client=st.sampled_from(CLIENTS), secret=st.integers(1, 2**32))
@settings(max_examples=60, deadline=None)
def test_it_does_not_depend_on_what_others_keep_secret(seed: int, client: str, secret: int) -> None:
    before = dict.fromkeys(CLIENTS, 0)
    after = {each: 0 if each == client else secret for each in CLIENTS}
    told = [Telling(seed, secrets).told() for secrets in (before, after)]
    assert told[0] != told[1]
    first, second = ("\n".join(export_of(rows_of(lines), client)) for lines in told)
    assert _RANDOM.sub("", first) == _RANDOM.sub("", second)


@given(seed=SEEDS, client=st.sampled_from(CLIENTS))
@settings(max_examples=60, deadline=None)
def test_the_clients_figures_follow_from_it_all_the_same(seed: int, client: str) -> None:
    rows = rows_of(Telling(seed, dict.fromkeys(CLIENTS, 0)).told())
    whole = figures((row.body for row in rows), client)
    assert figures(export_of(rows, client), client) == whole
    assert whole


@given(seed=SEEDS, client=st.sampled_from(CLIENTS))
@settings(max_examples=20, deadline=None)
def test_what_is_left_out_cannot_be_guessed_from_all_that_is_shown(seed: int, client: str) -> None:
    """By somebody who knows every record to the letter, and would only have to confirm it."""
    rows = rows_of(Telling(seed, dict.fromkeys(CLIENTS, 0)).told())
    lines = export_of(rows, client)
    hidden = {line["digest"] for line in map(json.loads, lines) if line["kind"] == "omitted"}
    salts = {line["salt"] for line in shown(lines)}
    chains = {line["chain"] for line in map(json.loads, lines)}
    for row in rows:
        record = json.loads(row.body)
        bare = row.body[: row.body.index(',"salt":"')] + "}"
        for salt in (
            *salts,
            *chains,
            *hidden,
            "",
            f"{row.seq}",
            f"{row.seq:032x}",
            record.get("recorded_at", ""),
        ):
            guess = digest_of(salted(bare, salt)).hex()
            assert guess not in hidden
        assert digest_of(bare).hex() not in hidden
    assert hidden


def test_of_a_server_that_moved_on_only_the_end_is_shown() -> None:
    for seed in range(200):
        lines = Telling(seed, dict.fromkeys(CLIENTS, 0)).told()
        moved = {line["id"] for line in lines if line["kind"] == "server" and line["in_service_until"]}
        if moved:
            break
    for client in CLIENTS:
        mine = shown(export_of(rows_of(lines), client))
        others = {line["name"] for line in lines if line["kind"] == "server" and line["client"] != client}
        assert not [line for line in mine if line["kind"] == "server" and line["client"] != client]
        assert not [line for line in mine if line.get("name") in others]


@given(seed=SEEDS, client=st.sampled_from(CLIENTS))
@settings(max_examples=20, deadline=None)
def test_of_events_and_causes_those_written_for_the_client_are_shown(seed: int, client: str) -> None:
    lines = Telling(seed, dict.fromkeys(CLIENTS, 0)).told()
    found = [line for line in shown(export_of(rows_of(lines), client)) if line["kind"] in ("event", "cause")]
    assert not [line for line in found if "esx1" in json.dumps(line)]
    assert [line["text"] for line in found] == [
        line["text"] for line in lines if line.get("shown_to") == client
    ]


# Documents


def document_of(lines: Iterable[Line], client: str) -> str:
    """The document of one client by all of the evidence, as the running daemon has it."""
    return client_document(judged(lines), ClientId(client), Imprint(time_zones="2026a"))


@given(seed=SEEDS, client=st.sampled_from(CLIENTS), secret=st.integers(1, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_statement_does_not_depend_on_what_others_keep_secret(seed: int, client: str, secret: int) -> None:
    before = dict.fromkeys(CLIENTS, 0)
    after = {each: 0 if each == client else secret for each in CLIENTS}
    first, second = (document_of(Telling(seed, secrets).told(), client) for secrets in (before, after))
    assert first == second


# Every kind and key


def test_every_kind_and_key_has_its_place() -> None:
    """A new one is shown to no client until somebody has thought of whose it is."""
    own = {"proposal", "proposal_decided"}
    assert KINDS.keys() - KEYS.keys() == own, "the provider's"
    assert KEYS.keys() <= KINDS.keys()
    extra = {
        "observation": {"noticed_at"},
        "server": {"provisional", "provisional_owner"},
        "event": {"shown_to"},
        "cause": {"incident", "shown_to"},
    }
    for kind, keys in KEYS.items():
        known = {key.name for key in KINDS[kind][1]} | extra.get(kind, set()) | {"kind", "salt"}
        assert keys.keys() == known | (set() if kind in WITHOUT_RECORDED_AT else {"recorded_at"}), kind


def test_every_field_of_a_record_is_a_key_of_its_kind() -> None:
    for kind, (make, keys) in KINDS.items():
        assert isinstance(make, type)
        said = {field.name for field in fields(make)} - {"extra", "recorded_at", "noticed_at"}
        said -= set(OWN_KEYS.get(kind, ()))
        if kind in WITHOUT_RECORDED_AT:
            said = said - {"witness"} | {"observer", "source"}
        assert said == {key.field for key in keys}, kind


def test_a_text_that_anybody_could_put_anything_into_is_shown_only_where_it_is_bounded() -> None:
    bounded = {
        (kind, key)
        for kind, keys in KEYS.items()
        for key, how in keys.items()
        if how is not ShownKey.AS_IT_IS
    }
    recorded = {(kind, "recorded_by") for kind in KEYS if kind not in WITHOUT_RECORDED_AT}
    assert bounded == {("observation", "reason"), ("blind", "reason"), ("event", "text"), *recorded}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("recorded_by", "uid:0 (root)"),
        ("recorded_by", "token:portal"),
        ("recorded_by", ["provider"]),
        ("idempotency_key", "sesame"),
        ("request_sha256", "ab"),
        ("whatever", "nobody thought of it"),
    ],
)
def test_a_record_with_more_than_is_known_is_left_out(key: str, value: object) -> None:
    said = {"kind": "exclusion_withdrawn", "id": "x1", "why": "", "recorded_at": AS_OF, "salt": "0"}
    assert is_plain(said)
    assert all(is_plain({**said, "recorded_by": role}) for role in ROLES)
    assert not is_plain({**said, key: value})


def test_a_reason_with_details_is_left_out() -> None:
    said = {"kind": "blind", "observer": "m1", "source": "vc1", "from": AS_OF, "until": AS_OF, "salt": "0"}
    assert is_plain({**said, "reason": "vCenter was not reached"})
    assert not is_plain({**said, "reason": "vc1.example.net:443 did not answer"})


def test_what_is_no_kind_that_this_version_knows_is_left_out() -> None:
    assert not is_plain({"kind": "news", "salt": "0"})
