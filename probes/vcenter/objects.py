"""The objects of a vCenter, as far as they are mirrored, and how each takes a new value of a property.

A property that is unset, or that vCenter leaves out, is None or empty: absence is no statement.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NewType

from probes.vcenter import soap
from probes.vcenter.addresses import AdapterAddress, adapter_addresses
from probes.vcenter.clocks import HostInstant, stamp_us
from sla.records import State

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
            self.name = as_people_write_it(text(value))
        elif name == "parent":
            self.parent = _reference(value)


@dataclass(slots=True)
class VApp(Container):
    """A vApp: a resource pool that holds virtual machines. `folder` holds it; one within another vApp has none."""

    folder: Moid | None = None

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property is told."""
        if name == "parentFolder":
            self.folder = _reference(value)
        else:
            # Named outright: a slotted dataclass is another class than the one that super() remembers.
            Container.take(self, name, value)


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

    @property
    def withdrawn(self) -> bool:
        """Whether a person unmounted it: there is no reason then why it is not accessible."""
        return not self.mounted and not self.reason


@dataclass(slots=True)
class Datastore(Container):
    """A datastore. `accessible` is true when any host reaches it, so the mounts decide. `listed` as for hosts.

    `url` is where hosts mount it, as it was told last: it is valid only while the datastore is accessible. `maintenance`
    is vCenter's word. `lost` are the hosts that do not reach it though nobody wished it.
    """

    accessible: bool | None = None
    listed: bool = False
    url: str = ""
    maintenance: str = ""
    mounts: dict[Moid, Mount] = field(default_factory=dict)
    lost: frozenset[Moid] = frozenset()
    vms: set[Moid] = field(default_factory=set)

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property, or a part of `host`, is told."""
        self.listed = True
        if name == "summary.url":
            self.url = text(value) or self.url
            return
        if name == "summary.maintenanceMode":
            self.maintenance = text(value)
            return
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

    def state_on(self, host: Moid) -> State:
        """Whether a host reaches it; unknown where nothing says so, and where it does not reach it as somebody wished.

        Somebody wished it where it was unmounted from the host, and while it is in maintenance mode, when no server runs
        on it. While it is entering that mode servers do: a loss is one.
        """
        mount = self.mounts.get(host)
        reached = self.reached_by(host) if mount is not None else None
        if mount is None or reached is None:
            return State.UNKNOWN
        if reached:
            return State.UP
        return State.UNKNOWN if mount.withdrawn or self.maintenance == "inMaintenance" else State.DOWN


class FileRole(StrEnum):
    """What a server needs a file for, in words for people."""

    DISK = "disk"
    BASE_DISK = "base disk"
    MAPPING = "raw device mapping"
    CONFIGURATION = "configuration"
    SWAP = "swap file"
    NVRAM = "NVRAM"


@dataclass(frozen=True, slots=True)
class Place:
    """A datastore that holds a file which a server needs: `[NAME]` in place of its id where it cannot be read.

    `role` is that of one such file, None while that is not known. `configured` is false where only a layout says so, which
    may be old.
    """

    datastore: Moid
    role: FileRole | None = None
    configured: bool = True

    @property
    def is_known(self) -> bool:
        """Whether it has an id."""
        return not self.datastore.startswith("[")


@dataclass(slots=True)
class Vm:
    """A virtual machine. `places` are where its files lay when they were read last; `due`: they are to be read (anew)."""

    moid: Moid
    name: str = ""
    uuid: str = ""
    template: bool = False
    manager: str = ""
    """Who manages it (ManagedByInfo): the extension's key and a type, with a slash between them; "" for nobody."""
    has_run: bool = False
    """It was seen on, or suspended."""
    secondary: bool = False
    """It is the secondary of a fault-tolerant pair, which shows the primary's UUID (FaultToleranceConfigInfo.role)."""
    power: str = ""
    connection: str = ""
    host: Moid | None = None
    boot_at: HostInstant | None = None
    datastores: tuple[Moid, ...] = ()
    places: tuple[Place, ...] = ()
    due: bool = True
    change_version: str = ""
    parent: Moid | None = None
    vapp: Moid | None = None
    """What holds it in place of a folder, where it is in a vApp."""
    pool: Moid | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    networks: tuple[Moid, ...] = ()
    address: str = ""
    adapters: tuple[AdapterAddress, ...] = ()
    """What the guest says is its address, and those of its network adapters."""

    @property
    def holding(self) -> tuple[Moid, ...]:
        """The datastores that hold its files; until these were read every one that it is told to use."""
        return tuple(place.datastore for place in self.places) or self.datastores

    @property
    def uses(self) -> set[Moid]:
        """Every datastore that it is told to use, or that its files were read to lie on."""
        return {*self.datastores, *(place.datastore for place in self.places if place.is_known)}

    @property
    def is_server(self) -> bool:
        """Whether it is a virtual server of its own."""
        return not (self.template or self.secondary)

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property is told that concerns no other object."""
        match name:
            case "name":
                self.name = as_people_write_it(text(value))
            case "config.instanceUuid":
                # Kept when it goes absent: an inaccessible machine has no configuration to show.
                self.uuid = text(value) or self.uuid
            case "config.template":
                told = soap.flag(value)
                self.template = self.template if told is None else told
            case "config.ftInfo.role":
                self.secondary = text(value) not in ("", "1")
            case "config.managedBy":
                self.manager = _manager(value)
            case "config.changeVersion":
                self.change_version = text(value)
            case "runtime.powerState":
                self.power = text(value)
                self.has_run |= self.power in ("poweredOn", "suspended")
            case "runtime.connectionState":
                self.connection = text(value)
            case "runtime.bootTime":
                us = stamp_us(value)
                self.boot_at = None if us is None else HostInstant(us)
            case "parent":
                self.parent = _reference(value)
            case "parentVApp":
                self.vapp = _reference(value)
            case "resourcePool":
                self.pool = _reference(value)
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


def _reference(value: soap.Value | None) -> Moid | None:
    """A reference to a managed object; None for none."""
    return Moid(text(value)) if text(value) else None


def as_people_write_it(name: str) -> str:
    """A name of vCenter's, in which slash, backslash and percent sign are escaped, as its own pages show it."""
    return _ESCAPED.sub(lambda found: _MEANT[found[1].lower()], name) if "%" in name else name


def _manager(value: soap.Value | None) -> str:
    """Extension key and type of a ManagedByInfo; "" for none."""
    told = value if isinstance(value, dict) else {}
    return f"{text(told.get('extensionKey'))}/{text(told.get('type'))}" if told else ""


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
