"""Spec §6: interruptions."""

from typing import Any

import pytest

from sla.instants import HOUR, format_instant
from sla.records import ClientId, SolutionId
from tests.sla.stories import blind, client, exclusion, judgement, says, seen, server, statement

START = "2026-03-01T05:00:00Z"
Pairs = list[tuple[str, str | None]]


def at(hour: int, minute: int = 0) -> str:
    """A time on 10 March."""
    return f"2026-03-10T{hour:02}:{minute:02}:00Z"


def outage(start: str, end: str, name: str = "s") -> list[Any]:
    return [says("down", start, server=name), says("up", end, server=name)]


def solutions(*lines: Any, **keys: Any) -> Any:
    ups = [says("up", START, server=line["id"]) for line in lines if line["kind"] == "server"]
    return statement([client(), client("d"), *lines, *ups, seen()], **keys)["solutions"]


def found(*lines: Any, **keys: Any) -> Any:
    (solution,) = solutions(*lines, **keys)
    return solution["interruptions"]


def spans(*lines: Any, **keys: Any) -> Pairs:
    return [(each["start"], each["end"]) for each in found(*lines, **keys)]


def request(opened_at: str, **keys: Any) -> Any:
    line = {"kind": "service_request", "id": "r", "client": "c", "solution": "s", "opened_by": "ann"}
    return {**line, "channel": "phone", "opened_at": opened_at, "recorded_at": "2026-03-20T00:00:00Z", **keys}


def test_6_1_servers_that_are_sold_together_are_one_solution() -> None:
    lines = [server("s1", solution="mail"), server("s2", solution="mail"), server("s3")]
    assert [(each["id"], each["client"]) for each in solutions(*lines)] == [("mail", "c"), ("s3", "c")]


def test_6_1_each_client_has_a_solution_of_its_own() -> None:
    lines = [server("s1", solution="mail"), server("s2", solution="mail", client="d")]
    lines += outage(at(10), at(11), "s1")
    assert [len(each["interruptions"]) for each in solutions(*lines)] == [1, 0]


def test_6_2_unknown_time_does_not_end_a_run() -> None:
    assert spans(server(), *outage(at(10), at(14)), blind(at(11), at(12))) == [(at(10), at(14))]
    gone = [says("down", at(10)), says("unknown", at(11)), says("up", at(12))]
    assert spans(server(), *gone) == [(at(10), at(11))]


def test_6_2_an_up_time_shorter_than_rejoin_does_not_end_a_run() -> None:
    lines = [server(), *outage(at(10), at(11)), *outage(at(11, 10), at(12))]
    assert len(spans(*lines)) == 2
    assert spans(*lines, terms={"chronic_outages": {"rejoin": "10m"}}) == [
        (at(10), at(11)),
        (at(11, 10), at(12)),
    ]
    (joined,) = found(*lines, terms={"chronic_outages": {"rejoin": "11m"}})
    assert (joined["start"], joined["end"], joined["counted"]) == (at(10), at(12), 110 * 60)


def test_6_2_unknown_time_in_between_counts_for_rejoin_and_without_a_down_known_the_run_has_ended() -> None:
    lines = [server(), *outage(at(10), at(11)), says("unknown", at(11, 5)), *outage(at(11, 20), at(12))]
    terms = {"chronic_outages": {"rejoin": "15m"}}
    assert len(spans(*lines, terms=terms)) == 2
    assert spans(server(), *outage(at(10), at(11)), terms=terms, as_of=at(11, 5)) == [(at(10), at(11))]


def test_6_2_leaving_service_or_the_solution_ends_a_run() -> None:
    down = says("down", at(10))
    assert spans(server(in_service_until=at(12)), down) == [(at(10), at(12))]
    moved = solutions(server(solution="mail"), server("s", at(12), solution="web"), down, as_of=at(13))
    assert [[(i["start"], i["end"]) for i in each["interruptions"]] for each in moved] == [
        [(at(10), at(12))],
        [(at(12), None)],
    ]


def test_6_2_touching_periods_of_the_same_owner_are_no_leaving() -> None:
    again = [server(in_service_until=at(12)), server("s", at(12))]
    assert spans(*again, *outage(at(10), at(14))) == [(at(10), at(14))]
    apart = [server(in_service_until=at(12)), server("s", at(13))]
    assert spans(*apart, *outage(at(10), at(14))) == [(at(10), at(12)), (at(13), at(14))]


def test_6_2_the_live_part_reaches_from_the_first_to_the_last_instant_that_is_not_excluded() -> None:
    lines = [server(), *outage(at(10), at(14))]
    first = exclusion("x", "client_change", at(9), at(11))
    last = exclusion("y", "client_change", at(13), at(15))
    middle = exclusion("z", "client_change", at(11, 30), at(12))
    assert spans(*lines, first, last, middle) == [(at(11), at(13))]
    assert found(*lines, first, last, middle)[0]["counted"] == 90 * 60
    assert spans(*lines, exclusion("x", "client_change", at(9), at(15))) == []


def test_6_2_a_run_that_has_not_ended_reaches_to_as_of_unless_that_is_excluded() -> None:
    lines = [server(), says("down", at(10)), says("unknown", at(11))]
    assert spans(*lines, as_of=at(13)) == [(at(10), None)]
    assert found(*lines, as_of=at(13))[0]["counted"] == 3600
    excluded = exclusion("x", "client_change", at(12), None)
    assert spans(*lines, excluded, as_of=at(13)) == [(at(10), at(11))]
    assert spans(*lines, excluded, as_of=at(12)) == [(at(10), None)]
    nearly = exclusion("x", "client_change", at(12), "2026-03-10T12:59:59.999999Z")
    assert spans(*lines, nearly, as_of=at(13)) == [(at(10), None)]


def test_6_2_live_parts_that_overlap_or_touch_are_one_interruption() -> None:
    lines = [server("s1", solution="mail"), server("s2", solution="mail")]
    touching = [*outage(at(10), at(11), "s1"), *outage(at(11), at(12), "s2")]
    assert spans(*lines, *touching) == [(at(10), at(12))]
    apart = [*outage(at(10), at(11), "s1"), *outage(at(11, 1), at(12), "s2")]
    assert len(spans(*lines, *apart)) == 2


def test_6_2_an_interruption_reaches_as_far_as_the_longest_of_its_live_parts() -> None:
    lines = [server(name, solution="mail") for name in ("s1", "s2", "s3")]
    lines += [*outage(at(10), at(14), "s1"), *outage(at(11), at(12), "s2"), *outage(at(13), at(13, 30), "s3")]
    assert spans(*lines) == [(at(10), at(14))]


def test_6_2_a_server_whose_outage_is_excluded_neither_makes_nor_prolongs_one() -> None:
    lines = [server("s1", solution="mail"), server("s2", solution="mail")]
    lines += [*outage(at(10), at(11), "s1"), *outage(at(10), at(14), "s2")]
    assert spans(*lines, exclusion("x", "client_change", at(9), at(15), servers=["s2"])) == [(at(10), at(11))]


def test_6_2_a_server_last_seen_down_stays_in_its_interruption_until_it_leaves_service() -> None:
    lines = [client(), server(in_service_until="2026-03-20T00:00:00Z"), says("down", at(10)), seen(at(11))]
    (solution,) = statement(lines)["solutions"]
    assert [each["end"] for each in solution["interruptions"]] == [at(11)]
    (solution,) = statement(lines, as_of="2026-03-20T00:00:00Z")["solutions"]
    assert [each["end"] for each in solution["interruptions"]] == [None]


def test_6_3_time_counts_once_however_many_servers_are_down() -> None:
    lines = [server("s1", solution="mail"), server("s2", solution="mail")]
    lines += [*outage(at(10), at(12), "s1"), *outage(at(11), at(13), "s2")]
    assert found(*lines)[0]["counted"] == 3 * 3600


def test_6_3_time_in_which_one_leg_after_the_other_is_down_is_one_span() -> None:
    lines = [
        client(),
        server(legs=["san", "internet"]),
        says("up", START),
        says("up", START, leg="san"),
        seen(),
    ]
    lines += [says("down", at(10)), says("down", at(11), leg="san"), says("up", at(12))]
    lines += [says("up", at(13), leg="san")]
    state = judgement(lines).solution((SolutionId("s"), ClientId("c")))
    assert state is not None
    assert [len(each.down) for each in state.interruptions] == [1]
    assert state.interruptions[0].counted == 3 * HOUR


def test_6_4_it_qualifies_at_the_instant_at_which_the_counted_time_is_full() -> None:
    assert found(server(), *outage(at(10), at(12)))[0]["qualified_at"] == at(12)
    assert found(server(), *outage(at(10), "2026-03-10T11:59:59.999999Z"))[0]["qualified_at"] is None
    assert found(server(), says("down", at(10)), as_of=at(12))[0]["qualified_at"] == at(12)


def test_6_4_counted_time_adds_up_over_what_does_not_count() -> None:
    lines = [server(), *outage(at(10), at(14)), blind(at(11), at(12))]
    assert found(*lines)[0]["qualified_at"] == at(13)


def test_6_4_counted_time_adds_up_over_many_parts() -> None:
    """Half an hour down and half an hour unseen, again and again: two hours are full at the end of the fourth."""
    unseen = [blind(at(hour, 30), at(hour + 1)) for hour in range(10, 15)]
    (said,) = found(server(), *outage(at(10), at(15)), *unseen)
    assert (said["counted"], said["qualified_at"]) == (9000, at(13, 30))


@pytest.mark.parametrize(
    ("opened", "documented"),
    [
        ("2026-03-10T09:44:59Z", None),
        (at(9, 45), at(10)),
        (at(11), at(11)),
        ("2026-03-10T13:59:59Z", "2026-03-10T13:59:59Z"),
        (at(14), None),
    ],
)
def test_6_5_a_request_documents_from_shortly_before_the_start_to_the_end(
    opened: str, documented: str | None
) -> None:
    lines = [server(), *outage(at(10), at(14)), request(opened)]
    assert found(*lines)[0]["documented_at"] == documented


def test_6_5_client_and_solution_must_both_match() -> None:
    assert found(server(), *outage(at(10), at(14)), request(at(11), solution="t"))[0]["documented_at"] is None
    assert found(server(), *outage(at(10), at(14)), request(at(11), client="d"))[0]["documented_at"] is None


def test_6_5_a_request_at_as_of_documents_what_is_ongoing() -> None:
    lines = [server(), says("down", at(10)), request(at(12), recorded_at=at(12))]
    assert found(*lines, as_of=at(12))[0]["documented_at"] == at(12)


def test_6_5_a_request_that_fits_several_documents_the_first() -> None:
    lines = [server(), *outage(at(10), at(11)), *outage(at(11, 10), at(12)), request(at(10, 58))]
    assert [each["documented_at"] for each in found(*lines)] == [at(10, 58), None]
    lines[-1] = request(at(11, 1))
    assert [each["documented_at"] for each in found(*lines)] == [None, at(11, 10)]


def test_6_5_of_several_requests_the_one_opened_first_documents() -> None:
    lines = [
        server(),
        *outage(at(10), at(14)),
        request(at(12)),
        request(at(11), id="q"),
        request(at(13), id="p"),
    ]
    assert found(*lines)[0]["documented_at"] == at(11)


def test_6_5_the_last_of_the_runs_decides_even_where_its_end_is_excluded() -> None:
    lines = [
        server(),
        *outage(at(10), at(14)),
        exclusion("x", "client_change", at(11), at(15)),
        request(at(13)),
    ]
    assert found(*lines)[0] == {
        "start": at(10),
        "end": at(11),
        "counted": 3600,
        "qualified_at": None,
        "documented_at": at(13),
    }


def test_6_6_only_interruptions_after_acceptance_count_and_all_are_listed() -> None:
    steps = [
        {"kind": "lifecycle", "client": "c", "solution": "s", "event": "activated", "at": t, "recorded_at": t}
        for t in ("2026-03-09T15:00:00Z",)
    ]
    lines = [
        server(),
        *steps,
        *outage("2026-03-08T10:00:00Z", "2026-03-08T13:00:00Z"),
        *outage(at(10), at(13)),
    ]
    (solution,) = solutions(*lines)
    assert (len(solution["interruptions"]), solution["observed"]["count"]) == (2, 1)


def test_6_6_an_interruption_that_starts_with_the_acceptance_counts() -> None:
    activated = {"kind": "lifecycle", "client": "c", "solution": "s", "event": "activated"}
    for activated_at, count in ((at(10), 1), ("2026-03-10T10:00:00.000001Z", 0)):
        step = {**activated, "at": activated_at, "recorded_at": "2026-03-11T00:00:00Z"}
        (solution,) = solutions(server(), *outage(at(10), at(13)), step)
        assert (len(solution["interruptions"]), solution["observed"]["count"]) == (1, count)


def test_interruptions_of_the_month_and_of_the_last_ninety_days_are_listed() -> None:
    lines = [server(), *outage(at(10), at(13))]
    assert len(found(*lines, month="2026-05", as_of="2026-06-08T12:59:59Z")) == 1
    assert found(*lines, month="2026-05", as_of="2026-06-08T13:00:00Z") == []
    assert len(found(*lines, month="2026-03", as_of="2026-09-01T00:00:00Z")) == 1
    end_of_march = outage("2026-04-01T04:00:00Z", "2026-04-01T05:00:00Z")
    assert found(server(), *end_of_march, month="2026-03", as_of="2026-09-01T00:00:00Z") == []


def test_6_2_one_interruption_goes_on_at_most_whichever_server_it_goes_on_by() -> None:
    lines = [client(), server("s1", solution="mail"), server("s2", solution="mail"), seen()]
    lines += [*(says("up", START, server=name) for name in ("s1", "s2"))]
    lines += [
        *outage(at(8), at(9), "s1"),
        says("down", at(10), server="s1"),
        says("down", at(11), server="s2"),
    ]
    now = judgement(lines, as_of=at(12)).solution((SolutionId("mail"), ClientId("c")))
    then = judgement(lines, as_of=at(10)).solution((SolutionId("mail"), ClientId("c")))
    assert now is not None
    assert then is not None
    assert now.ongoing is now.interruptions[-1]
    assert now.ongoing is not None
    assert (len(now.interruptions), format_instant(now.ongoing.start)) == (2, at(10))
    assert (len(then.interruptions), then.ongoing) == (1, None)
