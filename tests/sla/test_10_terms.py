"""Spec §10: terms."""

import json
from fractions import Fraction
from typing import Any

import pytest

from sla.calendars import parse_day
from sla.instants import HOUR, MINUTE
from sla.records import Leg
from sla.terms import DEFAULTS, Basis, TermsError, Unobserved, format_terms, parse_terms
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


def test_10_all_that_is_wrong_is_told_at_once_with_what_may_have_been_meant() -> None:
    with pytest.raises(TermsError) as caught:
        parse_terms({"availabilty": {}, "support": {"hour": 5}, "lifecycle": 5}, [])
    assert [tuple(fault) for fault in caught.value.faults] == [
        ("availabilty", "unknown key, did you mean availability?"),
        ("support.hour", "unknown key, did you mean hours?"),
        ("lifecycle", "must be a table"),
    ]
