"""Spec §10: terms."""

import json
from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from sla.calendars import parse_day
from sla.instants import HOUR, MINUTE
from sla.records import Leg
from sla.terms import (
    DEFAULTS,
    Basis,
    TermsError,
    Unobserved,
    format_decimal,
    format_duration,
    format_terms,
    parse_duration,
    parse_terms,
)
from tests.sla.stories import SPEC, client, row_of, server

CANADA_DAY = parse_day("2026-07-01")


def contract(effective_from: str, target: str, **keys: Any) -> Any:
    line = {"kind": "contract", "client": None, "effective_from": effective_from}
    return {
        **line,
        "terms": {"availability": {"target": target}},
        "recorded_at": "2026-02-01T00:00:00Z",
        **keys,
    }


def target_of(*contracts: Any, **keys: Any) -> float:
    target: float = row_of([client(), client("d"), server(), *contracts], **keys)["target"]
    return target


def test_10_what_is_left_out_has_the_default() -> None:
    terms = parse_terms({"availability": {"target": "0.5"}}, [CANADA_DAY])
    assert terms.availability.target == Fraction(1, 2)
    assert (terms.availability.basis, terms.availability.unobserved) == (Basis.AGREED, Unobserved.EXCLUDE)
    assert terms.availability.legs == tuple(Leg)
    assert terms.scheduled_maintenance.between == (23 * HOUR, 6 * HOUR)
    assert (terms.scheduled_maintenance.max_per_week, terms.scheduled_maintenance.notice) == (HOUR, 3)
    assert (terms.chronic_outages.lasting, terms.chronic_outages.request_early) == (2 * HOUR, 15 * MINUTE)
    assert terms.support.holidays == {CANADA_DAY}


def test_10_the_defaults_are_those_of_the_spec() -> None:
    if not SPEC.exists():
        pytest.skip("the spec stands beside the repository, in ../shared/spec")
    text = (SPEC / "sla.md").read_text(encoding="utf-8")
    tables = text[text.index("```toml") + len("```toml") : text.rindex("```")]
    tomli = pytest.importorskip("tomli")
    assert tomli.loads(tables)["contract"] == DEFAULTS


def test_10_terms_survive_being_written_and_read() -> None:
    tables = {
        "availability": {"target": "0.9995", "basis": "service", "legs": ["internet", "running"]},
        "scheduled_maintenance": {"between": ["22:30", "24:00"], "max_per_week": "90m", "notice": "48h"},
        "chronic_outages": {"rejoin": "5m", "lasting": "7200s"},
        "support": {"holidays": ["2026-12-25", "2026-07-01"]},
    }
    terms = parse_terms(tables, [])
    text = format_terms(terms)
    assert parse_terms(json.loads(text), [CANADA_DAY]) == terms
    assert json.loads(text)["support"]["holidays"] == ["2026-07-01", "2026-12-25"]
    assert json.loads(text)["chronic_outages"] == {**DEFAULTS["chronic_outages"], "rejoin": "5m"}
    assert json.loads(text)["scheduled_maintenance"]["notice"] == "2d"
    assert list(json.loads(text)) == list(DEFAULTS)


def test_10_holidays_are_frozen_where_terms_are_written() -> None:
    assert json.loads(format_terms(parse_terms({}, [CANADA_DAY])))["support"]["holidays"] == ["2026-07-01"]


def test_10_a_statement_uses_the_last_record_that_holds_for_its_month() -> None:
    april, january = contract("2026-04", "0.4"), contract("2026-01", "0.1")
    assert target_of(april, january) == 0.1
    assert target_of(january, april) == 0.1
    assert target_of(january, april, month="2026-04") == 0.4
    assert target_of(april, january, month="2026-04") == 0.1
    assert target_of() == 0.999


def test_10_a_record_of_the_client_goes_before_those_for_all() -> None:
    own, others = contract("2026-01", "0.2", client="c"), contract("2026-01", "0.3", client="d")
    assert target_of(own, others, contract("2026-02", "0.1")) == 0.2
    assert target_of(contract("2026-05", "0.2", client="c"), contract("2026-02", "0.1")) == 0.1


def test_10_a_record_is_complete() -> None:
    first = contract("2026-01", "0.1")
    assert target_of(first, {**first, "terms": {"chronic_outages": {"interruptions": 3}}}) == 0.999


def test_10_a_record_is_known_from_its_recording_on() -> None:
    late = contract("2026-01", "0.1", recorded_at="2026-03-20T00:00:00Z")
    assert target_of(late, as_of="2026-03-19T00:00:00Z") == 0.999


BAD: list[tuple[str, str, Any]] = [
    *(
        ("availability", "target", value)
        for value in (0.999, "99.9%", "1.1", "-1", "", "1e-1", None, "0." + "9" * 31)
    ),
    ("availability", "basis", "month"),
    ("availability", "unobserved", "maybe"),
    *(("availability", "legs", value) for value in ([], ["disk"], "san", [["san"]])),
    *(
        ("scheduled_maintenance", "between", v)
        for v in (["23:00"], ["24:00", "06:00"], ["23:60", "06:00"], [23, 6], "23:00")
    ),
    *(
        ("scheduled_maintenance", "max_per_week", v)
        for v in ("1", "1.5h", "-1h", 3600, "1w", "999999999d", "٣h")
    ),
    ("scheduled_maintenance", "notice", "36h"),
    ("scheduled_maintenance", "announcement", "spoken"),
    ("scheduled_maintenance", "emergency_in_cap", "yes"),
    ("scheduled_maintenance", "emergency_in_cap", 1),
    *(("chronic_outages", "interruptions", value) for value in (0, True, "5", 5.0, 1001)),
    ("chronic_outages", "within_days", 0),
    ("chronic_outages", "evaluation_max", -1),
    *(("support", "time_zone", value) for value in ("America/Ottawa", 5, "../x")),
    *(("support", "holidays", value) for value in ("US", ["2026-02-30"], ["20260701"], [5], None)),
    ("lifecycle", "data_return_days", 367),
]


@pytest.mark.parametrize(("table", "key", "value"), BAD)
def test_10_a_value_out_of_its_set_is_refused_by_its_key(table: str, key: str, value: object) -> None:
    with pytest.raises(TermsError) as caught:
        parse_terms({table: {key: value}}, [])
    assert [fault.key for fault in caught.value.faults] == [f"{table}.{key}"]


PROBLEMS: list[tuple[str, str, Any, str]] = [
    (
        "availability",
        "target",
        0.9,
        'must be a decimal between 0 and 1 in a string, such as "0.999", not 0.9',
    ),
    ("availability", "basis", "é", 'must be one of agreed, service, not "é"'),
    ("availability", "legs", [], "must be a list of running, san, internet, not []"),
    (
        "scheduled_maintenance",
        "between",
        ["24:00", "1"],
        'must be two times of day, such as ["23:00", "06:00"], not ["24:00", "1"]',
    ),
    (
        "scheduled_maintenance",
        "max_per_week",
        5,
        'must be a whole number and a unit (s, m, h, d), such as "2h", not 5',
    ),
    ("scheduled_maintenance", "max_per_week", "367d", 'must be at most 366d, not "367d"'),
    ("scheduled_maintenance", "notice", "36h", 'must be whole days, such as "3d", not "36h"'),
    ("scheduled_maintenance", "emergency_in_cap", 1, "must be true or false, not 1"),
    ("chronic_outages", "interruptions", 1001, "must be a whole number from 1 to 1000, not 1001"),
    ("chronic_outages", "interruptions", True, "must be a whole number from 1 to 1000, not true"),
    ("chronic_outages", "interruptions", "5", 'must be a whole number from 1 to 1000, not "5"'),
    ("support", "time_zone", 5, "must be a time zone, such as America/Toronto, not 5"),
    ("support", "time_zone", "Mars/Base", "there is no time zone 'Mars/Base'"),
    (
        "support",
        "hours",
        "aa",
        'must be two times of day, such as ["23:00", "06:00"], not "aa"',
    ),
    ("support", "hours", 5, 'must be two times of day, such as ["23:00", "06:00"], not 5'),
    (
        "support",
        "hours",
        ["08:00", "12:00", "20:00"],
        'must be two times of day, such as ["23:00", "06:00"], not ["08:00", "12:00", "20:00"]',
    ),
    ("support", "holidays", "US", 'must be "CA" or a list of dates, not "US"'),
    ("support", "holidays", ["1 May"], "'1 May' is no date, such as 2026-12-25"),
    ("support", "holidays", "x" * 58, f'must be "CA" or a list of dates, not "{"x" * 58}"'),
    ("support", "holidays", "x" * 59, f'must be "CA" or a list of dates, not "{"x" * 56}...'),
]


@pytest.mark.parametrize(("table", "key", "value", "problem"), PROBLEMS)
def test_10_what_is_wrong_is_told_with_what_would_be_right(
    table: str, key: str, value: object, problem: str
) -> None:
    with pytest.raises(TermsError) as caught:
        parse_terms({table: {key: value}}, [])
    assert str(caught.value) == f"{table}.{key}: {problem}"


def test_10_all_faults_stand_in_one_message() -> None:
    with pytest.raises(TermsError) as caught:
        parse_terms({"availability": {"basis": 5}, "XXX.": {}}, [])
    known = "availability, scheduled_maintenance, chronic_outages, support, lifecycle"
    assert (
        str(caught.value)
        == f"XXX.: unknown key: known are {known}; availability.basis: must be one of agreed, service, not 5"
    )


LIMITS: list[tuple[str, str, Any, object]] = [
    ("availability", "target", "1", Fraction(1)),
    ("availability", "target", "0", Fraction(0)),
    ("availability", "target", "0." + "9" * 30, 1 - Fraction(1, 10**30)),
    ("scheduled_maintenance", "between", ["00:00", "24:00"], (0, 24 * HOUR)),
    ("scheduled_maintenance", "between", ["23:59", "00:00"], (23 * HOUR + 59 * MINUTE, 0)),
    ("scheduled_maintenance", "max_per_week", "366d", 366 * 24 * HOUR),
    ("scheduled_maintenance", "max_per_week", "0s", 0),
    ("scheduled_maintenance", "max_per_week", "31622400s", 366 * 24 * HOUR),
    ("scheduled_maintenance", "notice", "0d", 0),
    ("chronic_outages", "interruptions", 1, 1),
    ("chronic_outages", "interruptions", 1000, 1000),
    ("chronic_outages", "within_days", 1, 1),
    ("chronic_outages", "within_days", 366, 366),
    ("chronic_outages", "notice_days", 0, 0),
    ("chronic_outages", "evaluation_max", 1000, 1000),
    ("chronic_outages", "evaluation_max", 0, 0),
    ("lifecycle", "data_return_days", 366, 366),
    ("support", "holidays", [], frozenset()),
]


@pytest.mark.parametrize(("table", "key", "value", "read"), LIMITS)
def test_10_a_value_at_its_limit_is_taken(table: str, key: str, value: object, read: object) -> None:
    terms = parse_terms({table: {key: value}}, [])
    assert getattr(getattr(terms, table), key) == read
    assert parse_terms(json.loads(format_terms(terms)), []) == terms


@pytest.mark.parametrize(
    "text", ["0", "1", "0.5", "0.05", "0.9995", "0.999999", "0.1" + "0" * 28 + "1", "12.25"]
)
def test_10_a_decimal_is_written_exactly(text: str) -> None:
    assert format_decimal(Fraction(text)) == text


def test_10_terms_are_written_compactly() -> None:
    assert format_terms(parse_terms({}, [])).startswith(
        '{"availability":{"target":"0.999","basis":"agreed","unobserved":"exclude","legs":["running","san","internet"]},'
    )


def test_10_a_value_that_is_no_json_is_shown_too() -> None:
    with pytest.raises(TermsError) as caught:
        parse_terms({"support": {"holidays": date(2026, 12, 25)}}, [])
    assert str(caught.value) == 'support.holidays: must be "CA" or a list of dates, not "2026-12-25"'


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(0, "0s"), (90 * MINUTE, "90m"), (48 * HOUR, "2d"), (36 * HOUR, "36h"), (61 * 1_000_000, "61s")],
)
def test_10_a_duration_is_written_in_the_greatest_unit_that_fits(microseconds: int, text: str) -> None:
    assert format_duration(microseconds) == text
    assert parse_duration(text) == microseconds


def test_10_all_that_is_wrong_is_told_at_once_with_what_may_have_been_meant() -> None:
    with pytest.raises(TermsError) as caught:
        parse_terms({"availabilty": {}, "support": {"hour": 5}, "lifecycle": 5}, [])
    assert [tuple(fault) for fault in caught.value.faults] == [
        ("availabilty", "unknown key, did you mean availability?"),
        ("support.hour", "unknown key, did you mean hours?"),
        ("lifecycle", "must be a table"),
    ]
    with pytest.raises(TermsError) as caught:
        parse_terms([], [])
    assert [tuple(fault) for fault in caught.value.faults] == [("", "must be a table")]
