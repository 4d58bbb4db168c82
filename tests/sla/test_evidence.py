"""Lines to records and back (`spec/evidence.md`), and every defect that stops an import."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from sla.book import Book
from sla.evidence import decoded, encode
from sla.reader import LONGEST_LINE, MOST_FAULTS, EvidenceReader
from sla.records import Record
from tests.sla.random_evidence import story_of
from tests.sla.stories import Line, blind, client, exclusion, in_order, judgement, says, seen, server

RECORDED = "2026-02-01T00:00:00Z"


def read(*lines: Line | bytes) -> EvidenceReader:
    """A reader that has read."""
    reader = EvidenceReader()
    for line in lines:
        reader.read(line if isinstance(line, bytes) else json.dumps(line).encode())
    return reader


def faults(*lines: Line | bytes) -> list[str]:
    """What is wrong with the lines."""
    return [fault.shown("file") for fault in read(*lines).faults]


def request(**keys: Any) -> Line:
    line = {"kind": "service_request", "id": "r", "client": "c", "solution": "s", "opened_by": "ann"}
    return {**line, "channel": "phone", "opened_at": RECORDED, "recorded_at": RECORDED, **keys}


def notice(**keys: Any) -> Line:
    line = {"kind": "cancellation_notice", "client": "c", "solution": "s"}
    return {**line, "given_at": RECORDED, "recorded_at": RECORDED, **keys}


def event(**keys: Any) -> Line:
    line = {
        "kind": "event",
        "source": "vc",
        "key": "1",
        "type": "VmPoweredOffEvent",
        "server": None,
        "user": "u",
    }
    return {**line, "text": "off", "at": RECORDED, **keys}


EVERY_KIND: list[Line] = [
    client(),
    server(solution="mail", in_service_until="2027-01-01T00:00:00Z"),
    {
        "kind": "contract",
        "client": "c",
        "effective_from": "2026-01",
        "terms": {"availability": {"target": "0.9"}},
    },
    says(
        "down",
        "2026-03-01T05:00:00.5Z",
        reason="\u2603 APD",
        noticed_at="2026-03-01T05:00:01Z",
        more={"a": [1, 2]},
    ),
    blind("2026-03-01T05:00:00Z", "2026-03-01T06:00:00Z", legs=["san"], reason="restart"),
    seen(),
    exclusion(
        "x", "client_change", "2026-02-01T00:00:00Z", None, clients=["c"], servers=["s"], reference="T-1"
    ),
    {
        "kind": "exclusion_ended",
        "id": "x",
        "at": "2026-02-02T00:00:00Z",
        "recorded_at": "2026-02-02T00:00:00Z",
    },
    {"kind": "exclusion_withdrawn", "id": "x", "why": "a mistake", "recorded_by": "bob"},
    request(recorded_at="2026-02-03T00:00:00Z"),
    {"kind": "service_request_responded", "id": "r", "at": "2026-02-02T00:00:00Z"},
    {"kind": "service_request_closed", "id": "r", "at": "2026-02-02T00:00:00Z"},
    notice(recorded_at="2026-02-03T00:00:00Z"),
    {"kind": "lifecycle", "client": "c", "solution": "s", "event": "activated", "at": "2026-02-02T00:00:00Z"},
    event(recorded_at="2026-02-03T00:00:00Z", at="2026-02-04T00:00:00Z", server="s"),
    {
        "kind": "proposal",
        "id": "p",
        "category": "client_system",
        "from": "2026-02-01T00:00:00Z",
        "until": "2026-02-02T00:00:00Z",
        "servers": ["s"],
        "because": "1: powered off by u",
    },
    {
        "kind": "issued",
        "client": "c",
        "month": "2026-01",
        "as_of": "2026-02-01T00:00:00Z",
        "version": 1,
        "sha256": "ab" * 32,
    },
]


def records(lines: Iterable[Line]) -> list[Record]:
    reader = EvidenceReader()
    found = [reader.read(json.dumps(line).encode()) for line in lines]
    assert reader.faults == []
    return [record for record in found if record is not None]


def test_every_kind_survives_the_way_to_a_line_and_back() -> None:
    for record in records(EVERY_KIND):
        assert decoded(encode(record)) == record


def test_unknown_keys_of_a_known_kind_are_kept() -> None:
    (_, _, *_, line) = [json.loads(encode(record)) for record in records(EVERY_KIND[:4])]
    assert line["more"] == {"a": [1, 2]}
    assert line["reason"] == "\u2603 APD"


def test_the_keys_of_the_proof_are_not_kept_with_a_record() -> None:
    (record,) = records([{**client(), "salt": "ab", "seq": 1, "chain": "cd"}])
    assert record.extra == ()


@pytest.mark.parametrize("seed", range(5))
def test_observations_on_the_fast_way_are_those_of_the_slow_one(seed: int) -> None:
    lines = in_order(story_of(seed).lines)
    for compact in (True, False):
        separators = (",", ":") if compact else (", ", ": ")
        texts = [json.dumps(line, separators=separators).encode() + b"\n" for line in lines]
        slow, fast = Book(), Book()
        slow_reader, fast_reader = EvidenceReader(), EvidenceReader(fast.track)
        straight = 0
        for text in texts:
            record = slow_reader.read(text)
            assert record is not None
            slow.add(record)
            record = fast_reader.read(text)
            if record is None:
                straight += 1
            else:
                fast.add(record)
        assert straight > 0
        assert fast.newest_at == slow.newest_at
        for name, pages in slow.servers.items():
            for key, track in pages.tracks.items():
                span = judgement([client()]).as_of
                of_all = fast.servers[name].tracks[key]
                first = min(0, span)
                assert of_all.changes(first, span) == track.changes(first, span)  # type: ignore[arg-type]


def test_a_line_that_only_begins_like_others_is_still_checked() -> None:
    book = Book()
    reader = EvidenceReader(book.track)
    usual = encode(records([client(), server(), says("up", "2026-03-02T00:00:00Z")])[2])
    for line in (json.dumps(client()), json.dumps(server()), usual, usual.replace('"up"', '"upp"')):
        reader.read(line.encode())
    for wrong in (
        ('-02T00:00:00Z"', '-32T00:00:00Z"'),
        ('"at":', '"at":"2026-03-03T00:00:00Z","at":'),
        ("}", ""),
    ):
        reader.read(usual.replace(*wrong).encode())
    assert [fault.line for fault in reader.faults] == [4, 5, 6, 7]


def test_recorded_at_is_that_of_the_nearest_line_before_that_has_one() -> None:
    first, second = records([client(), server()])
    assert second.recorded_at == first.recorded_at  # type: ignore[union-attr]


SOUND = [client(), server(solution="mail"), exclusion("x", "client_change", "2026-01-01T00:00:00Z", None)]
DEFECTS: list[tuple[str, list[Line | bytes], str]] = [
    ("no JSON", [b"nonsense"], "file:4: is no JSON"),
    ("a line that was cut off", [b'{"kind": "client", "id"'], "file:4: is no JSON"),
    ("an empty line", [b"\n"], "file:4: is empty"),
    ("no object", [b"[1]"], "file:4: is no JSON object"),
    ("bytes that are not UTF-8", [b'{"kind": "\xff"}'], "file:4: is not UTF-8: byte 11 is 0xff"),
    ("half a surrogate pair", [b'{"kind": "\\ud800"}'], "file:4: is no JSON: it escapes"),
    ("not a number", [b'{"kind": "client", "x": NaN}'], "file:4: is no JSON: NaN is no number"),
    ("infinity", [b'{"kind": "client", "x": -Infinity}'], "file:4: is no JSON: -Infinity is no number"),
    ("a huge fraction", [b'{"kind": "client", "x": 1e999}'], "file:4: is no JSON: 1e999 is too large"),
    ("a huge integer", [b'{"kind": "client", "x": ' + b"9" * 5000 + b"}"], "file:4: is no JSON"),
    (
        "a key that is given twice",
        [b'{"kind": "client", "id": "a", "id": "b"}'],
        "file:4: id: is given twice",
    ),
    ("endless nesting", [b'{"kind": ' + b"[" * 200_000], "file:4: is no JSON that anybody wrote"),
    ("a line that is too long", [b" " * (LONGEST_LINE + 1)], "file:4: is longer than"),
    ("no kind", [{"id": "x"}], "file:4: kind: is missing"),
    ("an unknown kind", [{"kind": "clients"}], "file:4: kind: there is no kind"),
    ("a kind that is no text", [{"kind": ["client"]}], "file:4: kind: there is no kind"),
    ("a missing key", [{"kind": "client", "id": "d"}], "file:4: name: is missing"),
    ("a text that is none", [client("d", name=7)], "file:4: name: must be a text"),
    ("a null where none may be", [client("d", name=None)], "file:4: name: must be a text"),
    ("an empty id", [client("")], "file:4: id: must not be empty"),
    (
        "a zone that does not exist",
        [client("d", zone="America/Ottawa")],
        "file:4: timezone: there is no time zone",
    ),
    ("three tech admins", [client("d", tech_admins=["a", "b", "c"])], "file:4: tech_admins: at most two"),
    ("tech admins that are no list", [client("d", tech_admins="ann")], "file:4: tech_admins: must be a list"),
    ("a naive instant", [says("up", "2026-03-01T05:00:00")], "file:4: at: "),
    ("an instant that never was", [says("up", "2026-02-30T05:00:00Z")], "file:4: at: "),
    ("a date out of range", [says("up", "10000-01-01T00:00:00Z")], "file:4: at: "),
    ("an instant that is a number", [says("up", 5)], "file:4: at: must be a text"),  # type: ignore[arg-type]
    ("an unknown state", [says("off", RECORDED)], "file:4: state: must be one of up, down, unknown"),
    ("an unknown leg", [says("up", RECORDED, leg="disk")], "file:4: leg: must be one of"),
    ("no legs", [server("t", legs=[])], "file:4: legs: must be a list of legs that is not empty"),
    ("no legs of a blind span", [blind(RECORDED, "2026-02-02T00:00:00Z", legs=[])], "file:4: legs: "),
    ("an unknown server", [says("up", RECORDED, server="t")], "file:4: server: no server"),
    ("an unknown client", [server("t", client="d")], "file:4: client: no client"),
    (
        "an unknown client of a contract",
        [{"kind": "contract", "client": "d", "effective_from": "2026-01", "terms": {}}],
        "file:4: client: ",
    ),
    (
        "a month that is none",
        [{"kind": "contract", "effective_from": "2026-13", "terms": {}}],
        "file:4: effective_from: ",
    ),
    (
        "an unknown term",
        [{"kind": "contract", "effective_from": "2026-01", "terms": {"availability": {"targt": "1"}}}],
        "file:4: terms.availability.targt: unknown key, did you mean target?",
    ),
    (
        "a term of the wrong type",
        [{"kind": "contract", "effective_from": "2026-01", "terms": {"availability": {"target": 0.9}}}],
        "file:4: terms.availability.target: must be a decimal",
    ),
    (
        "terms that are no table",
        [{"kind": "contract", "effective_from": "2026-01", "terms": []}],
        "file:4: terms: must be a table",
    ),
    ("a server that bears a solution's name", [server("mail")], "file:4: id: "),
    ("a solution that bears a server's id", [server("t", solution="s")], "file:4: solution: "),
    (
        "a span that ends before it starts",
        [blind("2026-02-02T00:00:00Z", RECORDED)],
        "file:4: until: must be after from",
    ),
    (
        "an empty span",
        [exclusion("y", "client_change", RECORDED, RECORDED)],
        "file:4: until: must be after from",
    ),
    ("an unknown category", [exclusion("y", "weather", RECORDED, None)], "file:4: category: must be one of"),
    (
        "a second exclusion",
        [exclusion("x", "client_change", RECORDED, None)],
        "file:4: id: there is an exclusion",
    ),
    (
        "an exclusion of nobody",
        [exclusion("y", "client_change", RECORDED, None, clients=["d"])],
        "file:4: clients: no client",
    ),
    (
        "an exclusion of nothing",
        [exclusion("y", "client_change", RECORDED, None, servers=["t"])],
        "file:4: servers: no server",
    ),
    (
        "an announcement from the future",
        [exclusion("y", "client_change", RECORDED, None, announced_at=RECORDED)],
        "file:4: announced_at: is later",
    ),
    (
        "an end of what is unknown",
        [{"kind": "exclusion_ended", "id": "y", "at": "2026-01-01T00:00:00Z"}],
        "file:4: id: no exclusion",
    ),
    (
        "an end before the start",
        [{"kind": "exclusion_ended", "id": "x", "at": "2026-01-01T00:00:00Z"}],
        "file:4: at: must be after",
    ),
    (
        "a second end",
        [{"kind": "exclusion_ended", "id": "x", "at": RECORDED, "recorded_at": RECORDED}] * 2,
        'file:5: id: exclusion "x" is not open',
    ),
    (
        "the end of one that was never open",
        [
            exclusion("y", "client_change", "2025-01-01T00:00:00Z", RECORDED),
            {"kind": "exclusion_ended", "id": "y", "at": "2026-01-01T00:00:00Z"},
        ],
        'file:5: id: exclusion "y" is not open',
    ),
    ("a second withdrawal", [{"kind": "exclusion_withdrawn", "id": "x", "why": ""}] * 2, "file:5: id: "),
    (
        "a withdrawal of what is unknown",
        [{"kind": "exclusion_withdrawn", "id": "y", "why": ""}],
        "file:4: id: no exclusion",
    ),
    (
        "recorded_at that goes back",
        [client("d", recorded_at="2025-01-01T00:00:00Z")],
        "file:4: recorded_at: is earlier",
    ),
    (
        "an opening from the future",
        [request(opened_at="2026-02-02T00:00:00Z")],
        "file:4: opened_at: is later",
    ),
    ("a notice from the future", [notice(given_at="2026-02-02T00:00:00Z")], "file:4: given_at: is later"),
    (
        "a step from the future",
        [{"kind": "lifecycle", "client": "c", "solution": "s", "event": "activated", "at": RECORDED}],
        "file:4: at: is later",
    ),
    (
        "an unknown step",
        [{"kind": "lifecycle", "client": "c", "solution": "s", "event": "sold", "at": RECORDED}],
        "file:4: event: must be one of",
    ),
    ("an unknown channel", [request(channel="pager")], "file:4: channel: must be one of"),
    ("a second request", [request(), request()], "file:5: id: there is a service request"),
    ("a request of nobody", [request(client="d")], "file:4: client: no client"),
    (
        "a request by nobody named",
        [request(opened_by="eve")],
        "file:4: opened_by: 'eve' may not open a request: the tech admin is 'ann'",
    ),
    (
        "a response to what is unknown",
        [{"kind": "service_request_responded", "id": "r", "at": "2026-01-01T00:00:00Z"}],
        "file:4: id: no service request",
    ),
    ("an unknown server of an event", [event(recorded_at=RECORDED, server="t")], "file:4: server: no server"),
    ("a hash that is none", [{**EVERY_KIND[-1], "sha256": "x"}], "file:4: sha256: "),
    (
        "a version that is none",
        [{**EVERY_KIND[-1], "version": True}],
        "file:4: version: must be a whole number",
    ),
]


@pytest.mark.parametrize(
    ("lines", "message"), [pytest.param(lines, m, id=name) for name, lines, m in DEFECTS]
)
def test_a_defect_is_named_with_its_place(lines: list[Line | bytes], message: str) -> None:
    found = faults(*SOUND, *lines)
    assert len(found) >= 1
    assert found[0].startswith(message), found


def test_the_first_record_must_say_when_it_was_recorded() -> None:
    line = client()
    del line["recorded_at"]
    assert faults(line) == ["file:1: recorded_at: is missing, and no line before this one has it"]


def test_only_the_newest_record_of_a_client_says_who_may_open_a_request() -> None:
    """Spec §8.1."""
    changed = client(tech_admins=["bob", "eve"])
    assert faults(client(), server(), changed, request()) == [
        "file:4: opened_by: 'ann' may not open a request: the tech admins are 'bob' and 'eve'"
    ]
    assert faults(client(), server(), changed, request(opened_by="eve")) == []
    assert "has no tech admin" in faults(client(tech_admins=[]), server(), request())[0]


def test_a_bad_line_defines_its_id_so_that_no_other_fault_follows() -> None:
    assert len(faults(client(zone="nowhere"), server(), says("up", RECORDED), request())) == 1


def test_an_event_may_be_recorded_before_the_clock_of_its_source() -> None:
    assert faults(client(), event(at="2027-01-01T00:00:00Z", recorded_at=RECORDED)) == []


def test_all_faults_are_found_at_once_up_to_a_limit() -> None:
    assert len(faults(*[b"nonsense"] * 7)) == 7
    reader = read(*[b"nonsense"] * 50)
    assert len(reader.faults) == MOST_FAULTS
    assert reader.has_enough_faults


def test_what_an_export_leaves_out_may_define_what_others_name() -> None:
    omitted = b'{"kind":"omitted","digest":"00","seq":2,"chain":"00"}'
    scoped = exclusion("x", "client_change", RECORDED, None, clients=["d"], servers=["t"])
    assert faults(client(), scoped) != []
    assert faults(client(), omitted, scoped) == []


def test_a_solution_may_be_named_before_its_servers_exist() -> None:
    assert faults(client(), request(solution="web"), server("t", solution="web")) == []
