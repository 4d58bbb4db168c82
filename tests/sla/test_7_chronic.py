"""Spec §7: chronic outages. Dates are Toronto's; each outage is from 15:00Z to 17:00Z of its day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sla.stories import client, exclusion, says, seen, server, statement

FIVE = ("04-01", "04-03", "04-05", "04-07", "04-09")


def outages(*days: str) -> list[Any]:
    return [
        says(*said)
        for day in days
        for said in (("down", f"2026-{day}T15:00:00Z"), ("up", f"2026-{day}T17:00:00Z"))
    ]


def notice(at: str) -> Any:
    return {"kind": "cancellation_notice", "client": "c", "solution": "s", "given_at": at, "recorded_at": at}


def request(number: int, at: str) -> Any:
    line = {"kind": "service_request", "id": f"r{number}", "client": "c", "solution": "s", "opened_by": "ann"}
    return {**line, "channel": "phone", "opened_at": at, "recorded_at": at}


def process(*lines: Any, as_of: str, basis: str = "observed", **terms: Any) -> Any:
    story = [client(), server(), says("up", "2026-03-01T05:00:00Z"), *lines, seen()]
    said = statement(story, month="2026-04", as_of=as_of, terms={"chronic_outages": terms} if terms else None)
    return said["solutions"][0][basis]


def stage(*lines: Any, as_of: str, **keys: Any) -> str:
    return str(process(*lines, as_of=as_of, **keys)["stage"])


def midnight(day: str) -> str:
    """The start of a summer's day in Toronto."""
    return f"2026-{day}T04:00:00Z"


def just_before(instant: str) -> str:
    return (datetime.fromisoformat(instant).astimezone(UTC) - timedelta(seconds=1)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


def test_7_1_the_count_is_of_thirty_days_that_end_today() -> None:
    assert process(*outages("04-01"), as_of=just_before(midnight("05-01")))["count"] == 1
    assert process(*outages("04-01"), as_of=midnight("05-01"))["count"] == 0


def test_7_1_an_interruption_counts_from_the_instant_at_which_it_qualifies() -> None:
    assert process(*outages("04-01"), as_of="2026-04-01T16:59:59Z")["count"] == 0
    assert process(*outages("04-01"), as_of="2026-04-01T17:00:00Z")["count"] == 1


def test_7_2_the_fifth_in_thirty_days_is_a_trigger() -> None:
    assert stage(*outages(*FIVE), as_of="2026-04-09T17:00:00Z") == "chronic"
    assert stage(*outages(*FIVE), as_of="2026-04-09T16:59:59Z") == "at_risk"
    assert stage(*outages(*FIVE[:4], "04-30"), as_of="2026-05-01T00:00:00Z") == "chronic"
    assert stage(*outages(*FIVE[:4], "05-01"), as_of="2026-05-02T00:00:00Z") == "at_risk"


def test_7_3_the_notice_period_closes_at_the_end_of_the_seventh_day_after_the_end() -> None:
    assert process(*outages(*FIVE), as_of="2026-04-10T00:00:00Z")["notice_closes_at"] == midnight("04-17")
    assert stage(*outages(*FIVE), as_of=just_before(midnight("04-17"))) == "chronic"
    assert stage(*outages(*FIVE), as_of=midnight("04-17")) == "lapsed"


def test_7_3_the_day_is_that_of_the_instant_at_which_it_ended() -> None:
    """Up again at midnight: that is the 10th."""
    last = [says("down", "2026-04-09T15:00:00Z"), says("up", midnight("04-10"))]
    assert process(*outages(*FIVE[:4]), *last, as_of="2026-04-11T00:00:00Z")["notice_closes_at"] == midnight(
        "04-18"
    )


def test_7_3_while_the_trigger_is_ongoing_its_period_is_open() -> None:
    lines = [*outages(*FIVE[:4]), says("down", "2026-04-09T15:00:00Z")]
    said = process(*lines, as_of="2026-04-25T00:00:00Z")
    assert (said["stage"], said["notice_closes_at"], said["count"]) == ("chronic", None, 5)


@pytest.mark.parametrize(
    ("given_at", "valid"),
    [
        ("2026-04-09T16:59:59Z", False),
        ("2026-04-09T17:00:00Z", True),
        (just_before(midnight("04-17")), True),
        (midnight("04-17"), False),
    ],
)
def test_7_4_a_notice_inside_the_notice_period_is_valid(given_at: str, *, valid: bool) -> None:
    said = process(*outages(*FIVE), notice(given_at), as_of="2026-04-18T00:00:00Z")
    assert said["notice_given_at"] == (given_at if valid else None)
    assert said["stage"] == ("resolution" if valid else "lapsed")


def test_7_4_the_first_valid_notice_decides_and_the_newest_trigger_open_then() -> None:
    lines = [*outages(*FIVE, "04-11"), notice("2026-04-12T12:00:00Z"), notice("2026-04-14T12:00:00Z")]
    said = process(*lines, as_of="2026-04-20T00:00:00Z")
    assert (said["chronic_at"], said["notice_given_at"]) == ("2026-04-11T17:00:00Z", "2026-04-12T12:00:00Z")
    assert said["notice_closes_at"] == midnight("04-19")
    assert (said["resolution_until"], said["evaluation_until"]) == (midnight("05-13"), midnight("06-12"))


def test_7_5_from_resolution_through_evaluation_to_resolved() -> None:
    lines = [*outages(*FIVE, "05-11", "05-20"), notice("2026-04-10T12:00:00Z")]
    assert stage(*lines, as_of=just_before(midnight("05-11"))) == "resolution"
    assert stage(*lines, as_of=midnight("05-11")) == "evaluation"
    assert stage(*lines, as_of=just_before(midnight("06-10"))) == "evaluation"
    said = process(*lines, as_of=midnight("06-10"))
    assert (said["stage"], said["evaluation_count"]) == ("resolved", 2)


def test_7_5_the_third_in_the_evaluation_period_is_final() -> None:
    lines = [*outages(*FIVE, "05-11", "05-20", "06-09"), notice("2026-04-10T12:00:00Z")]
    assert stage(*lines, as_of="2026-06-09T16:59:59Z") == "evaluation"
    assert stage(*lines, as_of="2026-06-09T17:00:00Z") == "unresolved"
    assert stage(*lines, as_of="2026-11-30T00:00:00Z") == "unresolved"


def test_7_5_outages_of_the_resolution_period_do_not_count_in_the_evaluation() -> None:
    lines = [*outages(*FIVE, "04-12", "05-09", "05-10"), notice("2026-04-10T12:00:00Z")]
    assert process(*lines, as_of="2026-05-20T00:00:00Z")["evaluation_count"] == 0


def test_7_5_the_evaluation_goes_on_while_an_interruption_of_it_does_not_count_yet() -> None:
    lines = [*outages(*FIVE), notice("2026-04-10T12:00:00Z"), says("down", "2026-06-10T03:00:00Z")]
    assert stage(*lines, as_of="2026-06-10T04:59:59Z") == "evaluation"
    assert stage(*lines, as_of="2026-06-10T05:00:00Z") == "resolved"


def test_7_5_a_new_cycle_needs_a_trigger_after_the_evaluation_and_looks_back_to_the_notice() -> None:
    """The last day of the evaluation is 9 June. Two in it and three after: the fifth is a trigger again."""
    lines = [*outages(*FIVE, "06-01", "06-02", "06-11", "06-12", "06-13"), notice("2026-04-10T12:00:00Z")]
    assert stage(*lines, as_of="2026-06-13T16:59:59Z") == "resolved"
    said = process(*lines, as_of="2026-06-13T17:00:00Z")
    assert (said["stage"], said["chronic_at"]) == ("chronic", "2026-06-13T17:00:00Z")
    assert (said["notice_given_at"], said["resolution_until"], said["evaluation_count"]) == (None, None, 0)
    again = process(*lines, notice("2026-06-14T12:00:00Z"), as_of="2026-06-15T12:00:00Z")
    assert (again["stage"], again["notice_given_at"]) == ("resolution", "2026-06-14T12:00:00Z")


def test_7_5_interruptions_up_to_the_notice_make_no_trigger_of_the_next_cycle() -> None:
    """Terms that end the evaluation on the 12th; the notice of the 10th parts what came before it from what follows."""
    short = {"resolution_days": 1, "evaluation_days": 1}
    lines = [*outages(*FIVE, "04-13"), notice("2026-04-10T12:00:00Z")]
    assert stage(*lines, as_of="2026-04-13T17:00:00Z", **short) == "resolved"
    more = outages("04-14", "04-15", "04-16", "04-17")
    assert stage(*lines, *more, as_of="2026-04-17T17:00:00Z", **short) == "chronic"


def test_7_5_an_interruption_on_the_day_of_the_notice_is_none_of_the_next_cycle() -> None:
    short = {"resolution_days": 1, "evaluation_days": 1}
    lines = [
        *outages(*FIVE),
        notice("2026-04-10T12:00:00Z"),
        *outages("04-10", "04-13", "04-14", "04-15", "04-16"),
    ]
    assert stage(*lines, as_of="2026-04-16T17:00:00Z", **short) == "resolved"


def test_7_5_an_interruption_in_the_evaluation_period_is_no_trigger_of_the_next_cycle() -> None:
    """Three on the 11th, the resolution's only day; two on the 12th, the evaluation's."""
    short: dict[str, Any] = {"resolution_days": 1, "evaluation_days": 1, "lasting": "10m"}
    lines = [*outages(*FIVE), notice("2026-04-10T12:00:00Z")]
    for day, hour in (("11", 12), ("11", 14), ("11", 16), ("12", 12), ("12", 14)):
        lines += [says("down", f"2026-04-{day}T{hour}:00:00Z"), says("up", f"2026-04-{day}T{hour}:30:00Z")]
    said = process(*lines, as_of="2026-04-13T12:00:00Z", **short)
    assert (said["stage"], said["evaluation_count"], said["count"]) == ("resolved", 2, 10)


def test_7_5_what_began_on_the_first_day_of_the_evaluation_holds_it_open_too() -> None:
    short = {"resolution_days": 1, "evaluation_days": 1}
    lines = [*outages(*FIVE), notice("2026-04-10T12:00:00Z"), says("down", "2026-04-13T03:00:00Z")]
    assert stage(*lines, as_of="2026-04-13T04:59:59Z", **short) == "evaluation"
    assert stage(*lines, as_of="2026-04-13T05:00:00Z", **short) == "resolved"


def test_7_5_lapsed_until_the_count_has_been_below_four() -> None:
    """On 3 May the outage of 3 April leaves the window: three are left."""
    assert stage(*outages(*FIVE), as_of=just_before(midnight("05-03"))) == "lapsed"
    assert stage(*outages(*FIVE), as_of=midnight("05-03")) == "clear"
    back = outages(*FIVE, "05-03")
    assert stage(*back, as_of="2026-05-03T16:00:00Z") == "clear"
    assert stage(*back, as_of="2026-05-03T17:00:00Z") == "at_risk"


def test_7_5_lapsed_too_where_the_trigger_counts_only_after_its_notice_period_has_closed() -> None:
    """The last of five ends, but for excluded time, on the 9th; its request comes on the 20th, before it is up."""
    last = [
        says("down", "2026-04-09T15:00:00Z"),
        says("up", "2026-04-25T15:00:00Z"),
        exclusion("x", "client_change", "2026-04-09T17:00:00Z", "2026-04-30T00:00:00Z"),
    ]
    asked = [request(n, f"2026-{day}T15:30:00Z") for n, day in enumerate(FIVE[:4])]
    lines = [*outages(*FIVE[:4]), *last, *asked, request(5, "2026-04-20T15:00:00Z")]
    assert stage(*lines, as_of="2026-04-20T14:59:59Z", basis="documented") == "at_risk"
    said = process(*lines, as_of="2026-04-20T15:00:00Z", basis="documented")
    assert (said["stage"], said["chronic_at"]) == ("lapsed", "2026-04-20T15:00:00Z")
    assert said["notice_closes_at"] == midnight("04-17")


def test_7_5_at_risk_from_the_fourth_on() -> None:
    assert stage(*outages(*FIVE[:3]), as_of="2026-04-08T00:00:00Z") == "clear"
    assert stage(*outages(*FIVE[:4]), as_of="2026-04-08T00:00:00Z") == "at_risk"


def test_7_6_the_fields_of_a_cycle_stay_whatever_the_stage() -> None:
    said = process(*outages(*FIVE), as_of="2026-08-01T00:00:00Z")
    assert (said["stage"], said["chronic_at"]) == ("clear", "2026-04-09T17:00:00Z")
    assert said["notice_closes_at"] == midnight("04-17")


def test_7_6_without_a_notice_the_newest_trigger_is_shown() -> None:
    assert (
        process(*outages(*FIVE, "04-11"), as_of="2026-05-01T00:00:00Z")["chronic_at"]
        == "2026-04-11T17:00:00Z"
    )


def test_7_a_notice_decides_on_both_bases() -> None:
    asked = [request(n, f"2026-{day}T15:30:00Z") for n, day in enumerate(FIVE)]
    lines = [*outages(*FIVE), *asked, notice("2026-04-10T12:00:00Z")]
    for basis in ("observed", "documented"):
        said = process(*lines, as_of="2026-04-20T00:00:00Z", basis=basis)
        assert (said["stage"], said["notice_given_at"]) == ("resolution", "2026-04-10T12:00:00Z")


def test_7_on_the_documented_basis_an_interruption_counts_from_the_later_of_both() -> None:
    long = [says("down", "2026-04-09T15:00:00Z"), says("up", "2026-04-09T20:00:00Z")]
    asked = [request(n, f"2026-{day}T15:30:00Z") for n, day in enumerate(FIVE[:4])]
    lines = [*outages(*FIVE[:4]), *long, *asked, request(5, "2026-04-09T19:00:00Z")]
    assert stage(*lines, as_of="2026-04-09T18:59:59Z", basis="documented") == "at_risk"
    assert stage(*lines, as_of="2026-04-09T18:59:59Z") == "chronic"
    assert (
        process(*lines, as_of="2026-04-09T19:00:00Z", basis="documented")["chronic_at"]
        == "2026-04-09T19:00:00Z"
    )
    assert stage(*lines[:-1], as_of="2026-04-12T00:00:00Z", basis="documented") == "at_risk"
