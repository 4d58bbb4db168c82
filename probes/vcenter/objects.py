"""The objects of a vCenter, as far as they are mirrored, and how each takes a new value of a property.

A property that is unset, or that vCenter leaves out, is None or empty: absence is no statement.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NewType

from probes.vcenter import soap
from probes.vcenter.addresses import AdapterAddress, adapter_addresses
from sla.instants import Instant

Moid = NewType("Moid", str)
"""An object's id within one vCenter."""


@dataclass(slots=True)
class Container:
    """A folder, datacenter, cluster or resource pool, or what else has a place in the tree."""

    name: str = ""
    parent: Moid | None = None

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property is told."""
        if name == "name":
            self.name = text(value)
        elif name == "parent":
            self.parent = Moid(text(value)) if value else None


@dataclass(slots=True)
class Host(Container):
    """An ESXi host; `connection` and `power` are vCenter's words, "" while it has given none.

    `listed`: vCenter shows it, which need not be so of one that machines point to.
    """

    connection: str = ""
    power: str = ""
    maintenance: bool = False
    listed: bool = False
    vms: set[Moid] = field(default_factory=set)

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property is told."""
        self.listed = True
        match name:
            case "runtime.connectionState":
                self.connection = text(value)
            case "runtime.powerState":
                self.power = text(value)
            case "runtime.inMaintenanceMode":
                self.maintenance = soap.flag(value) or False
            case _:
                # Named outright: a slotted dataclass is another class than the one that super() remembers.
                Container.take(self, name, value)

    def leave(self) -> None:
        """It was removed, and stays for the machines that still point to it."""
        self.connection, self.listed = "removed", False


@dataclass(slots=True)
class Mount:
    """A datastore as one host sees it; one that was unmounted on purpose is not accessible either."""

    accessible: bool | None = None
    reason: str = ""
    mounted: bool = True


@dataclass(slots=True)
class Datastore(Container):
    """A datastore. `accessible` is true when any host reaches it, so the mounts decide. `listed` as for hosts."""

    accessible: bool | None = None
    listed: bool = False
    mounts: dict[Moid, Mount] = field(default_factory=dict)
    vms: set[Moid] = field(default_factory=set)

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property, or a part of `host`, is told."""
        self.listed = True
        if name == "summary.accessible":
            self.accessible = soap.flag(value)
        elif name == "host":
            self.mounts = {
                Moid(item["key"]): _mount(item.get("mountInfo", {}))
                for item in soap.array(value, "DatastoreHostMount")
            }
        elif partial := _PARTIAL.fullmatch(name):
            _take_mount(self.mounts, Moid(partial["key"]), partial["rest"], value)
        else:
            Container.take(self, name, value)

    def leave(self) -> None:
        """It was removed, and stays for the machines that still point to it."""
        self.mounts, self.accessible, self.listed = {}, None, False

    def reached_by(self, host: Moid) -> bool | None:
        """Whether a host that mounts it reaches it; None where nothing says so."""
        told = self.mounts[host].accessible
        return self.accessible if told is None else told


@dataclass(slots=True)
class Vm:
    """A virtual machine. `disks` are the datastores that hold its disks; None until they were read."""

    moid: Moid
    name: str = ""
    uuid: str = ""
    template: bool = False
    power: str = ""
    connection: str = ""
    host: Moid | None = None
    boot_at: Instant | None = None
    datastores: tuple[Moid, ...] = ()
    disks: tuple[Moid, ...] | None = None
    change_version: str = ""
    parent: Moid | None = None
    pool: Moid | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[Moid, ...] = ()
    address: str = ""
    adapters: tuple[AdapterAddress, ...] = ()
    """What the guest says is its address, and those of its network adapters."""

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property is told that concerns no other object."""
        match name:
            case "name":
                self.name = text(value)
            case "config.instanceUuid":
                # Kept when it goes absent: an inaccessible machine has no configuration to show.
                self.uuid = text(value) or self.uuid
            case "config.template":
                told = soap.flag(value)
                self.template = self.template if told is None else told
            case "config.changeVersion":
                if len(self.datastores) > 1 and text(value) != self.change_version:
                    self.disks = None
                self.change_version = text(value)
            case "runtime.powerState":
                self.power = text(value)
            case "runtime.connectionState":
                self.connection = text(value)
            case "runtime.bootTime":
                self.boot_at = soap.instant(value)
            case "parent":
                self.parent = Moid(text(value)) if value else None
            case "resourcePool":
                self.pool = Moid(text(value)) if value else None
            case "customValue":
                self.attributes = {
                    item["key"]: item.get("value", "") for item in soap.array(value, "CustomFieldValue")
                }
            case "network":
                self.networks = references(value)
            case "guest.ipAddress":
                self.address = text(value)
            case "guest.net":
                self.adapters = adapter_addresses(value)
            case _:
                pass  # more than was asked for


_PARTIAL: Final = re.compile(r'host\["(?P<key>[^"]+)"\](?P<rest>.*)')
_ESCAPED: Final = re.compile("%(2[fF]|5[cC]|25)")
_MEANT: Final = {"2f": "/", "5c": "\\", "25": "%"}


def text(value: soap.Value | None) -> str:
    """A value's character data; "" for anything else."""
    return value if isinstance(value, str) else ""


def references(value: soap.Value | None) -> tuple[Moid, ...]:
    """An array of references to managed objects."""
    return tuple(Moid(item) for item in soap.array(value, "ManagedObjectReference"))


def as_people_write_it(name: str) -> str:
    """A name of vCenter's, in which slash, backslash and percent sign are escaped, as its own pages show it."""
    return _ESCAPED.sub(lambda found: _MEANT[found[1].lower()], name) if "%" in name else name


def _mount(info: Mapping[str, Any]) -> Mount:
    return Mount(
        accessible=soap.flag(info.get("accessible")),
        reason=text(info.get("inaccessibleReason")),
        mounted=soap.flag(info.get("mounted")) is not False,
    )


def _take_mount(mounts: dict[Moid, Mount], host: Moid, rest: str, value: soap.Value | None) -> None:
    """Apply a partial update of one mount, such as `host["host-7"].mountInfo.accessible`."""
    if rest == "":
        if isinstance(value, dict):
            mounts[host] = _mount(value.get("mountInfo", {}))
        else:
            mounts.pop(host, None)
        return
    mount = mounts.setdefault(host, Mount())
    match rest:
        case ".mountInfo":
            mounts[host] = _mount(value if isinstance(value, dict) else {})
        case ".mountInfo.accessible":
            mount.accessible = soap.flag(value)
            if mount.accessible:
                mount.reason = ""
        case ".mountInfo.inaccessibleReason":
            mount.reason = text(value)
        case ".mountInfo.mounted":
            mount.mounted = soap.flag(value) is not False
        case _:
            pass  # another field of the mount
