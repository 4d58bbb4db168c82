"""Where files lie, as clients read it, and which datastores they may read."""

from __future__ import annotations

from typing import Any

import pytest
from pyVmomi import vim

from probes.simulation import ThreadedVCenter
from probes.simulation.entities import Datastore, Power, Vm

from .client import Client


@pytest.fixture
def machine(vcenter: ThreadedVCenter) -> Vm:
    """One with a disk and no ISO image, that runs."""
    every = vcenter.world.inventory.every(Vm)
    return next(vm for vm in every if len(vm.disks) == 1 and vm.iso is None and vm.power is Power.ON)


@pytest.fixture
def others(vcenter: ThreadedVCenter, machine: Vm) -> list[str]:
    """The datastores that it does not use."""
    every = vcenter.world.inventory.every(Datastore)
    return [store.name for store in every if store not in machine.datastores]


def read(client: Client, machine: Vm) -> Any:
    return client.machine(machine.moid)


def chain(disk: Any) -> list[str]:
    """The datastores of a disk and of its parents."""
    backing, found = disk.backing, []
    while backing is not None:
        found.append(backing.datastore._GetMoId())
        assert backing.fileName
        backing = backing.parent
    return found


def disks(lazy: Any) -> list[Any]:
    return [each for each in lazy.config.hardware.device if isinstance(each, vim.vm.device.VirtualDisk)]


def files(lazy: Any, kind: str) -> list[str]:
    """The datastores of its files of a type, by name."""
    return [each.name[1:].partition("]")[0] for each in lazy.layoutEx.file if each.type == kind]


@pytest.mark.parametrize("listed", [True, False])
def test_a_linked_clone_names_the_datastores_of_its_parents(
    vcenter: ThreadedVCenter, client: Client, machine: Vm, others: list[str], listed: bool
) -> None:
    before = machine.change_version
    vcenter.do(vcenter.world.storage.continue_disks, machine.moid, parents=others[:2], listed=listed)
    stores = [vcenter.world.inventory.find(Datastore, name).moid for name in others[:2]]
    lazy = read(client, machine)
    own = machine.disks[0].datastore
    assert chain(disks(lazy)[0]) == [own.moid, *stores]
    used = {each._GetMoId() for each in lazy.datastore}
    assert used == ({own.moid, *stores} if listed else {own.moid})
    keys = [key for unit in lazy.layoutEx.disk[0].chain for key in unit.fileKey]
    names = {each.key: each.name[1:].partition("]")[0] for each in lazy.layoutEx.file}
    assert [names[key] for key in keys] == [*reversed(others[:2]), own.name]
    assert machine.change_version > before


def test_a_snapshot_makes_each_disk_the_parent_of_another_and_keeps_the_memory(
    vcenter: ThreadedVCenter, client: Client, machine: Vm, others: list[str]
) -> None:
    vcenter.do(vcenter.world.storage.snapshot, machine.moid, memory=others[0])
    own = machine.disks[0].datastore
    lazy = read(client, machine)
    assert chain(disks(lazy)[0]) == [own.moid, own.moid]
    assert files(lazy, "snapshotMemory") == [others[0]]
    assert others[0] in {each.name for each in lazy.datastore}


def test_swap_files_and_configurations_lie_where_they_were_put(
    vcenter: ThreadedVCenter, client: Client, machine: Vm, others: list[str]
) -> None:
    own = machine.disks[0].datastore.name
    lazy = read(client, machine)
    assert files(lazy, "swap") == files(lazy, "config") == files(lazy, "nvram") == [own]
    assert lazy.config.files.vmPathName.startswith(f"[{own}] ")
    vcenter.do(vcenter.world.storage.place_configuration, machine.moid, datastore=others[0])
    assert files(lazy, "swap") == files(lazy, "config") == [others[0]]
    assert lazy.config.files.vmPathName.startswith(f"[{others[0]}] ")
    vcenter.do(vcenter.world.storage.place_swap, machine.moid, datastore=others[1])
    assert (files(lazy, "swap"), files(lazy, "config")) == ([others[1]], [others[0]])
    assert {each.name for each in lazy.config.datastoreUrl} == {own, others[0], others[1]}
    vcenter.do(vcenter.world.machines.power_off, machine.moid)
    assert files(lazy, "swap") == []
    assert {each.name for each in lazy.datastore} == {own, others[0]}


def test_a_mapping_names_its_lun_and_the_datastore_of_its_file(
    vcenter: ThreadedVCenter, client: Client, machine: Vm, others: list[str]
) -> None:
    vcenter.do(vcenter.world.storage.map_lun, machine.moid, lun="020001", datastore=others[0])
    backing = disks(read(client, machine))[1].backing
    assert isinstance(backing, vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo)
    assert (backing.lunUuid, backing.datastore.name) == ("020001", others[0])


def test_a_machine_without_disks_has_a_configuration_and_perhaps_an_image(
    vcenter: ThreadedVCenter, client: Client, machine: Vm, others: list[str]
) -> None:
    own = machine.disks[0].datastore.name
    vcenter.do(vcenter.world.storage.remove_disks, machine.moid)
    vcenter.do(vcenter.world.storage.insert_iso, machine.moid, datastore=others[0])
    lazy = read(client, machine)
    assert disks(lazy) == []
    assert files(lazy, "config") == [own]
    assert {each.name for each in lazy.datastore} == {own, others[0]}


def test_properties_of_a_datastore_that_may_not_be_read_are_missing_and_it_can_be_hidden(
    vcenter: ThreadedVCenter, client: Client, others: list[str]
) -> None:
    client.watch(vim.Datastore, "name", "host")
    client.sync()
    vcenter.do(vcenter.world.storage.unreadable, others[0], paths=("host",))
    update = client.next().only()
    assert (list(update.missing), update.values) == (["host"], {})
    vcenter.do(vcenter.world.storage.unreadable, others[0], paths=())
    assert list(client.next().only().values) == ["host"]
    vcenter.do(vcenter.world.storage.hide, others[0])
    assert client.next().only().kind == "leave"
