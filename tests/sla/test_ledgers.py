"""Evidence of several ledgers in one file: each with its own order of `recorded_at` (`spec/evidence.md`, spec §1.4)."""

import json
from itertools import permutations

import pytest

from sla.book import Book
from sla.evidence import encode
from sla.reader import EvidenceReader
from sla.records import ClientId
from tests.sla.defects import EVERY_KIND
from tests.sla.stories import (
    Line,
    at,
    book_as_told,
    client,
    exclusion,
    records_of,
    says,
    seen,
    server,
    statement,
)

MARCH = [f"2026-03-{day:02}T00:00:00Z" for day in range(1, 32)]


def faults(*lines: Line) -> list[str]:
    reader = EvidenceReader()
    for line in lines:
        reader.read(json.dumps(line).encode())
    return [fault.shown("file") for fault in reader.faults]


def undated(line: Line, **keys: object) -> Line:
    return {key: value for key, value in line.items() if key != "recorded_at"} | keys


class TestReading:
    def test_recorded_at_may_go_back_from_ledger_to_ledger_and_not_within_one(self) -> None:
        early, late = client("d", recorded_at=MARCH[1]), client("e", recorded_at=MARCH[2])
        assert faults(late, {**early, "ledger": "m-1"}) == []
        assert faults(late, {**early, "ledger": ""}) == [
            "file:2: recorded_at: is earlier than that of a line before it"
        ]
        assert faults({**late, "ledger": "m-1"}, early, {**early, "ledger": "m-1"}) == [
            'file:3: recorded_at: is earlier than that of a line of ledger "m-1" before it'
        ]

    def test_left_out_it_is_that_of_the_line_before_of_the_same_ledger(self) -> None:
        lines = [
            client(recorded_at=MARCH[5]),
            client(recorded_at=MARCH[2], ledger="m-1"),
            undated(client()),
            undated(client(), ledger="m-1"),
            undated(client(), ledger=None),
        ]
        said = [record.recorded_at for record in records_of(lines)]  # type: ignore[union-attr]
        assert said == [at(MARCH[day]) for day in (5, 2, 5, 2, 5)]

    def test_the_first_of_each_ledger_must_have_one(self) -> None:
        assert faults(client(), undated(client(), ledger="m-1")) == [
            'file:2: recorded_at: is missing, and no line of ledger "m-1" before this one has it'
        ]

    @pytest.mark.parametrize("place", range(len(EVERY_KIND)))
    def test_a_ledger_that_is_no_text_is_a_fault_of_any_kind(self, place: int) -> None:
        bad = {**EVERY_KIND[place], "ledger": 5}
        assert faults(*EVERY_KIND[:place], bad) == [f"file:{place + 1}: ledger: must be a text, not 5"]

    @pytest.mark.parametrize("ledger", ["m-1", "", None])
    def test_of_any_kind_it_is_no_part_of_the_record(self, ledger: str | None) -> None:
        plain, held = (
            records_of({**line, **more} for line in EVERY_KIND) for more in ({}, {"ledger": ledger})
        )
        assert plain == held
        assert [encode(record) for record in plain] == [encode(record) for record in held]

    @pytest.mark.parametrize("name", ["m-1", 'a "quoted" one', "ünique"])
    def test_on_the_fast_way_of_observations_it_is_read_as_on_the_slow_one(self, name: str) -> None:
        lines = [
            client(),
            server(),
            says("up", MARCH[1], ledger=name),
            says("down", MARCH[2], ledger=name, seq=3, chain="00"),
        ]
        slow, fast = Book(), Book()
        texts = [json.dumps(line, ensure_ascii=False).encode() for line in lines]
        slow_reader, fast_reader = EvidenceReader(), EvidenceReader(fast.track)
        for record in map(slow_reader.read, texts):
            assert record is not None
            slow.add(record)
        for record in fast_reader.read_block(b"\n".join(texts)):
            fast.add(record)
        assert slow_reader.faults == fast_reader.faults == []
        (one,), (other,) = (next(iter(book.servers.values())).tracks.values() for book in (slow, fast))
        assert one.changes(at(MARCH[0]), at(MARCH[5])) == other.changes(at(MARCH[0]), at(MARCH[5]))

    def test_what_is_not_admitted_leaves_no_instant_behind(self) -> None:
        reader = EvidenceReader()
        for ledger in ("", "m-1"):
            late, early = ({**client(name=name), "ledger": ledger} for name in ("late", "early"))
            bad = {**late, "recorded_at": MARCH[3], "timezone": "nowhere"}
            assert reader.admit(json.dumps(bad).encode()) is not None
            assert reader.admit(json.dumps({**late, "recorded_at": MARCH[2]}).encode()) is None
            reader.take_back()
            assert reader.admit(json.dumps({**early, "recorded_at": MARCH[1]}).encode()) is None
            reader.keep()
            assert reader.admit(json.dumps({**early, "recorded_at": MARCH[0]}).encode()) is not None

    def test_what_is_to_become_a_ledger_must_be_of_one(self) -> None:
        """Each other one is told once, of whatever kind its first line is."""
        names = ["m-1", "m-1", "m-1", "m-2", "m-2", ""]
        lines = [client(), server(), *[says("up", at) for at in MARCH[:4]]]
        told = EvidenceReader(for_ledger=True)
        for line, name in zip(lines, names, strict=True):
            told.read(json.dumps({**line, "ledger": name}).encode())
        assert [fault.shown("file") for fault in told.faults] == [
            'file:4: ledger: is "m-2", and "m-1" above: a ledger takes the lines of one',
            'file:6: ledger: is "", and "m-1" above: a ledger takes the lines of one',
        ]


class TestKnowing:
    """Spec §1.4: `as_of` cuts by `recorded_at`, not by line."""

    def test_the_newest_is_the_last_line_of_those_that_are_known(self) -> None:
        zones = [("UTC", 5), ("Europe/London", 9), ("Asia/Kolkata", 3)]
        book = book_as_told(client(zone=zone, recorded_at=MARCH[day], ledger=zone) for zone, day in zones)
        known = {day: book.client(ClientId("c"), at(MARCH[day])) for day in (2, 3, 5, 9)}
        assert known.pop(2) is None
        assert {day: record and record.timezone for day, record in known.items()} == dict.fromkeys(
            (3, 5, 9), "Asia/Kolkata"
        )

    def test_terms_are_those_of_the_last_line_that_is_known(self) -> None:
        lines = [
            {"kind": "contract", "effective_from": "2026-03", "terms": {}, "recorded_at": MARCH[day]}
            | {"ledger": str(day), "recorded_by": str(day)}
            for day in (5, 9, 3)
        ]
        book = book_as_told(lines)
        found = {day: book.contract(ClientId("c"), "2026-03", at(MARCH[day])) for day in (2, 4, 9)}
        assert {day: each and each.recorded_by for day, each in found.items()} == {2: None, 4: "3", 9: "3"}

    @pytest.mark.parametrize("days", list(permutations((3, 5, 9))))
    def test_exclusions_stand_from_their_recording_on_in_whatever_order_they_were_brought(
        self, days: tuple[int, ...]
    ) -> None:
        """Asked while it grows, and of instants that go back."""
        book = Book()
        lines = [
            exclusion(str(day), "client_change", MARCH[0], MARCH[1], recorded_at=MARCH[day], ledger=str(day))
            for day in days
        ]
        for number, record in enumerate(records_of(lines), 1):
            book.add(record)
            for known_at in (9, 4, 2, 6):
                found = {window.id for window in book.windows(at(MARCH[known_at]))}
                assert found == {str(day) for day in days[:number] if day <= known_at}

    def test_the_first_response_is_of_those_that_are_known(self) -> None:
        asked = {"kind": "service_request", "id": "r", "client": "c", "solution": "s", "opened_by": "ann"}
        asked |= {"channel": "phone", "opened_at": "2026-03-02T15:00:00Z", "recorded_at": MARCH[2]}
        answers = [
            {"kind": "service_request_responded", "id": "r", "at": when, "recorded_at": MARCH[day]}
            | {"ledger": str(day)}
            for day, when in ((9, "2026-03-02T16:00:00Z"), (5, "2026-03-02T18:00:00Z"))
        ]
        lines = [client(), server(), asked, *answers, says("up", MARCH[0]), seen()]
        hours = [
            statement(lines, as_of=MARCH[day], book=book_as_told)["service_requests"][0]["elapsed_business"]
            for day in (5, 9)
        ]
        assert hours == [3 * 3600, 3600]
