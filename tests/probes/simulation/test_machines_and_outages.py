"""What can happen to machines, hosts and datastores, as a watching client sees it."""

from __future__ import annotations

from typing import Any

from pyVmomi import vim

from probes.simulation import ThreadedVCenter
from probes.simulation.entities import Datastore, Host, Power, Vm

from .client import Client, Hand, Update, kinds

PATHS = (
    "name",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.host",
    "runtime.bootTime",
    "runtime.suspendTime",
    "config.instanceUuid",
    "config.template",
    "datastore",
    "guestHeartbeatStatus",
)


def watched(client: Client) -> dict[str, Update]:
    client.watch(vim.VirtualMachine, *PATHS)
    client.watch(vim.HostSystem, "runtime.connectionState", "runtime.powerState", "runtime.inMaintenanceMode")
    client.watch(vim.Datastore, "host", "summary.accessible", "summary.maintenanceMode")
    return client.sync()


def changes(client: Client) -> dict[str, dict[str, object]]:
    """What changed, by object; references as managed object ids."""
    return {update.moid: update.values for update in client.next().updates}


def a_machine(vcenter: ThreadedVCenter) -> Vm:
    return next(vm for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.ON)


def test_a_reset_changes_no_property(client: Client, vcenter: ThreadedVCenter) -> None:
    watched(client)
    vcenter.do(vcenter.world.machines.reset, a_machine(vcenter).moid)
    assert client.wait(seconds=0) is None
    assert kinds(client.events())[-1] == "VmResettingEvent"


def test_suspend_and_resume_keep_the_boot_time(client: Client, vcenter: ThreadedVCenter) -> None:
    watched(client)
    moid = a_machine(vcenter).moid
    vcenter.do(vcenter.world.machines.suspend, moid)
    down = changes(client)[moid]
    assert set(down) == {"runtime.powerState", "runtime.suspendTime", "guestHeartbeatStatus"}
    vcenter.do(vcenter.world.machines.resume, moid)
    assert changes(client)[moid] == {"runtime.powerState": "poweredOn", "guestHeartbeatStatus": "green"}


def test_vmotion_changes_the_host_and_nothing_else(client: Client, vcenter: ThreadedVCenter) -> None:
    watched(client)
    vm = a_machine(vcenter)
    target = next(host for host in vcenter.world.inventory.every(Host) if host is not vm.host)
    vcenter.do(vcenter.world.machines.vmotion, vm.moid, host=target.moid)
    found = changes(client)[vm.moid]
    assert list(found) == ["runtime.host"]
    assert client.machine(vm.moid).runtime.host._GetMoId() == target.moid
    assert kinds(client.events())[-2:] == ["VmBeingHotMigratedEvent", "DrsVmMigratedEvent"]


def test_storage_vmotion_changes_the_datastores(client: Client, vcenter: ThreadedVCenter) -> None:
    watched(client)
    vm = next(v for v in vcenter.world.inventory.every(Vm) if len(v.disks) == 1 and v.iso is None)
    target = next(d for d in vcenter.world.inventory.every(Datastore) if d is not vm.disks[0].datastore)
    vcenter.do(vcenter.world.machines.storage_vmotion, vm.moid, datastore=target.name)
    update = client.next().only()
    assert [store._GetMoId() for store in update.values["datastore"]] == [target.moid]


def test_a_guests_address_and_networks_change_on_demand(client: Client, vcenter: ThreadedVCenter) -> None:
    client.watch(vim.VirtualMachine, "network", "guest.ipAddress", "guest.net")
    client.watch(vim.Network, "name")
    first = client.sync()
    vm, machines = a_machine(vcenter), vcenter.world.machines
    assert first[vm.moid].values["guest.ipAddress"] == vm.address
    assert [network._GetMoId() for network in first[vm.moid].values["network"]] == [vm.networks[0].moid]
    assert first[vm.networks[0].moid].values["name"] == vm.networks[0].name
    vcenter.do(machines.set_address, vm.name, address="192.0.2.3")
    told = changes(client)[vm.moid]
    assert told["guest.ipAddress"] == "192.0.2.3"
    vcenter.do(machines.set_networks, vm.name, networks=["backup", "acme-net"], user="alice")
    update = client.next().only()
    networks = [network._GetMoId() for network in update.values["network"]]
    assert [first[moid].values["name"] for moid in networks] == ["backup", "acme-net"]
    assert [nic.network for nic in update.values["guest.net"]] == ["backup", "acme-net"]
    last = client.events()[-1]
    assert (kinds([last]), last.userName) == (["VmReconfiguredEvent"], "alice")


def test_a_guest_tells_of_adapters_that_are_no_cards(client: Client, vcenter: ThreadedVCenter) -> None:
    client.watch(vim.VirtualMachine, "guest.ipAddress", "guest.net")
    client.sync()
    vm = a_machine(vcenter)
    vcenter.do(
        vcenter.world.machines.set_guest_network,
        vm.name,
        cards=[["10.0.0.5", "fd00::5"]],
        others=[["172.17.0.1"], []],
        primary="172.17.0.1",
    )
    told = changes(client)[vm.moid]
    assert told["guest.ipAddress"] == "172.17.0.1"
    nics: Any = told["guest.net"]
    assert [(nic.network, list(nic.ipAddress), nic.deviceConfigId) for nic in nics] == [
        (vm.networks[0].name, ["10.0.0.5", "fd00::5"], 4000),
        (None, ["172.17.0.1"], -1),
        (None, [], -1),
    ]
    assert [each.ipAddress for each in nics[0].ipConfig.ipAddress] == ["10.0.0.5", "fd00::5"]
    vcenter.do(vcenter.world.machines.set_address, vm.name, address="10.0.0.6")
    told = changes(client)[vm.moid]
    assert told["guest.ipAddress"] == "10.0.0.6"
    after: Any = told["guest.net"]
    assert [nic.deviceConfigId for nic in after] == [4000]


def test_a_template_and_a_rename_are_seen(client: Client, vcenter: ThreadedVCenter) -> None:
    watched(client)
    vm = a_machine(vcenter)
    vcenter.do(vcenter.world.machines.mark_template, vm.moid)
    vcenter.do(vcenter.world.machines.rename, vm.moid, name="golden <image> & more")
    seen: dict[str, object] = {}
    while len(seen) < 2:
        seen |= changes(client)[vm.moid]
    assert seen == {"config.template": True, "name": "golden <image> & more"}
    assert vcenter.do(vcenter.world.machines.find, "golden <image> & more") is vm


def test_an_inaccessible_machine_has_no_configuration_until_it_is_back(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    watched(client)
    vm = a_machine(vcenter)
    vcenter.do(vcenter.world.machines.connection_state, vm.moid, state="inaccessible")
    update = client.next().only()
    assert update.values["runtime.connectionState"] == "inaccessible"
    assert update.ops["config.instanceUuid"] == "indirectRemove"
    vcenter.do(vcenter.world.machines.connection_state, vm.moid, state="connected")
    assert client.next().only().values["config.instanceUuid"] == vm.instance_uuid


def test_a_host_that_does_not_respond_disconnects_its_machines_and_keeps_their_power_states(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    watched(client)
    host = a_machine(vcenter).host
    vcenter.do(vcenter.world.outages.host_not_responding, host.moid)
    found = changes(client)
    assert found.pop(host.moid) == {
        "runtime.connectionState": "notResponding",
        "runtime.powerState": "unknown",
    }
    assert set(found) == set(host.vms)
    assert all(values == {"runtime.connectionState": "disconnected"} for values in found.values())
    vcenter.do(vcenter.world.outages.host_back, host.moid)
    found = changes(client)
    assert found.pop(host.moid)["runtime.connectionState"] == "connected"
    assert all(values == {"runtime.connectionState": "connected"} for values in found.values())


def test_ha_restarts_running_machines_elsewhere_and_never_shows_them_off(
    client: Client, vcenter: ThreadedVCenter, clock: Hand
) -> None:
    watched(client)
    host = a_machine(vcenter).host
    running = {vm.moid for vm in host.vms.values() if vm.power is Power.ON}
    vcenter.do(vcenter.world.outages.host_not_responding, host.moid)
    changes(client)
    clock.advance(90)
    assert set(vcenter.do(vcenter.world.outages.ha_restart, host.moid)) == running
    found = changes(client)
    assert set(found) == running
    for moid, values in found.items():
        assert set(values) == {"runtime.connectionState", "runtime.bootTime", "runtime.host"}
        assert values["runtime.connectionState"] == "connected"
        assert vcenter.world.machines.find(moid).host is not host
        assert vcenter.world.machines.find(moid).booted_at == clock.now_us
    events = kinds(client.events())
    assert events.count("com.vmware.vc.ha.VmRestartedByHAEvent") == len(running)
    assert {"DasHostFailedEvent", "com.vmware.vc.HA.DasHostFailedEvent"} <= set(events)


def test_a_lost_mount_is_one_hosts_and_the_summary_stays_accessible_while_another_reaches_it(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    watched(client)
    store = next(vcenter.world.inventory.every(Datastore))
    first, *others = store.mounts
    mount = vcenter.world.outages.mount
    vcenter.do(mount, first, datastore=store.moid, accessible=False, reason="PermanentDeviceLoss")
    assert set(changes(client)[store.moid]) == {"host"}
    for host in others:
        vcenter.do(mount, host, datastore=store.moid, accessible=False)
    seen: dict[str, object] = {}
    while "summary.accessible" not in seen:
        seen |= changes(client)[store.moid]
    assert seen["summary.accessible"] is False
    vcenter.do(mount, first, datastore=store.moid, accessible=True)
    while seen["summary.accessible"] is False:
        seen |= changes(client)[store.moid]
    events = [kind for kind in kinds(client.events()) if kind.startswith("esx.")]
    assert events[0] == "esx.problem.scsi.device.state.permanentloss"
    assert events[1:-1] == ["esx.problem.storage.apd.start"] * len(others)
    assert events[-1] == "esx.clear.scsi.device.state.permanentloss.deviceonline"


def test_maintenance_is_seen_on_hosts_and_datastores(client: Client, vcenter: ThreadedVCenter) -> None:
    watched(client)
    host = next(vcenter.world.inventory.every(Host))
    store = next(vcenter.world.inventory.every(Datastore))
    vcenter.do(vcenter.world.outages.maintenance, host.name, on=True, user="alice")
    assert changes(client) == {host.moid: {"runtime.inMaintenanceMode": True}}
    vcenter.do(vcenter.world.outages.datastore_maintenance, store.name, mode="inMaintenance")
    assert changes(client) == {store.moid: {"summary.maintenanceMode": "inMaintenance"}}


def test_a_host_on_standby_does_not_respond_and_says_so(client: Client, vcenter: ThreadedVCenter) -> None:
    watched(client)
    host = a_machine(vcenter).host
    vcenter.do(vcenter.world.outages.host_standby, host.name)
    told = {"runtime.connectionState": "notResponding", "runtime.powerState": "standBy"}
    assert changes(client)[host.moid] == told
    vcenter.do(vcenter.world.outages.host_back, host.name)
    assert changes(client)[host.moid]["runtime.powerState"] == "poweredOn"


def test_a_datastore_that_a_person_unmounts_is_not_mounted_until_it_is_again(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    client.watch(vim.Datastore, "host", partial=True)
    client.sync()
    store = next(vcenter.world.inventory.every(Datastore))
    host = next(iter(store.mounts))
    info = f'host["{host}"].mountInfo'
    vcenter.do(vcenter.world.outages.unmount, host, datastore=store.name)
    told = changes(client)[store.moid]
    assert (told[f"{info}.mounted"], told[f"{info}.accessible"]) == (False, False)
    vcenter.do(vcenter.world.outages.mount, host, datastore=store.name, accessible=True)
    told = changes(client)[store.moid]
    assert (told[f"{info}.mounted"], told[f"{info}.accessible"]) == (True, True)


def test_a_host_is_disconnected_for_the_reason_given(client: Client, vcenter: ThreadedVCenter) -> None:
    host = a_machine(vcenter).host
    vcenter.do(vcenter.world.outages.host_disconnect, host.name, reason="licenseExpired")
    event = next(each for each in client.events() if kinds([each]) == ["HostDisconnectedEvent"])
    assert (event.reason, event.userName) == ("licenseExpired", "")


def test_a_restarted_vcenter_is_empty_and_fills_up_with_the_same_ids(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    before = set(watched(client))
    missing = vcenter.do(vcenter.world.restart)
    again = Client(vcenter.port)
    again.watch(vim.VirtualMachine, "name")
    again.watch(vim.HostSystem, "name")
    again.watch(vim.Datastore, "name")
    assert again.wait(seconds=0) is None
    assert vcenter.do(vcenter.world.fill, count=missing - 40) == 40
    part = again.sync()
    assert len(before) - len(part) == 40
    assert vcenter.do(vcenter.world.fill, count=1_000) == 0
    late = again.next()
    assert set(part) | {update.moid for update in late.updates} == before
    again.close()


def test_a_restarted_vcenter_can_fill_up_by_itself(client: Client, vcenter: ThreadedVCenter) -> None:
    before = set(watched(client))
    vcenter.do(vcenter.world.restart, fill_s=0.05, steps=5)
    again = Client(vcenter.port)
    for kind in (vim.VirtualMachine, vim.HostSystem, vim.Datastore):
        again.watch(kind, "name")
    seen: set[str] = set()
    while seen != before:
        seen |= {update.moid for update in again.next().updates}
    again.close()
