"""Reading without waiting: pages of RetrievePropertiesEx, lazy reads, what stands in the properties."""

from __future__ import annotations

import urllib.request
from typing import Any

from pyVmomi import vim, vmodl

from probes.simulation import ThreadedVCenter
from probes.simulation.building import CLIENT_FIELD
from probes.simulation.entities import Power, Vm

from .client import Client, Collector, raises
from .conftest import SERVERS


def test_retrieve_properties_ex_pages_by_token(client: Client) -> None:
    spec = client.spec(vim.VirtualMachine, ["name"])
    page = client.collector.RetrievePropertiesEx([spec], Collector.RetrieveOptions(maxObjects=120))
    sizes = [len(page.objects)]
    while page.token:
        page = client.collector.ContinueRetrievePropertiesEx(page.token)
        sizes.append(len(page.objects))
    assert sizes == [120, 120, 10]


def test_retrieve_properties_ex_pages_at_100_when_nothing_is_asked(client: Client) -> None:
    spec = client.spec(vim.VirtualMachine, ["name"])
    page = client.collector.RetrievePropertiesEx([spec], Collector.RetrieveOptions())
    assert len(page.objects) == 100
    token = page.token
    client.collector.ContinueRetrievePropertiesEx(token)
    raises(vmodl.fault.InvalidArgument, lambda: client.collector.ContinueRetrievePropertiesEx(token))


def test_retrieve_properties_returns_everything_at_once_and_leaves_unset_properties_out(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    spec = client.spec(vim.VirtualMachine, ["name", "runtime.bootTime"])
    found = client.collector.RetrieveProperties([spec])
    off = {vm.moid for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.OFF}
    assert len(found) == SERVERS
    assert {o.obj._GetMoId() for o in found if len(o.propSet) == 1} == off


def test_lazy_reads_fetch_data_objects_as_pyvmomi_expects_them(
    client: Client, vcenter: ThreadedVCenter
) -> None:
    vm = next(vm for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.ON)
    lazy = client.machine(vm.moid)
    assert lazy.name == vm.name
    assert lazy.runtime.powerState == "poweredOn"
    assert lazy.runtime.host._GetMoId() == vm.host.moid
    assert lazy.config.instanceUuid == vm.instance_uuid
    assert lazy.config.hardware.device[0].backing.datastore._GetMoId() == vm.disks[0].datastore.moid
    assert lazy.summary.runtime.connectionState == "connected"
    assert lazy.summary.config.template is False
    assert lazy.guest.ipAddress == vm.address
    assert lazy.guestHeartbeatStatus == "green"
    assert [store._GetMoId() for store in lazy.datastore] == [store.moid for store in vm.datastores]
    assert lazy.runtime.suspendTime is None
    assert lazy.parent.parent.name == "vm"


def test_a_lazy_read_of_what_is_not_there_fails_as_vcenter_does(client: Client) -> None:
    raises(vmodl.fault.ManagedObjectNotFound, lambda: client.machine("vm-999999").name)


def test_disks_and_iso_images_name_their_datastores(client: Client, vcenter: ThreadedVCenter) -> None:
    vm = next(vm for vm in vcenter.world.inventory.every(Vm) if vm.iso and len(vm.disks) == 1)
    devices: Any = client.machine(vm.moid).config.hardware.device
    disks = [device for device in devices if isinstance(device, vim.vm.device.VirtualDisk)]
    images = [device for device in devices if isinstance(device, vim.vm.device.VirtualCdrom)]
    cards = [device for device in devices if isinstance(device, vim.vm.device.VirtualEthernetCard)]
    assert [disk.backing.datastore._GetMoId() for disk in disks] == [vm.disks[0].datastore.moid]
    assert vm.iso is not None
    assert [image.backing.datastore._GetMoId() for image in images] == [vm.iso.moid]
    assert [card.macAddress for card in cards] == [vm.mac]
    assert vm.iso in vm.datastores


def test_cards_and_guests_name_the_networks(client: Client, vcenter: ThreadedVCenter) -> None:
    vms = [vm for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.ON]
    kinds = {
        "Network": vim.vm.device.VirtualEthernetCard.NetworkBackingInfo,
        "DistributedVirtualPortgroup": vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo,
        "OpaqueNetwork": vim.vm.device.VirtualEthernetCard.OpaqueNetworkBackingInfo,
    }
    met: set[str] = set()
    for vm in [next(vm for vm in vms if len(vm.networks) == 2), *vms[:4]]:
        seen = client.machine(vm.moid)
        assert [network._GetMoId() for network in seen.network] == [network.moid for network in vm.networks]
        assert [network.name for network in seen.network] == [network.name for network in vm.networks]
        devices: Any = seen.config.hardware.device
        cards = [device for device in devices if isinstance(device, vim.vm.device.VirtualEthernetCard)]
        assert [type(card.backing) for card in cards] == [kinds[network.TYPE] for network in vm.networks]
        nics = seen.guest.net
        assert [nic.network for nic in nics] == [network.name for network in vm.networks]
        assert [list(nic.ipAddress) for nic in nics] == [[vm.address], *[[] for _ in vm.networks[1:]]]
        assert [nic.macAddress for nic in nics] == [card.macAddress for card in cards]
        assert [nic.deviceConfigId for nic in nics] == [card.key for card in cards]
        met |= {network.TYPE for network in vm.networks}
    assert met == kinds.keys()
    off = next(vm for vm in vcenter.world.inventory.every(Vm) if vm.power is Power.OFF)
    assert list(client.machine(off.moid).guest.net) == []


def test_chosen_objects_can_be_read_without_a_view(client: Client, vcenter: ThreadedVCenter) -> None:
    chosen = [vm.moid for vm in vcenter.world.inventory.every(Vm)][3:6]
    manager = client.content.customFieldsManager
    spec = Collector.FilterSpec(
        propSet=[
            Collector.PropertySpec(type=vim.VirtualMachine, pathSet=["config.hardware.device"]),
            Collector.PropertySpec(type=vim.CustomFieldsManager, pathSet=["field"]),
        ],
        objectSet=[Collector.ObjectSpec(obj=each) for each in [*map(client.machine, chosen), manager]],
    )
    found = client.collector.RetrievePropertiesEx([spec], Collector.RetrieveOptions()).objects
    assert [each.obj._GetMoId() for each in found] == [*chosen, "CustomFieldsManager"]


def test_custom_attributes_have_names_and_values(client: Client, vcenter: ThreadedVCenter) -> None:
    fields = client.content.customFieldsManager.field
    assert [(field.key, field.name) for field in fields] == [(CLIENT_FIELD, "client")]
    vm = next(vcenter.world.inventory.every(Vm))
    assert [(v.key, v.value) for v in client.machine(vm.moid).customValue] == [(CLIENT_FIELD, "acme")]


def test_folders_pools_and_clusters_can_be_read_for_the_way_up(client: Client) -> None:
    spec = client.spec(vim.ManagedEntity, ["name", "parent"])
    found = {o.obj._GetMoId(): o for o in client.collector.RetrieveProperties([spec])}
    names = {moid: next(p.val for p in o.propSet if p.name == "name") for moid, o in found.items()}
    assert {"DC1", "vm", "acme", "Cluster1", "Resources", "san001"} <= set(names.values())
    kinds = {moid.rstrip("0123456789") for moid in names}
    assert kinds == {
        "datacenter-",
        "group-v",
        "group-h",
        "group-s",
        "group-n",
        "network-",
        "network-o",
        "dvportgroup-",
        "domain-c",
        "resgroup-",
        "host-",
        "datastore-",
        "vm-",
    }


def test_the_documents_that_clients_probe_before_login_are_there(vcenter: ThreadedVCenter) -> None:
    def get(path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{vcenter.port}{path}", timeout=5) as reply:
            return str(reply.read().decode())

    assert "<version>8.0.3.0</version>" in get("/sdk/vimServiceVersions.xml")
    assert "urn:vim25Service" in get("/sdk/vimService.wsdl")


def test_the_clock_of_the_vcenter_need_not_be_ours(client: Client, vcenter: ThreadedVCenter) -> None:
    instance = vim.ServiceInstance("ServiceInstance", client.stub)
    before = instance.CurrentTime()
    vcenter.do(vcenter.world.clock_offset, offset_us=-90_000_000)
    assert (instance.CurrentTime() - before).total_seconds() == -90
