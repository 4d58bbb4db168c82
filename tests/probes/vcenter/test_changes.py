"""What happens to servers besides power: reading rights, inventory, storage, identity."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest

from probes.facts import NOT_KNOWN, Fact
from probes.report import Report, SourceFailure
from probes.simulation.entities import Datastore, Folder, Host, Vm
from probes.vcenter import soap
from probes.vcenter.session import Session
from probes.vcenter.settings import Portions
from probes.vcenter.updates import as_update
from probes.vcenter.watch import VcenterWatch
from sla.instants import SECOND
from sla.records import Leg, State
from tests.probes.vcenter.harness import RECOVERED, Watched, watching
from tests.probes.vcenter.peers import Simulated
from tests.probes.vcenter.test_faults import counted, recovered

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


either_way = pytest.mark.parametrize("simulation", ["unset said", "unset left out"], indirect=True)
"""Both ways in which a vCenter tells of a property that has no value."""


@either_way
def test_an_object_that_may_not_be_read_is_unknown_and_others_go_on(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server, neighbour = watched.server(simulation.server), watched.server(simulation.neighbour)
        simulation.do(simulation.machines.unreadable, simulation.server)
        watched.until_state(server, UNKNOWN)
        watched.until_state(server, UNKNOWN, Leg.SAN)
        assert watched.reports[-1].unreadable == 1
        simulation.power_off(simulation.neighbour)
        watched.until_state(neighbour, DOWN)
        simulation.do(simulation.machines.unreadable, simulation.server, paths=())
        watched.until_state(server, UP)
        watched.until_state(server, UP, Leg.SAN)
        assert watched.reports[-1].unreadable == 0
    assert not watched.departures


def test_an_object_that_could_never_be_read_is_counted_and_others_are_seen(simulation: Simulated) -> None:
    simulation.do(simulation.machines.unreadable, simulation.server)
    with watching(simulation.endpoint) as watched:
        report = watched.report()
    assert report.unreadable == 1
    assert simulation.neighbour in {each.name for each in report.listed}
    assert simulation.server not in {each.name for each in report.listed}


@either_way
def test_an_inaccessible_server_is_still_itself_after_a_new_session(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.kill_sessions()
        simulation.connection(simulation.server, "inaccessible")
        recovered(watched)
        watched.until_state(server, DOWN, Leg.SAN)
        assert watched.state(server) is UNKNOWN
        assert server in {each.server for each in watched.reports[-1].listed} or len(watched.reports) > 2
    assert not watched.departures


@either_way
def test_a_new_server_counts_once_its_configuration_is_known(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        simulation.do(simulation.machines.add_vm, "new", like=simulation.server, config_known=False)
        watched.until(lambda: watched.reports[-1].objects["virtual_machine"] == 25)
        assert "new" not in {each.name for each in watched.sightings}
        simulation.do(simulation.machines.reveal_config, "new")
        server = watched.server("new")
        watched.until_state(server, UP)
        watched.until_state(server, UP, Leg.SAN)


@either_way
def test_a_template_is_no_server(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.do(simulation.machines.mark_template, simulation.server)
        watched.until(lambda: watched.departures)
        assert [each.server for each in watched.departures] == [server]
        simulation.do(simulation.machines.mark_template, simulation.server, template=False)
        watched.until(lambda: [each.name for each in watched.sightings].count(simulation.server) == 2)
    assert watched.state(server) is UP


def test_a_server_that_became_a_template_while_nobody_watched_departs(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.kill_sessions()
        simulation.do(simulation.machines.mark_template, simulation.server)
        watched.until(lambda: watched.departures)
    assert [each.server for each in watched.departures] == [server]


def test_a_server_registered_anew_at_once_goes_on(simulation: Simulated) -> None:
    def again() -> None:
        simulation.machines.remove_vm(simulation.server)
        simulation.machines.register_vm(simulation.server)

    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        moid = simulation.vm(simulation.server).moid
        simulation.do(again)
        assert simulation.vm(simulation.server).moid != moid
        watched.looks(2)
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
    assert watched.states(server) == [UP, DOWN]
    assert not watched.departures


def test_a_server_registered_anew_later_departs_and_is_back(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.remove(simulation.server)
        watched.until(lambda: watched.departures)
        count = len(watched.sightings)
        simulation.do(simulation.machines.register_vm, simulation.server)
        watched.until(lambda: server in {each.server for each in watched.sightings[count:]})
        assert [each.state for each in watched.reports[-1].observations if each.server == server]
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
    assert len(watched.departures) == 1


def test_a_server_that_left_and_came_in_one_turn_never_departed(
    simulation: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A vCenter may tell more than it must: both steps, where one would do."""
    heard = Session.wait_for_updates
    entered: list[object] = []

    def blinking(
        session: Session, collector: str, version: str, wait_s: int, page: int, *, once: bool
    ) -> dict[str, Any] | None:
        answer = heard(session, collector, version, wait_s, page, once=once)
        for part in soap.as_list(answer and answer.get("filterSet")):
            for update in soap.as_list(part["objectSet"]):
                if as_update(update).moid != moid:
                    continue
                if not entered:
                    entered.append(update)
                    continue
                gone = {"kind": "leave", "obj": moid}
                part["objectSet"] = [gone, entered[0], *soap.as_list(part["objectSet"])]
        return answer

    moid = simulation.vm(simulation.server).moid
    monkeypatch.setattr(Session, "wait_for_updates", blinking)
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.power_off(simulation.server)
        watched.until_state(server, DOWN)
    assert not watched.departures
    assert watched.states(server) == [UP, DOWN]


def test_a_server_that_is_given_another_uuid_is_another_server(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)

        def change() -> None:
            machine = simulation.machines.find(simulation.server)
            with simulation.world.inventory.changing(machine):
                machine.instance_uuid = "another"

        simulation.do(change)
        watched.until(lambda: watched.departures)
        watched.until_state(watched.server(simulation.server), UP)
    assert [each.server for each in watched.departures] == [server]
    assert watched.sightings[-1].server == "another"


# Storage


def on_two_datastores(peer: Simulated, *, iso: bool) -> Vm:
    """A running server whose disk is on one datastore and another disk, or an ISO image, on a second."""
    return next(
        vm
        for vm in peer.vms()
        if vm.power == "poweredOn"
        and not vm.template
        and len(vm.datastores) == 2
        and (vm.iso is not None) is iso
        and (len({disk.datastore.moid for disk in vm.disks}) == (1 if iso else 2))
    )


@pytest.mark.parametrize("iso", [True, False])
def test_a_datastore_that_only_holds_an_iso_image_does_not_count(iso: bool) -> None:
    with Simulated(servers=120) as peer, watching(peer.endpoint) as watched:
        vm = on_two_datastores(peer, iso=iso)
        server = watched.server(vm.name)
        second = vm.iso if vm.iso is not None else vm.disks[1].datastore
        assert watched.state(server, Leg.SAN) is UP
        peer.mount(vm.host.name, second.name, accessible=False)
        alone = next(
            each
            for each in peer.vms()
            if each.host is vm.host and each.datastores == (second,) and not each.template
        )
        watched.until_state(watched.server(alone.name), DOWN, Leg.SAN)
        assert watched.state(server, Leg.SAN) is (UP if iso else DOWN)


def test_an_ignored_datastore_does_not_count(simulation: Simulated) -> None:
    with watching(simulation.endpoint, ignored_datastores=(simulation.datastore,)) as watched:
        server = watched.server(simulation.server)
        listed = next(each for each in watched.sightings if each.server == server)
        assert listed.san is False
        simulation.mount(simulation.host, simulation.datastore, accessible=False)
        watched.looks(2)
    assert watched.states(server, Leg.SAN) == []


def test_a_storage_vmotion_in_the_middle_of_a_path_outage_ends_it(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.mount(simulation.host, simulation.datastore, accessible=False)
        watched.until_state(server, DOWN, Leg.SAN)
        host = simulation.find(Host, simulation.host)
        target = next(
            store
            for store in simulation.do(lambda: list(simulation.world.inventory.every(Datastore)))
            if host.moid in store.mounts and store.name != simulation.datastore
        )
        simulation.do(simulation.machines.storage_vmotion, simulation.server, datastore=target.name)
        watched.until_state(server, UP, Leg.SAN)
    assert watched.states(server) == [UP]


def test_disks_are_read_again_when_a_disk_moves_between_known_datastores() -> None:
    with Simulated(servers=120) as peer, watching(peer.endpoint) as watched:
        vm = on_two_datastores(peer, iso=True)
        server = watched.server(vm.name)
        disk, iso = vm.disks[0].datastore, vm.iso
        assert iso is not None

        def swap() -> None:
            from dataclasses import replace

            with peer.world.inventory.changing(vm):
                vm.disks = tuple(replace(each, datastore=iso) for each in vm.disks)
                vm.iso = disk
                vm.change_version += 1

        peer.do(swap)
        watched.looks(1)
        peer.mount(vm.host.name, iso.name, accessible=False)
        watched.until_state(server, DOWN, Leg.SAN)


def test_the_files_of_servers_are_read_bit_by_bit_and_once() -> None:
    with Simulated(servers=120) as peer:
        servers = [vm for vm in peer.vms() if not vm.template]
        calls = counted(peer, "RetrievePropertiesEx", "WaitForUpdatesEx")

        def pages() -> int:
            return calls.count("RetrievePropertiesEx")

        with watching(peer.endpoint, portions=Portions(places=5, places_a_look=10)) as watched:
            watched.until(lambda: pages() >= -(-len(servers) // 5), timeout_s=60)
            watched.looks(2)
            count = pages()
            assert count == -(-len(servers) // 10) * 2 - (len(servers) % 10 in range(1, 6))
            runs = [len(list(run)) for called, run in groupby(calls) if called == "RetrievePropertiesEx"]
            assert max(runs) == 2, "ten servers a look, five a page"
            peer.kill_sessions()
            recovered(watched)
            watched.looks(1)
            assert pages() == count, "what did not change is not read again after a new session"
            peer.do(peer.machines.rename, on_two_datastores(peer, iso=True).name, name="changed")
            watched.until(lambda: pages() == count + 1)


def test_a_first_look_goes_over_servers_in_the_order_in_which_they_came(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        first = watched.report()
        moids = [each.managed_object.moid for each in first.listed if each.managed_object is not None]
        assert moids == [moid for moid in watched.watch._inventory.vms if moid in moids]
        servers = list(dict.fromkeys(each.server for each in first.observations))
        assert servers == [each.server for each in first.listed if each.server in servers]
        assert len(servers) > 10


@pytest.mark.parametrize("a_look", [10, 120])
def test_a_first_look_reads_files_bit_by_bit_only_where_it_reads_all(
    a_look: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    tell = VcenterWatch._tell

    def counting(looking: VcenterWatch, report: Report | SourceFailure) -> None:
        told.append(calls.count("RetrievePropertiesEx"))
        tell(looking, report)

    monkeypatch.setattr(VcenterWatch, "_tell", counting)
    with Simulated(servers=120) as peer:
        calls = counted(peer, "RetrievePropertiesEx")
        with watching(peer.endpoint, portions=Portions(places_a_look=a_look)) as watched:
            watched.looks(2)
    assert bool(told[0]) == (a_look == 120)
    assert told[1]


def test_files_that_a_verdict_waits_for_are_read_at_once() -> None:
    portions = Portions(places_a_look=0)
    with Simulated(servers=120) as peer, watching(peer.endpoint, portions=portions) as watched:
        vm = on_two_datastores(peer, iso=True)
        server = watched.server(vm.name)
        assert vm.iso is not None
        peer.mount(vm.host.name, vm.iso.name, accessible=False)
        watched.looks(3)
        assert watched.states(server, Leg.SAN) == [UP]
        peer.mount(vm.host.name, vm.disks[0].datastore.name, accessible=False)
        watched.until_state(server, DOWN, Leg.SAN)


# Names and places


def test_names_folders_and_what_is_above_them_are_sighted_anew(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)

        def place() -> Fact:
            return next(each.folder for each in reversed(watched.sightings) if each.server == server)

        folder = simulation.vm(simulation.server).parent
        assert isinstance(folder, Folder)
        assert place() == f"/DC1/vm/{folder.name}"
        other = next(
            each
            for each in simulation.do(lambda: list(simulation.world.inventory.every(Folder)))
            if each.parent is folder.parent and each is not folder
        )
        simulation.do(simulation.machines.move, simulation.server, folder=other.name)
        watched.until(lambda: place() == f"/DC1/vm/{other.name}")

        def rename() -> None:
            with simulation.world.inventory.changing(other):
                other.name = "renamed"

        simulation.do(rename)
        watched.until(lambda: place() == "/DC1/vm/renamed")
        moved = {each.server for each in watched.reports[-1].listed}
    assert server in moved
    assert len(moved) < 24, "only those that are in it"


@pytest.mark.parametrize("asked", [True, False])
def test_pools_and_custom_attributes_are_read_when_rules_ask_for_them(asked: bool) -> None:
    with Simulated() as peer, watching(peer.endpoint, resource_pools=asked, attributes=asked) as watched:
        server = watched.server(peer.server)
        client = peer.vm(peer.server).custom_values[101]
        listed = next(each for each in watched.sightings if each.server == server)
        assert listed.attributes == ({"client": client} if asked else {})
        assert listed.resource_pool == (f"/DC1/host/Cluster1/Resources/{client}" if asked else NOT_KNOWN)
        assert listed.attribute("other") is (None if asked else NOT_KNOWN)
        if asked:
            peer.do(peer.machines.set_custom_value, peer.server, field=101, value="zenith")
            watched.until(lambda: watched.sightings[-1].attributes == {"client": "zenith"})


# Out of contact


def test_vmotion_is_no_outage(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.vmotion(simulation.server, simulation.elsewhere)
        watched.looks(2)
        simulation.lose_host(simulation.host)
        watched.looks(1)
    assert watched.states(server) == watched.states(server, Leg.SAN) == [UP]


@either_way
def test_a_host_that_a_person_disconnects_makes_its_servers_unknown(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.do(simulation.outages.host_disconnect, simulation.host, user="alice")
        watched.until_state(server, UNKNOWN)
        watched.until_state(server, UNKNOWN, Leg.SAN)


@pytest.mark.parametrize("act", [Simulated.suspend, Simulated.power_off])
def test_a_server_that_stopped_out_of_contact_is_down_since_its_event(
    simulation: Simulated, act: Callable[[Simulated, str], None]
) -> None:
    with watching(simulation.endpoint, now=simulation.clock) as watched:
        server = watched.server(simulation.server)
        simulation.lose_host(simulation.host)
        watched.until_state(server, UNKNOWN)
        simulation.clock.advance(100)
        stopped_at = simulation.clock()
        act(simulation, simulation.server)
        simulation.clock.advance(100)
        simulation.regain_host(simulation.host)
        watched.until_state(server, DOWN)
    (first_at, first), last = watched.timeline(server, source=RECOVERED)
    assert (first, last[1]) == (DOWN, UNKNOWN)
    assert abs(first_at - stopped_at) < SECOND


def test_a_thousand_servers_off_at_once_are_one_report() -> None:
    with Simulated(servers=1_200, hosts=20, datastores=10) as peer, watching(peer.endpoint) as watched:
        watched.report()
        names = [vm.name for vm in peer.vms() if vm.power == "poweredOn"][:1_000]

        def storm() -> None:
            for name in names:
                peer.machines.power_off(name)

        peer.do(storm)
        watched.until(lambda: off(watched) >= 1_000)
        assert all(each.state in (UP, DOWN) for each in watched.observations)


def off(watched: Watched) -> int:
    return sum(each.state is DOWN and each.reason == "powered off" for each in watched.observations)
