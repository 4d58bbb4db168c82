"""The files of a virtual machine, as `layoutEx` and `config.files` name them: `[DATASTORE] FOLDER/FILE`."""

from __future__ import annotations

from collections.abc import Iterator

from probes.simulation.entities import Datastore, Disk, Power, Vm
from probes.simulation.values import escape


def configuration(vm: Vm) -> str:
    """The name of the file that holds its configuration; "" where it lies on no datastore."""
    return _name(vm.directory, vm, "vmx")


def unit_datastore(disk: Disk, unit: int) -> Datastore:
    """Where a disk's file lies, number 0, or that of one of its parents, the nearest of which is number 1."""
    return (disk.datastore, *disk.parents)[unit]


def unit_file(vm: Vm, disk: Disk, unit: int) -> str:
    """The name of a disk's file, or of that of one of its parents."""
    folder = vm.name if unit == 0 else f"base-{unit}"
    return f"[{unit_datastore(disk, unit).name}] {folder}/{disk.key}.vmdk"


def urls(vm: Vm) -> str:
    """The fragment of `config.datastoreUrl`."""
    items = "".join(
        f"<VirtualMachineConfigInfoDatastoreUrlPair><name>{escape(each.name)}</name><url>{each.volume}</url>"
        "</VirtualMachineConfigInfoDatastoreUrlPair>"
        for each in vm.datastores
    )
    return f' xsi:type="ArrayOfVirtualMachineConfigInfoDatastoreUrlPair">{items}'


def files(vm: Vm) -> str:
    """The fragment of `layoutEx.file`."""
    items = "".join(
        f"<VirtualMachineFileLayoutExFileInfo><key>{key}</key><name>{escape(name)}</name><type>{kind}</type>"
        "<size>4096</size><uniqueSize>4096</uniqueSize><accessible>true</accessible>"
        "</VirtualMachineFileLayoutExFileInfo>"
        for key, (kind, name) in enumerate(_files(vm))
    )
    return f' xsi:type="ArrayOfVirtualMachineFileLayoutExFileInfo">{items}'


def disks(vm: Vm) -> str:
    """The fragment of `layoutEx.disk`: the files of each chain by key, from its base to the disk itself."""
    items, first = "", 0
    for disk in vm.disks:
        last = first + len(disk.parents)
        units = "".join(
            f"<chain><fileKey>{key}</fileKey></chain>" for key in reversed(range(first, last + 1))
        )
        kind = "VirtualMachineFileLayoutExDiskLayout"
        items += f"<{kind}><key>{disk.key}</key>{units}</{kind}>"
        first = last + 1
    return f' xsi:type="ArrayOfVirtualMachineFileLayoutExDiskLayout">{items}'


def _files(vm: Vm) -> Iterator[tuple[str, str]]:
    """Type and name of every file, those of disks first."""
    for disk in vm.disks:
        for unit in range(len(disk.parents) + 1):
            yield "diskDescriptor", unit_file(vm, disk, unit)
    if vm.directory is not None:
        for kind, ending in (("config", "vmx"), ("nvram", "nvram"), ("log", "log")):
            yield kind, _name(vm.directory, vm, ending)
    if vm.power is Power.ON and (vm.swap or vm.directory) is not None:
        yield "swap", _name(vm.swap or vm.directory, vm, "vswp")
    for datastore in vm.memory:
        yield "snapshotMemory", _name(datastore, vm, "vmem")


def _name(datastore: Datastore | None, vm: Vm, ending: str) -> str:
    return "" if datastore is None else f"[{datastore.name}] {vm.name}/{vm.name}.{ending}"
