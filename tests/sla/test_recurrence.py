"""What recurs every week, by a local clock (spec §1.2)."""

from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.calendars import calendar_of, parse_day, weekday
from sla.instants import DAY, HOUR, MINUTE, Instant, format_instant
from sla.recurrence import ClockChange, Weekly, parse_weekly
from tests.sla.stories import at

ZONES = ("America/Toronto", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata", "UTC", "America/Sao_Paulo")
WEEKLY = st.builds(Weekly, st.integers(0, 6), st.integers(0, 24 * 60 - 1).map(lambda minute: minute * MINUTE))
SINCE = st.integers(at("2000-01-01T00:00:00Z"), at("2035-01-01T00:00:00Z")).map(Instant)


def starts(
    every: str, since: str, count: int, zone: str = "America/Toronto"
) -> list[tuple[str, ClockChange | None]]:
    rule, calendar = parse_weekly(every), calendar_of(zone)
    found = islice(rule.starts(calendar, at(since)), count)
    return [(format_instant(start), rule.clock_change(calendar, start)) for start in found]


def test_the_local_time_stays_over_a_clock_change() -> None:
    assert starts("sun 23:00", "2026-10-25T12:00:00Z", 2) == [
        ("2026-10-26T03:00:00Z", None),
        ("2026-11-02T04:00:00Z", None),
    ]


def test_a_time_that_does_not_exist_is_the_first_instant_after_the_gap() -> None:
    assert starts("sun 02:30", "2026-03-07T00:00:00Z", 2) == [
        ("2026-03-08T07:00:00Z", ClockChange.SKIPPED),
        ("2026-03-15T06:30:00Z", None),
    ]


def test_of_a_time_that_exists_twice_the_first_is_meant() -> None:
    assert starts("sun 01:30", "2026-11-01T00:00:00Z", 1) == [("2026-11-01T05:30:00Z", ClockChange.TWICE)]


def test_a_day_that_does_not_exist_is_the_first_instant_after_it() -> None:
    (start,) = starts("fri 23:00", "2011-12-28T00:00:00Z", 1, "Pacific/Apia")
    assert start == ("2011-12-30T10:00:00Z", ClockChange.SKIPPED)


def test_the_first_may_be_since_itself() -> None:
    assert starts("sun 23:00", "2026-10-26T03:00:00Z", 1) == [("2026-10-26T03:00:00Z", None)]
    assert starts("sun 23:00", "2026-10-26T03:00:00.000001Z", 1) == [("2026-11-02T04:00:00Z", None)]


def test_the_last_date_is_among_them() -> None:
    rule, toronto = parse_weekly("sun 23:00"), calendar_of("America/Toronto")
    since = at("2026-10-01T00:00:00Z")
    for last, count in (("2026-10-17", 2), ("2026-10-18", 3), ("2026-09-30", 0)):
        assert len(list(rule.starts(toronto, since, parse_day(last)))) == count


@pytest.mark.parametrize("text", ["sun 23:00", "mon 00:00", "sat 09:05"])
def test_a_rule_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_weekly(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sun",
        "sunday 23:00",
        "Sun 23:00",
        "sun 24:00",
        "sun 23:60",
        "sun 9:00",
        " sun 23:00",
        "sun 23:00\n",
        "23:00",
        5,
    ],
)
def test_what_is_no_rule_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must be a day"):
        parse_weekly(text)


@given(rule=WEEKLY, since=SINCE, zone=st.sampled_from(ZONES))
def test_there_is_one_a_week_at_its_local_time(rule: Weekly, since: Instant, zone: str) -> None:
    calendar = calendar_of(zone)
    found = list(islice(rule.starts(calendar, since), 60))
    assert found[0] >= since
    assert found[0] - since <= 8 * DAY + HOUR
    assert all(6 * DAY <= after - before <= 8 * DAY for before, after in pairwise(found))
    for start in found:
        day, time_of_day = calendar.wall_clock(start)
        as_said = (weekday(day), time_of_day) == (rule.weekday, rule.time_of_day)
        change = rule.clock_change(calendar, start)
        assert as_said == (change is not ClockChange.SKIPPED)
        before = calendar.wall_clock(Instant(start - 1))
        jump = (day - before[0]) * DAY + time_of_day - before[1]
        assert (jump > 1) == (change is ClockChange.SKIPPED), "it begins where the gap ends"
