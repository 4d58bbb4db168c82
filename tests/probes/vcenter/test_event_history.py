"""The events of a vCenter: each once, in order, on our clock, and what they tell of time that nobody watched."""

import dataclasses
from collections.abc import Callable
from dataclasses import replace

import pytest

from probes.report import Resume
from probes.simulation import methods, soap
from probes.simulation.events import SimulatedEvent
from probes.vcenter.settings import Portions
from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.records import State
from tests.probes.vcenter.harness import RECOVERED, SLOW, Watched, watching
from tests.probes.vcenter.peers import Simulated
from tests.probes.vcenter.test_faults import recovered

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


def post(peer: Simulated, kind: str = "VmMigratedEvent", count: int = 1) -> None:
    def act() -> None:
        for _ in range(count):
            peer.world.post_event(kind, vm=peer.server)

    peer.do(act)


def test_only_what_happens_from_now_on_is_read_at_the_very_first_start(simulation: Simulated) -> None:
    post(simulation, count=3)
    simulation.clock.advance(5)
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        assert watched.report().events == ()
        post(simulation)
        watched.until(lambda: watched.events)
    (event,) = watched.events
    assert (event.type, event.server) == ("VmMigratedEvent", watched.server(simulation.server))
    assert event.text


def test_each_event_is_told_once_also_over_sessions(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        post(simulation, count=250)
        watched.until(lambda: len(watched.events) >= 250)
        simulation.kill_sessions()
        recovered(watched)
        post(simulation)
        watched.until(lambda: len(watched.events) >= 251)
        watched.looks(1)
    keys = [int(each.key) for each in watched.events]
    assert len(keys) == len(set(keys)) == 251
    assert keys == sorted(keys)


def test_a_backlog_is_read_over_several_looks_without_waits(simulation: Simulated) -> None:
    simulation.wait_as_asked()
    portions = Portions(events=50, event_pages=2)
    with watching(replace(simulation.endpoint, deadlines=SLOW), poll_s=60, portions=portions) as watched:
        watched.report()
        post(simulation, count=1_000)
        simulation.power_off(simulation.neighbour)
        watched.until(lambda: len(watched.events) >= 1_002, timeout_s=50.0)
    assert max(len(report.events) for report in watched.reports) == 100


def test_an_extended_event_goes_by_its_id_whatever_its_class(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        simulation.do(
            simulation.world.post_extended_event, "esx.problem.storage.apd.start", host=simulation.host
        )
        simulation.do(
            lambda: simulation.world.events.post(
                "SomeClassOfTheFuture",
                simulation.machines.find(simulation.server),
                type_id="com.vmware.vc.ha.VmRestartedByHAEvent",
            )
        )
        watched.until(lambda: len(watched.events) == 2)
    assert [each.type for each in watched.events] == [
        "esx.problem.storage.apd.start",
        "SomeClassOfTheFuture",
    ]
    assert watched.events[0].server is None


class Poison(SimulatedEvent):
    """An event as no vCenter would write it."""

    @property
    def fragment(self) -> str:
        return ' xsi:type="VmMigratedEvent"><key>x</key><createdTime>just now</createdTime>'


def test_what_is_no_event_is_skipped_and_counted_and_the_others_are_read(simulation: Simulated) -> None:
    def poison() -> None:
        log = simulation.world.events
        event = log.post("VmMigratedEvent", simulation.machines.find(simulation.server))
        spoilt = {each.name: getattr(event, each.name) for each in dataclasses.fields(event)}
        log.events[-1] = Poison(**spoilt)

    with watching(simulation.endpoint) as watched:
        watched.report()
        post(simulation, count=300)
        simulation.do(poison)
        post(simulation, count=2)
        watched.until(lambda: len(watched.events) >= 302)
        assert sum(report.skipped_events for report in watched.reports) == 1
    assert watched.failures == []


def test_an_account_without_the_right_to_events_still_sees_states(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(call: methods.SessionCall) -> str:
        raise soap.no_permission("EventManager", "EventManager")

    monkeypatch.setitem(methods.METHODS, "CreateCollectorForEvents", refused)
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
    assert (watched.failures, watched.events) == ([], [])


def told_late(peer: Simulated, act: Callable[[str], object]) -> Instant:
    """Have something happen, and our clock go on for a minute before the answer that tells of it."""

    def acted() -> Instant:
        happened_at = peer.clock()
        act(peer.server)
        peer.clock.advance(60)
        return happened_at

    at: Instant = peer.do(acted)
    return at


@pytest.mark.parametrize("ahead_s", [-7_200, 45])
def test_event_and_boot_times_are_put_on_our_clock(simulation: Simulated, ahead_s: int) -> None:
    simulation.do(simulation.world.clock_offset, offset_us=ahead_s * SECOND)
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        offset_us = watched.reports[0].clock_offset_us
        assert offset_us is not None
        assert abs(offset_us - ahead_s * SECOND) < SECOND
        watched.looks(2)  # a minute that passes in the midst of a measurement makes it one of nothing
        off_at = told_late(simulation, simulation.machines.power_off)
        watched.until_state(server, DOWN)
        watched.looks(2)
        on_at = told_late(simulation, simulation.machines.power_on)
        watched.until_state(server, UP)
    (_, _), (down_at, _), (up_at, _) = watched.timeline(server)
    assert abs(down_at - off_at) < SECOND
    assert abs(up_at - on_at) < SECOND


def test_the_offset_of_the_clock_is_measured_again_from_time_to_time(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        simulation.do(simulation.world.clock_offset, offset_us=HOUR)
        simulation.clock.advance(301)
        watched.until(lambda: (watched.reports[-1].clock_offset_us or 0) > 59 * MINUTE)
        simulation.do(simulation.machines.set_address, simulation.server, address="10.0.0.1")
        simulation.rename(simulation.server, "renamed")
        watched.server("renamed")
        simulation.clock.advance(61)
        watched.looks(1)
    assert watched.states(server) == [UP], "a clock that was put right is no restart"


# Time that nobody watched


def test_a_fast_power_cycle_is_told_by_its_events(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        watched.looks(1)
        simulation.clock.advance(60)
        watched.looks(1)
        simulation.clock.advance(10)
        simulation.do(simulation.machines.power_cycle, simulation.server, user="alice", down_us=4 * SECOND)
        watched.until(lambda: len(watched.states(server)) == 3)
    (_, _), (down_at, down), (up_at, up) = watched.timeline(server)
    assert (down, up) == (DOWN, UP)
    assert abs(up_at - down_at - 4 * SECOND) < SECOND


def outage(peer: Simulated) -> tuple[Instant, Instant]:
    """Off for a minute, in the middle of nowhere."""
    peer.clock.advance(100)
    off_at = peer.clock()
    peer.power_off(peer.server)
    on_at = peer.clock.advance(60)
    peer.power_on(peer.server)
    peer.clock.advance(100)
    return off_at, on_at


def said_of_the_gap(watched: Watched, name: str) -> list[tuple[Instant, State]]:
    server = watched.server(name)
    watched.until(lambda: len(watched.timeline(server, source=RECOVERED)) >= 3)
    return watched.timeline(server, source=RECOVERED)


def test_an_outage_between_two_sessions_is_dated_afterwards(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        watched.report()
        simulation.do(simulation.vcenter.wire.inject, "unavailable")
        simulation.kill_sessions()
        watched.failure()
        off_at, on_at = outage(simulation)
        simulation.clear_faults()
        recovered(watched)
        (down_at, down), (up_at, up), (_, last) = said_of_the_gap(watched, simulation.server)
        server = watched.server(simulation.server)
    assert (down, up, last) == (DOWN, UP, UNKNOWN)
    assert abs(down_at - off_at) < SECOND
    assert abs(up_at - on_at) < SECOND
    assert watched.states(server) == [UP]


def test_a_watch_goes_on_where_the_one_before_it_ended(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as before:
        server = before.server(simulation.server)
        post(simulation, count=3)
        before.until(lambda: len(before.events) == 3)
    resume = Resume(
        observed_until=before.reports[-1].observed_until,
        known_events=frozenset(each.known for each in before.events),
    )
    off_at, on_at = outage(simulation)
    with watching(simulation.endpoint, now=simulation.clock, resume=resume) as watched:
        (down_at, _), (up_at, _), _ = said_of_the_gap(watched, simulation.server)
        assert abs(down_at - off_at) < SECOND
        assert abs(up_at - on_at) < SECOND
    assert not {each.key for each in watched.events} & {each.key for each in before.events}
    assert not any(each.history_faults for each in watched.reports)
    assert watched.reports[0].fresh
    assert watched.states(server) == [UP]


def test_a_gap_with_a_backlog_of_events_is_closed_once_all_are_read(simulation: Simulated) -> None:
    portions = Portions(events=20, event_pages=1)
    resume = Resume(observed_until=simulation.clock())
    post(simulation, count=200)
    off_at, _ = outage(simulation)
    with watching(simulation.endpoint, now=simulation.clock, resume=resume, portions=portions) as watched:
        (down_at, _), _, _ = said_of_the_gap(watched, simulation.server)
    assert abs(down_at - off_at) < SECOND
    assert len(watched.reports) > 5


def test_a_loss_of_contact_from_before_a_restart_is_recovered(simulation: Simulated) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as before:
        server = before.server(simulation.server)
        simulation.lose_host(simulation.host)
        before.until_state(server, UNKNOWN)
    lost_at = before.timeline(server)[-1][0]
    resume = Resume(observed_until=before.reports[-1].observed_until, out_of_contact={server: lost_at})
    simulation.clock.advance(600)
    with watching(simulation.endpoint, now=simulation.clock, resume=resume) as watched:
        watched.report()
        booted_at = simulation.restart_elsewhere(simulation.server, simulation.elsewhere)
        simulation.clock.advance(20)
        watched.until_state(server, UP)
    line = watched.timeline(server, source=RECOVERED)
    assert [state for _, state in line] == [DOWN, UP, UNKNOWN]
    assert line[0][0] == lost_at
    assert abs(line[1][0] - booted_at) < SECOND


def test_a_server_whose_host_is_lost_at_a_fresh_look_is_said_to_be_unknown(simulation: Simulated) -> None:
    """What was said of it before must not come back to life when the blind span ends."""
    simulation.lose_host(simulation.host)
    resume = Resume(observed_until=Instant(simulation.clock() - MINUTE))
    with watching(simulation.endpoint, resume=resume) as watched:
        server = watched.server(simulation.server)
    assert watched.states(server) == [UNKNOWN]
