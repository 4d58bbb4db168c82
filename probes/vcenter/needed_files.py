"""Which files a virtual server needs so that it runs, by its configuration and by its layout.

Needed are its disks with every parent that they continue, its swap files, its configuration and its NVRAM. A snapshot is
needed as far as it is a parent of a disk; what it kept of the memory is not, nor are ISO images, logs and what the server
was suspended to. A raw device mapping is the file that points to a LUN: of the LUN itself vCenter says nothing here.

The configuration (`VirtualMachineConfigInfo`) is current. The layout (`VirtualMachineFileLayoutEx`) alone tells of swap
files and NVRAM; vCenter announces no change of it, and what it tells may be old. Source: vSphere Web Services API.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from probes.vcenter import soap
from probes.vcenter.objects import FileRole
from probes.vcenter.values import Moid, text

DEVICES: Final = "config.hardware.device"
CONFIGURATION: Final = "config.files.vmPathName"
URLS: Final = "config.datastoreUrl"
FILES: Final = "layoutEx.file"
CHAINS: Final = "layoutEx.disk"
PATHS: Final = (DEVICES, CONFIGURATION, URLS, FILES, CHAINS)
"""What is read of a virtual machine, some 10 KB of a real one."""


@dataclass(frozen=True, slots=True)
class NeededFile:
    """A file by its name, `[DATASTORE] FOLDER/FILE`, and by its datastore's id where that is told with it.

    `configured`: the configuration names it. Otherwise only the layout does, which may be old.
    """

    role: FileRole
    name: str
    datastore: Moid | None = None
    configured: bool = True


def needed_files(told: Mapping[str, soap.Value]) -> Iterator[NeededFile]:
    """The files by what was told of the properties `PATHS`, disks first; one may come twice. Odd values name none."""
    for device in soap.array(told.get(DEVICES), "VirtualDevice"):
        if _is_disk(device):
            yield from _chain(device.get("backing"))
    configuration = text(told.get(CONFIGURATION))
    if configuration:
        yield NeededFile(FileRole.CONFIGURATION, configuration)
    yield from _laid_out(told)


def volume_urls(told: Mapping[str, soap.Value]) -> dict[str, str]:
    """Where its datastores are mounted, `/vmfs/volumes/…`, by the names that its configuration gives them."""
    pairs = soap.array(told.get(URLS), "VirtualMachineConfigInfoDatastoreUrlPair")
    return {text(pair.get("name")): text(pair.get("url")) for pair in pairs if isinstance(pair, dict)}


def _is_disk(device: Any) -> bool:
    """Of all virtual devices only disks have a capacity in KB; persistent memory is a disk by another name."""
    return isinstance(device, dict) and ("capacityInKB" in device or device.get(soap.TYPE) in _DISKS)


def _chain(backing: soap.Value | None) -> Iterator[NeededFile]:
    """The file of a disk and those of the disks that it continues."""
    units: list[tuple[Any, bool]] = [(each, False) for each in soap.as_list(backing)]
    while units:
        unit, is_parent = units.pop()
        if not isinstance(unit, dict):
            continue
        role = FileRole.BASE_DISK if is_parent else FileRole.DISK
        if "lunUuid" in unit:
            role = FileRole.MAPPING
        name, datastore = text(unit.get("fileName")), text(unit.get("datastore"))
        if name or datastore:
            yield NeededFile(role, name, Moid(datastore) if datastore else None)
        units += ((each, True) for each in soap.as_list(unit.get("parent")))


def _laid_out(told: Mapping[str, soap.Value]) -> Iterator[NeededFile]:
    listed = [each for each in soap.array(told.get(FILES), f"{_LAYOUT}FileInfo") if isinstance(each, dict)]
    names = {text(each.get("key")): text(each.get("name")) for each in listed}
    for disk in soap.array(told.get(CHAINS), f"{_LAYOUT}DiskLayout"):
        units = soap.as_list(disk.get("chain")) if isinstance(disk, dict) else []
        for number, unit in enumerate(units, start=1):
            role = FileRole.DISK if number == len(units) else FileRole.BASE_DISK
            for key in soap.as_list(unit.get("fileKey")) if isinstance(unit, dict) else ():
                if isinstance(key, str) and names.get(key):
                    yield NeededFile(role, names[key], configured=False)
    for each in listed:
        kind = _ROLES.get(text(each.get("type")))
        if kind is not None and text(each.get("name")):
            yield NeededFile(kind, text(each.get("name")), configured=False)


_DISKS: Final = frozenset({"VirtualDisk", "VirtualNVDIMM"})
_LAYOUT: Final = "VirtualMachineFileLayoutEx"
_ROLES: Final = {
    "swap": FileRole.SWAP,
    "uwswap": FileRole.SWAP,
    "config": FileRole.CONFIGURATION,
    "nvram": FileRole.NVRAM,
}
