"""Properties that are read once and not watched: too large for every virtual server, or the same all day."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pyVmomi import vim, vmodl

from probes.vcenter.inventory import Moid
from probes.vcenter.session import Session

PAGE: Final = 100


def disk_places(session: Session, moids: Sequence[Moid]) -> Iterator[tuple[Moid, tuple[Moid, ...]]]:
    """For each virtual machine the datastores that hold its disks; ISO images and log files do not count.

    Machines that show no hardware, because they are inaccessible or gone, are left out.
    """
    for start in range(0, len(moids), PAGE):
        machines = [vim.VirtualMachine(moid, session.stub) for moid in moids[start : start + PAGE]]
        for moid, devices in _read(session, vim.VirtualMachine, "config.hardware.device", machines):
            disks = (device.backing for device in devices if isinstance(device, vim.vm.device.VirtualDisk))
            places = (getattr(backing, "datastore", None) for backing in disks)
            yield moid, tuple(dict.fromkeys(moid_of(place) for place in places if place is not None))


def custom_field_names(session: Session) -> dict[str, str]:
    """The names of the custom attributes by key."""
    manager = session.content.customFieldsManager
    if manager is None:
        return {}
    found = _read(session, vim.CustomFieldsManager, "field", [manager])
    return {str(field.key): field.name for _, fields in found for field in fields}


def _read(session: Session, kind: Any, path: str, objects: Sequence[Any]) -> Iterator[tuple[Moid, Any]]:
    collector = vmodl.query.PropertyCollector
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=obj, skip=False) for obj in objects],
        propSet=[collector.PropertySpec(type=kind, pathSet=[path], all=False)],
        reportMissingObjectsInResults=True,
    )
    answer = session.content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions())
    while answer is not None:
        for obj in answer.objects:
            for found in obj.propSet or ():
                yield moid_of(obj.obj), found.val
        token = answer.token
        answer = session.content.propertyCollector.ContinueRetrievePropertiesEx(token) if token else None


def moid_of(managed_object: Any) -> Moid:
    """The id of a managed object."""
    return Moid(managed_object._moId)  # noqa: SLF001  reading any other attribute of a managed object is a call
