"""Spec §5: the monthly statement of a server. The arithmetic itself: the worked examples and the brute force."""

from typing import Any

from tests.sla.stories import client, exclusion, judgement, maintenance, row_of, says, seen, server, statement

START = "2026-03-01T05:00:00Z"
UP = [says("up", START), seen()]
MARCH = 2674800


def row(*lines: Any, **keys: Any) -> Any:
    return row_of([client(), server(), *lines, *UP], **keys)


def test_5_1_the_parts_sum_up() -> None:
    said = row(
        says("down", "2026-03-02T00:00:00Z"),
        says("unknown", "2026-03-03T00:00:00Z"),
        says("up", "2026-03-04T00:00:00Z"),
        exclusion("x", "client_change", "2026-03-02T12:00:00Z", "2026-03-03T12:00:00Z"),
    )
    assert [said[k] for k in ("up", "down", "unobserved", "excluded")] == [
        MARCH - 2 * 86400,
        43200,
        43200,
        86400,
    ]


def test_5_1_disputed_is_time_that_is_up_though_a_witness_says_down() -> None:
    other = [says("down", "2026-03-02T00:00:00Z", observer="p"), seen("2026-03-03T00:00:00Z", observer="p")]
    assert row(*other)["disputed"] == 86400
    down = says("down", "2026-03-02T12:00:00Z")
    assert row(*other, down)["disputed"] == 43200


def test_5_1_a_month_that_is_disputed_throughout_is_up() -> None:
    said = row(says("down", START, observer="p"), seen(observer="p"))
    assert (said["up"], said["disputed"], said["availability_low"]) == (MARCH, MARCH, 0)


def test_5_1_unobserved_time_adds_up_whichever_leg_nobody_sees() -> None:
    lines = [client(), server(legs=["running", "san"])]
    lines += [says("up", START, leg=leg) for leg in ("running", "san")]
    lines += [
        says("unknown", "2026-03-02T00:00:00Z", leg="san"),
        says("up", "2026-03-03T00:00:00Z", leg="san"),
    ]
    lines += [says("unknown", "2026-03-04T00:00:00Z", leg="running")]
    lines += [says("up", "2026-03-04T12:00:00Z", leg="running"), seen()]
    assert row_of(lines)["unobserved"] == 86400 + 43200


def test_5_1_disputed_and_down_time_add_up_over_a_change_of_legs() -> None:
    """The other witness says down of the Internet for a day, before and after the legs are corrected on the 16th."""
    lines = [client(), server(), server(legs=["san", "internet"], recorded_at="2026-03-16T00:00:00Z"), *UP]
    lines += [says("up", START, leg="san"), says("down", "2026-03-20T00:00:00Z", leg="san")]
    lines += [says("up", "2026-03-20T01:00:00Z", leg="san")]
    lines += [says("down", "2026-03-02T00:00:00Z"), says("up", "2026-03-02T01:00:00Z")]
    for since, until in (("2026-03-10", "2026-03-11"), ("2026-03-18", "2026-03-19")):
        lines += [says("down", f"{since}T00:00:00Z", observer="p")]
        lines += [says("unknown", f"{until}T00:00:00Z", observer="p")]
    said = row_of([*lines, seen(observer="p")])
    assert (said["disputed"], said["down"], said["unobserved"]) == (2 * 86400, 7200, 0)
    assert said["down_by_leg"] == {"san": 3600, "internet": 3600}


def test_5_1_time_is_judged_in_each_gap_between_exclusions() -> None:
    """Down from 10:00 to 20:00, but for three exclusions: one starts with it, one lies inside, one ends with it."""
    down = [says("down", "2026-03-10T10:00:00Z"), says("up", "2026-03-10T20:00:00Z")]
    hours = [("09", "11"), ("13", "14"), ("18", "20")]
    windows = [
        exclusion(f"x{start}", "client_change", f"2026-03-10T{start}:00:00Z", f"2026-03-10T{end}:00:00Z")
        for start, end in hours
    ]
    said = row(*down, *windows)
    assert (said["down"], said["excluded"], said["up"]) == (6 * 3600, 5 * 3600, MARCH - 11 * 3600)


def test_5_1_a_row_stands_for_service_in_the_month_that_as_of_has_not_reached() -> None:
    said = row(as_of="2026-02-15T00:00:00Z")
    assert (said["service"], said["availability"], said["met"], said["conclusive"]) == (0, None, None, None)
    assert (said["budget"], said["best_possible"], said["coverage"]) == (2674.8, 1.0, None)
    assert said["down_by_leg"] == {"internet": 0}


def test_5_2_the_basis_decides_and_both_are_given() -> None:
    lines = [
        says("down", "2026-03-02T00:00:00Z"),
        says("up", "2026-03-03T00:00:00Z"),
        exclusion("x", "client_change", "2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z"),
    ]
    agreed, service = row(*lines), row(*lines, terms={"availability": {"basis": "service"}})
    assert agreed["by_basis"] == service["by_basis"]
    assert agreed["availability"] == agreed["by_basis"]["agreed"] == (MARCH - 2 * 86400) / (MARCH - 86400)
    assert service["availability"] == agreed["by_basis"]["service"] == (MARCH - 86400) / MARCH


def test_5_2_unobserved_time_is_left_out_or_up_or_down() -> None:
    """On the basis `service`, so that excluded time stands above and below the line in each reading."""
    lines = [
        says("down", "2026-03-02T00:00:00Z"),
        says("unknown", "2026-03-03T00:00:00Z"),
        says("up", "2026-03-04T00:00:00Z"),
        exclusion("x", "client_change", "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"),
    ]
    for unobserved, over, under in (
        ("exclude", MARCH - 2 * 86400, MARCH - 86400),
        ("up", MARCH - 86400, MARCH),
        ("down", MARCH - 2 * 86400, MARCH),
    ):
        said = row(*lines, terms={"availability": {"unobserved": unobserved, "basis": "service"}})
        assert said["availability"] == over / under
        assert said["by_basis"]["agreed"] == (over - 86400) / (under - 86400)


def test_5_2_a_month_that_is_excluded_altogether_gives_null() -> None:
    whole = exclusion("x", "force_majeure", "2026-02-01T00:00:00Z", "2026-05-01T00:00:00Z")
    said = row(whole)
    assert [said[k] for k in ("availability", "availability_low", "coverage", "met", "best_possible")] == [
        None
    ] * 5
    assert (said["agreed"], said["budget"]) == (0, 0)
    assert row(whole, terms={"availability": {"basis": "service"}})["availability"] == 1.0


def test_5_2_an_outage_in_a_month_that_is_excluded_altogether_is_no_down_time() -> None:
    whole = exclusion("x", "force_majeure", "2026-02-01T00:00:00Z", "2026-05-01T00:00:00Z")
    said = row(whole, says("down", "2026-03-02T00:00:00Z"), says("up", "2026-03-03T00:00:00Z"))
    assert (said["up"], said["down"], said["excluded"], said["down_by_leg"]) == (0, 0, MARCH, {"internet": 0})


def test_5_3_nothing_observed_leaves_everything_open() -> None:
    said = row_of([client(), server()])
    assert [said[k] for k in ("availability", "availability_low", "availability_high", "coverage")] == [
        None,
        0,
        1,
        0,
    ]
    assert (said["met"], said["conclusive"]) == (None, False)


def test_5_3_the_truth_lies_between_all_unseen_and_disputed_time_down_and_all_unseen_time_up() -> None:
    """A day each: down, unknown, excluded, and up though another witness says down."""
    lines = [
        says("down", "2026-03-02T00:00:00Z"),
        says("unknown", "2026-03-03T00:00:00Z"),
        says("up", "2026-03-04T00:00:00Z"),
        exclusion("x", "client_change", "2026-03-05T00:00:00Z", "2026-03-06T00:00:00Z"),
        says("down", "2026-03-08T00:00:00Z", observer="p"),
        seen("2026-03-09T00:00:00Z", observer="p"),
    ]
    agreed = row(*lines)
    assert agreed["availability_low"] == (MARCH - 4 * 86400) / (MARCH - 86400)
    assert agreed["availability_high"] == (MARCH - 2 * 86400) / (MARCH - 86400)
    assert agreed["coverage"] == (MARCH - 2 * 86400) / (MARCH - 86400)
    service = row(*lines, terms={"availability": {"basis": "service"}})
    assert service["availability_low"] == (MARCH - 3 * 86400) / MARCH
    assert service["availability_high"] == (MARCH - 86400) / MARCH
    assert service["coverage"] == agreed["coverage"]


def test_5_4_a_verdict_at_the_target_is_met() -> None:
    lines = [says("down", "2026-03-02T00:00:00Z"), says("up", "2026-03-02T00:44:34.8Z")]
    assert row(*lines)["availability"] == 0.999
    assert row(*lines)["met"] is True


def test_5_4_unobserved_time_that_could_change_the_verdict_makes_it_inconclusive() -> None:
    lines = [says("unknown", "2026-03-02T00:00:00Z"), says("up", "2026-03-02T02:00:00Z")]
    assert (row(*lines)["met"], row(*lines)["conclusive"]) == (True, False)


def test_5_5_the_budget_is_that_of_the_whole_month_with_the_exclusions_known() -> None:
    window = maintenance("x", "2026-03-26T03:00:00Z", "2026-03-26T04:00:00Z")
    down = [says("down", "2026-03-02T00:00:00Z"), says("up", "2026-03-02T01:00:00Z")]
    said = row(window, *down, as_of="2026-03-03T05:00:00Z")
    assert (said["budget"], said["budget_left"]) == (2671.2, -928.8)
    assert said["best_possible"] == (MARCH - 7200) / (MARCH - 3600)


def test_5_5_on_the_basis_of_service_excluded_time_is_part_of_the_budget() -> None:
    window = exclusion("x", "client_change", "2026-03-26T00:00:00Z", "2026-03-27T00:00:00Z")
    down = [says("down", "2026-03-02T00:00:00Z"), says("up", "2026-03-02T01:00:00Z")]
    said = row(window, *down, as_of="2026-03-03T05:00:00Z", terms={"availability": {"basis": "service"}})
    assert (said["budget"], said["budget_left"]) == (2674.8, -925.2)
    assert said["best_possible"] == (MARCH - 3600) / MARCH


def test_5_6_legs_that_are_down_together_overlap() -> None:
    lines = [
        client(),
        server(legs=["running", "san"]),
        *(says("up", START, leg=leg) for leg in ("running", "san")),
        *(says("down", "2026-03-02T00:00:00Z", leg=leg) for leg in ("running", "san")),
        says("up", "2026-03-02T01:00:00Z", leg="running"),
        says("up", "2026-03-02T02:00:00Z", leg="san"),
        seen(),
    ]
    assert row_of(lines)["down_by_leg"] == {"running": 3600, "san": 7200}
    assert row_of(lines)["down"] == 7200


def test_a_row_of_one_client_is_found_without_the_others() -> None:
    lines = [client(), client("d"), server(), server("t", client="d"), *UP]
    assert [r["id"] for r in statement(lines)["servers"]] == ["s", "t"]
    of_one = judgement(lines).statement("d")  # type: ignore[arg-type]
    assert [r.id for r in of_one.servers] == ["t"]
    assert [r.id for r in of_one.solutions] == ["t"]
