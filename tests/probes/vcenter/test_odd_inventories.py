"""What a real vCenter shows beside what is plain, and what the watch makes of it (design: watching vCenter)."""

import pytest

from probes.facts import NOT_KNOWN, Fact
from probes.report import Resume
from probes.simulation.entities import Folder, ResourcePool
from sla.records import ServerId, State
from tests.probes.vcenter.harness import Watched, watching
from tests.probes.vcenter.peers import Simulated

UP, DOWN = State.UP, State.DOWN


def folder(watched: Watched, peer: Simulated) -> Fact:
    return watched.listed(watched.server(peer.server)).folder


def test_a_server_that_is_put_into_a_vapp_stays_in_its_folder(simulation: Simulated) -> None:
    machine = simulation.vm(simulation.server)
    assert isinstance(machine.parent, Folder)
    where, pool = f"/DC1/vm/{machine.parent.name}", machine.pool
    with watching(simulation.endpoint, resource_pools=True) as watched:
        assert folder(watched, simulation) == where
        outer = simulation.do(
            simulation.world.oddities.add_vapp, "shop", pool=pool.moid, folder=machine.parent.name
        )
        inner = simulation.do(simulation.world.oddities.add_vapp, "front", pool="shop")
        assert isinstance(outer, ResourcePool)
        for vapp, path in ((outer, "shop"), (inner, "shop/front")):
            simulation.do(simulation.world.oddities.move_into_vapp, simulation.server, vapp=vapp.moid)
            expected = f"/DC1/host/Cluster1/Resources/{pool.name}/{path}"
            server = watched.server(simulation.server)
            watched.until(lambda s=server, e=expected: watched.listed(s).resource_pool == e)  # type: ignore[misc]
            assert folder(watched, simulation) == where
        simulation.kill_sessions()
        watched.until(lambda: watched.reports[-1].fresh)
        assert folder(watched, simulation) == where


def test_a_folder_that_comes_late_or_may_not_be_read_is_not_known_until_it_is(
    simulation: Simulated,
) -> None:
    place = simulation.vm(simulation.server).parent
    assert isinstance(place, Folder)
    simulation.do(simulation.world.oddities.withhold, place.moid)
    with watching(simulation.endpoint) as watched:
        assert folder(watched, simulation) is NOT_KNOWN
        simulation.do(simulation.world.oddities.show, place.moid)
        watched.until(lambda: folder(watched, simulation) == f"/DC1/vm/{place.name}")
        simulation.do(simulation.machines.unreadable, place.moid, paths=("name",))
        simulation.kill_sessions()
        watched.until(lambda: folder(watched, simulation) is NOT_KNOWN)
        simulation.do(simulation.machines.unreadable, place.moid, paths=())
        watched.until(lambda: folder(watched, simulation) == f"/DC1/vm/{place.name}")


def test_the_path_of_a_file_is_no_name(simulation: Simulated) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        path = "[san001] x/x.vmx"
        simulation.do(simulation.world.oddities.show_name_as, simulation.server, name=path)
        simulation.connection(simulation.server, "inaccessible")
        watched.until(lambda: watched.listed(server).name is NOT_KNOWN)
        simulation.connection(simulation.server, "connected")
        simulation.do(simulation.world.oddities.show_name_as, simulation.server, name="")
        watched.until(lambda: watched.listed(server).name == simulation.server)


def test_an_attribute_that_is_defined_or_renamed_later_is_told(simulation: Simulated) -> None:
    oddities = simulation.world.oddities
    with watching(simulation.endpoint, attributes=True) as watched:
        server = watched.server(simulation.server)
        simulation.do(simulation.machines.set_custom_value, simulation.server, field=205, value="acme")
        watched.until(lambda: watched.listed(server).attribute("Owner") is NOT_KNOWN)
        simulation.do(oddities.define_attribute, 205, name="Owner")
        watched.until(lambda: watched.listed(server).attribute("Owner") == "acme")
        simulation.do(oddities.define_attribute, 205, name="a%2fb")
        watched.until(lambda: watched.listed(server).attribute("a/b") == "acme")
        assert watched.listed(server).attribute("Owner") is None


def test_a_vcenter_that_does_not_tell_of_new_attributes_is_asked(simulation: Simulated) -> None:
    with watching(simulation.endpoint, attributes=True) as watched:
        server = watched.server(simulation.server)
        simulation.do(simulation.world.inventory.fields.names.__setitem__, 205, "Owner")
        simulation.do(simulation.machines.set_custom_value, simulation.server, field=205, value="acme")
        watched.until(lambda: watched.listed(server).attribute("Owner") == "acme")


def test_names_of_attributes_that_may_not_be_read_end_no_session(simulation: Simulated) -> None:
    simulation.do(simulation.machines.unreadable, "CustomFieldsManager", paths=("field",))
    with watching(simulation.endpoint, attributes=True) as watched:
        server = watched.server(simulation.server)
        assert watched.listed(server).attribute("client") is NOT_KNOWN
        simulation.do(simulation.machines.unreadable, "CustomFieldsManager", paths=())
        watched.until(lambda: watched.listed(server).attribute("client") not in (NOT_KNOWN, None))
        assert not watched.failures


@pytest.mark.parametrize("power", ["poweredOff", "poweredOn"])
def test_a_copy_with_the_same_uuid_is_nothing_to_the_original(simulation: Simulated, power: str) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        copy = simulation.do(simulation.world.oddities.copy_vm, "copy", like=simulation.server, power=power)
        twin = watched.server("copy")
        assert twin == f"{server}@{copy.moid}"
        watched.until_state(twin, UP if power == "poweredOn" else DOWN)
        simulation.rename("copy", "replica")
        watched.until(lambda: watched.listed(twin).name == "replica")
        simulation.kill_sessions()
        watched.until(lambda: watched.reports[-1].fresh)
        simulation.remove("replica")
        watched.until(lambda: watched.departures)
    assert [each.server for each in watched.departures] == [twin]
    assert watched.states(server) == [UP]


@pytest.mark.parametrize("original", ["orphaned", "late"])
def test_who_was_a_server_before_a_restart_is_it_and_not_a_copy_made_meanwhile(
    simulation: Simulated, original: str
) -> None:
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        was = watched.listed(server).managed_object
    assert was is not None
    copy = simulation.do(simulation.world.oddities.copy_vm, "copy", like=was.moid, power="poweredOff")
    if original == "orphaned":
        simulation.do(simulation.machines.connection_state, was.moid, state="orphaned")
    else:
        simulation.do(simulation.world.oddities.withhold, was.moid)
    with watching(simulation.endpoint, resume=Resume(objects={was: server})) as watched:
        watched.server("copy")
        if original == "late":
            simulation.do(simulation.world.oddities.show, was.moid)
        else:
            simulation.do(simulation.machines.connection_state, was.moid, state="connected")
        watched.until_state(server, UP)
        assert watched.listed(server).name == simulation.server
        twin = ServerId(f"{server}@{copy.moid}")
        assert watched.server("copy") == twin
        watched.until_state(twin, DOWN)


@pytest.mark.parametrize("order", ["together", "secondary first", "primary first"])
def test_a_secondary_is_no_server_and_a_failover_is_no_outage(simulation: Simulated, order: str) -> None:
    oddities = simulation.world.oddities
    with watching(simulation.endpoint) as watched:
        server = watched.server(simulation.server)
        simulation.do(oddities.set_ft_role, simulation.server, role=1)
        original = simulation.vm(simulation.server)

        def add() -> str:
            copy = oddities.copy_vm("secondary", like=original.moid, power="poweredOn")
            oddities.set_ft_role(copy.moid, role=2)
            return str(copy.moid)

        moid = simulation.do(add)
        watched.looks(2)
        assert "secondary" not in {each.name for each in watched.sightings}

        roles = {moid: 1, original.moid: 2}
        if order == "primary first":
            roles = dict(reversed(roles.items()))

        def failover() -> None:
            for each, role in roles.items():
                oddities.set_ft_role(each, role=role)

        if order == "together":
            simulation.do(failover)
        else:
            for each, role in roles.items():
                simulation.do(oddities.set_ft_role, each, role=role)
                watched.looks(2)
        watched.until(lambda: watched.listed(server).name == "secondary")
        simulation.do(simulation.machines.remove_vm, original.moid)
        watched.looks(2)
        assert watched.listed(server).returned is (order == "primary first")
    assert [each.server for each in watched.departures] == [server] * (order == "primary first")
    assert watched.states(server) == [UP]
    assert {each.server.partition("@")[2] for each in watched.sightings} == {""}


def test_a_secondary_that_is_inaccessible_is_still_none(simulation: Simulated) -> None:
    oddities = simulation.world.oddities
    with watching(simulation.endpoint) as watched:
        watched.server(simulation.server)
        simulation.do(oddities.set_ft_role, simulation.server, role=1)

        def add() -> None:
            copy = oddities.copy_vm("secondary", like=simulation.server, power="poweredOn")
            oddities.set_ft_role(copy.moid, role=2)

        simulation.do(add)
        watched.looks(2)
        for connection in ("inaccessible", "connected", "orphaned"):
            simulation.connection("secondary", connection)
            watched.looks(2)
    assert not watched.departures
    assert {each.server.partition("@")[2] for each in watched.sightings} == {""}


def test_a_placeholder_is_one_that_is_managed_and_never_ran(simulation: Simulated) -> None:
    oddities = simulation.world.oddities
    srm = "com.vmware.vcDr"
    copy = simulation.do(
        simulation.machines.add_vm, "placeholder", like=simulation.server, power="poweredOff"
    )
    for name in (simulation.server, "placeholder"):
        simulation.do(oddities.set_manager, name, extension=srm, kind="placeholderVm")
    with watching(simulation.endpoint, placeholders=True) as watched:
        server = watched.server("placeholder")
        assert watched.listed(server).placeholder == f"{srm}/placeholderVm"
        assert watched.listed(watched.server(simulation.server)).placeholder is None, "it runs"
        assert watched.listed(watched.server(simulation.neighbour)).placeholder is None
        simulation.power_on("placeholder")
        watched.until(lambda: watched.listed(server).placeholder is None)
        simulation.power_off("placeholder")
        watched.until_state(server, DOWN)
        assert watched.listed(server).placeholder is None, "it ran"
        simulation.do(oddities.set_manager, copy.moid)
        simulation.connection("placeholder", "inaccessible")
        simulation.kill_sessions()
        watched.until(lambda: watched.reports[-1].fresh)
        assert watched.listed(server).placeholder is NOT_KNOWN
