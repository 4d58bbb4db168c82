"""The statement's bytes (`spec/evidence.md`): keys in their order, whole seconds as integers, the nearest doubles."""

from fractions import Fraction

import pytest

from sla.document import document, ratio, seconds
from tests.sla.defects import request, step
from tests.sla.stories import client, exclusion, judgement, says, seen, server

LINES = [
    client(),
    server(name="Zürich", since="2026-03-10T00:00:00Z", in_service_until="2026-03-10T10:00:00Z"),
    says("up", "2026-03-10T00:00:00Z"),
    says("down", "2026-03-10T01:00:00Z"),
    says("up", "2026-03-10T02:00:00.5Z"),
    exclusion("x", "client_change", "2026-03-10T08:00:00Z", "2026-03-10T09:00:00Z"),
    seen(),
    {**request(), "opened_at": "2026-01-15T15:00:00Z", "recorded_at": "2026-01-15T15:00:00Z"},
    step(event="data_requested", at="2026-01-15T15:00:00Z", recorded_at="2026-01-15T15:00:00Z"),
]
QUIET = (
    '"stage": "clear", "chronic_at": null, "notice_closes_at": null, "notice_given_at": null, '
    '"resolution_until": null, "evaluation_until": null, "evaluation_count": 0}'
)
SAID = f"""{{"month": "2026-03", "as_of": "2026-04-02T00:00:00Z", "servers": [{{"id": "s", "name": "Zürich", \
"client": "c", "solution": null, "service": 36000, "excluded": 3600, "excluded_by": {{"client_change": 3600}}, \
"agreed": 32400, "up": 28799.5, "down": 3600.5, "unobserved": 0, "disputed": 0, \
"availability": {28799.5 / 32400}, "availability_low": {28799.5 / 32400}, "availability_high": {28799.5 / 32400}, \
"by_basis": {{"agreed": {28799.5 / 32400}, "service": {32399.5 / 36000}}}, "coverage": 1.0, "target": 0.999, \
"met": false, "conclusive": true, "best_possible": {28799.5 / 32400}, "budget": 32.4, "budget_left": -3568.1, \
"down_by_leg": {{"internet": 3600.5}}, "ineligible": []}}], \
"solutions": [{{"id": "s", "client": "c", "accepted_from": "2026-03-10T00:00:00Z", \
"interruptions": [{{"start": "2026-03-10T01:00:00Z", "end": "2026-03-10T02:00:00.500000Z", "counted": 3600.5, \
"qualified_at": null, "documented_at": null}}], \
"observed": {{"count": 0, {QUIET}, "documented": {{"count": 0, {QUIET}}}], \
"service_requests": [{{"id": "r", "due_at": "2026-01-15T19:00:00Z", "response": "missed", \
"elapsed_business": 2368800}}], \
"deadlines": [{{"client": "c", "solution": "s", "deadline": "data_return", \
"due_at": "2026-01-21T05:00:00Z", "outcome": "missed"}}]}}
"""


def test_a_statement_is_one_line_of_json_with_its_keys_in_order() -> None:
    assert document(judgement(LINES).statement()) == SAID


@pytest.mark.parametrize(
    ("microseconds", "shown"),
    [
        (0, "0"),
        (3_600_000_000, "3600"),
        (3_600_500_000, "3600.5"),
        (-1, "-1e-06"),
        (-3_600_000_000, "-3600"),
        (Fraction(2_671_200_000_000, 1000), "2671.2"),
        (Fraction(5_000_000, 1), "5"),
        (Fraction(1_000_000, 3), "0.3333333333333333"),
    ],
)
def test_seconds_are_whole_where_they_can_be(microseconds: int | Fraction, shown: str) -> None:
    assert repr(seconds(microseconds)) == shown


def test_a_ratio_is_the_nearest_double_or_null() -> None:
    assert repr(ratio(Fraction(1))) == "1.0"
    assert repr(ratio(Fraction(2, 3))) == "0.6666666666666666"
    assert ratio(None) is None
