"""Spec §3: service time."""

from collections.abc import Sequence
from typing import Any

import pytest

from sla.instants import BEGINNING, FOREVER
from sla.records import Leg
from sla.service import parts_of
from tests.sla.defects import retired
from tests.sla.stories import at, book_as_told, client, row_of, says, seen, server, statement

UP = [says("up", "2026-01-01T00:00:00Z"), seen()]
HOUR = 3600
DAY = 86_400_000_000
MARCH = 2674800  # Toronto's, 31 days less an hour
MID = "2026-03-16T04:00:00Z"  # midnight in Toronto
BEFORE_MID = 15 * 86400 - 3600


def rows(*lines: Any, **keys: Any) -> list[tuple[str, str | None, int]]:
    said = statement([client(), client("d"), *lines, *UP], **keys)
    return [(row["client"], row["solution"], row["service"]) for row in said["servers"]]


def test_3_1_nothing_outside_of_service_counts() -> None:
    row = row_of([client(), server(since=MID, in_service_until="2026-03-16T05:00:00Z"), *UP])
    assert (row["service"], row["up"]) == (HOUR, HOUR)
    assert rows(server(since="2026-02-01T05:00:00Z", in_service_until="2026-03-01T05:00:00Z")) == []


def test_3_2_a_record_that_starts_after_the_end_opens_another_period() -> None:
    first = server(in_service_until="2026-03-01T06:00:00Z")
    assert rows(first, server(since=MID)) == [("c", None, HOUR + MARCH - BEFORE_MID)]
    assert rows(first, server(since=MID, client="d")) == [("c", None, HOUR), ("d", None, MARCH - BEFORE_MID)]


def test_3_2_another_client_or_solution_otherwise_is_a_move() -> None:
    moved = [server(solution="mail"), server(since=MID, solution="mail", client="d")]
    assert rows(*moved) == [("c", "mail", BEFORE_MID), ("d", "mail", MARCH - BEFORE_MID)]
    assert rows(server(solution="mail"), server(since=MID, solution="web")) == [("c", "web", MARCH)]


def test_3_2_after_a_move_the_former_owner_has_nothing_even_if_the_new_part_ends() -> None:
    moved = server(since=MID, in_service_until="2026-03-16T05:00:00Z", client="d")
    assert rows(server(), moved) == [("c", None, BEFORE_MID), ("d", None, HOUR)]


def test_3_2_the_same_client_and_solution_otherwise_corrects_for_all_time() -> None:
    assert rows(server(), server(since=MID)) == [("c", None, MARCH - BEFORE_MID)]
    assert rows(server(), server(in_service_until=MID)) == [("c", None, BEFORE_MID)]


def test_3_2_a_corrected_move_moves_at_the_corrected_instant() -> None:
    lines = [server(), server(since="2026-03-20T04:00:00Z", client="d"), server(since=MID, client="d")]
    assert rows(*lines) == [("c", None, BEFORE_MID), ("d", None, MARCH - BEFORE_MID)]


def test_3_2_after_a_move_whose_record_is_corrected_the_former_owner_has_nothing_either() -> None:
    ended = server(since=MID, in_service_until="2026-03-16T05:00:00Z", client="d")
    lines = [server(), server(since=MID, client="d"), ended]
    assert rows(*lines) == [("c", None, BEFORE_MID), ("d", None, HOUR)]


def test_3_2_a_period_takes_its_own_time_of_those_before_it_and_no_more() -> None:
    """Service from 1 to 20 o'clock; later periods, corrected so that they lie inside of it, count once."""

    def period(start: int, end: int) -> Any:
        return server(since=f"2026-03-10T{start:02}:00:00Z", in_service_until=f"2026-03-10T{end:02}:00:00Z")

    one = [period(1, 20), period(21, 23), period(10, 15)]
    assert rows(*one) == [("c", None, 19 * HOUR)]
    assert rows(*one, period(16, 18)) == [("c", None, 19 * HOUR)]
    assert rows(*one, period(16, 23)) == [("c", None, 22 * HOUR)]


def test_3_2_an_empty_period_takes_a_record_back() -> None:
    assert rows(server(), server(in_service_until="2026-03-01T05:00:00Z")) == []


def test_3_2_only_the_legs_of_a_correction_hold_from_its_recording_on() -> None:
    lines = [
        client(),
        server(legs=["internet"]),
        server(legs=["internet", "san"], recorded_at=MID),
        *UP,
        says("down", "2026-01-01T00:00:00Z", leg="san"),
    ]
    row = row_of(lines)
    assert (row["up"], row["down"]) == (BEFORE_MID, MARCH - BEFORE_MID)
    assert row["down_by_leg"] == {"san": MARCH - BEFORE_MID, "internet": 0}


def test_3_2_legs_that_a_correction_takes_back_as_the_month_begins_are_not_in_it() -> None:
    first = server(since="2026-02-01T05:00:00Z", legs=["internet", "san"])
    corrected = server(since="2026-02-01T05:00:00Z", recorded_at="2026-03-01T05:00:00Z")
    assert row_of([client(), first, corrected, *UP])["down_by_leg"] == {"internet": 0}


def test_3_2_the_legs_of_a_move_hold_for_its_whole_part() -> None:
    lines = [
        client(),
        server(),
        server(since=MID, solution="mail", legs=["san"], recorded_at="2026-03-30T00:00:00Z"),
        *UP,
        says("down", "2026-01-01T00:00:00Z", leg="san"),
    ]
    assert row_of(lines)["down"] == MARCH - BEFORE_MID


def test_3_2_a_record_exists_from_its_recording_on() -> None:
    lines = [server(), server(since=MID, client="d", recorded_at="2026-03-20T00:00:00Z")]
    assert [who for who, *_ in rows(*lines, as_of="2026-03-19T00:00:00Z")] == ["c"]
    assert [who for who, *_ in rows(*lines, as_of="2026-03-20T00:00:00Z")] == ["c", "d"]


def test_3_3_the_newest_record_of_a_client_holds_for_all_time() -> None:
    moved = client(zone="UTC", recorded_at="2026-03-31T00:00:00Z")
    (row,) = statement([client(), server(since="2026-01-01T00:00:00Z"), moved, *UP])["servers"]
    assert row["service"] == 31 * 86400


def test_the_name_is_the_newest_and_the_solution_the_last_held_in_the_month() -> None:
    lines = [
        client(),
        server(solution="mail"),
        server(since="2026-04-01T12:00:00Z", solution="web", name="renamed"),
        *UP,
    ]
    row = row_of(lines)
    assert (row["name"], row["solution"]) == ("renamed", "mail")


def parts(*lines: Any, as_of: str = "2026-05-01T00:00:00Z") -> list[tuple[str, str | None, int, int | None]]:
    """Client, solution and days in March from the 1st on, of the parts of server s; its lines in the order given."""
    book = book_as_told([client(), client("d"), *lines])
    start = at("2026-03-01T00:00:00Z")
    return [
        (
            part.client,
            part.solution,
            (part.start - start) // DAY,
            None if part.end == FOREVER else (part.end - start) // DAY,
        )
        for part in next(iter(book.servers.values())).parts(at(as_of))
    ]


def told(observer: str, since: int, until: int | None = None, **keys: Any) -> Any:
    """A line of an observer about server s, from a day of March until another, counted from 0."""
    ends = {} if until is None else {"in_service_until": day(until)}
    return server(since=day(since), observer=observer, **ends, **keys)


def day(number: int) -> str:
    return f"2026-03-{number + 1:02}T00:00:00Z"


class TestSeveralMonitors:
    """Spec §3.4."""

    def test_service_is_wherever_a_part_of_any_reaches(self) -> None:
        assert parts(told("a", 0, 10), told("b", 5, 15)) == [("c", None, 0, 15)]
        assert parts(told("a", 0, 5), told("b", 5, 9)) == [("c", None, 0, 9)]
        assert parts(told("a", 0, 5), told("b", 6, 9)) == [("c", None, 0, 5), ("c", None, 6, 9)]
        assert parts(told("a", 0, 20), told("b", 5, 9)) == [("c", None, 0, 20)]

    def test_the_records_of_each_follow_one_another_and_none_of_another(self) -> None:
        """Of one observer the third would be another period; so it corrects what its own observer said first."""
        lines = [told("a", 0), told("b", 2, 4), told("a", 6)]
        assert parts(*lines) == [("c", None, 2, 4), ("c", None, 6, None)]
        assert parts(told("", 0), told("", 2, 4), told("", 6)) == [("c", None, 2, 4), ("c", None, 6, None)]
        assert parts(told("a", 0), told("b", 0, 5), told("b", 0, 0)) == [("c", None, 0, None)]

    def test_of_owners_that_differ_that_of_the_later_line_holds_where_both_have_a_part(self) -> None:
        one, other = told("a", 0, 10), told("b", 5, 15, client="d", solution="mail")
        assert parts(one, other) == [("c", None, 0, 5), ("d", "mail", 5, 15)]
        assert parts(other, one) == [("c", None, 0, 10), ("d", "mail", 10, 15)]

    def test_a_solution_is_as_much_an_owner_as_a_client_is(self) -> None:
        assert parts(told("a", 0, 10), told("b", 4, 6, solution="mail")) == [
            ("c", None, 0, 4),
            ("c", "mail", 4, 6),
            ("c", None, 6, 10),
        ]

    def test_the_later_line_decides_whatever_it_changes_and_however_early_it_was_recorded(self) -> None:
        one, other = told("a", 0, 10), told("b", 0, 10, client="d")
        renamed = told("a", 0, 10, name="renamed", recorded_at="2026-01-01T00:00:00Z", ledger="x")
        assert parts(one, other, renamed) == [("c", None, 0, 10)]
        later = told("a", 20, 25)
        assert parts(one, other, later) == [("c", None, 0, 10), ("c", None, 20, 25)]

    def test_the_later_line_decides_once_it_is_known(self) -> None:
        one, other = told("a", 0, 10), told("b", 0, 10, client="d", recorded_at=day(7))
        assert parts(one, other, as_of=day(6)) == [("c", None, 0, 10)]
        assert parts(one, other, as_of=day(7)) == [("d", None, 0, 10)]

    def test_legs_are_those_of_all_that_have_a_part_there_of_whichever_owner(self) -> None:
        one, other = told("a", 0, 10, legs=["san"]), told("b", 5, 15, client="d")
        book = book_as_told([client(), client("d"), one, other])
        (_, of_both, of_one) = [
            legs
            for part in next(iter(book.servers.values())).parts(at(day(20)))
            for _, _, legs in part.legs(tuple(Leg), part.start, part.end)
        ]
        assert (of_both, of_one) == ((Leg.SAN, Leg.INTERNET), (Leg.INTERNET,))

    def test_legs_of_a_correction_hold_from_its_recording_on_over_those_of_every_line_before(self) -> None:
        """Of one observer in several ledgers, the last of which was recorded first."""
        lines = [
            told("a", 0, legs=["running"]),
            told("a", 0, legs=["san"], recorded_at=day(10)),
            told("a", 0, legs=["internet"], recorded_at=day(5), ledger="x"),
        ]
        book = book_as_told([client(), *lines])
        (part,) = next(iter(book.servers.values())).parts(at(day(20)))
        assert part.watched == ((BEGINNING, (Leg.RUNNING,)), (at(day(5)), (Leg.INTERNET,)))

    def test_a_record_exists_no_sooner_than_its_client(self) -> None:
        """Spec §1.4: by the earliest of the client's records, whatever line it is on."""
        late = client("e", recorded_at=day(9), ledger="x")
        moved = told("b", 0, client="e", name="new")
        lines = [told("a", 0), late, moved]
        assert parts(*lines, as_of=day(8)) == [("c", None, 0, None)]
        assert parts(*lines, as_of=day(9)) == [("e", None, 0, None)]
        earlier = client("e", recorded_at=day(4), ledger="y")
        assert parts(*lines, earlier, as_of=day(4)) == [("e", None, 0, None)]
        rows = statement([client(), *lines, *UP], as_of=day(8), book=book_as_told)["servers"]
        assert [row["name"] for row in rows] == ["Server s"]

    def test_the_name_is_that_of_the_newest_line_of_all(self) -> None:
        lines = [client(), told("a", 0, name="old"), told("b", 0, 1, name="new"), *UP]
        assert row_of(lines, book=book_as_told)["name"] == "new"

    def test_an_outage_goes_on_from_the_part_of_one_to_that_of_another(self) -> None:
        lines = [client(), told("a", 0, 10), told("b", 10, 20), says("down", day(8)), seen()]
        (solution,) = statement(lines)["solutions"]
        (outage,) = solution["interruptions"]
        assert (outage["start"], outage["end"]) == (day(8), day(20))


class TestRetirement:
    """Spec §3.4."""

    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            ([told("a", 0), retired("a", day(9))], [("c", None, 0, 9)]),
            ([told("a", 0, 5), retired("a", day(9))], [("c", None, 0, 5)]),
            ([told("a", 10), retired("a", day(9))], []),
            ([told("a", 0), retired("b", day(9))], [("c", None, 0, None)]),
            ([retired("a", day(9)), told("a", 0)], [("c", None, 0, None)]),
            ([told("", 0), retired("", day(9))], [("c", None, 0, 9)]),
            (
                [told("a", 0), retired("a", day(9)), retired("a", day(5), recorded_at=day(9))],
                [("c", None, 0, 5)],
            ),
            (
                [told("a", 0), retired("a", day(5)), told("a", 7), retired("a", day(9))],
                [("c", None, 0, 5), ("c", None, 7, 9)],
            ),
            (
                [told("a", 0), told("a", 7, client="d"), retired("a", day(9))],
                [("c", None, 0, 7), ("d", None, 7, 9)],
            ),
            ([told("a", 0), told("b", 4), retired("a", day(9))], [("c", None, 0, None)]),
        ],
        ids=[
            "open",
            "over by then",
            "not begun by then",
            "another's",
            "on an earlier line",
            "without a name",
            "twice",
            "and began again",
            "moved",
            "another goes on",
        ],
    )
    def test_what_its_records_on_earlier_lines_make_reaches_no_further(
        self, lines: Sequence[Any], expected: object
    ) -> None:
        assert parts(*lines) == expected

    def test_what_it_records_later_is_another_observers(self) -> None:
        """A correction of the same owner would else take the place of all before it."""
        lines = [told("a", 0), retired("a", day(5)), told("a", 9)]
        assert parts(*lines) == [("c", None, 0, 5), ("c", None, 9, None)]
        moved = [told("a", 0), retired("a", day(5)), told("a", 3, client="d")]
        assert parts(*moved) == [("c", None, 0, 3), ("d", None, 3, None)]

    def test_it_is_known_from_its_recording_on(self) -> None:
        lines = [told("a", 0), retired("a", day(5), recorded_at=day(9))]
        assert parts(*lines, as_of=day(8)) == [("c", None, 0, None)]
        assert parts(*lines, as_of=day(9)) == [("c", None, 0, 5)]
        begun_again = [*lines, told("a", 3, client="d", recorded_at=day(7), ledger="x")]
        assert parts(*begun_again, as_of=day(8)) == [("c", None, 0, 3), ("d", None, 3, None)]

    def test_what_its_witnesses_saw_stays_as_it_is(self) -> None:
        lines = [
            told("b", 0),
            told("o", 0),
            retired("o", day(5)),
            says("up", day(0)),
            says("down", day(9)),
            seen(),
        ]
        assert row_of([client(), *lines])["down"] > 0

    def test_parts_of_nothing_are_none(self) -> None:
        assert parts_of([]) == ()
