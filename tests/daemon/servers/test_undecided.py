"""A server of which it is not known whose it is: what is not known is not "no" (design: watching vCenter)."""

from dataclasses import replace

import pytest

from daemon.servers.policy import Owner
from daemon.servers.rules import Undecided
from daemon.servers.services import PROVISIONAL, PROVISIONAL_OWNER
from probes.facts import NOT_KNOWN
from probes.report import ListedServer
from sla.instants import DAY, HOUR, MINUTE, SECOND, parse_instant
from sla.records import ClientId, Leg, Observation, State
from sla.service import parts_of
from tests.daemon.monitor import GRACE_US, START, Monitor, Source, Vm, assign, policy, servers

UP, DOWN = State.UP, State.DOWN


@pytest.fixture
def monitor() -> Monitor:
    return Monitor()


@pytest.fixture
def source(monitor: Monitor) -> Source:
    return Source(monitor)


def owners(monitor: Monitor, server: str = "u1") -> list[tuple[str, int, int]]:
    """Whose it is: the client, from how many minutes after the start to how many before now, 0 for ever."""
    pages = monitor.book.evidence.servers[monitor.record(server).id]
    return [
        (part.client, (part.start - START) // MINUTE, max(0, monitor.now - part.end) // MINUTE)
        for part in parts_of(pages.records)
    ]


def test_the_owner_before_it_stays_while_a_fact_is_missing(source: Source, monitor: Monitor) -> None:
    vm = Vm("u1", "acme-web-1")
    source.add(vm)
    source.look()
    for _ in range(10):
        vm.name = NOT_KNOWN
        assert not servers(source.look(passed_us=GRACE_US, fresh=True)), "neither another owner nor a name"
    assert [server for _, server, _ in monitor.registry.undecided()] == ["u1"]
    vm.on = False
    source.look()
    vm.name = "acme-web-1"
    assert not servers(source.look())
    assert not list(monitor.registry.undecided())
    assert owners(monitor) == [("acme", 1, 0)]
    assert monitor.history("u1")[-1] == (DOWN, 1.0), "its outage is the client's"


def test_a_new_server_waits_and_is_in_service_since_it_was_seen_running(
    source: Source, monitor: Monitor
) -> None:
    vm = Vm("u1", NOT_KNOWN)
    source.add(vm)
    assert not servers(source.look())
    assert not servers(source.look(passed_us=GRACE_US - 2 * MINUTE))
    vm.name = "acme-web-1"
    (record,) = servers(source.look())
    assert (record.client, record.in_service_from, record.extra) == ("acme", START + MINUTE, ())
    assert owners(monitor) == [("acme", 1, 0)]


@pytest.mark.parametrize("restart", [False, True])
def test_after_grace_it_is_nobodys_provisionally_and_is_corrected_from_the_beginning(
    source: Source, monitor: Monitor, restart: bool
) -> None:
    vm = Vm("u1", NOT_KNOWN)
    source.add(vm)
    source.look()
    (record,) = servers(source.look(passed_us=GRACE_US))
    assert (record.client, record.in_service_from) == ("unassigned", START + MINUTE)
    assert record.extra == (PROVISIONAL_OWNER,), "and it says so"
    if restart:
        monitor.restart()
        source.restarted()
    vm.on = False
    source.look(passed_us=HOUR)
    vm.on, vm.name = True, "acme-web-1"
    taken_back, record = servers(source.look(passed_us=HOUR))
    assert taken_back.in_service_until == taken_back.in_service_from
    assert (record.client, record.in_service_from, record.extra) == ("acme", START + MINUTE, ())
    assert owners(monitor) == [("acme", 1, 0)]
    assert (DOWN, 60.0) in monitor.history("u1", monitor.record("u1").in_service_from)


def test_it_is_corrected_no_further_than_the_month_goes_back(source: Source, monitor: Monitor) -> None:
    vm = Vm("u1", NOT_KNOWN)
    source.add(vm)
    source.look()
    source.look(passed_us=GRACE_US)
    vm.name = "acme-web-1"
    ended, record = servers(source.look(passed_us=25 * DAY))
    assert ended.in_service_until == record.in_service_from
    # The month of the client's zone, Newfoundland: 2 h 30 min behind UTC in April.
    assert record.in_service_from == parse_instant("2026-04-01T02:30:00Z")
    assert [client for client, _, _ in owners(monitor)] == ["unassigned", "acme"]


def test_what_is_to_be_ignored_was_never_in_service_this_month(source: Source, monitor: Monitor) -> None:
    vm = Vm("u1", NOT_KNOWN)
    source.add(vm)
    source.look()
    source.look(passed_us=GRACE_US)
    vm.name = "ignored-1"
    source.look(passed_us=HOUR)
    record = monitor.record("u1")
    assert record.in_service_until == record.in_service_from
    assert owners(monitor) == []


def test_what_is_nobodys_after_all_is_so_for_good(source: Source, monitor: Monitor) -> None:
    vm = Vm("u1", NOT_KNOWN)
    source.add(vm)
    source.look()
    source.look(passed_us=GRACE_US)
    vm.name = "other"
    (record,) = servers(source.look(passed_us=HOUR))
    assert (record.client, record.extra, record.name) == ("unassigned", (), "other")


def test_what_was_ignored_stays_so_while_a_fact_is_missing(source: Source, monitor: Monitor) -> None:
    vm = Vm("u1", "ignored-1")
    source.add(vm)
    source.look()
    vm.name = NOT_KNOWN
    source.look()
    assert not servers(source.look(passed_us=2 * GRACE_US))
    vm.name = "acme-1"
    assert [record.client for record in servers(source.look())] == ["acme"]


@pytest.mark.parametrize("restart", [False, True])
def test_what_was_ignored_after_it_was_in_service_stays_so(
    source: Source, monitor: Monitor, restart: bool
) -> None:
    vm = Vm("u1", "acme-1")
    source.add(vm)
    source.look()
    vm.name = "ignored-1"
    source.look()
    if restart:
        monitor.restart()
        source.restarted()
    vm.name = NOT_KNOWN
    source.look()
    assert not servers(source.look(passed_us=2 * GRACE_US))


def test_an_outage_while_it_waits_is_on_record(source: Source, monitor: Monitor) -> None:
    vm = Vm("u1", NOT_KNOWN)
    source.add(vm)
    source.look()
    vm.on = False
    (record,) = servers(source.look())
    assert record.extra == (PROVISIONAL_OWNER,), "what changes has to be on record"
    vm.on, vm.name = True, "acme-1"
    source.look(passed_us=2 * MINUTE)
    source.look()
    assert owners(monitor) == [("acme", 1, 0)]
    assert monitor.history("u1", monitor.record("u1").in_service_from) == [
        (UP, 1.0),
        (DOWN, 2.0),
        (UP, 1.0),
    ]


def test_one_that_leaves_while_it_waits_leaves_no_trace(source: Source, monitor: Monitor) -> None:
    source.add(Vm("u1", NOT_KNOWN), Vm("u2", "acme-2"), Vm("u3", "acme-3"))
    source.look()
    del source.vms["u1"]
    assert not servers(source.look(passed_us=GRACE_US))
    assert not servers(source.look(passed_us=GRACE_US))
    assert not list(monitor.registry.undecided())


def test_one_that_is_back_in_another_month_goes_on_with_its_owner(source: Source, monitor: Monitor) -> None:
    vm, other, third = Vm("u1", "acme-1"), Vm("u2", "acme-2"), Vm("u3", "acme-3")
    source.add(vm, other, third)
    source.look()
    del source.vms["u1"]
    source.look()
    source.look(passed_us=GRACE_US)
    vm.name = NOT_KNOWN
    source.add(vm)
    (record,) = [each for each in servers(source.look(passed_us=30 * DAY)) if each.id == "u1"]
    assert (record.client, record.name, record.extra) == ("acme", "acme-1", ())
    assert [client for client, _, _ in owners(monitor)] == ["acme", "acme"]


def test_a_provisional_owner_and_a_provisional_end_are_told_apart(source: Source, monitor: Monitor) -> None:
    vm = Vm("u1", NOT_KNOWN)
    source.add(vm, Vm("u2", "acme-2"), Vm("u3", "acme-3"))
    source.look()
    source.look(passed_us=GRACE_US)
    del source.vms["u1"]
    source.look()
    (record,) = servers(source.look(passed_us=GRACE_US))
    assert set(record.extra) == {PROVISIONAL, PROVISIONAL_OWNER}
    monitor.restart()
    source.restarted()
    source.add(vm)
    source.look(passed_us=MINUTE)
    assert monitor.record("u1").extra == (PROVISIONAL_OWNER,)
    assert monitor.record("u1").in_service_until is None
    vm.name = "acme-1"
    source.look()
    assert owners(monitor) == [("acme", 1, 0)]


def test_rules_that_ask_for_what_was_not_read_yet_move_nobody(source: Source, monitor: Monitor) -> None:
    source.add(Vm("u1", "acme-1"))
    source.look()

    def by_folder(_: str, listed: ListedServer) -> Owner | Undecided | None:
        if listed.folder is NOT_KNOWN:
            return Undecided(frozenset({"folder"}))
        return Owner(client=ClientId("beta"))

    assert not servers(monitor.configure(policy(rule=by_folder)))
    assert monitor.record("u1").client == "acme"


def test_the_leg_internet_stays_while_it_is_not_known_who_watches_it(
    monitor: Monitor, source: Source
) -> None:
    def watches(_: str, listed: ListedServer) -> bool | Undecided:
        return Undecided(frozenset({"network"})) if listed.name is NOT_KNOWN else True

    monitor.configure(replace(policy(rule=assign), watches_internet=watches))
    vm = Vm("u1", "acme-1")
    source.add(vm)
    source.look()
    assert Leg.INTERNET in monitor.record("u1").legs
    vm.name = NOT_KNOWN
    source.look()
    assert Leg.INTERNET in monitor.record("u1").legs
    assert monitor.record("u1").client == "acme"


def test_observations_while_it_waits_are_on_record_once_it_is_in_service(
    source: Source, monitor: Monitor
) -> None:
    vm = Vm("u1", NOT_KNOWN)
    source.add(vm)
    source.look()
    vm.name = "acme-1"
    told = [each for each in source.look(passed_us=30 * SECOND) if isinstance(each, Observation)]
    assert {each.leg for each in told} == {Leg.RUNNING, Leg.SAN}
    assert {each.at for each in told} == {START + MINUTE}
