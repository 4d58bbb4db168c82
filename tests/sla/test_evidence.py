"""Lines to records and back (`spec/evidence.md`), and every defect that stops an import."""

import json
from collections.abc import Iterable

import pytest

from sla.book import Book
from sla.evidence import decoded, encode
from sla.reader import LONGEST_LINE, MOST_FAULTS, EvidenceReader
from sla.records import Observation, Record, Witness
from tests.sla.defects import DEFECTS, EVERY_KIND, PROPOSAL, RECORDED, SOUND, event, request
from tests.sla.random_evidence import story_of
from tests.sla.stories import Line, at, blind, client, exclusion, in_order, judgement, says, seen, server


def read(*lines: Line | bytes) -> EvidenceReader:
    """A reader that has read."""
    reader = EvidenceReader()
    for line in lines:
        reader.read(line if isinstance(line, bytes) else json.dumps(line).encode())
    return reader


def faults(*lines: Line | bytes) -> list[str]:
    """What is wrong with the lines."""
    return [fault.shown("file") for fault in read(*lines).faults]


def records(lines: Iterable[Line]) -> list[Record]:
    reader = EvidenceReader()
    found = [reader.read(json.dumps(line).encode()) for line in lines]
    assert reader.faults == []
    return [record for record in found if record is not None]


def test_every_kind_survives_the_way_to_a_line_and_back() -> None:
    for record in records(EVERY_KIND):
        assert decoded(encode(record)) == record


WRITTEN = """\
{"kind":"client","id":"c","name":"Client c","timezone":"America/Toronto","tech_admins":["ann"],"recorded_at":"2026-01-01T00:00:00Z"}
{"kind":"server","id":"s","name":"Server s","client":"c","solution":"mail","in_service_from":"2026-03-01T05:00:00Z","in_service_until":"2027-01-01T00:00:00Z","legs":["internet"],"recorded_at":"2026-01-01T00:00:00Z"}
{"kind":"contract","client":"c","effective_from":"2026-01","terms":{"availability":{"target":"0.9"}},"recorded_at":"2026-01-01T00:00:00Z"}
{"kind":"observation","observer":"o","source":"icmp","server":"s","leg":"internet","state":"down","at":"2026-03-01T05:00:00.500000Z","reason":"☃ APD","noticed_at":"2026-03-01T05:00:01Z","more":{"a":[1,2]}}
{"kind":"blind","observer":"o","source":"icmp","from":"2026-03-01T05:00:00Z","until":"2026-03-01T06:00:00Z","legs":["san"],"reason":"restart"}
{"kind":"observed_until","observer":"o","source":"icmp","at":"2026-12-01T00:00:00Z"}
{"kind":"exclusion","id":"x","category":"client_change","from":"2026-02-01T00:00:00Z","until":null,"clients":["c"],"solutions":[],"servers":["s"],"announced_at":"2026-01-01T00:00:00Z","reference":"T-1","recorded_at":"2026-01-01T00:00:00Z"}
{"kind":"exclusion_ended","id":"x","at":"2026-02-02T00:00:00Z","recorded_at":"2026-02-02T00:00:00Z"}
{"kind":"exclusion_withdrawn","id":"x","why":"a mistake","recorded_at":"2026-02-02T00:00:00Z","recorded_by":"bob"}
{"kind":"service_request","id":"r","client":"c","solution":"s","opened_at":"2026-02-01T00:00:00Z","opened_by":"ann","channel":"phone","recorded_at":"2026-02-03T00:00:00Z"}
""".splitlines()


def test_a_record_is_written_compactly_with_its_keys_in_the_order_of_the_format() -> None:
    found = records(EVERY_KIND)
    assert [encode(record) for record in found[: len(WRITTEN)]] == WRITTEN
    assert encode(records([*EVERY_KIND[:2], says("up", RECORDED)])[2]) == (
        '{"kind":"observation","observer":"o","source":"icmp","server":"s","leg":"internet","state":"up"'
        ',"at":"2026-02-01T00:00:00Z"}'
    )
    (whole,) = records([blind(RECORDED, "2026-02-02T00:00:00Z")])
    assert encode(whole) == (
        '{"kind":"blind","observer":"o","source":"icmp","from":"2026-02-01T00:00:00Z"'
        ',"until":"2026-02-02T00:00:00Z"}'
    )


def test_lists_and_keys_that_are_not_known_are_written_compactly_and_in_plain_letters() -> None:
    _, line, seen_ = records(
        [client(), server(name="Zürich", legs=["san", "internet"]), seen(a="é", b=[1, 2])]
    )
    assert encode(line) == (
        '{"kind":"server","id":"s","name":"Zürich","client":"c","solution":null'
        ',"in_service_from":"2026-03-01T05:00:00Z","in_service_until":null,"legs":["san","internet"]'
        ',"recorded_at":"2026-01-01T00:00:00Z"}'
    )
    assert encode(seen_) == (
        '{"kind":"observed_until","observer":"o","source":"icmp","at":"2026-12-01T00:00:00Z","a":"é","b":[1,2]}'
    )


def test_what_slad_wrote_with_salt_and_proof_is_read_without_them() -> None:
    for record in records(EVERY_KIND):
        line = encode(record)
        assert decoded(f'{line[:-1]},"salt":"5a17","seq":7,"chain":"{"0" * 64}"}}') == record


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"kind":"clients"}', "kind: is none that this version knows"),
        ("{}", "kind: is none that this version knows"),
        ('{"kind":"observed_until","observer":"o","source":"s"}', "at: is missing"),
        ('{"kind":"exclusion_withdrawn","id":"x","why":""}', "must be a text, not null"),
        ("[]", "is no JSON object"),
    ],
)
def test_a_line_that_slad_never_wrote_is_refused(line: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        decoded(line)
    assert str(caught.value) == message


def test_a_witness_that_was_read_before_is_the_same_object() -> None:
    first, second = (decoded(encode(each)) for each in records([*EVERY_KIND[:2], seen(), seen()])[2:])
    assert first.witness is second.witness  # type: ignore[union-attr]
    (other,) = (decoded(encode(each)) for each in records([seen(source="tcp")]))
    assert other.witness == Witness("o", "tcp")  # type: ignore[union-attr]


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


def test_a_usual_observation_says_what_the_first_of_its_witness_says() -> None:
    """The reader takes the first of a witness apart key by key, and later ones the short way."""
    lines = [
        says("down", RECORDED, reason="APD", noticed_at="2026-02-01T00:00:01Z"),
        says("up", RECORDED),
        says("up", RECORDED, reason=""),
    ]
    for line in lines:
        first, second = records([client(), server(), line, line])[2:]
        assert isinstance(first, Observation)
        assert first == second
        assert first.reason == line.get("reason", "")
        assert first.noticed_at == (at("2026-02-01T00:00:01Z") if line.get("noticed_at") else None)
        assert first.extra == ()


def test_an_observation_of_a_known_witness_is_checked_and_kept_whole_too() -> None:
    known = [client(), server(), says("up", RECORDED)]
    for bad in ({"server": 5}, {"server": ""}, {"server": ["s"]}, {"reason": 5}, {"at": None}, {"leg": None}):
        (fault,) = faults(*known, says("up", **{"at": RECORDED, **bad}))
        assert fault.startswith(f"file:4: {next(iter(bad))}: ")
    for noticed_at, kept in (("soon", '"soon"'), (None, "null")):
        *_, record = records([*known, says("up", RECORDED, more="é", noticed_at=noticed_at)])
        assert dict(record.extra) == {"more": '"é"', "noticed_at": kept}
    *_, span = records([*known, blind(RECORDED, "2026-02-02T00:00:00Z", noticed_at=RECORDED)])
    assert span.extra == (("noticed_at", f'"{RECORDED}"'),)


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


@pytest.mark.parametrize(
    ("lines", "message"), [pytest.param(lines, m, id=name) for name, lines, m in DEFECTS]
)
def test_a_defect_is_named_with_its_place(lines: list[Line | bytes], message: str) -> None:
    found = faults(*SOUND, *lines)
    assert len(found) >= 1
    assert found[0].startswith(f"file:{message}"), found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (client("d", name=["é"]), 'file:4: name: must be a text, not ["é"]'),
        (client("d", tech_admins={}), "file:4: tech_admins: must be a list, not {}"),
        (client("d", tech_admins=["a", "b", "c"]), "file:4: tech_admins: at most two tech admins, not 3"),
        (client("d", zone="x" * 99), f"file:4: timezone: there is no time zone '{'x' * 99}'"),
        (server("t", legs="san"), 'file:4: legs: must be a list of legs that is not empty, not "san"'),
        (says("off", RECORDED), 'file:4: state: must be one of up, down, unknown, not "off"'),
        (says("up", RECORDED, leg="é"), 'file:4: leg: must be one of running, san, internet, not "é"'),
        (says("up", RECORDED, server="é"), 'file:4: server: no server "é" is defined above'),
        (says("up", RECORDED, server="x" * 58), f'file:4: server: no server "{"x" * 58}" is defined above'),
        (says("up", RECORDED, server="x" * 59), f'file:4: server: no server "{"x" * 56}... is defined above'),
        ({"kind": "é"}, 'file:4: kind: there is no kind "é"'),
        ({**EVERY_KIND[-1], "version": 1.5}, "file:4: version: must be a whole number, not 1.5"),
        (
            {**EVERY_KIND[-1], "sha256": "ab"},
            'file:4: sha256: must be 64 hexadecimal digits, not "ab"',
        ),
        (
            {**EVERY_KIND[-1], "sha256": "X" * 64},
            f'file:4: sha256: must be 64 hexadecimal digits, not "{"X" * 56}...',
        ),
        (
            exclusion("y", "weather", RECORDED, None),
            (
                "file:4: category: must be one of force_majeure, client_change, client_system, end_user_pc, "
                'emergency_security_update, scheduled_maintenance, not "weather"'
            ),
        ),
        (
            exclusion("x", "client_change", RECORDED, None),
            'file:4: id: there is an exclusion "x" above',
        ),
        (server("mail"), 'file:4: id: "mail" is the name of a solution above'),
        (server("t", solution="s"), 'file:4: solution: "s" is the id of a server'),
        (
            client("d", recorded_at="2025-01-01T00:00:00Z"),
            "file:4: recorded_at: is earlier than that of a line before it",
        ),
        (
            request(opened_at="2026-02-02T00:00:00Z"),
            "file:4: opened_at: is later than the record's own recorded_at",
        ),
        (
            {"kind": "exclusion_ended", "id": "x", "at": "2026-01-01T00:00:00Z"},
            "file:4: at: must be after the exclusion's from",
        ),
        (b'{"kind": "client", "x": -1e999}', "file:4: is no JSON: -1e999 is too large a number"),
        (
            b'{"kind": "client", "x": 9' + b"0" * 30 + b"e999}",
            f"file:4: is no JSON: 9{'0' * 19} is too large a number",
        ),
        (b'{"kind": "client", "x": nul}', "file:4: is no JSON: Expecting value at column 25"),
        (b'{"kind": "\\ud800"}', "file:4: is no JSON: it escapes half a surrogate pair"),
        (b'{"kind": ' + b"[" * 200_000, "file:4: is no JSON that anybody wrote: it is nested too deeply"),
        (b" " * (LONGEST_LINE + 1), "file:4: is longer than 1048576 bytes"),
    ],
)
def test_a_message_says_what_is_wrong_with_what_was_given(line: Line | bytes, message: str) -> None:
    assert faults(*SOUND, line) == [message]


def test_a_line_may_be_as_long_as_the_limit() -> None:
    line = json.dumps(client("d")).encode()
    assert faults(*SOUND, line + b" " * (LONGEST_LINE - len(line))) == []


def test_a_whole_surrogate_pair_may_be_escaped() -> None:
    (record,) = records([client(name="\U0001f600")])
    assert faults(json.dumps(client(name="\U0001f600")).encode()) == []
    assert "\U0001f600" in encode(record)


def test_what_a_proposal_rests_on_is_text_or_kept_as_json() -> None:
    *_, as_text, as_json = records([*EVERY_KIND[:2], PROPOSAL, {**PROPOSAL, "because": {"é": [1]}}])
    assert as_text.because == PROPOSAL["because"]  # type: ignore[union-attr]
    assert as_json.because == '{"é": [1]}'  # type: ignore[union-attr]


def test_the_first_record_must_say_when_it_was_recorded() -> None:
    line = client()
    del line["recorded_at"]
    assert faults(line) == ["file:1: recorded_at: is missing, and no line before this one has it"]


def test_8_1_only_the_newest_record_of_a_client_says_who_may_open_a_request() -> None:
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
