"""Spec §1: time. The same evidence gives the same bytes (§1.5): tests/daemon/cli/test_evaluate.py."""

import time
from collections.abc import Iterator

import pytest

from sla.calendars import Calendar, Day, calendar_of, format_day, parse_day, parse_month, year_of
from sla.instants import HOUR, MINUTE, Instant, format_instant, parse_instant
from tests.sla.stories import at, client, exclusion, row_of, says, seen, server, statement

DAY_HOURS = {
    ("America/Toronto", "2026-03-08"): 23,
    ("America/Toronto", "2026-11-01"): 25,
    ("America/Toronto", "2026-06-01"): 24,
    ("Asia/Kolkata", "2026-03-08"): 24,
    ("Pacific/Apia", "2011-12-30"): 0,
}


def day_length(zone: str, date: str) -> int:
    calendar, day = calendar_of(zone), parse_day(date)
    return calendar.day_start(Day(day + 1)) - calendar.day_start(day)


def is_within_its_day(instant: Instant, calendar: Calendar) -> bool:
    day = calendar.day_of(instant)
    return calendar.day_start(day) <= instant < calendar.day_start(Day(day + 1))


@pytest.mark.parametrize(("zone", "day"), DAY_HOURS)
def test_1_2_a_local_day_lasts_from_midnight_to_midnight(zone: str, day: str) -> None:
    assert day_length(zone, day) == DAY_HOURS[zone, day] * HOUR


def test_1_2_a_half_hour_change_makes_a_day_of_24_hours_and_a_half() -> None:
    assert day_length("Australia/Lord_Howe", "2026-04-05") == 24 * HOUR + 30 * MINUTE


def test_1_2_a_week_runs_from_monday_to_monday() -> None:
    week = calendar_of("America/Toronto").week_span(at("2026-03-08T12:00:00Z"))
    assert [format_instant(edge) for edge in week] == ["2026-03-02T05:00:00Z", "2026-03-09T04:00:00Z"]


def test_1_2_a_month_runs_between_local_midnights() -> None:
    month = calendar_of("America/Toronto").month_span(parse_month("2026-03"))
    assert [format_instant(edge) for edge in month] == ["2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"]


def test_1_2_a_month_ends_where_the_next_begins_in_december_too() -> None:
    utc = calendar_of("UTC")
    for text, span in (
        ("2026-12", ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")),
        ("9998-12", ("9998-12-01T00:00:00Z", "9999-01-01T00:00:00Z")),
    ):
        assert utc.month_span(parse_month(text)) == tuple(map(at, span))
    start, end = utc.month_span(parse_month("9999-12"))
    assert end - start == 31 * 24 * HOUR
    assert utc.month_span(parse_month("9999-11"))[1] == start


def test_1_2_a_month_is_that_of_the_local_clock() -> None:
    toronto = calendar_of("America/Toronto")
    assert str(toronto.month_of(at("2026-04-01T03:59:59Z"))) == "2026-03"
    assert str(toronto.month_of(at("2026-04-01T04:00:00Z"))) == "2026-04"


def test_1_1_the_year_of_an_instant_is_that_of_utc() -> None:
    assert [year_of(at(text)) for text in ("2026-12-31T23:59:59.999999Z", "2027-01-01T00:00:00Z")] == [
        2026,
        2027,
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "2026-03-01T05:00:00",
            "is no RFC 3339 instant with a zone, such as 2026-03-01T05:00:00Z or 2026-03-01T00:00:00-05:00",
        ),
        ("2026-02-29T00:00:00Z", "names no instant: day is out of range for month"),
        ("9999-12-31T23:59:59-01:00", "names no instant: date value out of range"),
    ],
)
def test_1_1_what_is_no_instant_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        at(text)
    assert str(caught.value) == f"{text!r} {problem}"


def test_1_1_an_instant_is_the_same_in_every_zone_and_letter() -> None:
    same = ("2026-03-01T05:00:00Z", "2026-03-01t05:00:00z", "2026-03-01T00:00:00.000000-05:00")
    assert {at(text) for text in same} == {Instant(1_772_341_200_000_000)}
    assert format_instant(Instant(at("0001-01-01T00:00:00Z") + 5)) == "0001-01-01T00:00:00.000005Z"


@pytest.fixture
def machine_in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("machine_in_tokyo")
def test_1_5_the_zone_of_the_machine_makes_no_difference_to_an_instant() -> None:
    """There the last hours of UTC's last year are no date any more."""
    for text in ("2026-03-01T05:00:00Z", "9999-12-31T23:59:59Z"):
        assert format_instant(at(text)) == text


@pytest.mark.parametrize("text", ["0000-01", "2026-13", "2026-00", "2026-1", "26-01", "March", "2026-01-01"])
def test_1_2_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_month(text)
    assert str(caught.value) == f"{text!r} is no month, such as 2026-03"


def test_1_2_people_read_the_local_clock_with_its_offset() -> None:
    instant = at("2026-03-08T06:59:59.9Z")
    local = calendar_of("America/Toronto").local_time(instant)
    assert (local.isoformat(" ", "seconds"), local.tzname()) == ("2026-03-08 01:59:59-05:00", "EST")
    assert (
        calendar_of("Asia/Kolkata").local_time(instant).isoformat(" ", "seconds")
        == "2026-03-08 12:29:59+05:30"
    )


def test_1_2_a_wall_time_that_is_skipped_is_the_first_instant_after_the_gap() -> None:
    for zone, day, hour, instant in (
        ("America/Toronto", "2026-03-08", 2, "2026-03-08T07:00:00Z"),
        ("Europe/London", "2026-03-29", 1, "2026-03-29T01:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-04", 2, "2026-10-03T15:30:00Z"),
    ):
        for minutes in (1, 15, 29):
            for microseconds in (0, 1, 2, 123_457):
                reading = hour * HOUR + minutes * MINUTE + microseconds
                assert format_instant(calendar_of(zone).at_wall_time(parse_day(day), reading)) == instant


def test_1_2_a_wall_time_that_occurs_twice_is_the_first_of_the_two() -> None:
    twice = calendar_of("America/Toronto").at_wall_time(parse_day("2026-11-01"), HOUR + 30 * MINUTE)
    assert format_instant(twice) == "2026-11-01T05:30:00Z"


def test_1_2_a_clock_put_back_over_midnight_does_not_bring_yesterday_back() -> None:
    st_johns = calendar_of("America/St_Johns")  # at 00:01 on 7 November 2010 the clock went back to 23:01
    assert format_day(st_johns.day_of(at("2010-11-07T02:45:00Z"))) == "2010-11-07"
    assert st_johns.day_start(parse_day("2010-11-07")) == at("2010-11-07T02:30:00Z")


@pytest.mark.parametrize(
    "zone", ["America/Toronto", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Monrovia"]
)
def test_1_2_every_instant_lies_in_the_span_of_its_day(zone: str) -> None:
    calendar = calendar_of(zone)
    for day in range(-20_000, 30_000, 37):
        instant = Instant(day * 24 * HOUR + 13)
        assert is_within_its_day(instant, calendar)


def test_1_2_dates_at_the_ends_of_time_are_dates_too() -> None:
    calendar = calendar_of("America/Toronto")
    for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"):
        assert is_within_its_day(at(text), calendar)
    assert calendar.month_span(parse_month("9999-12"))[1] > at("9999-12-31T23:59:59Z")
    assert calendar.day_start(Day(5_000_000)) > at("9999-12-31T23:59:59Z")


def test_1_3_the_target_is_compared_exactly() -> None:
    """One microsecond below the target is a breach, however it reads."""
    up = [client(), server(since="2026-03-01T05:00:00Z"), says("up", "2026-03-01T05:00:00Z"), seen()]
    at_target = [says("down", "2026-03-02T05:00:00Z"), says("up", "2026-03-02T05:44:34.8Z")]
    below = [says("down", "2026-03-02T05:00:00Z"), says("up", "2026-03-02T05:44:34.800001Z")]
    met, missed = row_of([*up, *at_target]), row_of([*up, *below])
    assert (met["met"], met["down"]) == (True, 2674.8)
    assert (missed["met"], missed["down"]) == (False, 2674.800001)


def test_1_4_what_is_recorded_later_does_not_exist_yet() -> None:
    lines = [
        client(),
        server(),
        says("up", "2026-03-01T05:00:00Z"),
        seen(),
        exclusion(
            "x",
            "client_change",
            "2026-03-02T05:00:00Z",
            "2026-03-02T06:00:00Z",
            recorded_at="2026-03-20T00:00:00Z",
        ),
    ]
    assert row_of(lines, as_of="2026-03-19T23:59:59.999999Z")["excluded"] == 0
    assert row_of(lines, as_of="2026-03-20T00:00:00Z")["excluded"] == 3600


def test_1_4_an_interruption_that_would_end_at_as_of_is_ongoing() -> None:
    lines = [
        client(),
        server(),
        says("up", "2026-03-01T05:00:00Z"),
        says("down", "2026-03-05T00:00:00Z"),
        says("up", "2026-03-05T01:00:00Z"),
        seen(),
    ]
    for as_of, ends in (
        ("2026-03-05T00:00:00Z", []),
        ("2026-03-05T00:00:00.000001Z", [None]),
        ("2026-03-05T01:00:00Z", [None]),
        ("2026-03-05T01:00:00.000001Z", ["2026-03-05T01:00:00Z"]),
    ):
        (solution,) = statement(lines, as_of=as_of)["solutions"]
        assert [each["end"] for each in solution["interruptions"]] == ends, as_of


@pytest.mark.parametrize(
    ("at", "zone", "spoken"),
    [
        ("2026-12-07T05:00:00Z", "America/Toronto", "7 December 00:00 EST"),
        ("2026-07-01T05:00:09.5Z", "America/Toronto", "1 July 01:00:09 EDT"),
        ("2026-12-07T00:00:00Z", "UTC", "7 December 00:00 UTC"),
        ("2026-10-25T01:30:00Z", "Europe/Berlin", "25 October 02:30 CET"),
    ],
)
def test_an_instant_in_a_sentence(at: str, zone: str, spoken: str) -> None:
    assert calendar_of(zone).spoken(parse_instant(at)) == spoken
