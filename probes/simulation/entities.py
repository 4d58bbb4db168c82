"""What stands in the simulated inventory: one mutable record for each kind of managed object.

Records are changed only by `machines`, `outages` and `inventory`, which also tell the property collectors.
Instants are integers of UTC microseconds on the simulated vCenter's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar
from uuid import NAMESPACE_OID, uuid5


class Power(StrEnum):
    """The values of `VirtualMachinePowerState`."""

    ON = "poweredOn"
    OFF = "poweredOff"
    SUSPENDED = "suspended"


class VmConnection(StrEnum):
    """The values of `VirtualMachineConnectionState`."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    ORPHANED = "orphaned"
    INACCESSIBLE = "inaccessible"
    INVALID = "invalid"


class HostConnection(StrEnum):
    """The values of `HostSystemConnectionState`."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    NOT_RESPONDING = "notResponding"


class MountLoss(StrEnum):
    """The values of `HostMountInfo.inaccessibleReason`."""

    APD_START = "AllPathsDown_Start"
    APD_TIMEOUT = "AllPathsDown_Timeout"
    PDL = "PermanentDeviceLoss"


@dataclass(slots=True, kw_only=True, eq=False)
class Entity:
    """A managed object with a place in the inventory; `TYPE` and `BASES` are names of the WSDL.

    `unreadable` names the property paths that no account may read; "*" stands for all.
    """

    TYPE: ClassVar[str] = "ManagedEntity"
    BASES: ClassVar[tuple[str, ...]] = ()
    moid: str
    name: str
    parent: Entity | None
    unreadable: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True, eq=False)
class Folder(Entity):
    """A folder of data centres, hosts, datastores or virtual machines."""

    TYPE: ClassVar[str] = "Folder"
    BASES: ClassVar[tuple[str, ...]] = ("ManagedEntity",)


@dataclass(slots=True, kw_only=True, eq=False)
class Datacenter(Entity):
    TYPE: ClassVar[str] = "Datacenter"
    BASES: ClassVar[tuple[str, ...]] = ("ManagedEntity",)


@dataclass(slots=True, kw_only=True, eq=False)
class Cluster(Entity):
    """A cluster; its hosts name it as their parent."""

    TYPE: ClassVar[str] = "ClusterComputeResource"
    BASES: ClassVar[tuple[str, ...]] = ("ComputeResource", "ManagedEntity")


@dataclass(slots=True, kw_only=True, eq=False)
class ResourcePool(Entity):
    """A resource pool of a cluster."""

    TYPE: ClassVar[str] = "ResourcePool"
    BASES: ClassVar[tuple[str, ...]] = ("ManagedEntity",)


@dataclass(slots=True, kw_only=True, eq=False)
class VirtualApp(ResourcePool):
    """A vApp: a pool whose machines have no folder of their own. `folder` holds it; a vApp within another has none."""

    TYPE: ClassVar[str] = "VirtualApp"
    BASES: ClassVar[tuple[str, ...]] = ("ResourcePool", "ManagedEntity")
    folder: Folder | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Host(Entity):
    """An ESXi host; `vms` holds the moids of the machines registered on it.

    `clock_ahead_us` is how far its clock, which tells boot times, is ahead of vCenter's.
    """

    TYPE: ClassVar[str] = "HostSystem"
    BASES: ClassVar[tuple[str, ...]] = ("ManagedEntity",)
    connection: HostConnection = HostConnection.CONNECTED
    power: str = "poweredOn"
    maintenance: bool = False
    clock_ahead_us: int = 0
    vms: dict[str, Vm] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Mount:
    """One host's mount of one datastore; `reason` is set exactly while its paths are lost.

    A person can unmount it: then it is not accessible, and there is no reason.
    """

    host: Host
    mounted: bool = True
    accessible: bool = True
    reason: MountLoss | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Datastore(Entity):
    """A datastore and its mounts by the host's moid."""

    TYPE: ClassVar[str] = "Datastore"
    BASES: ClassVar[tuple[str, ...]] = ("ManagedEntity",)
    storage_type: str = "VMFS"
    maintenance: str = "normal"
    mounts: dict[str, Mount] = field(default_factory=dict)

    @property
    def accessible(self) -> bool:
        """Whether any host reaches it, as vCenter's summary says it."""
        return any(mount.accessible for mount in self.mounts.values())

    @property
    def volume(self) -> str:
        """Where hosts mount it: the same path on each."""
        return f"/vmfs/volumes/{uuid5(NAMESPACE_OID, self.moid)}"


@dataclass(slots=True, kw_only=True, eq=False)
class Network(Entity):
    """A network of standard switches; the others are kinds of it."""

    TYPE: ClassVar[str] = "Network"
    BASES: ClassVar[tuple[str, ...]] = ("ManagedEntity",)


@dataclass(slots=True, kw_only=True, eq=False)
class DistributedPortgroup(Network):
    """A port group of a distributed switch."""

    TYPE: ClassVar[str] = "DistributedVirtualPortgroup"
    BASES: ClassVar[tuple[str, ...]] = ("Network", "ManagedEntity")


@dataclass(slots=True, kw_only=True, eq=False)
class OpaqueNetwork(Network):
    """A network that NSX manages, and of which vCenter knows little."""

    TYPE: ClassVar[str] = "OpaqueNetwork"
    BASES: ClassVar[tuple[str, ...]] = ("Network", "ManagedEntity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A virtual disk on a datastore.

    `parents` hold the disks that it continues, the nearest first: those of a linked clone or from before a snapshot.
    `lun` is the device that it maps, "" for a disk of its own: then the file only points there.
    """

    key: int
    datastore: Datastore
    capacity_kb: int = 41_943_040
    parents: tuple[Datastore, ...] = ()
    lun: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestNetwork:
    """What VMware Tools report of a guest's network where it is more than one address on the first card.

    `cards`: the addresses of each card, in their order. `others`: those of each adapter that is no card of the machine, such
    as a bridge of containers. `primary`: what the guest's own address is said to be.
    """

    cards: tuple[tuple[str, ...], ...] = ()
    others: tuple[tuple[str, ...], ...] = ()
    primary: str = ""


@dataclass(slots=True, kw_only=True, eq=False)
class Vm(Entity):
    """A virtual machine.

    `config_known` is false while vCenter has no configuration of it: just created, inaccessible or invalid.
    `home` holds its configuration, and `swap` its swap file while it runs; None stands for where its first disk is, and
    for its home. `memory` holds what snapshots kept of its memory. `lists_parents`: `datastore` names what only its disks'
    parents lie on, which not every version does. `vapp` holds it in place of a folder. `shown_as` is what vCenter shows in
    place of its name, such as the path of its .vmx file; `manager` the extension's key and the type by which it manages it;
    `ft_role` 1 for the primary of a fault-tolerant pair, 2 for the secondary.
    """

    TYPE: ClassVar[str] = "VirtualMachine"
    BASES: ClassVar[tuple[str, ...]] = ("ManagedEntity",)
    instance_uuid: str
    pool: ResourcePool
    host: Host
    disks: tuple[Disk, ...]
    iso: Datastore | None = None
    power: Power = Power.ON
    connection: VmConnection = VmConnection.CONNECTED
    booted_at: int | None = None
    clean_power_off: bool | None = None
    suspended_at: int | None = None
    template: bool = False
    change_version: int = 1
    networks: tuple[Network, ...] = ()
    mac: str = ""
    address: str = ""
    guest: GuestNetwork | None = None
    heartbeat: str = "green"
    config_known: bool = True
    custom_values: dict[int, str] = field(default_factory=dict)
    vapp: VirtualApp | None = None
    shown_as: str = ""
    manager: tuple[str, str] | None = None
    ft_role: int | None = None
    home: Datastore | None = None
    swap: Datastore | None = None
    memory: tuple[Datastore, ...] = ()
    lists_parents: bool = True

    @property
    def directory(self) -> Datastore | None:
        """The datastore of its configuration; None for a machine that lies on none."""
        return self.home or (self.disks[0].datastore if self.disks else self.iso)

    @property
    def datastores(self) -> tuple[Datastore, ...]:
        """Every datastore it uses, its ISO image's included, each once."""
        parents = [each for disk in self.disks for each in disk.parents if self.lists_parents]
        swap = self.swap if self.power is Power.ON else None
        used = [*(disk.datastore for disk in self.disks), *parents, self.home, swap, *self.memory, self.iso]
        return tuple(dict.fromkeys(each for each in used if each is not None))


@dataclass(slots=True, kw_only=True, eq=False)
class CustomFields(Entity):
    """The custom fields manager: names of custom attributes by their key."""

    TYPE: ClassVar[str] = "CustomFieldsManager"
    names: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Task(Entity):
    """A task that has succeeded at once; `entity` is what it was done to."""

    TYPE: ClassVar[str] = "Task"
    entity: Entity
    description_id: str
    method: str
    user: str
    at: int


ENTITY_TYPES: tuple[type[Entity], ...] = (
    Folder,
    Datacenter,
    Cluster,
    ResourcePool,
    VirtualApp,
    Host,
    Datastore,
    Network,
    DistributedPortgroup,
    OpaqueNetwork,
    Vm,
    CustomFields,
    Task,
)


def is_a(entity_type: type[Entity], wsdl_type: str) -> bool:
    """Whether objects of `entity_type` are of the WSDL's type, itself or a base of it."""
    return wsdl_type == entity_type.TYPE or wsdl_type in entity_type.BASES
