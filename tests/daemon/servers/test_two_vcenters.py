"""Which vCenter speaks for a server that two of them list (design: servers and their sources)."""

import pytest

from probes.report import Report, SourceEvent
from sla.instants import MINUTE, SECOND, Instant
from sla.records import Event, Leg, Observation, ServerId, State, Witness
from tests.daemon.monitor import START, Monitor, Source, Vm, policy
from tests.daemon.servers.watched import LONG_US, watched

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


def pair(*, on_second: bool = True) -> tuple[Monitor, Source, Source]:
    """A server that vc1 lists, and vc2 too a minute later."""
    monitor, first = watched(*(Vm(f"u{number}", f"acme-{number}") for number in range(4)))
    second = Source(monitor, "vc2")
    second.add(Vm("v1", "beta-1"))
    second.look(passed_us=0)
    if on_second:
        second.add(Vm("u0", "acme-0"))
        first.look()
        second.look(passed_us=0)
    return monitor, first, second


def both(first: Source, second: Source, passed_us: int = MINUTE) -> None:
    first.look(passed_us=passed_us)
    second.look(passed_us=0)


def test_a_server_that_two_vcenters_list_stays_with_the_first_for_now() -> None:
    monitor, first, second = pair()
    both(first, second)
    assert monitor.registry.source_of(ServerId("u0")) == "vc1"
    assert "u0@vc2" not in monitor.book.evidence.servers


def test_a_server_that_moves_to_another_vcenter_and_is_listed_there_first_was_up_throughout() -> None:
    monitor, first, second = pair()
    del first.vms["u0"]
    both(first, second)
    both(first, second)
    assert monitor.registry.source_of(ServerId("u0")) == "vc2"
    both(first, second, LONG_US)
    assert monitor.history("u0") == [(UP, (monitor.now - START) / MINUTE)]
    assert set(monitor.book.evidence.servers) == {"u0", "u1", "u2", "u3", "v1"}


def test_a_server_that_moves_and_is_listed_nowhere_in_between_was_unknown_then() -> None:
    monitor, first, second = pair(on_second=False)
    del first.vms["u0"]
    both(first, second)
    second.add(Vm("u0", "acme-0"))
    both(first, second)
    both(first, second, LONG_US)
    assert monitor.history("u0") == [(UP, 1), (UNKNOWN, 1), (UP, LONG_US / MINUTE)]


def test_a_server_registered_at_another_vcenter_after_its_service_had_ended_was_down() -> None:
    monitor, first, second = pair(on_second=False)
    del first.vms["u0"]
    both(first, second)
    both(first, second, LONG_US)
    second.add(Vm("u0", "acme-0"))
    both(first, second)
    both(first, second)
    assert monitor.record("u0").in_service_until is None
    assert monitor.history("u0") == [(UP, 1), (DOWN, LONG_US / MINUTE + 1), (UP, 1)]


@pytest.mark.parametrize("restart", [False, True])
def test_what_a_former_vcenter_said_holds_no_longer_once_another_has_the_server(restart: bool) -> None:
    """Its watermark goes on: an up that was left standing would hide every outage from then on."""
    monitor, first, second = pair(on_second=False)
    if restart:
        monitor.restart()
        second.restarted()
        second.add(Vm("u0", "acme-0"))
        second.look()
        second.look(passed_us=LONG_US)
    else:
        first.vms["u0"].name = "ignored-0"
        first.look()
        del first.vms["u0"]
        first.look()
        second.add(Vm("u0", "acme-0"))
        second.look()
    first.vms.pop("u0", None)
    first.restarted()
    second.vms["u0"].on = False
    both(first, second)
    both(first, second)
    assert monitor.history("u0")[-1] == (DOWN, 1)


@pytest.mark.parametrize("on_second", [True, False])
def test_after_a_restart_it_still_belongs_where_it_moved_to(on_second: bool) -> None:
    monitor, first, second = pair(on_second=on_second)
    del first.vms["u0"]
    both(first, second)
    second.add(Vm("u0", "acme-0"))
    both(first, second)
    monitor.restart()
    for source in (first, second):
        source.restarted()
    assert monitor.registry.source_of(ServerId("u0")) == "vc2"
    before = monitor.now
    both(first, second)
    both(first, second)
    assert monitor.history("u0", before) == [(UNKNOWN, 1), (UP, 1)]


def test_two_servers_of_one_uuid_go_by_two_names_after_grace() -> None:
    monitor, first, second = pair()
    both(first, second, LONG_US)
    assert monitor.registry.source_of(ServerId("u0")) == "vc1"
    assert monitor.registry.source_of(ServerId("u0@vc2")) == "vc2"
    second.vms["u0"].on = False
    both(first, second)
    both(first, second)
    assert monitor.history("u0") == [(UP, (monitor.now - START) / MINUTE)]
    assert monitor.history("u0@vc2", Instant(monitor.now - MINUTE)) == [(DOWN, 1)]
    monitor.restart()
    for source in (first, second):
        source.restarted()
    both(first, second)
    assert monitor.registry.source_of(ServerId("u0@vc2")) == "vc2"


def test_a_move_that_takes_longer_than_grace_moves_the_server_and_makes_no_second_one() -> None:
    monitor, first, second = pair(on_second=False)
    second.add(Vm("u0", "acme-0", on=False))
    for _ in range(3):
        both(first, second, LONG_US)
    second.vms["u0"].on = True
    second.look(passed_us=0)
    del first.vms["u0"]
    both(first, second)
    both(first, second, LONG_US)
    assert monitor.registry.source_of(ServerId("u0")) == "vc2"
    assert monitor.history("u0") == [(UP, (monitor.now - START) / MINUTE)]
    assert "u0@vc2" not in monitor.book.evidence.servers


def test_what_moved_while_the_first_vcenter_was_silent_runs_beside_nothing() -> None:
    """There and back again: at no time was it nowhere."""
    monitor, first, second = pair(on_second=False)
    first.look()
    second.add(first.vms.pop("u0"))
    second.look(passed_us=0)
    second.look(passed_us=LONG_US)
    first.look(passed_us=0)
    assert monitor.registry.source_of(ServerId("u0")) == "vc2"
    first.add(second.vms.pop("u0"))
    first.look(passed_us=10 * SECOND)
    second.look(passed_us=0)
    assert "u0@vc2" not in monitor.book.evidence.servers
    assert DOWN not in [state for state, _ in monitor.history("u0")]


def test_a_server_goes_on_at_the_vcenter_that_lists_it_too_when_the_first_is_watched_no_longer() -> None:
    monitor, first, second = pair()
    both(first, second)
    monitor.configure(policy("vc2"))
    second.look(passed_us=LONG_US)
    second.look(passed_us=LONG_US)
    assert monitor.registry.source_of(ServerId("u0")) == "vc2"
    assert monitor.history("u0") == [(UP, (monitor.now - START) / MINUTE)]
    assert "u0@vc2" not in monitor.book.evidence.servers


def test_what_is_said_of_the_past_hides_nothing_that_a_contender_was_seen_to_be() -> None:
    monitor, first, second = pair()
    at = Instant(monitor.now)
    past = Observation(
        witness=Witness("mon", "vc2/recovered"),
        server=ServerId("u0"),
        leg=Leg.RUNNING,
        state=UNKNOWN,
        at=at,
    )
    monitor.tell(Report(source="vc2", observed_until=at, observations=(past,)))
    both(first, second, LONG_US)
    assert monitor.registry.source_of(ServerId("u0@vc2")) == "vc2"
    assert monitor.record("u0@vc2").in_service_until is None


def test_an_event_is_about_the_server_of_the_vcenter_that_reports_it() -> None:
    monitor, first, second = pair()
    both(first, second, LONG_US)
    event = SourceEvent(
        key="1", type="VmPoweredOffEvent", at=monitor.now, server=ServerId("u0"), user="", text=""
    )
    monitor.tell(Report(source="vc2", events=(event,)))
    monitor.tell(Report(source="vc1", events=(event,)))
    events = [record for record, _ in monitor.records if isinstance(record, Event) and not record.shown_to]
    assert [event.server for event in events[-2:]] == ["u0@vc2", "u0"]


def test_a_second_holder_that_left_while_nobody_watched_is_none() -> None:
    monitor, _first, second = pair()
    del second.vms["u0"]
    second.told.pop("u0")  # a new session's first set simply lacks it
    second.look(fresh=True, passed_us=LONG_US)
    assert "u0@vc2" not in monitor.book.evidence.servers


def test_a_server_that_moved_while_the_daemon_was_down_is_taken_over_though_its_old_vcenter_is_silent() -> (
    None
):
    monitor, _first, second = pair(on_second=False)
    monitor.restart()
    second.restarted()
    second.add(Vm("u0", "acme-0"))
    second.look()
    second.look(passed_us=LONG_US)
    assert monitor.registry.source_of(ServerId("u0")) == "vc2"
    assert "u0@vc2" not in monitor.book.evidence.servers
