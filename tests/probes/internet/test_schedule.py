"""Rounds come in their places: spread, without drift, and undisturbed by others."""

from collections import Counter
from itertools import pairwise
from uuid import UUID

from probes.internet.schedule import Schedule
from sla.instants import SECOND

INTERVAL = 10 * SECOND


def instants(schedule: Schedule, start_us: int, until_us: int, step_us: int = 1000) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    now_us = start_us
    while now_us < until_us:
        for due in schedule.due(now_us):
            if due.runs:
                found.setdefault(due.name, []).append(now_us)
        wait_s = schedule.wait_s(now_us)
        assert wait_s is not None
        now_us = max(now_us + step_us, now_us + int(wait_s * SECOND))
    return found


def test_a_check_comes_every_interval_to_the_microsecond() -> None:
    schedule = Schedule()
    schedule.add("east", INTERVAL, 123)
    times = instants(schedule, 123, 123 + 100 * INTERVAL, step_us=1)["east"]
    assert len(times) == 100
    assert {later - earlier for earlier, later in pairwise(times)} == {INTERVAL}
    assert times[0] <= 123 + INTERVAL


def test_a_late_round_does_not_shift_the_next() -> None:
    schedule = Schedule()
    schedule.add("east", INTERVAL, 0, at_once=False)
    (first,) = instants(schedule, 0, INTERVAL + 1, step_us=1)["east"][:1]
    assert schedule.due(first + INTERVAL + 3 * SECOND) == [("east", True, 0)]
    assert schedule.wait_s(first + INTERVAL + 3 * SECOND) == 7.0


def test_rounds_that_are_much_too_late_are_left_out_and_counted() -> None:
    schedule = Schedule()
    schedule.add("east", INTERVAL, 0)
    (first,) = instants(schedule, 0, INTERVAL + 1, step_us=1)["east"][:1]
    assert schedule.due(first + INTERVAL + 6 * SECOND) == [("east", False, 1)]
    assert schedule.due(first + 2 * INTERVAL) == [("east", True, 0)]
    assert schedule.due(first + 5 * INTERVAL + 1) == [("east", True, 2)]
    assert schedule.due(first + 5 * INTERVAL + 2) == []


def test_the_first_round_can_come_at_once_and_the_others_in_their_places() -> None:
    schedule, usual = Schedule(), Schedule()
    schedule.add("east", INTERVAL, 500, at_once=True)
    usual.add("east", INTERVAL, 500)
    first, *rest = instants(schedule, 500, 10 * INTERVAL, step_us=1)["east"]
    assert first == 500
    assert rest[0] - first >= INTERVAL // 2
    assert rest[-5:] == instants(usual, 500, 10 * INTERVAL, step_us=1)["east"][-5:]


def test_adding_and_removing_checks_leaves_the_cadence_of_the_others_as_it_is() -> None:
    alone, busy = Schedule(), Schedule()
    alone.add("east", INTERVAL, 0)
    busy.add("east", INTERVAL, 0)
    expected = instants(alone, 0, 6 * INTERVAL, step_us=1)["east"]
    for number in range(50):
        busy.add(f"other{number}", INTERVAL, 0)
    found = instants(busy, 0, 2 * INTERVAL, step_us=1)["east"]
    for number in range(50):
        busy.remove(f"other{number}")
    busy.add("new", INTERVAL // 2, 2 * INTERVAL)
    busy.add("east", INTERVAL, 2 * INTERVAL)
    found += instants(busy, 2 * INTERVAL, 6 * INTERVAL, step_us=1)["east"]
    assert found == expected
    assert len(busy) == 2


def test_a_check_with_another_interval_comes_by_that() -> None:
    schedule = Schedule()
    schedule.add("east", INTERVAL, 0)
    schedule.add("east", 3 * SECOND, 0)
    times = instants(schedule, 0, 5 * INTERVAL, step_us=1)["east"]
    assert {later - earlier for earlier, later in pairwise(times)} == {3 * SECOND}


def test_what_is_removed_comes_no_more() -> None:
    schedule = Schedule()
    schedule.add("east", INTERVAL, 0)
    schedule.remove("east")
    assert schedule.wait_s(0) is None
    assert schedule.due(5 * INTERVAL) == []


def test_40_000_checks_are_spread_evenly() -> None:
    schedule = Schedule()
    interval_us = 15 * SECOND
    for number in range(40_000):
        schedule.add(f"{UUID(int=number << 64 | number)} icmp://192.0.2.1", interval_us, 0)
    due = [now_us for times in instants(schedule, 0, interval_us + 1, step_us=1).values() for now_us in times]
    assert len(due) == 40_000
    per_tenth = Counter(now_us * 150 // (interval_us + 1) for now_us in due)
    mean = 40_000 / 150
    assert max(per_tenth.values()) < 1.3 * mean
    assert min(per_tenth.values()) > 0.7 * mean
