"""The mirror of a vCenter, and what it implies for the legs (design: watching vCenter)."""

from itertools import permutations
from typing import Any

import pytest

from probes.vcenter import san
from probes.vcenter.clocks import HostInstant
from probes.vcenter.inventory import VM_OPTIONAL, VM_PROPERTIES, Inventory, InventoryChanges, LegVerdict
from probes.vcenter.objects import FileRole, Place, Vm
from probes.vcenter.values import Moid
from sla.instants import parse_instant
from sla.reasons import in_evidence
from sla.records import State

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
VM, HOST, OTHER = Moid("vm-1"), Moid("host-1"), Moid("host-2")
ROOT = Moid("group-d1")
DISK, ISO = Moid("datastore-1"), Moid("datastore-2")


def change(name: str, value: object = None, op: str = "assign") -> dict[str, Any]:
    return {"name": name, "op": op} | ({} if value is None else {"val": value})


def update(
    moid: str, *changes: dict[str, Any], kind: str = "modify", missing: tuple[str, ...] = ()
) -> dict[str, Any]:
    refused = [{"path": path, "fault": {"localizedMessage": ""}} for path in missing]
    return {"kind": kind, "obj": moid, "changeSet": list(changes)} | (
        {"missingSet": refused} if refused else {}
    )


def references(*moids: str) -> Any:
    return {"ManagedObjectReference": list(moids) if len(moids) != 1 else moids[0]} if moids else ""


def mount(host: str, accessible: str | None = "true", reason: str = "") -> dict[str, Any]:
    info = {"path": "/vmfs/volumes/x"} | ({"accessible": accessible} if accessible else {})
    return {"key": host, "mountInfo": info | ({"inaccessibleReason": reason} if reason else {})}


class World:
    """One server on one host, its disk on one datastore that two hosts mount."""

    def __init__(self) -> None:
        self.inventory = Inventory(ROOT)
        self.vm(
            change("name", "web"),
            change("config.instanceUuid", "uuid-1"),
            change("config.template", "false"),
            change("config.changeVersion", "1"),
            change("runtime.powerState", "poweredOn"),
            change("runtime.connectionState", "connected"),
            change("runtime.host", HOST),
            change("runtime.bootTime", "2026-03-01T12:00:00.123456789Z"),
            change("datastore", references(DISK)),
            change("parent", "group-v1"),
        )
        for host in (HOST, OTHER):
            self.host(
                change("name", f"esx-{host}"), change("runtime.connectionState", "connected"), moid=host
            )
        self.datastore(
            change("name", "san1"),
            change("summary.accessible", "true"),
            change("host", {"DatastoreHostMount": [mount(HOST), mount(OTHER)]}),
        )

    def vm(self, *changes: dict[str, Any], missing: tuple[str, ...] = (), moid: str = VM) -> InventoryChanges:
        return self.inventory.apply("VirtualMachine", [update(moid, *changes, missing=missing)])

    def host(self, *changes: dict[str, Any], moid: str = HOST) -> InventoryChanges:
        return self.inventory.apply("HostSystem", [update(moid, *changes)])

    def datastore(self, *changes: dict[str, Any], moid: str = DISK) -> InventoryChanges:
        return self.inventory.apply("Datastore", [update(moid, *changes)])

    def leave(self, kind: str, moid: str) -> InventoryChanges:
        return self.inventory.apply(kind, [{"kind": "leave", "obj": moid}])

    @property
    def running(self) -> LegVerdict:
        return self.inventory.running(self.inventory.vms[VM])

    @property
    def san(self) -> LegVerdict:
        return self.san_without()

    def san_without(self, *ignored: Moid) -> LegVerdict:
        return san.verdict(self.inventory, self.inventory.vms[VM], frozenset(ignored))

    def files_on(self, *places: Moid | Place) -> None:
        """Its files were read and lie there."""
        known = tuple(place if isinstance(place, Place) else Place(place, FileRole.DISK) for place in places)
        self.inventory.place(self.inventory.vms[VM], known)


@pytest.fixture
def world() -> World:
    return World()


POWERS = {"poweredOn": UP, "poweredOff": DOWN, "suspended": DOWN, "": UNKNOWN, "levitating": UNKNOWN}
VM_CONNECTIONS = ("connected", "disconnected", "orphaned", "inaccessible", "invalid", "")
HOST_CONNECTIONS = ("connected", "disconnected", "notResponding", "", "removed")


@pytest.mark.parametrize("host", HOST_CONNECTIONS)
@pytest.mark.parametrize("connection", VM_CONNECTIONS)
@pytest.mark.parametrize("power", POWERS)
def test_power_counts_only_while_server_and_host_are_connected(
    world: World, power: str, connection: str, host: str
) -> None:
    world.vm(change("runtime.powerState", power), change("runtime.connectionState", connection))
    world.host(change("runtime.connectionState", host))
    expected = POWERS[power] if connection == "connected" and host in ("connected", "") else UNKNOWN
    assert world.running.state is expected
    assert bool(world.running.reason) is (expected is not UP)


@pytest.mark.parametrize("host", HOST_CONNECTIONS)
@pytest.mark.parametrize("connection", VM_CONNECTIONS)
@pytest.mark.parametrize("accessible", [True, False])
def test_san_is_the_mount_while_server_and_host_are_connected_unless_the_files_are_gone(
    world: World, accessible: bool, connection: str, host: str
) -> None:
    world.vm(change("runtime.connectionState", connection))
    world.host(change("runtime.connectionState", host))
    state = "true" if accessible else "false"
    world.datastore(change("host", {"DatastoreHostMount": [mount(HOST, state), mount(OTHER)]}))
    if connection == "inaccessible":
        expected = DOWN
    elif "connected" not in (host, connection) or host != connection:
        expected = UNKNOWN
    else:
        expected = UP if accessible else DOWN
    assert world.san.state is expected


def test_absent_properties_are_unknown_and_never_down() -> None:
    inventory = Inventory(ROOT)
    inventory.apply("VirtualMachine", [update(VM, kind="enter")])
    vm = inventory.vms[VM]
    assert inventory.running(vm).state is UNKNOWN
    assert san.verdict(inventory, vm, frozenset()).state is UNKNOWN


def test_the_reason_of_a_lost_mount_is_told(world: World) -> None:
    lost = mount(HOST, "false", "PermanentDeviceLoss")
    world.datastore(change("host", {"DatastoreHostMount": [lost, mount(OTHER)]}))
    assert world.san.reason == "datastore san1 is not accessible (PermanentDeviceLoss)"
    assert world.san.state is DOWN
    assert in_evidence(world.san.reason) == "a datastore with its files is not accessible"


def test_the_summary_decides_only_where_the_mount_says_nothing(world: World) -> None:
    world.datastore(change("summary.accessible", "false"))
    assert world.san.state is UP
    world.datastore(change("host", {"DatastoreHostMount": mount(HOST, None)}))
    assert world.san.state is DOWN
    world.datastore(change("summary.accessible"))
    assert world.san.state is UNKNOWN


def test_a_datastore_that_is_unknown_or_not_mounted_here_is_unknown(world: World) -> None:
    world.datastore(change("host", {"DatastoreHostMount": mount(OTHER)}))
    assert world.san.state is UNKNOWN
    world.vm(change("datastore", references("datastore-99")))
    assert world.san.state is UNKNOWN


def test_the_worst_of_several_datastores_counts_once_it_is_read_where_the_files_are(world: World) -> None:
    world.datastore(
        change("name", "iso"), change("host", {"DatastoreHostMount": mount(HOST, "false")}), moid=ISO
    )
    world.vm(change("datastore", references(DISK, ISO)))
    assert world.san.state is UNKNOWN
    world.files_on(DISK, ISO)
    assert world.san.state is DOWN
    world.files_on(DISK)
    assert world.san.state is UP


def test_an_ignored_datastore_does_not_count(world: World) -> None:
    world.datastore(change("host", {"DatastoreHostMount": mount(HOST, "false")}))
    vm = world.inventory.vms[VM]
    assert not san.is_judged(vm, frozenset({DISK}))
    world.files_on(DISK, ISO)
    assert san.is_judged(vm, frozenset({DISK}))
    assert [place.datastore for place in san.rests_on(vm, frozenset({DISK}))] == [ISO]
    assert world.san_without(DISK, ISO).state is UNKNOWN


def test_a_property_that_may_not_be_read_is_unknown_until_it_may(world: World) -> None:
    world.vm(missing=("runtime.powerState",))
    assert world.running.state is UNKNOWN
    assert world.san.state is UP
    world.vm(change("name", "another update, of something else"))
    assert world.running.state is UNKNOWN
    assert VM in world.inventory.unread
    world.vm(change("runtime.powerState", "poweredOn"))
    assert world.running.state is UP
    assert not world.inventory.unread


def test_a_configuration_that_may_not_be_read_takes_no_verdict_and_no_identity(world: World) -> None:
    world.vm(change("config.instanceUuid"), change("config.template"), missing=("config.changeVersion",))
    assert (world.running.state, world.san.state) == (UP, UP)
    assert world.inventory.vms[VM].uuid == "uuid-1"
    assert world.inventory.vms[VM].template is False


TELLING = {
    "name": "web",
    "config.instanceUuid": "uuid-1",
    "config.template": "true",
    "config.ftInfo.role": "1",
    "config.changeVersion": "7",
    "config.managedBy": {"extensionKey": "com.vmware.vcDr", "type": "placeholderVm"},
    "runtime.powerState": "poweredOn",
    "runtime.connectionState": "connected",
    "runtime.host": "host-1",
    "runtime.bootTime": "2026-03-01T12:00:00Z",
    "datastore": references("datastore-1", "datastore-2"),
    "network": references("network-1"),
    "parent": "group-v1",
    "parentVApp": "resgroup-v1",
    "resourcePool": "resgroup-1",
    "customValue": {"CustomFieldValue": {"key": "1", "value": "acme"}},
    "guest.ipAddress": "192.0.2.1",
    "guest.net": {"GuestNicInfo": {"network": "lan", "ipAddress": "192.0.2.1", "deviceConfigId": "4000"}},
}


@pytest.mark.parametrize("name", [*VM_PROPERTIES, *VM_OPTIONAL])
def test_each_property_that_is_watched_of_a_machine_is_taken(name: str) -> None:
    world = World()
    world.vm(change(name, TELLING[name]), moid="vm-2")
    assert world.inventory.vms[Moid("vm-2")] != Vm(Moid("vm-2"))
    assert not world.inventory.unread


@pytest.mark.parametrize("shown", [None, "uuid-1"])
@pytest.mark.parametrize("before", [None, "uuid-1"])
def test_in_whatever_order_an_update_tells_a_configuration_it_says_the_same(
    shown: str | None, before: str | None
) -> None:
    told = (
        change("config.ftInfo.role"),
        change("config.instanceUuid", shown),
        change("config.template"),
        change("config.changeVersion"),
    )
    for changes in permutations(told):
        world = World()
        world.vm(change("config.ftInfo.role", "2"), change("config.template", "true"))
        world.vm(change("config.instanceUuid", before))
        world.vm(*changes)
        vm = world.inventory.vms[VM]
        kept = ("uuid-1", "2", "1") if shown is None else ("uuid-1", "", "")
        assert (vm.uuid, vm.ft_role, vm.change_version) == kept
        assert vm.template, "unset is no statement"


def test_what_cannot_be_read_of_one_object_stops_no_other(world: World) -> None:
    everything = ("name", "runtime.powerState", "runtime.connectionState", "runtime.host", "datastore")
    world.vm(missing=everything, moid="vm-2")
    other = world.inventory.vms[Moid("vm-2")]
    assert world.inventory.running(other).state is UNKNOWN
    assert san.verdict(world.inventory, other, frozenset()).state is UNKNOWN
    assert world.running.state is UP


@pytest.mark.parametrize("path", [".mountInfo.accessible", ".mountInfo", ""])
def test_partial_updates_name_one_mount(world: World, path: str) -> None:
    value: Any = "false" if path.endswith("accessible") else {"accessible": "false"}
    if path == "":
        value = mount(HOST, "false")
    touched = world.datastore(change(f'host["{HOST}"]{path}', value)).touched
    assert touched == {VM}
    assert world.san.state is DOWN
    assert world.inventory.datastores[DISK].mounts[OTHER].accessible is True


def test_partial_updates_of_reason_and_access_in_any_order(world: World) -> None:
    world.datastore(
        change(f'host["{HOST}"].mountInfo.inaccessibleReason', "AllPathsDown_Start"),
        change(f'host["{HOST}"].mountInfo.accessible', "false"),
    )
    assert "AllPathsDown_Start" in world.san.reason
    world.datastore(change(f'host["{HOST}"].mountInfo.accessible', "true"))
    world.datastore(change(f'host["{HOST}"].mountInfo.accessible', "false"))
    assert "AllPathsDown_Start" not in world.san.reason


def test_partial_updates_tell_of_a_mount_that_a_person_took_away(world: World) -> None:
    mounts = world.inventory.datastores[DISK].mounts
    assert mounts[HOST].mounted
    world.datastore(change(f'host["{HOST}"].mountInfo.mounted', "false"))
    assert not mounts[HOST].mounted
    world.datastore(change(f'host["{HOST}"].mountInfo.mounted'))
    assert mounts[HOST].mounted, "unset means mounted"


def test_partial_updates_can_add_and_remove_a_mount(world: World) -> None:
    world.datastore(change(f'host["{HOST}"]', op="remove"))
    assert world.san.state is UNKNOWN
    world.datastore(change(f'host["{HOST}"]', mount(HOST), op="add"))
    assert world.san.state is UP


def test_a_change_of_host_or_datastore_touches_the_servers_on_it(world: World) -> None:
    assert world.host(change("runtime.connectionState", "notResponding")).touched == {VM}
    assert world.host(change("runtime.connectionState", "connected"), moid=OTHER).touched == set()
    world.vm(change("runtime.host", OTHER))
    assert world.host(change("runtime.connectionState", "connected")).touched == set()
    assert world.host(change("runtime.connectionState", "notResponding"), moid=OTHER).touched == {VM}
    assert world.datastore(change("summary.accessible", "false")).touched == {VM}
    world.vm(change("datastore", references()))
    assert world.datastore(change("summary.accessible", "true")).touched == set()


def test_the_order_of_objects_does_not_matter(world: World) -> None:
    late = Inventory(ROOT)
    vm = [
        change("runtime.powerState", "poweredOn"),
        change("runtime.connectionState", "connected"),
        change("runtime.host", HOST),
        change("datastore", references(DISK)),
    ]
    late.apply("Datastore", [update(DISK, change("host", {"DatastoreHostMount": mount(HOST)}))])
    late.apply("VirtualMachine", [update(VM, *vm)])
    assert late.apply(
        "HostSystem", [update(HOST, change("runtime.connectionState", "connected"))]
    ).touched == {VM}
    assert late.running(late.vms[VM]).state is UP
    assert san.verdict(late, late.vms[VM], frozenset()).state is UP


def test_a_server_that_leaves_is_told_and_forgotten(world: World) -> None:
    changes = world.leave("VirtualMachine", VM)
    assert [vm.uuid for vm in changes.left] == ["uuid-1"]
    assert changes.touched == set()
    assert world.host(change("runtime.connectionState", "notResponding")).touched == set()
    assert world.leave("VirtualMachine", VM).left == ()


def test_a_host_or_datastore_that_leaves_makes_its_servers_unknown(world: World) -> None:
    assert world.leave("Datastore", DISK).touched == {VM}
    assert world.san.state is UNKNOWN
    assert world.leave("HostSystem", HOST).touched == {VM}
    assert world.running.state is UNKNOWN


def test_updates_are_idempotent(world: World) -> None:
    again = [update(VM, change("runtime.host", HOST), change("datastore", references(DISK)))] * 3
    world.inventory.apply("VirtualMachine", again)
    assert (world.running.state, world.san.state) == (UP, UP)
    assert world.inventory.hosts[HOST].vms == {VM}


def test_boot_times_of_any_fineness_are_read_and_others_are_none(world: World) -> None:
    vm = world.inventory.vms[VM]
    assert vm.boot_at == HostInstant(parse_instant("2026-03-01T12:00:00.123456Z"))
    world.vm(change("runtime.bootTime", "once upon a time"))
    assert vm.boot_at is None
