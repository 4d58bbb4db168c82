"""What one look says of a datastore and of the legs that rest on it (design: watching vCenter)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.vcenter import san
from probes.vcenter.infrastructure import datastore_state
from probes.vcenter.inventory import Inventory, LegVerdict
from probes.vcenter.objects import FileRole, Place
from probes.vcenter.values import Moid
from sla.reasons import DetailedReason, PlainReason
from sla.records import State
from tests.probes.vcenter.test_inventory import World, change, mount, references, update

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN


@pytest.fixture
def world() -> World:
    return World()


def test_the_reason_names_the_file_and_the_datastore_as_people_write_it(world: World) -> None:
    world.datastore(change("name", "san%2f1"))
    world.datastore(change("host", {"DatastoreHostMount": [mount("host-1", "false", "PermanentDeviceLoss")]}))
    world.files_on(Place(Moid("datastore-1"), FileRole.SWAP))
    told = "datastore san/1 with its swap file is not accessible (PermanentDeviceLoss)"
    assert world.san == LegVerdict(DOWN, DetailedReason(PlainReason.DATASTORE_NOT_ACCESSIBLE, told))


@pytest.mark.parametrize("read", [False, True])
def test_a_server_all_of_whose_datastores_are_ignored_is_not_up(world: World, read: bool) -> None:
    if read:
        world.files_on(Moid("datastore-1"))
    assert world.san.state is UP
    assert world.san_without(Moid("datastore-1")).state is UNKNOWN


def test_a_layout_that_contradicts_what_the_server_uses_makes_no_outage(world: World) -> None:
    gold = Moid("datastore-2")
    lost = change("host", {"DatastoreHostMount": [mount("host-1", "false"), mount("host-2")]})
    world.datastore(change("name", "gold"), lost, moid=gold)
    world.files_on(Place(Moid("datastore-1"), FileRole.DISK), Place(gold, FileRole.SWAP, configured=False))
    assert world.san.state is UNKNOWN
    world.vm(change("datastore", references("datastore-1", gold)))
    assert world.san.state is DOWN


def test_what_is_removed_is_not_readable_and_a_removed_hosts_mounts_do_not_count(world: World) -> None:
    store = world.inventory.datastores[Moid("datastore-1")]
    lost = {"DatastoreHostMount": [mount("host-1"), mount("host-2", "false")]}
    world.datastore(change("host", lost))
    assert datastore_state(store, world.inventory.hosts) is DOWN
    world.leave("HostSystem", "host-2")
    assert datastore_state(store, world.inventory.hosts) is UP
    assert world.san.state is UP
    world.leave("Datastore", "datastore-1")
    assert (world.san.state, world.san.reason) == (UNKNOWN, "datastore san1 is not readable")
    assert not world.inventory.lost


def test_a_mount_that_vanished_with_a_reason_is_lost_and_one_without_was_unmounted(world: World) -> None:
    gone = mount("host-1", "false")
    gone["mountInfo"]["mounted"] = "false"
    world.datastore(change("host", {"DatastoreHostMount": gone}))
    assert (world.san.state, world.san.reason) == (UNKNOWN, "datastore san1 is not mounted on its host")
    gone["mountInfo"]["inaccessibleReason"] = "AllPathsDown_Timeout"
    world.datastore(change("host", {"DatastoreHostMount": gone}))
    assert world.san.state is DOWN


HOSTS, STORES = ("host-1", "host-2"), ("datastore-1", "datastore-2", "datastore-3")
TRUTH = st.sampled_from(["true", "true", "false", None, "maybe"])
MOUNTS = st.fixed_dictionaries(
    {
        "accessible": TRUTH,
        "mounted": TRUTH,
        "inaccessibleReason": st.sampled_from([None, "AllPathsDown_Start"]),
    }
)
STORE = st.fixed_dictionaries(
    {
        "name": st.just("san"),
        "summary.accessible": TRUTH,
        "summary.maintenanceMode": st.sampled_from(["normal", "enteringMaintenance", "inMaintenance", None]),
        "host": st.dictionaries(st.sampled_from(HOSTS), MOUNTS),
    }
)
HOST_STATE = st.fixed_dictionaries(
    {
        "runtime.connectionState": st.sampled_from(["connected", "connected", "notResponding", None]),
        "runtime.inMaintenanceMode": st.sampled_from(["false", "false", "true", None]),
    }
)
MACHINE = st.fixed_dictionaries(
    {
        "runtime.host": st.sampled_from([*HOSTS, None]),
        "runtime.connectionState": st.sampled_from(
            ["connected", "connected", "inaccessible", "invalid", None]
        ),
        "datastore": st.lists(st.sampled_from([*STORES, "datastore-9"]), unique=True, max_size=3),
    }
)
READ = st.none() | st.lists(
    st.builds(
        Place,
        st.sampled_from([Moid(each) for each in (*STORES, "datastore-9", "[gold]")]),
        st.sampled_from(list(FileRole)),
        st.booleans(),
    ),
    unique_by=lambda place: place.datastore,
    max_size=3,
)


def told(values: dict[str, Any]) -> list[dict[str, Any]]:
    changes = []
    for name, value in values.items():
        if name == "host":
            value = {
                "DatastoreHostMount": [
                    {"key": key, "mountInfo": given_only(info)} for key, info in value.items()
                ]
            }
        elif name == "datastore":
            value = references(*value)
        changes.append(change(name, value))
    return changes


def given_only(info: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in info.items() if value is not None}


@given(
    stores=st.dictionaries(st.sampled_from(STORES), STORE),
    hosts=st.dictionaries(st.sampled_from(HOSTS), HOST_STATE),
    machine=MACHINE,
    read=READ,
    ignored=st.frozensets(st.sampled_from([Moid(each) for each in STORES]), max_size=1),
    refused=st.sets(st.sampled_from(STORES), max_size=1),
)
def test_leg_and_datastores_agree_whatever_vcenter_tells(
    stores: dict[str, Any],
    hosts: dict[str, Any],
    machine: dict[str, Any],
    read: list[Place] | None,
    ignored: frozenset[Moid],
    refused: set[str],
) -> None:
    inventory = Inventory(Moid("group-d1"))
    inventory.apply("VirtualMachine", [update("vm-1", *told(machine))])
    for kind, objects in (("HostSystem", hosts), ("Datastore", stores)):
        inventory.apply(kind, [update(moid, *told(values)) for moid, values in objects.items()])
    inventory.apply("Datastore", [update(moid, missing=("host",)) for moid in refused & stores.keys()])
    vm = inventory.vms[Moid("vm-1")]
    if read is not None:
        inventory.place(vm, tuple(read))
    verdict = san.verdict(inventory, vm, ignored)
    assert bool(verdict.reason) is (verdict.state is not UP)
    needed = {place.datastore for place in san.rests_on(vm, ignored)}
    host = inventory.hosts.get(vm.host) if vm.host is not None else None
    reached = {
        moid: moid in inventory.datastores
        and moid not in refused
        and vm.host is not None
        and inventory.datastores[moid].state_on(vm.host) is UP
        for moid in needed
    }
    if verdict.state is UP:
        assert needed
        assert all(reached.values()), "every path from its own host to what it needs is there"
        assert host is not None
        assert host.connection == vm.connection == "connected"
    if verdict.state is DOWN and vm.connection != "inaccessible":
        assert host is not None
        lost = [moid for moid in needed if moid in inventory.datastores and not reached[moid]]
        states = {datastore_state(inventory.datastores[moid], inventory.hosts) for moid in lost}
        assert DOWN in states or host.maintenance
    if vm.due and verdict.state is UP:
        assert not inventory.lost.get(vm.host or Moid(""), set()) - ignored
    for moid, datastore in inventory.datastores.items():
        assert {each for each, lost in inventory.lost.items() if moid in lost} == datastore.lost
        assert (Moid("vm-1") in datastore.vms) is (moid in vm.uses)
