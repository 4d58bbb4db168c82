"""Spec §4: exclusions."""

from typing import Any

import pytest

from sla.calendars import calendar_of
from sla.exclusions import weeks_around
from sla.instants import Instant
from sla.records import ClientId, ServerId
from tests.sla.stories import (
    at,
    client,
    exclusion,
    judgement,
    maintenance,
    row_of,
    says,
    seen,
    server,
    statement,
)

UP = [says("up", "2026-01-01T00:00:00Z"), seen()]
HOUR = 3600
# Tuesday 10 March 2026 in Toronto, four hours behind: the band is 03:00Z to 10:00Z.
NIGHT = ("2026-03-11T03:00:00Z", "2026-03-11T04:00:00Z")


def row(*lines: Any, **keys: Any) -> Any:
    return row_of([client(), server(), *lines, *UP], **keys)


def refused(*lines: Any, **keys: Any) -> list[tuple[str, str, int]]:
    return [(x["exclusion"], x["reason"], x["seconds"]) for x in row(*lines, **keys)["ineligible"]]


def test_4_1_each_second_is_booked_once_under_the_first_category() -> None:
    day = ("2026-03-10T12:00:00Z", "2026-03-10T14:00:00Z")
    half = ("2026-03-10T13:00:00Z", "2026-03-10T15:00:00Z")
    said = row(exclusion("b", "end_user_pc", *day), exclusion("a", "force_majeure", *half))
    assert said["excluded_by"] == {"force_majeure": 2 * HOUR, "end_user_pc": HOUR}
    assert list(said["excluded_by"]) == ["force_majeure", "end_user_pc"]


@pytest.mark.parametrize(
    ("scope", "seconds"),
    [
        ({}, HOUR),
        ({"clients": ["c"]}, HOUR),
        ({"clients": ["d"]}, 0),
        ({"solutions": ["mail"]}, HOUR),
        ({"solutions": ["web"]}, 0),
        ({"solutions": ["s"]}, 0),
        ({"servers": ["s"]}, HOUR),
        ({"clients": ["d"], "solutions": ["web"], "servers": ["s"]}, HOUR),
        ({"clients": ["c"], "servers": ["s"]}, HOUR),
    ],
)
def test_4_2_the_scope_is_the_union_of_what_is_named_and_all_where_nothing_is(
    scope: dict[str, list[str]], seconds: int
) -> None:
    lines = [client(), client("d"), server(solution="mail"), exclusion("x", "client_change", *NIGHT, **scope)]
    assert row_of([*lines, *UP])["excluded"] == seconds


def test_4_2_solutions_may_name_a_lone_server() -> None:
    assert row(exclusion("x", "client_change", *NIGHT, solutions=["s"]))["excluded"] == HOUR


def test_4_2_each_server_and_solution_has_the_exclusions_that_name_it() -> None:
    lines = [client(), *(server(name, solution=f"of {name}") for name in "stuv"), server("w"), *UP]
    for minutes, scope in (
        (10, {"solutions": ["of t"]}),
        (20, {"servers": ["u"]}),
        (30, {"solutions": ["of v"]}),
        (40, {"servers": ["w"]}),
    ):
        end = f"2026-03-11T03:{minutes}:00Z"
        lines.append(exclusion(f"x{minutes}", "client_change", NIGHT[0], end, **scope))
    excluded = {each["id"]: each["excluded"] // 60 for each in statement(lines)["servers"]}
    assert excluded == {"s": 0, "t": 10, "u": 20, "v": 30, "w": 40}


def test_4_2_a_window_covers_a_server_where_they_share_time_and_not_where_they_touch() -> None:
    asked = judgement([client(), server(), exclusion("x", "client_change", *NIGHT)])
    (part,) = asked.book.servers[ServerId("s")].parts(asked.as_of)
    rules = asked.rules(ClientId("c"))
    assert rules is not None
    before, start, end, after = map(at, ("2026-03-11T00:00:00Z", *NIGHT, "2026-03-12T00:00:00Z"))
    for since, until, covering in (
        (before, start, 0),
        (before, Instant(start + 1), 1),
        (Instant(end - 1), after, 1),
        (end, after, 0),
    ):
        assert len(rules.exclusions.covering(ServerId("s"), part, since, until)) == covering


def test_4_2_maintenance_that_touches_a_period_of_service_is_none_of_it() -> None:
    before = server(in_service_until=NIGHT[0])
    lines = [client(), before, server(since=NIGHT[1]), maintenance("x", *NIGHT), *UP]
    said = row_of(lines)
    assert (said["excluded"], said["ineligible"]) == (0, [])


def test_4_2_clients_and_solutions_cover_a_server_while_it_belongs_to_them() -> None:
    moved = server(since="2026-03-11T03:30:00Z", client="d")
    lines = [
        client(),
        client("d"),
        server(),
        moved,
        exclusion("x", "client_change", *NIGHT, clients=["c"]),
        *UP,
    ]
    assert [r["excluded"] for r in statement(lines)["servers"]] == [HOUR // 2, 0]
    every_server = exclusion("x", "client_change", *NIGHT, servers=["s"])
    assert [r["excluded"] for r in statement([*lines[:4], every_server, *UP])["servers"]] == [HOUR // 2] * 2


def test_4_2_a_withdrawn_exclusion_is_as_if_never_recorded_from_then_on() -> None:
    gone = {"kind": "exclusion_withdrawn", "id": "x", "why": "", "recorded_at": "2026-03-20T00:00:00Z"}
    lines = [exclusion("x", "client_change", *NIGHT), gone]
    assert row(*lines, as_of="2026-03-19T00:00:00Z")["excluded"] == HOUR
    assert row(*lines, as_of="2026-03-20T00:00:00Z")["excluded"] == 0


def test_4_2_an_open_exclusion_lasts_until_it_is_ended() -> None:
    ended = {"kind": "exclusion_ended", "id": "x", "at": NIGHT[1], "recorded_at": "2026-03-20T00:00:00Z"}
    lines = [exclusion("x", "client_change", NIGHT[0], None), ended]
    assert row(*lines, as_of="2026-03-11T08:00:00Z")["excluded"] == 5 * HOUR
    assert row(*lines, as_of="2026-03-20T00:00:00Z")["excluded"] == HOUR


@pytest.mark.parametrize("category", ["force_majeure", "client_change", "client_system", "end_user_pc"])
def test_4_3_the_first_four_categories_exclude_their_whole_span(category: str) -> None:
    long = ("2026-03-10T12:00:00Z", "2026-03-14T12:00:00Z")
    assert row(exclusion("x", category, *long, announced_at=None))["excluded"] == 4 * 86400


# Three days before Tuesday 23:00, by the wall: Saturday 7 March 23:00 EST, which is 8 March 04:00Z: 71 hours before.
@pytest.mark.parametrize(
    ("recorded", "announced", "announcement", "late"),
    [
        ("2026-03-08T04:00:00Z", "2026-03-08T04:00:00Z", "recorded", False),
        ("2026-03-08T04:00:00.000001Z", "2026-03-01T00:00:00Z", "recorded", True),
        ("2026-03-09T00:00:00Z", "2026-03-08T04:00:00Z", "stated", False),
        ("2026-03-09T00:00:00Z", "2026-03-08T04:00:00.000001Z", "stated", True),
        ("2026-03-01T00:00:00Z", None, "stated", True),
        ("2026-03-01T00:00:00Z", None, "recorded", True),
    ],
)
def test_4_4a_notice_is_due_days_before_at_the_same_wall_time(
    recorded: str, announced: str | None, announcement: str, *, late: bool
) -> None:
    window = maintenance("x", *NIGHT, recorded_at=recorded, announced_at=announced)
    terms = {"scheduled_maintenance": {"announcement": announcement}}
    assert refused(window, terms=terms) == ([("x", "late_notice", HOUR)] if late else [])


def test_4_4b_only_what_lies_inside_the_nightly_band_is_eligible() -> None:
    early = maintenance("x", "2026-03-11T02:30:00Z", "2026-03-11T03:30:00Z")
    assert refused(early) == [("x", "outside_band", HOUR // 2)]
    morning = maintenance("x", "2026-03-11T09:30:00Z", "2026-03-11T10:30:00Z")
    assert refused(morning) == [("x", "outside_band", HOUR // 2)]


def test_4_4b_a_band_that_ends_where_it_starts_is_the_whole_day() -> None:
    noon = maintenance("x", "2026-03-11T15:30:00Z", "2026-03-11T16:30:00Z")
    assert refused(noon, terms={"scheduled_maintenance": {"between": ["12:00", "12:00"]}}) == []


def test_4_4b_the_band_follows_the_clock_over_its_changes() -> None:
    """From 23:00 EST on 7 March to 06:00 EDT on the 8th there are six hours."""
    window = maintenance("x", "2026-03-08T03:00:00Z", "2026-03-08T11:00:00Z")
    said = row(window, terms={"scheduled_maintenance": {"max_per_week": "100h"}})
    assert (said["excluded"], said["ineligible"][0]["seconds"]) == (6 * HOUR, 2 * HOUR)


def test_4_4c_the_cap_is_used_up_in_order_of_time_over_all_windows_together() -> None:
    first = maintenance("a", "2026-03-11T03:00:00Z", "2026-03-11T03:40:00Z")
    both = maintenance("b", "2026-03-11T03:20:00Z", "2026-03-11T03:50:00Z")
    last = maintenance("c", "2026-03-12T03:00:00Z", "2026-03-12T03:30:00Z")
    assert row(first, both, last)["excluded"] == HOUR
    assert refused(first, both, last) == [("c", "over_weekly_cap", 20 * 60)]


def test_4_4c_each_week_has_a_cap_of_its_own() -> None:
    """Sunday 15 March 23:30 to Monday 00:45 EDT."""
    window = maintenance("x", "2026-03-16T03:30:00Z", "2026-03-16T04:45:00Z")
    assert row(window)["excluded"] == 75 * 60


def test_4_4c_the_weeks_around_a_span_are_those_that_it_shares_time_with() -> None:
    first, second, third = map(at, ("2026-03-02T05:00:00Z", "2026-03-09T04:00:00Z", "2026-03-16T04:00:00Z"))
    toronto = calendar_of("America/Toronto")
    assert weeks_around(toronto, first, second) == (first, second)
    assert weeks_around(toronto, first, Instant(second + 1)) == (first, third)
    assert weeks_around(toronto, Instant(second - 1), second) == (first, second)


def test_4_4c_the_cap_counts_service_time_only() -> None:
    """Of the first hour of the week half an hour was before the server's service."""
    two = maintenance("x", "2026-03-11T03:00:00Z", "2026-03-11T05:00:00Z")
    assert row_of([client(), server(since="2026-03-11T03:30:00Z"), two, *UP])["excluded"] == HOUR


def test_4_4c_the_days_of_a_week_before_the_month_draw_on_its_cap() -> None:
    """Week of Monday 23 February: its hour is used up on Friday, before March begins."""
    friday = maintenance("a", "2026-02-28T04:00:00Z", "2026-02-28T05:00:00Z")
    sunday = maintenance("b", "2026-03-02T04:00:00Z", "2026-03-02T05:00:00Z")
    lines = [client(), server(since="2026-01-01T05:00:00Z"), friday, sunday, *UP]
    assert row_of(lines)["ineligible"] == [{"exclusion": "b", "reason": "over_weekly_cap", "seconds": HOUR}]


def test_4_4c_another_exclusion_of_the_same_time_makes_no_difference_to_the_cap() -> None:
    covered = exclusion("a", "force_majeure", *NIGHT)
    lines = [
        covered,
        maintenance("b", *NIGHT),
        maintenance("c", "2026-03-12T03:00:00Z", "2026-03-12T04:00:00Z"),
    ]
    assert row(*lines)["excluded_by"] == {"force_majeure": HOUR}
    assert refused(*lines) == [("c", "over_weekly_cap", HOUR)]


def test_4_4c_a_server_that_changes_clients_has_the_cap_of_each() -> None:
    two = maintenance("x", "2026-03-11T03:00:00Z", "2026-03-11T05:00:00Z")
    lines = [client(), client("d"), server(), server(since="2026-03-11T04:00:00Z", client="d"), two, *UP]
    assert [r["excluded"] for r in statement(lines)["servers"]] == [HOUR, HOUR]


def test_4_4_an_emergency_update_needs_neither_notice_nor_band() -> None:
    noon = exclusion(
        "x", "emergency_security_update", "2026-03-11T16:00:00Z", "2026-03-11T18:00:00Z", announced_at=None
    )
    assert refused(noon) == [("x", "over_weekly_cap", HOUR)]
    assert refused(noon, terms={"scheduled_maintenance": {"emergency_in_cap": False}}) == []


def test_4_5_each_window_shows_its_own_time_with_the_first_reason() -> None:
    late = maintenance("a", *NIGHT, recorded_at="2026-03-11T00:00:00Z")
    partly = maintenance("b", "2026-03-11T02:00:00Z", "2026-03-11T05:00:00Z")
    assert refused(partly, late) == [
        ("a", "late_notice", HOUR),
        ("b", "outside_band", HOUR),
        ("b", "over_weekly_cap", HOUR),
    ]


def test_4_5_only_service_time_in_the_month_so_far_is_shown() -> None:
    window = maintenance("x", "2026-03-11T02:00:00Z", "2026-03-11T03:00:00Z")
    assert refused(window, as_of="2026-03-11T02:30:00Z") == [("x", "outside_band", HOUR // 2)]
    assert refused(window, as_of="2026-03-11T02:00:00Z") == []
