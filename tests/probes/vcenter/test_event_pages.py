"""What goes wrong with pages of events costs no other event, no state, and no session."""

from collections.abc import Awaitable, Callable

import pytest

from probes.report import Resume
from probes.simulation import methods, soap
from probes.simulation.methods import SessionCall
from probes.simulation.sessions import ConnectionDroppedError
from probes.vcenter import event_pages, positions
from probes.vcenter.positions import UNMEASURED, UNREAD
from sla.instants import HOUR, SECOND
from sla.records import State
from tests.probes.vcenter.harness import RECOVERED, Watched, watching
from tests.probes.vcenter.peers import Simulated
from tests.probes.vcenter.test_bad_items import by_user, post
from tests.probes.vcenter.test_event_history import outage
from tests.probes.vcenter.test_faults import recovered, the_session

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


class Failures:
    """Has calls of a method fail: `armed` are those to come, each once; `always` for each of which it is true."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *which: str) -> None:
        self.armed: list[tuple[str, Exception]] = []
        self.always: Callable[[str, str], Exception | None] = lambda _, __: None
        for method in which:
            monkeypatch.setitem(methods.METHODS, method, self._failing(method, methods.METHODS[method]))

    def _failing(
        self, method: str, found: Callable[[SessionCall], str | Awaitable[str]]
    ) -> Callable[[SessionCall], Awaitable[str]]:
        async def called(call: SessionCall) -> str:
            told = found(call)
            told = told if isinstance(told, str) else await told
            for each in self.armed:
                if each[0] == method:
                    self.armed.remove(each)
                    raise each[1]
            error = self.always(method, told)
            if error is not None:
                raise error
            return told

        return called


def faults(watched: Watched) -> list[str]:
    return [fault for report in watched.reports for fault in report.history_faults]


def skipped(watched: Watched) -> int:
    return sum(report.skipped_events for report in watched.reports)


# A page that was lost on the way


@pytest.mark.parametrize("is_lost", [False, True])
def test_an_outage_whose_events_were_written_late_is_told_also_where_an_answer_was_lost(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, *, is_lost: bool
) -> None:
    asked = 0

    def second(_: str, told: str) -> Exception | None:
        nonlocal asked
        asked += bool(told)
        return ConnectionDroppedError() if asked == 2 and is_lost else None

    failures = Failures(monkeypatch, "ReadNextEvents")
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        watched.looks(2)
        simulation.fault("unavailable")
        simulation.kill_sessions()
        watched.failure()
        simulation.clock.advance(300)
        neighbour = simulation.neighbour
        simulation.do(
            lambda: [simulation.world.post_event("VmReconfiguredEvent", vm=neighbour) for _ in range(300)]
        )
        # Those come later, and happened before.
        simulation.clock.ahead_us -= 200 * SECOND
        simulation.power_off(simulation.server)
        simulation.clock.advance(100)
        simulation.power_on(simulation.server)
        simulation.clock.advance(160)
        failures.always = second
        simulation.clear_faults()
        recovered(watched)
        watched.looks(3)
        assert watched.states(server, source=RECOVERED) == [DOWN, UP, UNKNOWN]
    assert (asked >= 2, faults(watched), skipped(watched)) == (True, [], 0)
    assert len({each.key for each in watched.events}) == len(watched.events)


def test_an_event_that_is_written_late_after_a_page_failed_is_told(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = Failures(monkeypatch, "ReadNextEvents")
    failures.always = lambda _, told: (
        soap.FaultError("RuntimeFault", "no") if "odd</userName>" in told else None
    )
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        watched.looks(2)
        simulation.clock.advance(30)
        post(simulation, "before", 150)
        post(simulation, "odd")
        post(simulation, "after", 150)
        watched.until(lambda: len(by_user(watched, "after")) == 150)
        watched.looks(2)
        simulation.clock.ahead_us -= 20 * SECOND
        post(simulation, "late")
        simulation.clock.advance(20)
        watched.until(lambda: by_user(watched, "late"))
    assert (len(by_user(watched, "before")), skipped(watched), watched.failures) == (150, 1, [])
    assert len({each.key for each in watched.events}) == len(watched.events)


@pytest.mark.parametrize("far_s", [1, 10])
def test_an_answer_that_is_lost_late_in_a_session_has_no_event_told_again(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, far_s: int
) -> None:
    """Neither where there were many since the login, nor where there are many within the overlap."""
    monkeypatch.setattr(positions, "REMEMBERED", 300)
    failures = Failures(monkeypatch, "ReadNextEvents")
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        watched.looks(2)
        for _ in range(4):
            for _ in range(10):
                simulation.clock.advance(far_s)
                post(simulation, "x", 20)
            watched.looks(3)
        watched.until(lambda: len(by_user(watched, "x")) >= 800)
        failures.armed.append(("ReadNextEvents", ConnectionDroppedError()))
        watched.until(lambda: not failures.armed)
        watched.looks(3)
        assert len(by_user(watched, "x")) == 800
    assert (faults(watched), watched.failures) == ([], [])


@pytest.mark.parametrize("second", ["DestroyCollector", "CreateCollectorForEvents", "CurrentTime"])
def test_two_connections_that_are_dropped_cost_no_session(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, second: str
) -> None:
    failures = Failures(monkeypatch, "ReadNextEvents", second)
    with watching(simulation.endpoint) as watched:
        watched.looks(2)
        failures.armed += [("ReadNextEvents", ConnectionDroppedError()), (second, ConnectionDroppedError())]
        post(simulation, "x")
        watched.until(lambda: by_user(watched, "x"))
        watched.until(lambda: not failures.armed)
        watched.looks(2)
    assert (watched.failures, len(by_user(watched, "x"))) == ([], 1)


def test_a_collector_that_repeats_itself_after_a_page_failed_stops_no_report(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = methods.METHODS["ReadNextEvents"]
    pages: list[str] = []

    def repeating(call: SessionCall) -> str:
        told = found(call)
        assert isinstance(told, str)
        if not told and not pages:
            return told
        pages.append(told)
        if len(pages) == 1:
            raise soap.FaultError("RuntimeFault", "once")
        return next(each for each in pages if each)

    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        watched.looks(2)
        monkeypatch.setitem(methods.METHODS, "ReadNextEvents", repeating)
        post(simulation, "x", 20)
        watched.until(lambda: pages)
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
        before = len(pages)
        watched.looks(2)
        assert len(pages) - before <= 4 * event_pages.MOST_CALLS
    assert watched.failures == []


def test_pages_that_are_too_long_are_read_as_shorter_ones(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = Failures(monkeypatch, "ReadNextEvents")
    failures.always = lambda _, told: (
        soap.FaultError("RuntimeFault", "long") if told.count("<userName>") > 3 else None
    )
    with watching(simulation.endpoint) as watched:
        watched.looks(2)
        post(simulation, "x", 120)
        watched.until(lambda: len(by_user(watched, "x")) == 120)
    assert (faults(watched), skipped(watched), watched.failures) == ([], 0, [])


# A history that cannot be read


def test_an_event_of_a_time_in_which_the_history_rested_has_its_date(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_pages, "REST_S", 2.0)
    failures = Failures(monkeypatch, "ReadNextEvents")
    failures.always = lambda _, __: soap.FaultError("RuntimeFault", "no")
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        watched.until(lambda: skipped(watched))
        failures.always = lambda _, __: None
        simulation.clock.advance(10)
        made_at = simulation.clock()
        post(simulation, "x")
        for _ in range(5):
            simulation.clock.advance(54)
            watched.looks(1)
        (event,) = watched.until(lambda: by_user(watched, "x"))
    assert abs(event.at - made_at) < SECOND


@pytest.mark.parametrize("fault", ["RuntimeFault", "ManagedObjectNotFound", "NoPermission"])
def test_a_fault_for_one_event_costs_that_event(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    failures = Failures(monkeypatch, "ReadNextEvents")
    failures.always = lambda _, told: soap.FaultError(fault, "no") if "odd</userName>" in told else None
    with watching(simulation.endpoint) as watched:
        watched.looks(2)
        post(simulation, "odd")
        post(simulation, "after")
        watched.until(lambda: by_user(watched, "after"))
    assert (faults(watched), skipped(watched), watched.failures) == ([UNREAD], 1, [])


@pytest.mark.parametrize("fault", ["RuntimeFault", "ManagedObjectNotFound"])
def test_a_history_that_no_collector_can_be_had_of_is_said_and_states_are_watched_on(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(event_pages, "REST_S", 0.5)
    failures = Failures(monkeypatch, "CreateCollectorForEvents")
    failures.always = lambda _, __: soap.FaultError(fault, "no")
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
        watched.looks(2)
        assert any("the event history" in name for report in watched.reports for name in report.passed_over)
        assert set(faults(watched)) == {UNREAD}
        failures.always = lambda _, __: None
        post(simulation, "after")
        watched.until(lambda: by_user(watched, "after"))
    assert watched.failures == []


@pytest.mark.parametrize("fault", ["RuntimeFault", "ManagedObjectNotFound", "NoPermission"])
def test_a_clock_that_cannot_be_read_is_said_and_states_and_events_are_told(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    simulation.do(simulation.world.clock_offset, offset_us=-HOUR)
    failures = Failures(monkeypatch, "CurrentTime")
    failures.always = lambda _, __: soap.FaultError(fault, "no")
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
        watched.looks(2)
        assert faults(watched) == [UNMEASURED]
        failures.always = lambda _, __: None
        watched.until(lambda: any(each.type == "VmPoweredOffEvent" for each in watched.events))
        post(simulation, "after")
        watched.until(lambda: by_user(watched, "after"))
    assert watched.failures == []


def test_a_session_that_was_ended_is_no_fault_of_the_history(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = Failures(monkeypatch, "ReadNextEvents")
    with watching(simulation.endpoint) as watched:
        watched.looks(2)
        failures.armed.append(("ReadNextEvents", soap.FaultError("NotAuthenticated", "no")))
        assert watched.failure().reason == "session_lost"
        recovered(watched)
        watched.looks(1)
    assert faults(watched) == []


# An event of the future


@pytest.mark.parametrize("ahead_s", [0, 600, 86_400])
def test_an_event_dated_to_come_is_known_again_once_its_date_is_past(
    simulation: Simulated, ahead_s: int
) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as before:
        server = before.server(simulation.server)
        before.looks(2)
        post(simulation, "a")
        before.until(lambda: by_user(before, "a"))
        simulation.do(simulation.world.mishaps.date_events, ahead_us=ahead_s * SECOND, count=1)
        post(simulation, "future")
        before.until(lambda: by_user(before, "future"))
        before.looks(2)
    resume = Resume(
        observed_until=before.reports[-1].observed_until,
        known_events=frozenset(each.known for each in before.events),
    )
    simulation.clock.advance(700)
    outage(simulation)
    simulation.clock.advance(100)
    with watching(simulation.endpoint, now=simulation.clock, resume=resume) as watched:
        watched.looks(4)
        assert watched.states(server, source=RECOVERED) == [DOWN, UP, UNKNOWN]
    assert (faults(watched), by_user(watched, "future")) == ([], [])


def test_an_event_collector_that_is_gone_costs_no_session(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.do(the_session(simulation).event_collectors.clear)
        simulation.power_off(simulation.server)
        watched.until_state(server, State.DOWN)
        watched.until(lambda: [each for each in watched.events if each.type == "VmPoweredOffEvent"])
    assert watched.failures == []
