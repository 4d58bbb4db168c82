"""Spec §9: the life of a solution. 6 April 2026 is a Monday; days are Toronto's, four hours behind UTC."""

from typing import Any

from sla.instants import Instant
from sla.lifecycle import Deadline, DeadlineKind, first_open
from sla.records import ClientId, SolutionId
from sla.requests import Outcome
from tests.sla.stories import client, judgement, server, statement

MONDAY = "2026-04-06T15:00:00Z"


def step(event: str, at: str) -> Any:
    return {
        "kind": "lifecycle",
        "client": "c",
        "solution": "s",
        "event": event,
        "at": at,
        "recorded_at": "2026-04-30T00:00:00Z",
    }


def judged(*steps: Any, as_of: str = "2026-05-01T00:00:00Z", **keys: Any) -> Any:
    known = [{**line, "recorded_at": line["at"]} for line in steps]
    return statement([client(), server(), *known], month="2026-04", as_of=as_of, **keys)


def rows(*steps: Any, **keys: Any) -> list[tuple[str, str, str]]:
    return [(row["deadline"], row["due_at"], row["outcome"]) for row in judged(*steps, **keys)["deadlines"]]


def accepted(*steps: Any, **keys: Any) -> str | None:
    from_: str | None = judged(*steps, **keys)["solutions"][0]["accepted_from"]
    return from_


def test_9_1_provisioning_is_due_at_the_end_of_the_fifth_business_day_after_the_order() -> None:
    order = step("order_accepted", MONDAY)
    due = "2026-04-14T04:00:00Z"
    assert rows(order, step("provisioned", due)) == [("provisioning", due, "met")]
    assert rows(order, step("provisioned", "2026-04-14T04:00:01Z")) == [("provisioning", due, "missed")]
    assert rows(order, as_of=due) == [("provisioning", due, "pending")]
    assert rows(order, as_of="2026-04-14T04:00:01Z") == [("provisioning", due, "missed")]


def test_9_1_each_order_is_met_by_the_first_provisioning_at_or_after_it() -> None:
    later = "2026-04-13T15:00:00Z"
    steps = [step("order_accepted", MONDAY), step("provisioned", MONDAY), step("order_accepted", later)]
    assert [outcome for _, _, outcome in rows(*steps)] == ["met", "missed"]


def test_9_2_without_a_problem_the_first_activation_is_deemed_accepted() -> None:
    lines = [step("activated", MONDAY), step("activated", "2026-04-09T15:00:00Z")]
    due = "2026-04-14T04:00:00Z"
    assert rows(*lines, as_of="2026-04-14T03:59:59Z") == [("acceptance", due, "pending")]
    assert rows(*lines, as_of=due) == [("acceptance", due, "accepted")]


def test_9_2_a_problem_after_the_activation_and_by_the_end_stands_in_the_way() -> None:
    active = step("activated", MONDAY)
    assert rows(active, step("problem_reported", "2026-04-14T04:00:00Z"))[0][2] == "problem"
    assert rows(active, step("problem_reported", "2026-04-14T04:00:01Z"))[0][2] == "accepted"


def test_9_2_at_one_instant_the_order_of_lines_decides() -> None:
    problem, active = step("problem_reported", MONDAY), step("activated", MONDAY)
    assert rows(problem, active)[0][2] == "accepted"
    assert rows(active, problem)[0][2] == "problem"


def test_9_3_a_fix_is_the_new_activation() -> None:
    steps = [
        step("activated", MONDAY),
        step("problem_reported", "2026-04-07T15:00:00Z"),
        step("problem_reported", "2026-04-07T16:00:00Z"),
        step("problem_fixed", "2026-04-08T15:00:00Z"),
    ]
    due = "2026-04-16T04:00:00Z"
    assert rows(*steps, as_of="2026-04-09T00:00:00Z") == [("acceptance", due, "pending")]
    assert rows(*steps) == [("acceptance", due, "accepted")]
    assert accepted(*steps) == "2026-04-08T15:00:00Z"
    again = step("problem_reported", "2026-04-10T15:00:00Z")
    assert (rows(*steps, again)[0][2], accepted(*steps, again)) == ("problem", None)


def test_9_4_acceptance_takes_effect_from_the_activation_that_it_followed() -> None:
    assert accepted(step("activated", MONDAY)) == MONDAY
    assert accepted(step("activated", MONDAY), as_of="2026-04-13T00:00:00Z") is None
    assert accepted(step("order_accepted", MONDAY)) is None
    assert accepted(step("provisioned", MONDAY)) is None


def test_9_4_a_solution_of_which_nothing_is_on_record_is_accepted_from_its_service_on() -> None:
    assert accepted() == "2026-03-01T05:00:00Z"
    assert accepted(step("data_requested", MONDAY)) == "2026-03-01T05:00:00Z"


def test_9_5_data_is_due_at_the_end_of_the_third_business_day() -> None:
    asked = step("data_requested", MONDAY)
    due = "2026-04-10T04:00:00Z"
    assert rows(asked, step("data_returned", due)) == [("data_return", due, "met")]
    assert rows(asked, step("data_requested", "2026-04-07T15:00:00Z"), step("data_returned", due)) == [
        ("data_return", due, "met"),
        ("data_return", "2026-04-11T04:00:00Z", "met"),
    ]


def test_9_6_acceptance_is_pending_accepted_or_stopped_by_a_problem_and_due_after_the_newest_activation() -> (
    None
):
    first, second = "2026-04-14T04:00:00Z", "2026-04-16T04:00:00Z"
    reported = step("problem_reported", "2026-04-07T15:00:00Z")
    steps = [step("activated", MONDAY), reported, step("problem_fixed", "2026-04-08T15:00:00Z")]
    for known, as_of, row in (
        (steps[:1], "2026-04-06T15:00:00Z", ("acceptance", first, "pending")),
        (steps[:2], "2026-04-07T15:00:00Z", ("acceptance", first, "problem")),
        (steps, "2026-04-08T15:00:00Z", ("acceptance", second, "pending")),
        (steps, second, ("acceptance", second, "accepted")),
    ):
        assert rows(*known, as_of=as_of) == [row]


def test_9_6_a_deadline_is_open_until_what_it_is_for_has_happened_in_time_or_late() -> None:
    asked = [step("order_accepted", MONDAY), step("activated", MONDAY), step("data_requested", MONDAY)]
    late = "2026-04-20T15:00:00Z"
    done = [
        step("provisioned", late),
        step("problem_reported", "2026-04-07T15:00:00Z"),
        step("data_returned", late),
    ]
    for steps, as_of, expected in (
        (asked, MONDAY, [True, True, True]),
        (asked, late, [True, False, True]),
        ([*asked, *done], late, [False, False, False]),
    ):
        lines = [client(), server(), *({**line, "recorded_at": line["at"]} for line in steps)]
        rows_ = judgement(lines, month="2026-04", as_of=as_of).statement().deadlines
        assert [row.is_open for row in rows_] == expected


def test_9_business_days_leave_out_weekends_and_holidays() -> None:
    """Good Friday is 3 April 2026: from Thursday the fifth business day is the next Friday."""
    assert rows(step("order_accepted", "2026-04-02T15:00:00Z"))[0][1] == "2026-04-11T04:00:00Z"


def test_9_terms_choose_the_days() -> None:
    terms = {"lifecycle": {"provisioning_days": 1, "acceptance_days": 0, "data_return_days": 2}}
    steps = [step("order_accepted", MONDAY), step("activated", MONDAY), step("data_requested", MONDAY)]
    assert [due for _, due, _ in rows(*steps, terms=terms)] == [
        "2026-04-08T04:00:00Z",
        "2026-04-07T04:00:00Z",
        "2026-04-09T04:00:00Z",
    ]


def test_9_rows_are_sorted_by_what_they_are_for() -> None:
    steps = [step("data_requested", MONDAY), step("activated", MONDAY), step("order_accepted", MONDAY)]
    assert [kind for kind, _, _ in rows(*steps)] == ["provisioning", "acceptance", "data_return"]


def test_9_of_each_kind_the_open_deadline_that_is_due_first_is_the_first() -> None:
    def deadline(kind: DeadlineKind, due_at: int, *, is_open: bool = True) -> Deadline:
        return Deadline(
            client=ClientId("c"),
            solution=SolutionId("s"),
            deadline=kind,
            due_at=Instant(due_at),
            outcome=Outcome.PENDING if is_open else Outcome.MET,
            is_open=is_open,
            since=Instant(0),
            done_at=None if is_open else Instant(1),
        )

    provisioning, data_return = DeadlineKind.PROVISIONING, DeadlineKind.DATA_RETURN
    done, second = deadline(provisioning, 1, is_open=False), deadline(provisioning, 3)
    first, alike = deadline(provisioning, 2), deadline(provisioning, 2)
    other = deadline(data_return, 9)
    assert [*map(id, first_open([done, second, other, first, alike]))] == [id(first), id(other)]
    assert first_open([done]) == first_open([]) == ()
