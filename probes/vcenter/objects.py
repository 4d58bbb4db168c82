"""The objects of a vCenter, as far as they are mirrored, and how each takes a new value of a property.

A property that is unset, or that vCenter leaves out, is None or empty: absence is no statement. What is something else
than it should be raises ValueError or LookupError: then nothing is known of that property, and nothing of it is guessed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from sys import intern
from typing import Any, Final

from probes.report import NO_ATTRIBUTES
from probes.vcenter import soap, values
from probes.vcenter.addresses import AdapterAddress, adapter_addresses
from probes.vcenter.clocks import HostInstant, stamp_us
from probes.vcenter.values import Moid
from sla.records import State
from sla.texts import VALUE_BYTES

PRIMARY: Final = "1"
"""The role of a fault-tolerant pair's primary; its secondaries count on from it."""
_OWN: Final = ("", PRIMARY)
"""The roles of a machine that is a server of its own."""


@dataclass(slots=True)
class Container:
    """A folder, datacenter, cluster or resource pool, or what else has a place in the tree."""

    name: str = ""
    parent: Moid | None = None

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property is told."""
        if name == "name":
            self.name = values.name(value)
        elif name == "parent":
            self.parent = values.reference(value)


@dataclass(slots=True)
class VApp(Container):
    """A vApp: a resource pool that holds virtual machines. `folder` holds it; one within another vApp has none."""

    folder: Moid | None = None

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property is told."""
        if name == "parentFolder":
            self.folder = values.reference(value)
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
                self.connection = values.common_word(value)
            case "runtime.powerState":
                self.power = values.common_word(value)
            case "runtime.inMaintenanceMode":
                self.maintenance = values.flag(value) or False
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
    is vCenter's word. `reaching` are the hosts that reach it, `lost` those that do not though nobody wished it.
    """

    accessible: bool | None = None
    listed: bool = False
    url: str = ""
    maintenance: str = ""
    mounts: dict[Moid, Mount] = field(default_factory=dict)
    reaching: frozenset[Moid] = frozenset()
    lost: frozenset[Moid] = frozenset()
    vms: set[Moid] = field(default_factory=set)

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property, or a part of `host`, is told."""
        self.listed = True
        if name == "summary.url":
            self.url = values.word(value) or self.url
            return
        if name == "summary.maintenanceMode":
            self.maintenance = values.common_word(value)
            return
        if name == "summary.accessible":
            self.accessible = values.flag(value)
        elif name == "host":
            self.mounts = {
                values.as_moid(item["key"]): _mount(item.get("mountInfo"))
                for item in values.items(value, "DatastoreHostMount")
            }
        elif partial := _PARTIAL.fullmatch(name):
            _take_mount(self.mounts, values.as_moid(partial["key"]), partial["rest"], value)
        elif name.lower().startswith("host"):
            raise ValueError(f"no part of the mounts: {name}")
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
    configured: bool = False
    """It shows its configuration; while it is inaccessible it has none to show, and is what it was."""
    ft_role: str = ""
    """Its role in fault tolerance (FaultToleranceConfigInfo.role); "" for none."""
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
    attributes: Mapping[str, str] = field(default_factory=lambda: NO_ATTRIBUTES)
    networks: tuple[Moid, ...] = ()
    address: str = ""
    adapters: tuple[AdapterAddress, ...] = ()
    """What the guest says is its address, and those of its network adapters."""

    @property
    def holding(self) -> tuple[Moid, ...]:
        """The datastores that hold its files; until these were read every one that it is told to use."""
        return tuple(place.datastore for place in self.places) if self.places else self.datastores

    @property
    def uses(self) -> set[Moid]:
        """Every datastore that it is told to use, or that its files were read to lie on."""
        told = set(self.datastores)
        return told.union(each.datastore for each in self.places if each.is_known) if self.places else told

    @property
    def is_server(self) -> bool:
        """Whether it is a virtual server of its own."""
        return not self.template and self.ft_role in _OWN

    @property
    def is_secondary(self) -> bool:
        """Whether it is a secondary of a fault-tolerant pair, which shows the primary's UUID."""
        return self.ft_role not in _OWN

    def meant(self, told: Mapping[str, soap.Value | None]) -> Mapping[str, soap.Value | None]:
        """What is told without what says nothing: of a machine that shows no configuration nothing of that is unset."""
        if told.get(_SHOWN_BY, self.configured):
            return told
        return {
            name: value
            for name, value in told.items()
            if value is not None or name == _SHOWN_BY or not name.startswith("config.")
        }

    def take(self, name: str, value: soap.Value | None) -> None:
        """A property is told."""
        kept = _KEPT.get(name)
        if kept is not None:
            attribute, read = kept
            setattr(self, attribute, read(value))
        elif name == "runtime.powerState":
            self.power = values.common_word(value)
            self.has_run |= self.power in ("poweredOn", "suspended")
        elif name == _SHOWN_BY:
            told_uuid = _uuid(value)
            self.configured, self.uuid = bool(told_uuid), told_uuid or self.uuid
        elif name == "config.template":
            told = values.flag(value)
            self.template = self.template if told is None else told


_PARTIAL: Final = re.compile(r'host\["(?P<key>[\w.-]+)"\](?P<rest>.*)')


def _uuid(value: soap.Value | None) -> str:
    """An instance UUID, the very object by which all else knows the server; "" for none. What has a "@" in it would be taken for the id of a twin (`bindings`)."""
    told = values.identifier(value) if value else ""
    if "@" in told:
        raise ValueError(f"no instance UUID: {told}")
    return intern(told)


def _manager(value: soap.Value | None) -> str:
    """Extension key and type of a ManagedByInfo; "" for none."""
    told = values.members(value)
    return f"{values.word(told.get('extensionKey'))}/{values.word(told.get('type'))}" if told else ""


def _boot(value: soap.Value | None) -> HostInstant | None:
    us = stamp_us(value)
    return None if us is None else HostInstant(us)


def _attributes(value: soap.Value | None) -> dict[str, str]:
    return {
        values.identifier(item["key"]): values.word(item.get("value"), VALUE_BYTES)
        for item in values.items(value, "CustomFieldValue")
    }


_KEPT: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "name": ("name", values.name),
    "config.ftInfo.role": ("ft_role", values.common_word),
    "config.managedBy": ("manager", _manager),
    "config.changeVersion": ("change_version", values.word),
    "runtime.connectionState": ("connection", values.common_word),
    "runtime.host": ("host", values.reference),
    "runtime.bootTime": ("boot_at", _boot),
    "datastore": ("datastores", values.references),
    "parent": ("parent", values.reference),
    "parentVApp": ("vapp", values.reference),
    "resourcePool": ("pool", values.reference),
    "customValue": ("attributes", _attributes),
    "network": ("networks", values.references),
    "guest.ipAddress": ("address", values.word),
    "guest.net": ("adapters", adapter_addresses),
}
"""The properties of a virtual machine that it keeps as they are told: as what, and how each is read."""
_SHOWN_BY: Final = "config.instanceUuid"
"""What a machine has exactly while it shows its configuration."""


def _mount(info: soap.Value | None) -> Mount:
    told = values.members(info)
    return Mount(
        accessible=values.flag(told.get("accessible")),
        reason=values.word(told.get("inaccessibleReason")),
        mounted=values.flag(told.get("mounted")) is not False,
    )


def _take_mount(mounts: dict[Moid, Mount], host: Moid, rest: str, value: soap.Value | None) -> None:
    """Apply a partial update of one mount, such as `host["host-7"].mountInfo.accessible`."""
    if rest == "":
        if value:
            mounts[host] = _mount(values.members(value).get("mountInfo"))
        else:
            mounts.pop(host, None)
        return
    mount = mounts.setdefault(host, Mount())
    match rest:
        case ".mountInfo":
            mounts[host] = _mount(value)
        case ".mountInfo.accessible":
            mount.accessible = values.flag(value)
            if mount.accessible:
                mount.reason = ""
        case ".mountInfo.inaccessibleReason":
            mount.reason = values.word(value)
        case ".mountInfo.mounted":
            mount.mounted = values.flag(value) is not False
        case _:
            pass  # another field of the mount
