"""Properties that are read once and not watched: too large for every virtual server, or the same all day."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pyVmomi import vim, vmodl

from probes.vcenter import soap
from probes.vcenter.faults import ReplyError
from probes.vcenter.objects import Moid
from probes.vcenter.session import Session

PAGE: Final = 100


def disk_places(
    session: Session, moids: Sequence[Moid], page: int = PAGE
) -> Iterator[tuple[Moid, tuple[Moid, ...]]]:
    """For each virtual machine the datastores that hold its disks; ISO images and log files do not count.

    Machines that show no hardware, because they are inaccessible or gone, are left out.
    """
    for start in range(0, len(moids), page):
        for found in session.retrieve(
            "VirtualMachine", "config.hardware.device", moids[start : start + page]
        ):
            try:
                told = soap.as_list(found.get("propSet"))
                places = [(Moid(found["obj"]), places_of_disks(each.get("val"))) for each in told]
            except (AttributeError, LookupError, TypeError) as error:
                raise ReplyError(
                    f"the hardware of a virtual machine has an unknown form: {error!r}"
                ) from error
            yield from places


def places_of_disks(devices: soap.Value | None) -> tuple[Moid, ...]:
    """The datastores that hold the virtual disks among `config.hardware.device`, each once."""
    disks = (device for device in soap.array(devices, "VirtualDevice") if _is_disk(device))
    places = (disk["backing"].get("datastore") for disk in disks)
    return tuple(dict.fromkeys(Moid(place) for place in places if place))


def _is_disk(device: Any) -> bool:
    """Of all virtual devices only a VirtualDisk has a capacity."""
    return isinstance(device, dict) and "capacityInKB" in device and isinstance(device.get("backing"), dict)


def custom_field_names(session: Session) -> dict[str, str]:
    """The names of the custom attributes by key."""
    manager = session.content.customFieldsManager
    if manager is None:
        return {}
    collector = vmodl.query.PropertyCollector
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=manager, skip=False)],
        propSet=[collector.PropertySpec(type=vim.CustomFieldsManager, pathSet=["field"], all=False)],
    )
    answer = session.content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions())
    found = (item.val for obj in answer.objects for item in obj.propSet or ())
    return {str(field.key): field.name for fields in found for field in fields}


def moid_of(managed_object: Any) -> Moid:
    """The id of a managed object."""
    return Moid(managed_object._moId)  # noqa: SLF001  reading any other attribute of a managed object is a call
