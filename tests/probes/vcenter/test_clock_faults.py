"""Clocks that are wrong, and histories that are not what they were: what the watch makes of them against a simulated vCenter."""

import time

import pytest

from probes.report import Resume
from probes.simulation.event_collectors import EventCollector
from probes.simulation.events import SimulatedEvent
from probes.vcenter import positions
from probes.vcenter.clocks import SANE_FROM
from sla.instants import HOUR, MINUTE, SECOND
from sla.records import State
from tests.probes.vcenter.harness import RECOVERED, Watched, watching
from tests.probes.vcenter.peers import LONGEST_WAIT_S, Simulated
from tests.probes.vcenter.test_faults import recovered

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


def all_is_sane(watched: Watched, simulation: Simulated) -> bool:
    """Whether every instant that left the boundary lies between the year 2000 and now."""
    now = simulation.clock()
    instants = [each.at for each in watched.observations] + [each.at for each in watched.events]
    instants += [each.noticed_at for each in watched.observations if each.noticed_at is not None]
    return all(SANE_FROM <= at <= now for at in instants)


def cycle(simulation: Simulated, seconds: float = 3) -> None:
    simulation.do(
        simulation.machines.power_cycle, simulation.server, user="ann", down_us=int(seconds * SECOND)
    )


# Hosts'


@pytest.mark.parametrize("ahead_us", [0, -15 * SECOND, 15 * SECOND, HOUR, -HOUR, -30 * 365 * 24 * HOUR])
def test_an_ha_restart_is_down_until_it_happened_whatever_the_hosts_clock_shows(
    simulation: Simulated, ahead_us: int
) -> None:
    for name in {vm.host.name for vm in simulation.vms()}:
        simulation.do(simulation.world.mishaps.host_clock, name, ahead_us=ahead_us)
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        simulation.lose_host(simulation.host)
        watched.until_state(server, UNKNOWN)
        lost_at = watched.timeline(server)[-1][0]
        simulation.clock.advance(40)
        restarted_at = simulation.clock()
        simulation.restart_elsewhere(simulation.server, simulation.elsewhere)
        simulation.clock.advance(5)
        watched.until_state(server, UP)
        watched.until(lambda: len(watched.timeline(server, source=RECOVERED)) == 3)
    first, (up_at, up), (_, last) = watched.timeline(server, source=RECOVERED)
    assert first == (lost_at, DOWN)
    assert (up, last) == (UP, UNKNOWN)
    assert abs(up_at - restarted_at) < SECOND
    assert all_is_sane(watched, simulation)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:07Z", "9999-12-31T23:59:59Z", ""])
def test_a_boot_time_of_no_time_is_a_restart_at_most_and_never_a_date(simulation: Simulated, at: str) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        watched.looks(1)
        simulation.do(simulation.world.mishaps.boot_time, simulation.server, at=at)
        watched.looks(2)
        simulation.clock.advance(60)
        watched.looks(2)
        simulation.lose_host(simulation.host)
        watched.until_state(server, UNKNOWN)
        simulation.clock.advance(60)
        simulation.regain_host(simulation.host)
        watched.until_state(server, UP)
    assert watched.states(server) == [UP, UNKNOWN, UP] if not at else [UP, UNKNOWN, UP, UNKNOWN, UP]
    assert watched.states(server, source=RECOVERED) == []
    assert all_is_sane(watched, simulation)


# vCenter's


@pytest.mark.parametrize("ahead_us", [HOUR, -HOUR, 90 * SECOND, -90 * SECOND])
def test_a_power_cycle_after_vcenters_clock_was_put_right_is_told_to_the_second(
    simulation: Simulated, ahead_us: int
) -> None:
    simulation.do(simulation.world.clock_offset, offset_us=ahead_us)
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        watched.looks(1)
        simulation.clock.advance(30)
        watched.looks(1)
        simulation.do(simulation.world.clock_offset, offset_us=0)
        simulation.clock.advance(10)
        at = simulation.clock()
        cycle(simulation)
        watched.until(lambda: len(watched.states(server)) == 3)
    (_, _), (down_at, down), (up_at, up) = watched.timeline(server)
    assert (down, up) == (DOWN, UP)
    assert abs(up_at - down_at - 3 * SECOND) < SECOND
    assert abs(up_at - at) < SECOND
    assert {each.type for each in watched.events} >= {"VmPoweredOffEvent", "VmPoweredOnEvent"}
    assert all_is_sane(watched, simulation)


def test_events_before_and_after_vcenters_clock_was_set_are_all_told_once(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        watched.server(simulation.server)
        for offset_us in (0, HOUR, -HOUR, 0, 2 * MINUTE):
            simulation.do(simulation.world.clock_offset, offset_us=offset_us)
            simulation.clock.advance(20)
            cycle(simulation)
            watched.looks(2)
    kinds = [each.type for each in watched.events]
    assert kinds.count("VmPoweredOffEvent") == kinds.count("VmPoweredOnEvent") == 5
    times = [each.at for each in watched.events]
    assert max(times) - min(times) < 3 * MINUTE
    assert not any(each.history_faults for each in watched.reports)


# Events


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", ""])
def test_an_event_of_another_time_is_taken_for_now_and_silences_no_later_one(
    simulation: Simulated, at: str
) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        simulation.do(simulation.world.mishaps.date_events, at=at, ahead_us=24 * HOUR)
        if at[:4] in ("0001", "1970"):  # those the collector does not give
            simulation.do(simulation.world.mishaps.date_events)
        simulation.do(simulation.world.post_event, "VmPoweredOffEvent", vm=simulation.server)
        watched.until(lambda: watched.events)
        simulation.kill_sessions()
        recovered(watched)
        simulation.clock.advance(30)
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
        watched.looks(1)
    kinds = [each.type for each in watched.events]
    assert kinds == ["VmPoweredOffEvent", "VmStoppingEvent", "VmPoweredOffEvent"]
    assert all_is_sane(watched, simulation)


def test_events_of_tomorrow_make_what_they_tell_of_unknown_and_not_up(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        watched.looks(1)
        simulation.clock.advance(20)
        simulation.do(simulation.world.mishaps.date_events, ahead_us=24 * HOUR, count=10)
        cycle(simulation)
        watched.looks(1)
        simulation.clock.advance(60)
        watched.until(lambda: len(watched.states(server)) == 3)
    assert watched.states(server) == [UP, UNKNOWN, UP]
    assert all_is_sane(watched, simulation)


# Histories


def test_power_events_whose_keys_were_given_before_are_told(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        watched.looks(1)
        simulation.clock.advance(20)
        cycle(simulation)
        watched.until(lambda: len(watched.states(server)) == 3)
        # Before its first event there is one of the task, which no watch reads.
        simulation.do(simulation.world.mishaps.restart_keys, first=int(watched.events[0].key) - 1)
        simulation.clock.advance(60)
        cycle(simulation)
        watched.until(lambda: len(watched.states(server)) == 5)
    assert watched.states(server) == [UP, DOWN, UP, DOWN, UP]
    faults = [fault for report in watched.reports for fault in report.history_faults]
    assert faults == [positions.KEYS_AGAIN]


def test_they_are_told_by_the_next_watch_too(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as before:
        server = before.server(simulation.server)
        before.looks(1)
        simulation.clock.advance(20)
        cycle(simulation)
        before.until(lambda: len(before.states(server)) == 3)
    simulation.clock.advance(20)
    simulation.do(simulation.world.mishaps.restart_keys, first=int(before.events[0].key) - 1)
    cycle(simulation)
    simulation.clock.advance(20)
    known = frozenset(each.known for each in before.events)
    resume = Resume(observed_until=before.reports[-1].observed_until, known_events=known)
    with watching(simulation.endpoint, now=simulation.clock, resume=resume) as watched:
        watched.looks(1)
    assert [each.key for each in watched.events] == [each.key for each in before.events]
    assert watched.events[0].at > before.events[-1].at
    assert watched.reports[0].history_faults == (positions.KEYS_AGAIN,)


def test_nothing_is_concluded_of_a_gap_whose_events_may_be_missing(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        cycle(simulation)
        watched.until(lambda: watched.events)
        watched.looks(1)
        simulation.do(simulation.vcenter.wire.inject, "unavailable")
        simulation.kill_sessions()
        watched.failure()
        simulation.clock.advance(100)
        cycle(simulation)
        simulation.do(simulation.world.mishaps.forget_events)
        simulation.clock.advance(100)
        simulation.do(simulation.world.post_event, "VmPoweredOnEvent", vm=simulation.server)
        simulation.clock.advance(100)
        simulation.clear_faults()
        recovered(watched)
        watched.looks(2)
    faults = [fault for report in watched.reports for fault in report.history_faults]
    assert faults == [positions.LOST]
    assert watched.timeline(server, source=RECOVERED) == []


def test_a_collector_that_gives_the_same_page_for_ever_does_not_make_the_watch_run_hot(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        watched.report()
        cycle(simulation)
        watched.until(lambda: watched.events)
        read_next = EventCollector.read_next

        def rewound(collector: EventCollector, count: int) -> list[SimulatedEvent]:
            collector.rewind()
            return read_next(collector, count)

        monkeypatch.setattr(EventCollector, "read_next", rewound)
        watched.looks(1)
        started_s = time.monotonic()
        watched.looks(2)
        assert time.monotonic() - started_s > 1.5 * LONGEST_WAIT_S
    assert len({each.key for each in watched.events}) == len(watched.events)


def test_the_history_of_another_vcenter_in_its_place_is_said_to_be_one(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        watched.report()
        simulation.do(simulation.world.become_another, name="new")
        simulation.kill_sessions()
        recovered(watched)
        watched.looks(1)
    faults = [fault for report in watched.reports for fault in report.history_faults]
    assert faults == [positions.OTHER_VCENTER]


def test_a_watch_that_knows_no_event_reads_those_of_the_time_that_nobody_watched(
    simulation: Simulated,
) -> None:
    resume = Resume(observed_until=simulation.clock())
    simulation.clock.advance(60)
    at = simulation.clock()
    cycle(simulation)
    simulation.clock.advance(60)
    with watching(simulation.endpoint, now=simulation.clock, resume=resume) as watched:
        server = watched.server(simulation.server)
        watched.until(lambda: len(watched.timeline(server, source=RECOVERED)) == 3)
    (down_at, _), (up_at, _), _ = watched.timeline(server, source=RECOVERED)
    assert abs(up_at - at) < SECOND
    assert abs(up_at - down_at - 3 * SECOND) < SECOND
