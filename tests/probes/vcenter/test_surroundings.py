"""What a server uses, as it is listed with it, and what hosts and datastores do besides."""

from dataclasses import replace

import pytest

from probes.report import GuestAddress
from probes.simulation.entities import Datacenter, Datastore, Host, Network
from sla.records import State
from tests.probes.vcenter.harness import Watched, numbers, watching
from tests.probes.vcenter.peers import Simulated
from tests.probes.vcenter.test_faults import recovered

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


def renamed(peer: Simulated, thing: Network | Host | Datastore | Datacenter, name: str) -> None:
    def rename() -> None:
        with peer.world.inventory.changing(thing):
            peer.world.inventory.rename(thing, name)

    peer.do(rename)


def quiet(watched: Watched) -> None:
    """Two looks in which nothing is said."""
    watched.looks(2)
    last = watched.reports[-1]
    assert (last.listed, last.hosts, last.datastores, last.gone_hosts, last.gone_datastores) == (
        (),
        {},
        {},
        (),
        (),
    )


def test_networks_of_every_kind_have_names(simulation: Simulated) -> None:
    kinds = {network.TYPE for vm in simulation.vms() for network in vm.networks}
    assert kinds == {"Network", "DistributedVirtualPortgroup", "OpaqueNetwork"}
    expected = {
        vm.instance_uuid: tuple(sorted(network.name for network in vm.networks)) for vm in simulation.vms()
    }
    with watching(simulation.endpoint, networks=True) as watched:
        report = watched.report()
    told = {each.server: each.networks for each in report.listed}
    assert told
    assert told.items() <= expected.items()


def test_a_renamed_network_is_a_new_sighting_of_those_on_it_alone(simulation: Simulated) -> None:
    with watching(simulation.endpoint, networks=True) as watched:
        server = watched.server(simulation.server)
        network = simulation.vm(simulation.server).networks[0]
        others = [vm.instance_uuid for vm in simulation.vms() if network not in vm.networks]
        count = len(watched.sightings)
        renamed(simulation, network, "DMZ 192.0.2.0%2f24")
        watched.until(lambda: watched.listed(server).networks == ("DMZ 192.0.2.0/24",))
        assert not {each.server for each in watched.sightings[count:]} & set(others)
        quiet(watched)


def test_what_a_guest_reports_is_an_address_or_nothing(simulation: Simulated) -> None:
    def told() -> list[str]:
        return numbers(watched.listed(server))

    simulation.set_address(simulation.server, "$(reboot)")
    with watching(simulation.endpoint, addresses=True) as watched:
        server = watched.server(simulation.server)
        assert told() == []
        simulation.set_address(simulation.server, "192.0.2.9")
        watched.until(lambda: told() == ["192.0.2.9"])
        simulation.power_off(simulation.server)
        watched.until(lambda: told() == [])


def test_of_a_guests_addresses_those_of_its_cards_are_told_with_their_networks(simulation: Simulated) -> None:
    network = simulation.vm(simulation.server).networks[0].name
    with watching(simulation.endpoint, addresses=True) as watched:
        server = watched.server(simulation.server)
        simulation.do(
            simulation.machines.set_guest_network,
            simulation.server,
            cards=[["10.0.0.5", "fe80::1", "fd00::5"]],
            others=[["172.17.0.1"], ["10.8.0.2"]],
            primary="172.17.0.1",
        )
        watched.until(
            lambda: (
                watched.listed(server).addresses
                == (
                    GuestAddress(number="10.0.0.5", network=network),
                    GuestAddress(number="fd00::5", network=network),
                )
            )
        )
        simulation.do(
            simulation.machines.set_guest_network,
            simulation.server,
            cards=[],
            others=[["172.17.0.1"]],
            primary="172.17.0.1",
        )
        watched.until(lambda: watched.listed(server).addresses == ())


def test_a_disk_that_moves_is_a_new_sighting(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        target = next(
            store
            for store in simulation.do(lambda: list(simulation.world.inventory.every(Datastore)))
            if store.name != simulation.datastore
        )
        simulation.do(simulation.machines.storage_vmotion, simulation.server, datastore=target.name)
        watched.until(lambda: watched.listed(server).datastores == (target.name,))


def test_an_iso_image_lies_on_a_datastore_that_holds_no_disk() -> None:
    with Simulated(servers=120) as peer, watching(peer.endpoint) as watched:
        vm = next(
            vm
            for vm in peer.vms()
            if vm.iso is not None and vm.iso not in {disk.datastore for disk in vm.disks} and not vm.template
        )
        server = watched.server(vm.name)
        disks = tuple(sorted({disk.datastore.name for disk in vm.disks}))
        watched.until(lambda: watched.listed(server).datastores == disks)


def test_servers_are_sighted_anew_under_the_names_that_hosts_and_datastores_are_told_by(
    simulation: Simulated,
) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        renamed(simulation, simulation.find(Host, simulation.host), "esx-renamed")
        watched.until(lambda: watched.listed(server).host == "esx-renamed")
        assert watched.hosts["esx-renamed"] is UP
        assert simulation.host not in watched.hosts

        store = simulation.find(Datastore, simulation.datastore)

        inventory = simulation.world.inventory
        other = Datacenter(moid="datacenter-99", name="DC2", parent=inventory.root)
        simulation.do(inventory.add, other)
        quiet(watched)
        simulation.do(inventory.add, replace(store, moid="datastore-99", parent=other))
        watched.until(lambda: watched.listed(server).datastores == (f"DC1/{simulation.datastore}",))
        assert watched.datastores[f"DC1/{simulation.datastore}"] is UP
        assert watched.datastores[f"DC2/{simulation.datastore}"] is UP
        assert simulation.datastore not in watched.datastores
        quiet(watched)


def test_a_new_session_tells_every_host_and_datastore_and_what_left_meanwhile(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        before = watched.report()
        simulation.kill_sessions()
        gone = simulation.find(Datastore, simulation.datastore)
        simulation.do(simulation.world.inventory.remove, gone)
        recovered(watched)
    last = next(each for each in reversed(watched.reports) if each.fresh)
    assert last.gone_datastores == (gone.name,)
    assert last.datastores.keys() == before.datastores.keys() - {gone.name}
    assert last.hosts == before.hosts


def test_a_removed_host_is_gone(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        host = simulation.find(Host, simulation.host)
        simulation.do(simulation.world.inventory.remove, host)
        watched.until(lambda: host.name not in watched.hosts)
    assert watched.reports[-1].gone_hosts == (host.name,)


def test_an_ignored_datastore_is_not_told(simulation: Simulated) -> None:
    with watching(simulation.endpoint, ignored_datastores=(simulation.datastore,)) as watched:
        report = watched.report()
    assert report.datastores
    assert simulation.datastore not in report.datastores


def test_a_host_that_reboots_in_maintenance_mode_is_no_fault(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        simulation.do(simulation.outages.maintenance, simulation.host, on=True, user="alice")
        simulation.mount(simulation.host, simulation.datastore, accessible=False)
        quiet(watched)
        simulation.lose_host(simulation.host)
        watched.until(lambda: watched.hosts[simulation.host] is UNKNOWN)
        assert watched.datastores[simulation.datastore] is UP
        simulation.regain_host(simulation.host)
        watched.until(lambda: watched.hosts[simulation.host] is UP)
        simulation.do(simulation.outages.maintenance, simulation.host, on=False, user="alice")
        watched.until(lambda: watched.datastores[simulation.datastore] is DOWN)


def test_a_host_on_standby_is_no_fault(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        simulation.do(simulation.outages.host_standby, simulation.host)
        watched.until(lambda: watched.hosts[simulation.host] is UNKNOWN)
        simulation.regain_host(simulation.host)
        watched.until(lambda: watched.hosts[simulation.host] is UP)


@pytest.mark.parametrize(
    ("user", "reason", "expected"),
    [("alice", "userRequest", UNKNOWN), ("", "licenseExpired", DOWN), ("", "agentUpgrade", UNKNOWN)],
)
def test_a_disconnected_host_is_down_where_vcenter_gave_it_up(
    simulation: Simulated, user: str, reason: str, expected: State
) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        simulation.do(simulation.outages.host_disconnect, simulation.host, user=user, reason=reason)
        watched.until(lambda: watched.hosts[simulation.host] is not UP)
        watched.looks(1)
        assert watched.hosts[simulation.host] is expected
        simulation.kill_sessions()
        recovered(watched)
        assert watched.hosts[simulation.host] is expected, "the reason outlives the session"
        simulation.regain_host(simulation.host)
        watched.until(lambda: watched.hosts[simulation.host] is UP)


def test_a_datastore_that_a_person_unmounts_is_no_fault(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        simulation.do(simulation.outages.unmount, simulation.host, datastore=simulation.datastore)
        watched.looks(2)
        assert watched.datastores[simulation.datastore] is UP
        simulation.mount(simulation.host, simulation.datastore, accessible=False)
        watched.until(lambda: watched.datastores[simulation.datastore] is DOWN)


def test_an_event_names_its_host_and_datastore_as_they_are_told(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        name = simulation.vm(simulation.server).host.name
        store = simulation.datastore
        simulation.do(simulation.world.outages.mount, name, datastore=store, accessible=False)
        watched.until(lambda: any(each.datastore for each in watched.events))
        lost = next(each for each in watched.events if each.datastore)
        assert (lost.host, lost.datastore, lost.server) == (name, store, None)
        watched.until(lambda: any((name, store) in (each.lost_mounts or ()) for each in watched.reports))
        simulation.do(simulation.machines.ha_reset, simulation.server, reason="appHeartbeatFailure")
        watched.until(lambda: any(each.reason for each in watched.events))
        (reset,) = (each for each in watched.events if each.reason)
        assert (reset.reason, reset.host) == ("appHeartbeatFailure", name)
        assert reset.server == watched.server(simulation.server)


def test_a_host_that_ha_names_as_failed_is_the_events(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()
        name = simulation.vm(simulation.server).host.name
        simulation.do(simulation.world.outages.ha_restart, name)
        watched.until(lambda: any(each.type == "DasHostFailedEvent" for each in watched.events))
        failed = next(each for each in watched.events if each.type == "DasHostFailedEvent")
        assert failed.host == name


def test_an_event_whose_host_is_odd_names_nobody_and_is_told(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        watched.report()

        def post() -> None:
            simulation.world.events.post("HostShutdownEvent", extra="<host><name>x</name></host>")

        simulation.do(post)
        watched.until(lambda: watched.events)
        assert [(each.type, each.host) for each in watched.events] == [
            ("HostShutdownEvent", "(not readable)")
        ]
