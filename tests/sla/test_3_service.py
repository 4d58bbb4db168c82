"""Spec §3: service time."""

from typing import Any

from tests.sla.stories import client, row_of, says, seen, server, statement

UP = [says("up", "2026-01-01T00:00:00Z"), seen()]
HOUR = 3600
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
