"""The strict reader (`spec/evidence.md`): every defect that stops an import, its message, and the fast way of the usual."""

import json
from collections.abc import Sequence
from random import Random

import pytest

from sla.book import Book
from sla.decoding import KINDS
from sla.evidence import encode
from sla.reader import LONGEST_LINE, MOST_FAULTS, EvidenceReader
from sla.records import Leg, Observation, Record, ServerId, State, Witness
from tests.sla.defects import DEFECTS, EVERY_KIND, RECORDED, SOUND, event, request
from tests.sla.random_evidence import story_of
from tests.sla.stories import (
    Line,
    at,
    blind,
    client,
    exclusion,
    in_order,
    records_of,
    says,
    server,
)


def read(*lines: Line | bytes) -> EvidenceReader:
    """A reader that has read."""
    reader = EvidenceReader()
    for line in lines:
        reader.read(line if isinstance(line, bytes) else json.dumps(line).encode())
    return reader


def faults(*lines: Line | bytes) -> list[str]:
    """What is wrong with the lines."""
    return [fault.shown("file") for fault in read(*lines).faults]


def books_of(lines: Sequence[bytes], block: bytes) -> tuple[Book, Book, EvidenceReader, EvidenceReader, int]:
    """What lines say, read one by one, and as a block with usual observations straight on their tracks; how many were not."""
    slow, fast = Book(), Book()
    slow_reader, fast_reader = EvidenceReader(), EvidenceReader(fast.track)
    for line in lines:
        record = slow_reader.read(line)
        if record is not None:
            slow.add(record)
        if slow_reader.has_enough_faults:
            break
    others = 0
    for record in fast_reader.read_block(block):
        fast.add(record)
        others += 1
    return slow, fast, slow_reader, fast_reader, others


def said_by(book: Book) -> dict[object, object]:
    """All that is said of servers."""
    return {
        (name, key): list(track.said())
        for name, pages in book.servers.items()
        for key, track in pages.tracks.items()
    }


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_a_block_says_what_its_lines_say(seed: int, separators: tuple[str, str]) -> None:
    story = in_order(story_of(seed).lines)
    lines = [json.dumps(line, separators=separators).encode() + b"\n" for line in story]
    slow, fast, slow_reader, fast_reader, others = books_of(lines, b"".join(lines))
    assert slow_reader.faults == fast_reader.faults == []
    assert others < len(lines)
    assert fast.newest_at == slow.newest_at
    assert said_by(fast) == said_by(slow)
    assert list(said_by(fast)) == list(said_by(slow))


PIECES = (
    *(b"{", b"}", b'"', b"\\", b",", b":", b" ", b"\r", b"\n", b"\x00", b"\xff", b"\xc3\xa9", b"\\u00e9", b"0", b"Z", b"["),
    *(b'"state":', b'"state":"up",', b',"reason":"x"', b',"reason":null', b',"at":"2026-03-03T00:00:00Z"', b',"more":5'),
    *(b"2026-13-", b"24:", b":60", b".123456", b".5", b'"server":"t"', b'"server":""', b'"leg":"lan"', b"null", b"unknown"),
    *(b',"salt":"0aF"', b',"seq":12,"chain":"ab"', b',"ledger":"l"', b',"ledger":5', b',"noticed_at":"soon"'),
)  # fmt: skip
"""What is put into lines, or in place of a part of them."""


@pytest.mark.parametrize("seed", range(20))
def test_mutated_lines_have_the_same_answers_in_a_block(seed: int) -> None:
    dice = Random(seed)
    states = ("up", "down", "unknown")
    usual = [
        encode(record).encode()
        for number in range(60)
        for record in records_of(
            [client(), server(), says(states[number % 3], f"2026-03-02T00:{number:02}:00Z", reason="x y")]
        )[2:]
    ]
    lines = [json.dumps(client()).encode(), json.dumps(server()).encode()]
    for line in usual:
        for _ in range(dice.choice((0, 0, 0, 1, 2))):
            place = dice.randrange(len(line))
            line = line[:place] + dice.choice(PIECES) + line[place + dice.choice((0, 0, 1, 4, 9)) :]
        lines += line.split(b"\n")
    slow, fast, slow_reader, fast_reader, others = books_of(lines, b"\n".join(lines))
    assert slow_reader.faults == fast_reader.faults
    assert said_by(fast) == said_by(slow)
    assert others < len(lines)


def test_a_usual_observation_says_what_the_first_of_its_witness_says() -> None:
    """The reader takes the first of a witness apart key by key, and later ones the short way."""
    lines = [
        says("down", RECORDED, reason="APD", noticed_at="2026-02-01T00:00:01Z"),
        says("up", RECORDED),
        says("up", RECORDED, reason=""),
    ]
    for line in lines:
        first, second = records_of([client(), server(), line, line])[2:]
        assert isinstance(first, Observation)
        assert first == second
        assert first.reason == line.get("reason", "")
        assert first.noticed_at == (at("2026-02-01T00:00:01Z") if line.get("noticed_at") else None)
        assert first.extra == ()


def test_an_observation_of_a_known_witness_is_checked_and_kept_whole_too() -> None:
    known = [client(), server(), says("up", RECORDED)]
    for bad in ({"server": 5}, {"server": ""}, {"server": ["s"]}, {"reason": 5}, {"at": None}, {"leg": None}):
        (fault,) = faults(*known, {**says("up", RECORDED), **bad})
        assert fault.startswith(f"file:4: {next(iter(bad))}: ")
    for noticed_at, kept in (("soon", '"soon"'), (None, "null")):
        *_, record = records_of([*known, says("up", RECORDED, more="é", noticed_at=noticed_at)])
        assert dict(record.extra) == {"more": '"é"', "noticed_at": kept}
    *_, span = records_of([*known, blind(RECORDED, "2026-02-02T00:00:00Z", noticed_at=RECORDED)])
    assert span.extra == (("noticed_at", f'"{RECORDED}"'),)


def fast_reader() -> tuple[EvidenceReader, Book, str]:
    """A reader that puts observations like a line, which it has read, straight on their track."""
    book = Book()
    reader = EvidenceReader(book.track)
    usual = encode(records_of([client(), server(), says("up", "2026-03-02T00:00:00Z")])[2])
    assert len(read_on(reader, json.dumps(client()), json.dumps(server()), usual, usual)) == 2
    return reader, book, usual


def read_on(reader: EvidenceReader, *lines: str) -> list[Record]:
    """The records of lines that are not put on their tracks at once."""
    return list(reader.read_block("\n".join(lines).encode()))


def test_a_line_that_only_begins_like_others_is_still_checked() -> None:
    reader, _, usual = fast_reader()
    for wrong in (
        ('"up"', '"upp"'),
        ('-02T00:00:00Z"', '-32T00:00:00Z"'),
        ("T00:00:00Z", "T24:00:00Z"),
        ("T00:00:00Z", "T00:60:00Z"),
        ("T00:00:00Z", "T00:00:60Z"),
        ('"at":', '"at":"2026-03-03T00:00:00Z","at":'),
        ("}", ""),
        ("}", ',"reason":5}'),
    ):
        assert read_on(reader, usual.replace(*wrong)) == []
    assert [fault.line for fault in reader.faults] == [5, 6, 7, 8, 9, 10, 11, 12]


@pytest.mark.parametrize(
    "text", ["2026-03-02T01:02:03Z", "2026-03-02T23:59:59.000004Z", "2026-03-02T01:00:00.999999Z"]
)
def test_an_instant_is_read_to_the_microsecond_on_the_fast_way(text: str) -> None:
    reader, book, usual = fast_reader()
    assert not read_on(reader, usual.replace("2026-03-02T00:00:00Z", text).replace('"up"', '"down"'))
    track = book.track(ServerId("s"), Leg.INTERNET, Witness("o", "icmp"))
    assert (reader.faults, track.last()) == ([], (at(text), State.DOWN))


def test_why_a_leg_is_down_is_read_on_the_fast_way_too() -> None:
    reader, book, usual = fast_reader()
    assert not read_on(
        reader, usual.replace('"up"', '"down"').replace("}", ',"reason":"powered off, at once"}')
    )
    track = book.track(ServerId("s"), Leg.INTERNET, Witness("o", "icmp"))
    assert [why for _, why in track.reasons(at("2026-03-02T00:00:00Z"), at("2026-03-03T00:00:00Z"))] == [
        "powered off, at once"
    ]


def test_what_is_more_than_usual_is_kept_in_a_block_too() -> None:
    reader, _, usual = fast_reader()
    (record,) = read_on(reader, usual.replace("}", ',"more":5}'))
    assert isinstance(record, Observation)
    assert record.extra == (("more", "5"),)


def test_what_speaks_of_a_server_before_it_is_defined_is_a_fault_in_a_block_too() -> None:
    _, book, usual = fast_reader()
    reader = EvidenceReader(book.track)
    assert len(read_on(reader, json.dumps(client()), usual, json.dumps(server()), usual)) == 2
    assert [fault.line for fault in reader.faults] == [2]


def test_recorded_at_is_that_of_the_nearest_line_before_that_has_one() -> None:
    first, second = records_of([client(), server()])
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
        ({**EVERY_KIND[-1], "version": 1.5}, "file:4: version: must be a whole number, from 1 on, not 1.5"),
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
        (
            {"kind": "service_request_closed", "id": "q", "at": "2026-01-01T00:00:00Z"},
            'file:4: id: no service request "q" is defined above',
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
        (b'{"kind": "client", "x": ' + b"9" * 5000, f"file:4: is no JSON: {'9' * 20} is too large a number"),
        (b'{"kind": "cli', "file:4: is no JSON: Unterminated string starting at column 10"),
        (b'{"kind": "client", "x": nul}', "file:4: is no JSON: Expecting value at column 25"),
        (b'{"kind": "\\ud800"}', "file:4: is no JSON: it escapes half a surrogate pair"),
        (b'{"kind": ' + b"[" * 200_000, "file:4: is no JSON that anybody wrote: it is nested too deeply"),
        (b" " * (LONGEST_LINE + 1), f"file:4: is longer than {LONGEST_LINE} bytes"),
    ],
)
def test_a_message_says_what_is_wrong_with_what_was_given(line: Line | bytes, message: str) -> None:
    assert faults(*SOUND, line) == [message]


def test_a_message_names_what_is_there_twice() -> None:
    gone = {"kind": "exclusion_withdrawn", "id": "x", "why": ""}
    assert faults(*SOUND, gone, gone) == ['file:5: id: exclusion "x" is withdrawn already']
    assert faults(*SOUND, request(), request()) == ['file:5: id: there is a service request "r" above']
    nobody = client(tech_admins=[])
    assert faults(nobody, server(), request()) == [
        "file:3: opened_by: 'ann' may not open a request: client 'c' has no tech admin"
    ]


def test_a_line_may_be_as_long_as_the_limit() -> None:
    line = json.dumps(client("d")).encode()
    assert faults(*SOUND, line + b" " * (LONGEST_LINE - len(line))) == []


def test_a_whole_number_may_have_thirty_digits() -> None:
    assert faults(*SOUND, client("d", more=10**30 - 1)) == []
    assert faults(*SOUND, client("d", more=10**30)) == [
        f"file:4: is no JSON: 1{'0' * 19} is too large a number"
    ]


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


def test_a_witness_without_a_name_is_a_fault_each_time() -> None:
    for bad in ({"observer": None}, {"source": None}):
        assert len(faults(client(), server(), *[{**says("up", RECORDED), **bad}] * 2)) == 2


def test_a_null_stands_for_every_default_and_for_nothing_else() -> None:
    """Of every key of every kind (evidence.md, Records)."""
    for place, line in enumerate(EVERY_KIND):
        for key in KINDS[line["kind"]][1]:
            null, absent = ({**line, key.name: None}, {k: v for k, v in line.items() if k != key.name})
            found = [read(*EVERY_KIND[:place], each).faults for each in (null, absent)]
            assert bool(found[0]) == bool(found[1]), (line["kind"], key.name)
            if not found[0]:
                said = [records_of([*EVERY_KIND[:place], each])[-1] for each in (null, absent)]
                assert said[0] == said[1]


def test_a_recorded_at_of_null_is_that_of_the_line_before() -> None:
    first, second = records_of([client(), client(recorded_at=None)])
    assert second == first


def test_an_event_may_be_recorded_before_the_clock_of_its_source() -> None:
    assert faults(client(), event(at="2027-01-01T00:00:00Z", recorded_at=RECORDED)) == []


def test_all_faults_are_found_at_once_up_to_a_limit() -> None:
    assert len(faults(*[b"nonsense"] * 7)) == 7
    reader = read(*[b"nonsense"] * 50)
    assert len(reader.faults) == MOST_FAULTS
    assert reader.has_enough_faults


def test_a_bad_line_gives_no_record() -> None:
    reader = read(*SOUND)
    assert reader.read(json.dumps(client("d", name=7)).encode()) is None
    assert reader.read(json.dumps(client("d")).encode()) is not None


def test_where_all_is_wanted_the_first_record_that_was_left_out_is_a_fault() -> None:
    omitted = b'{"kind":"omitted","digest":"00","seq":2,"chain":"00"}'
    reader = EvidenceReader(for_ledger=True)
    for line in (json.dumps(client()).encode(), omitted, omitted, json.dumps(server(client="d")).encode()):
        reader.read(line)
    assert [fault.shown("file") for fault in reader.faults] == [
        "file:2: kind: a record was left out here: an export of all clients is wanted, not of one"
    ]


def test_what_an_export_leaves_out_may_define_what_others_name() -> None:
    omitted = b'{"kind":"omitted","digest":"00","seq":2,"chain":"00"}'
    scoped = exclusion("x", "client_change", RECORDED, None, clients=["d"], servers=["t"])
    assert faults(client(), scoped) != []
    assert faults(client(), omitted, scoped) == []


def test_a_solution_may_be_named_before_its_servers_exist() -> None:
    assert faults(client(), request(solution="web"), server("t", solution="web")) == []
