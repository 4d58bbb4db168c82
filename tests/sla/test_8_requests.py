"""Spec §8: service requests. Who may open one (§8.1): test_reader.py."""

from typing import Any

import pytest

from daemon.holidays import national_holidays
from sla.calendars import BusinessTime, calendar_of, parse_day
from sla.instants import HOUR, MINUTE, Instant, format_instant
from tests.sla.stories import at, client, server, statement

HOURS = BusinessTime(
    calendar=calendar_of("America/Toronto"),
    hours=(8 * HOUR, 20 * HOUR),
    holidays=national_holidays(2025, 2027),
)


def answered(opened_at: str, *responses: str, as_of: str, **support: Any) -> Any:
    line = {"kind": "service_request", "id": "r", "client": "c", "solution": "s", "opened_by": "ann"}
    lines = [
        client(),
        server(),
        {**line, "channel": "email", "opened_at": opened_at, "recorded_at": opened_at},
    ]
    lines += [
        {"kind": "service_request_responded", "id": "r", "at": time, "recorded_at": time}
        for time in responses
    ]
    terms = {"support": support} if support else None
    return statement(lines, month="2026-06", as_of=as_of, terms=terms)["service_requests"][0]


def business_minutes(start: Instant, end: Instant) -> int:
    """The business time between two instants, minute by minute."""
    calendar = calendar_of("America/Toronto")
    minutes = 0
    for instant in range(start, end, MINUTE):
        day, time = calendar.wall_clock(Instant(instant))
        minutes += HOURS.is_business_day(day) and 8 * HOUR <= time < 20 * HOUR
    return minutes


@pytest.mark.parametrize(
    ("day", "open_"),
    [
        ("2026-06-29", True),  # a Monday
        ("2026-07-01", False),  # Canada Day
        ("2026-07-04", False),  # a Saturday
        ("2026-04-03", False),  # Good Friday
        ("2026-04-06", True),  # Easter Monday
        ("2026-02-16", True),  # Family Day in Ontario, no national holiday
        (
            "2026-09-30",
            True,
        ),  # Truth and Reconciliation: not one of the whole country's, as the package lists them
        ("2026-12-25", False),
    ],
)
def test_8_2_business_days_are_weekdays_without_national_holidays(day: str, *, open_: bool) -> None:
    assert HOURS.is_business_day(parse_day(day)) is open_


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("2026-06-29T12:00:00Z", "2026-06-29T16:00:00Z"),  # at 08:00
        ("2026-06-29T11:00:00Z", "2026-06-29T16:00:00Z"),  # before
        ("2026-06-29T20:00:00Z", "2026-06-30T00:00:00Z"),  # full at closing time
        ("2026-06-29T20:00:01Z", "2026-06-30T12:00:01Z"),
        ("2026-06-30T22:00:00Z", "2026-07-02T14:00:00Z"),  # over Canada Day
        ("2026-07-03T23:59:00Z", "2026-07-06T15:59:00Z"),  # over a weekend
        ("2026-03-06T23:00:00Z", "2026-03-09T14:00:00Z"),  # over the change to summer time
    ],
)
def test_8_2_a_response_is_due_after_four_hours_of_business_time(opened: str, due: str) -> None:
    assert format_instant(HOURS.after(at(opened), 4 * HOUR)) == due


@pytest.mark.parametrize("start", range(1, 60, 7))
def test_8_2_business_time_agrees_with_a_count_of_minutes(start: int) -> None:
    opened = Instant(at("2026-03-01T00:17:00Z") + start * 26 * HOUR)
    end = Instant(opened + 5 * 24 * HOUR + 13 * MINUTE)
    assert HOURS.between(opened, end) == business_minutes(opened, end) * MINUTE
    assert business_minutes(opened, HOURS.after(opened, 4 * HOUR)) == 240


def test_8_2_business_time_adds_up_from_day_to_day() -> None:
    monday_noon, wednesday = at("2026-06-29T16:00:00Z"), at("2026-07-02T13:00:00Z")
    assert HOURS.between(monday_noon, wednesday) == (8 + 12 + 0 + 1) * HOUR  # the 1st is Canada Day
    assert HOURS.between(monday_noon, monday_noon) == 0


def test_8_2_a_deadline_is_exact_to_the_microsecond() -> None:
    assert HOURS.after(at("2026-06-29T20:00:00.000001Z"), 4 * HOUR) == at("2026-06-30T12:00:00.000001Z")
    assert HOURS.after(at("2026-07-04T12:00:00Z"), 0) == at("2026-07-04T12:00:00Z")


def test_8_2_hours_that_end_where_they_start_last_all_day() -> None:
    always = BusinessTime(calendar=calendar_of("UTC"), hours=(8 * HOUR, 8 * HOUR), holidays=frozenset())
    assert always.between(at("2026-06-26T12:00:00Z"), at("2026-06-29T12:00:00Z")) == 24 * HOUR


def test_8_2_hours_may_cross_midnight_and_belong_to_the_day_they_start_on() -> None:
    night = BusinessTime(calendar=calendar_of("UTC"), hours=(20 * HOUR, 4 * HOUR), holidays=frozenset())
    assert format_instant(night.after(at("2026-06-26T23:00:00Z"), 6 * HOUR)) == "2026-06-29T21:00:00Z"
    assert night.between(at("2026-06-27T00:00:00Z"), at("2026-06-29T00:00:00Z")) == 4 * HOUR


def test_8_2_elapsed_time_runs_to_the_first_response_or_to_as_of() -> None:
    monday = "2026-06-29T12:00:00Z"
    assert answered(monday, as_of="2026-06-29T13:30:00Z")["elapsed_business"] == 5400
    said = answered(monday, "2026-06-29T14:00:00Z", "2026-06-29T15:00:00Z", as_of="2026-07-30T00:00:00Z")
    assert said == {"id": "r", "due_at": "2026-06-29T16:00:00Z", "response": "met", "elapsed_business": 7200}


def test_8_2_terms_choose_hours_holidays_and_zone() -> None:
    terms = {
        "hours": ["09:00", "17:00"],
        "holidays": ["2026-06-29"],
        "time_zone": "UTC",
        "respond_within": "1h",
    }
    said = answered("2026-06-29T12:00:00Z", as_of="2026-06-29T13:30:00Z", **terms)
    assert said["due_at"] == "2026-06-30T10:00:00Z"


def test_8_2_a_request_that_is_recorded_at_as_of_is_known() -> None:
    said = answered("2026-06-29T12:00:00Z", as_of="2026-06-29T12:00:00Z")
    assert (said["response"], said["elapsed_business"]) == ("pending", 0)


def test_8_2_each_client_has_the_support_of_its_own_contract() -> None:
    line = {"kind": "service_request", "solution": "s", "opened_by": "ann", "channel": "email"}
    opened = {"opened_at": "2026-06-29T12:00:00Z", "recorded_at": "2026-06-29T12:00:00Z"}
    support = {"hours": ["09:00", "17:00"], "time_zone": "UTC", "respond_within": "2h"}
    contract = {"kind": "contract", "client": "d", "effective_from": "2026-01", "terms": {"support": support}}
    lines = [
        client(),
        client("d"),
        {**contract, "recorded_at": "2026-01-02T00:00:00Z"},
        {**line, **opened, "id": "q", "client": "c"},
        {**line, **opened, "id": "r", "client": "d"},
    ]
    said = statement(lines, month="2026-06", as_of="2026-07-01T00:00:00Z")["service_requests"]
    assert [row["due_at"] for row in said] == ["2026-06-29T16:00:00Z", "2026-06-29T14:00:00Z"]
    assert [row["elapsed_business"] // 3600 for row in said] == [12 + 12, 5 + 8]


def test_8_3_a_response_is_met_missed_or_pending() -> None:
    monday = "2026-06-29T12:00:00Z"
    assert answered(monday, "2026-06-29T16:00:00Z", as_of="2026-06-30T00:00:00Z")["response"] == "met"
    assert answered(monday, "2026-06-29T16:00:01Z", as_of="2026-06-30T00:00:00Z")["response"] == "missed"
    assert answered(monday, as_of="2026-06-29T16:00:00Z")["response"] == "pending"
    assert answered(monday, as_of="2026-06-29T16:00:01Z")["response"] == "missed"
