"""What stands in the simulated inventory: one mutable record for each kind of managed object.

Records are changed only by `machines`, `outages` and `inventory`, which also tell the property collectors.
Instants are integers of UTC microseconds on the simulated vCenter's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar


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
    """A managed object with a place in the inventory; `TYPE` and `BASES` are names of the WSDL."""

    TYPE: ClassVar[str] = "ManagedEntity"
    BASES: ClassVar[tuple[str, ...]] = ()
    moid: str
    name: str
    parent: Entity | None


@dataclass(slots=True, kw_only=True, eq=False)
class Folder(Entity):
    """A folder of data centres, hosts, datastores or virtual machines."""

    TYPE: ClassVar[str] = "Folder"
    BASES: ClassVar[tuple[str, ...]] = ("ManagedEntity",)


@dataclass(slots=True, kw_only=True, eq=False)
class Datacenter(Entity):
    """A data centre."""

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
class Host(Entity):
    """An ESXi host; `vms` holds the moids of the machines registered on it."""

    TYPE: ClassVar[str] = "HostSystem"
    BASES: ClassVar[tuple[str, ...]] = ("ManagedEntity",)
    connection: HostConnection = HostConnection.CONNECTED
    power: str = "poweredOn"
    maintenance: bool = False
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
    """A virtual disk on a datastore."""

    key: int
    datastore: Datastore
    capacity_kb: int = 41_943_040


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
    `unreadable` names the property paths that no account may read; "*" stands for all.
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
    unreadable: frozenset[str] = frozenset()

    @property
    def datastores(self) -> tuple[Datastore, ...]:
        """Every datastore it uses, its ISO image's included, each once."""
        used = dict.fromkeys(disk.datastore for disk in self.disks)
        if self.iso is not None:
            used[self.iso] = None
        return tuple(used)


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
