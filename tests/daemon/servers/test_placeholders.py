"""A recovery product registers a server's placeholder at another vCenter: by the same UUID, and no server (Identity)."""

from dataclasses import replace
from typing import Literal

import pytest

from probes.facts import NOT_KNOWN
from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.records import ServerId, State
from tests.daemon.monitor import GRACE_US, Monitor, Source, Vm, servers

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
Order = Literal["server first", "placeholder first"]
either_order = pytest.mark.parametrize("order", ["server first", "placeholder first"])


class Sites:
    """A server at one site and its placeholder, which the rules ignore by its name, at the other."""

    def __init__(self, order: Order) -> None:
        self.monitor = Monitor()
        self.here, self.there = Source(self.monitor, "vc1"), Source(self.monitor, "vc2")
        self.server, self.placeholder = Vm("u1", "acme-1"), Vm("u1", "ignored-1", on=False)
        self.here.add(self.server, Vm("u2", "acme-2"), Vm("u3", "acme-3"))
        self.there.add(self.placeholder, Vm("v2", "beta-2"), Vm("v3", "beta-3"))
        self.order = order
        self.both()

    def both(self, passed_us: int = MINUTE, *, fresh: bool = False) -> None:
        first, second = self.here, self.there
        if self.order == "placeholder first":
            first, second = second, first
        first.look(passed_us=passed_us, fresh=fresh)
        second.look(passed_us=0, fresh=fresh)

    @property
    def ids(self) -> set[str]:
        return {server for server in self.monitor.book.evidence.servers if server.startswith("u1")}


@either_order
def test_a_placeholder_never_takes_the_servers_id(order: Order) -> None:
    sites = Sites(order)
    for passed_us in (MINUTE, GRACE_US, GRACE_US, HOUR):
        sites.both(passed_us, fresh=passed_us == MINUTE)
        assert sites.monitor.registry.source_of(ServerId("u1")) == "vc1"
    assert sites.ids == {"u1"}
    states = dict(sites.monitor.history("u1", sites.monitor.record("u1").in_service_from))
    assert DOWN not in states
    assert UP in states
    assert not list(sites.monitor.registry.sharing()), "a placeholder is no doubt"


@either_order
def test_after_a_recovery_the_server_goes_on_at_the_other_site_by_its_id(order: Order) -> None:
    sites = Sites(order)
    sites.both(2 * GRACE_US)
    sites.server.on = False  # the site is given up
    sites.both()
    sites.placeholder.name, sites.placeholder.on = "acme-1", True  # and recovered at the other
    sites.both()
    assert list(sites.monitor.registry.sharing()) == [("vc2", "u1@vc2")], "what is seen is told at once"
    sites.server.name = "ignored-1"  # what was left there is a placeholder now
    sites.both()
    assert sites.monitor.registry.source_of(ServerId("u1")) == "vc2"
    sites.both(2 * GRACE_US)
    assert sites.ids == {"u1"}
    assert sites.monitor.record("u1").client == "acme"
    assert sites.monitor.record("u1").in_service_until is None
    states = sites.monitor.history("u1", sites.monitor.record("u1").in_service_from)
    assert states[-1][0] is UP, "the old entry does not stay down"
    assert not list(sites.monitor.registry.sharing())


def test_a_server_that_leaves_does_not_become_its_placeholder() -> None:
    sites = Sites("server first")
    sites.both(GRACE_US)
    del sites.here.vms["u1"]
    sites.both()
    sites.there.look(fresh=True)
    sites.both(GRACE_US)
    record = sites.monitor.record("u1")
    assert record.extra == (("provisional", "true"),)
    sites.here.add(sites.server)
    sites.both()
    assert sites.monitor.record("u1").in_service_until is None
    assert sites.ids == {"u1"}


@pytest.mark.parametrize("passed_us", [MINUTE, 2 * GRACE_US])
def test_a_recovery_after_the_old_entry_is_gone_goes_on_by_its_id(passed_us: int) -> None:
    sites = Sites("server first")
    sites.placeholder.on = True  # as it runs for a test
    sites.both()
    del sites.here.vms["u1"]
    sites.both()
    sites.both(passed_us)
    sites.placeholder.name = "acme-1"
    sites.both()
    assert sites.monitor.registry.source_of(ServerId("u1")) == "vc2"
    assert sites.monitor.record("u1").in_service_until is None
    sites.both()
    assert sites.monitor.history("u1", sites.monitor.record("u1").in_service_from)[-1][0] is UP
    assert sites.ids == {"u1"}


def test_a_recovery_whose_power_on_is_dated_before_the_answer_is_up() -> None:
    """The placeholder was down until then: that is no word on what came after the event."""
    sites = Sites("server first")
    sites.placeholder.on = False
    sites.both()
    sites.both()
    del sites.here.vms["u1"]
    sites.both()
    sites.placeholder.name, sites.placeholder.on = "acme-1", True
    sites.monitor.now = Instant(sites.monitor.now + MINUTE)
    report = sites.there.report()
    by_event = [replace(each, at=Instant(each.at - 2 * SECOND)) for each in report.observations]
    sites.monitor.tell(replace(report, observations=tuple(by_event)))
    sites.both()
    sites.both()
    assert sites.monitor.history("u1", sites.monitor.record("u1").in_service_from)[-1][0] is UP


@either_order
def test_what_was_ignored_stays_so_while_nothing_says_what_it_is(order: Order) -> None:
    """As of a placeholder on a host that is disconnected: it does not become a server of its own."""
    sites = Sites(order)
    sites.both()
    sites.placeholder.name = NOT_KNOWN
    for _ in range(3):
        sites.both(GRACE_US + 1, fresh=True)
    assert not list(sites.monitor.registry.sharing())
    assert sites.ids == {"u1"}


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_server_that_was_in_service_is_no_placeholder_because_nobody_saw_it_run(is_restarted: bool) -> None:
    """That it ran a watch knows only since its session began."""
    sites = Sites("server first")
    sites.both()
    sites.server.on = False
    sites.both()
    sites.server.placeholder = "com.vmware.vcDr/placeholderVm"
    if is_restarted:
        sites.monitor.restart()
        sites.here.restarted()
        sites.there.restarted()
    sites.both(fresh=True)
    sites.both(GRACE_US + 1)
    assert sites.monitor.record("u1").in_service_until is None
    assert sites.monitor.history("u1", sites.monitor.record("u1").in_service_from)[-1][0] is DOWN


def test_rules_that_begin_to_ignore_it_hand_over_at_once() -> None:
    sites = Sites("server first")
    sites.placeholder.name, sites.placeholder.on = "acme-9", True
    sites.both()
    sites.server.name = "ignored-1"
    assert servers(sites.here.look())
    assert sites.monitor.registry.source_of(ServerId("u1")) == "vc2"
    assert sites.monitor.record("u1").name == "acme-9"
