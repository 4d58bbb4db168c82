"""What a vCenter has told us of its objects: a mirror kept by update sets, and the legs it implies.

The mirror outlives sessions: after a resync it is compared with the full set. Nothing here does I/O or reads a clock.
Absence is no statement: a property that vCenter leaves out is kept unknown, and an object that the account cannot read
is unknown and stops no other. So is a property that is told in a form that it cannot have, until it was read again.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from probes.vcenter import soap, values
from probes.vcenter.objects import Datastore, Host, Place, Vm
from probes.vcenter.places import PLACES, Places
from probes.vcenter.unread import UnreadProperties
from probes.vcenter.updates import ObjectUpdate, as_update
from probes.vcenter.values import Moid
from sla.reasons import DetailedReason, PlainReason, Reason
from sla.records import State

VM_PROPERTIES: Final = (
    "name",
    "config.instanceUuid",
    "config.template",
    "config.ftInfo.role",
    "config.changeVersion",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.host",
    "runtime.bootTime",
    "datastore",
    "parent",
    "parentVApp",
)
PROPERTIES: Final[Mapping[str, tuple[str, ...]]] = {
    # Containers come first, so that a virtual server's folder is known when the server is.
    "Folder": ("name", "parent"),
    "Datacenter": ("name", "parent"),
    "ComputeResource": ("name", "parent"),
    "ResourcePool": ("name", "parent"),
    "VirtualApp": ("name", "parent", "parentFolder"),
    "HostSystem": (
        "name",
        "runtime.connectionState",
        "runtime.powerState",
        "runtime.inMaintenanceMode",
        "parent",
    ),
    "Datastore": (
        "name",
        "summary.accessible",
        "summary.maintenanceMode",
        "summary.url",
        "host",
        "parent",
    ),
    "VirtualMachine": VM_PROPERTIES,
}
"""What is watched, by type; each type has a filter of its own."""
VM_OPTIONAL: Final = (
    "resourcePool",
    "customValue",
    "network",
    "config.managedBy",
    "guest.ipAddress",
    "guest.net",
)
"""What is watched of virtual machines besides, where it is asked for."""
ATTRIBUTE_NAMES: Final = ("field",)
"""What is watched of the CustomFieldsManager, likewise."""
NETWORKS: Final = ("name",)
"""What is watched of the type Network, where it is asked for; distributed port groups and opaque networks are such."""


@dataclass(frozen=True, slots=True)
class LegVerdict:
    """What a leg is, and why where it is not up."""

    state: State
    reason: Reason = PlainReason.NONE


UP: Final = LegVerdict(State.UP)
REFUSED: Final = LegVerdict(State.UNKNOWN, PlainReason.NOT_READABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryChanges:
    """What an update set changed: virtual machines to judge again, and those that left.

    `nameless`: how many updates do not say which object they are about.
    """

    touched: frozenset[Moid]
    left: tuple[Vm, ...]
    nameless: int = 0


def not_connected(vm: Vm) -> Reason:
    """Why nothing is known of a machine that vCenter is not connected to."""
    return DetailedReason(PlainReason.NOT_CONNECTED, f"vCenter calls it {vm.connection or 'nothing'}")


class Inventory:
    """The mirror. Invariant: `vms` of hosts and datastores name exactly the machines that point to them."""

    def __init__(self, root: Moid) -> None:
        """`root`: the root folder."""
        self.vms: dict[Moid, Vm] = {}
        self.hosts: dict[Moid, Host] = {}
        self.datastores: dict[Moid, Datastore] = {}
        self.places = Places(root)
        """What they stand in."""
        self.attribute_names: dict[str, str] = {}
        """By their key: the names of custom attributes."""
        self.networks: dict[Moid, str] = {}
        """The names of networks."""
        self.unread = UnreadProperties()
        self.lost: dict[Moid, set[Moid]] = {}
        """By host the datastores that it does not reach; hosts that reach all of theirs are not in it."""
        self.unfound: dict[Moid, set[Moid]] = {}
        """By `[NAME]` of a datastore that cannot be found the machines with files on it."""

    def apply(self, kind: str, updates: Iterable[Any]) -> InventoryChanges:
        """Take the object updates of one filter, whose objects are of type `kind`, whatever their form. Idempotent."""
        touched: set[Moid] = set()
        left: list[Vm] = []
        nameless = 0
        for each in updates:
            try:
                update = as_update(each)
            except ValueError:
                nameless += 1
                continue
            moid = update.moid
            match update.kind:
                case "leave":
                    left.extend(self._forget(kind, moid, touched))
                case "enter" | "modify":
                    self._take(kind, update, touched)
                case _:
                    self._spoil(kind, moid, _ALL[kind], touched)
            if kind == "Datastore" and moid in self.datastores:
                self._note_reach(moid, self.datastores[moid])
        return InventoryChanges(
            touched=frozenset(touched & self.vms.keys()), left=tuple(left), nameless=nameless
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever shown that stands in a place."""
        return not (self.vms or self.hosts or self.datastores or self.places)

    def place(self, vm: Vm, places: tuple[Place, ...]) -> None:
        """Note where its files lie: what happens to these datastores touches it. Nothing where vCenter does not tell."""
        before = vm.uses
        for place in vm.places:
            if place.datastore in self.unfound:
                self.unfound[place.datastore].discard(vm.moid)
        vm.places, vm.due = places, False
        for place in places:
            if not place.is_known:
                self.unfound.setdefault(place.datastore, set()).add(vm.moid)
        self._use(vm, before)

    def refuses(self, moid: Moid, properties: frozenset[str]) -> bool:
        """Whether any of these properties of an object is refused, or was told in a form that it cannot have."""
        return moid in self.unread.moids and not properties.isdisjoint(self.unread.of(moid))

    def why_refused(self, moid: Moid) -> LegVerdict:
        """Why a leg is unknown that rests on such a property."""
        return _ODD if self.unread.is_odd(moid) else REFUSED

    def running(self, vm: Vm) -> LegVerdict:
        """Whether vCenter says that it runs (design: watching vCenter)."""
        if self.refuses(vm.moid, _RUNNING_RESTS_ON):
            return self.why_refused(vm.moid)
        host = self.hosts.get(vm.host) if vm.host is not None else None
        if host is not None and host.connection not in ("connected", ""):
            text = f"host {host.name} is {_WORDS.get(host.connection, host.connection)}"
            return LegVerdict(State.UNKNOWN, DetailedReason(PlainReason.HOST_NOT_CONNECTED, text))
        if vm.connection != "connected":
            return LegVerdict(State.UNKNOWN, not_connected(vm))
        match vm.power:
            case "poweredOn":
                return UP
            case "poweredOff":
                return LegVerdict(State.DOWN, PlainReason.POWERED_OFF)
            case "suspended":
                return LegVerdict(State.DOWN, PlainReason.SUSPENDED)
            case other:
                text = f"its power state is {other or 'not told'}"
                return LegVerdict(State.UNKNOWN, DetailedReason(PlainReason.NO_POWER_STATE, text))

    def _take(self, kind: str, update: ObjectUpdate, touched: set[Moid]) -> None:
        """Take what is told of one object: each property by itself."""
        moid = update.moid
        if update.kind == "enter":  # all of it is told
            self.unread.forget(moid)
        if kind == "VirtualMachine":
            odd = self._take_vm(moid, update.told)
            touched.add(moid)
        else:
            odd = _not_taken(kind, update.told, partial(self._set, kind, moid, touched))
        if not update.is_whole:
            odd |= _ALL[kind]
        if update.refused or moid in self.unread.moids:
            self.unread.told(kind, moid, frozenset(update.told), update.refused)
        if odd:
            self._spoil(kind, moid, odd, touched)
        if update.refused:
            self._touch(moid, touched)

    def _take_vm(self, moid: Moid, told: Mapping[str, soap.Value | None]) -> set[str]:
        """Take properties of a virtual machine; gives those that are told in a form that they cannot have."""
        vm = self._vm(moid)
        host, uses = vm.host, vm.uses
        odd = _not_taken("VirtualMachine", vm.meant(told), vm.take)
        if vm.host != host:
            self._move(vm, host)
        self._use(vm, uses)
        return odd

    def _spoil(self, kind: str, moid: Moid, properties: Collection[str], touched: set[Moid]) -> None:
        """Know no more what these properties are: what they were before may hold no longer."""
        self.unread.spoil(kind, moid, properties)
        match kind:
            case "VirtualMachine":
                self._vm(moid)
                touched.add(moid)
            case "HostSystem" if "runtime.connectionState" in properties:
                host = self._host(moid)
                host.connection = "unreadable"
                touched.update(host.vms)
            case "Datastore" if not {"host", "summary.accessible"}.isdisjoint(properties):
                datastore = self._datastore(moid)
                datastore.mounts, datastore.accessible = {}, None
                touched.update(datastore.vms)
            case _ if kind in PLACES and not {"name", "parent", "parentFolder"}.isdisjoint(properties):
                self.unread.spoil(kind, moid, _ALL[kind])  # to be read again as a whole
                self.places.forget(kind, moid)
            case _:
                pass  # names of hosts, datastores and networks stay as they were until they are read again

    def _vm(self, moid: Moid) -> Vm:
        vm = self.vms.get(moid)
        if vm is None:
            vm = self.vms[moid] = Vm(moid)
        return vm

    def _host(self, moid: Moid) -> Host:
        host = self.hosts.get(moid)
        if host is None:
            host = self.hosts[moid] = Host()
        return host

    def _datastore(self, moid: Moid) -> Datastore:
        datastore = self.datastores.get(moid)
        if datastore is None:
            datastore = self.datastores[moid] = Datastore()
        return datastore

    def _set(self, kind: str, moid: Moid, touched: set[Moid], name: str, value: soap.Value | None) -> None:
        """Take a property of what is no virtual machine."""
        match kind:
            case "HostSystem":
                host = self._host(moid)
                self.places.stand(moid, host)
                touched.update(host.vms)
                host.take(name, value)
            case "Datastore":
                datastore = self._datastore(moid)
                self.places.stand(moid, datastore)
                touched.update(datastore.vms)
                datastore.take(name, value)
                if name in ("name", "summary.url"):
                    touched.update(*self.unfound.values())
            case "Network":
                self.networks[moid] = values.name(value)
            case "CustomFieldsManager":
                self.attribute_names = names_of_attributes(value)
            case _:
                self.places.take(kind, moid, name, value)

    def _move(self, vm: Vm, before: Moid | None) -> None:
        """It is on another host now than before."""
        if before is not None and before in self.hosts:
            self.hosts[before].vms.discard(vm.moid)
        if vm.host is not None:
            self._host(vm.host).vms.add(vm.moid)

    def _use(self, vm: Vm, before: set[Moid]) -> None:
        """It uses other datastores now than before."""
        now = vm.uses
        for moid in before - now:
            if moid in self.datastores:
                self.datastores[moid].vms.discard(vm.moid)
        for moid in now - before:
            self._datastore(moid).vms.add(vm.moid)

    def _note_reach(self, moid: Moid, datastore: Datastore) -> None:
        datastore.reaching = frozenset(
            host for host in datastore.mounts if datastore.state_on(host) is State.UP
        )
        before = datastore.lost
        datastore.lost = frozenset(
            host
            for host, mount in datastore.mounts.items()
            if not mount.withdrawn and datastore.reached_by(host) is False
        )
        for host in before - datastore.lost:
            self.lost[host].discard(moid)
            if not self.lost[host]:
                del self.lost[host]
        for host in datastore.lost - before:
            self.lost.setdefault(host, set()).add(moid)

    def _touch(self, moid: Moid, touched: set[Moid]) -> None:
        """What may be read of a host or datastore is less than before."""
        for each in (self.hosts.get(moid), self.datastores.get(moid)):
            touched.update(each.vms if each is not None else ())

    def _forget(self, kind: str, moid: Moid, touched: set[Moid]) -> Iterator[Vm]:
        self.unread.forget(moid)
        match kind:
            case "VirtualMachine":
                vm = self.vms.pop(moid, None)
                if vm is not None:
                    at, uses = vm.host, vm.uses
                    vm.host, vm.datastores = None, ()
                    self._move(vm, at)
                    self.place(vm, ())
                    self._use(vm, uses)
                    yield vm
            case "HostSystem":
                host = self._host(moid)
                host.leave()
                touched.update(host.vms)
            case "Datastore":
                datastore = self._datastore(moid)
                datastore.leave()
                touched.update(datastore.vms)
            case "Network":
                self.networks.pop(moid, None)
            case "CustomFieldsManager":
                self.attribute_names = {}
            case _:
                self.places.forget(kind, moid)


def names_of_attributes(fields: soap.Value | None) -> dict[str, str]:
    """The names of custom attributes by key, of `CustomFieldsManager.field`; those of an unknown form are left out."""
    names: dict[str, str] = {}
    for field in soap.array(fields, "CustomFieldDef"):
        try:
            told = values.members(field)
            names[values.identifier(told.get("key"))] = values.name(told.get("name"))
        except ValueError:
            continue
    return {key: name for key, name in names.items() if name}


_RUNNING_RESTS_ON: Final = frozenset({"runtime.powerState", "runtime.connectionState", "runtime.host"})
_ALL: Final[Mapping[str, frozenset[str]]] = {
    **{kind: frozenset(properties) for kind, properties in PROPERTIES.items()},
    "VirtualMachine": frozenset({*VM_PROPERTIES, *VM_OPTIONAL}),
    "Network": frozenset(NETWORKS),
    "CustomFieldsManager": frozenset(ATTRIBUTE_NAMES),
}
_ODD: Final = LegVerdict(State.UNKNOWN, PlainReason.NOT_UNDERSTOOD)
_WORDS: Final = {"notResponding": "not responding", "disconnected": "disconnected"}


def _not_taken(
    kind: str, told: Mapping[str, soap.Value | None], take: Callable[[str, soap.Value | None], None]
) -> set[str]:
    """Take properties, each by itself; gives those that are told in a form that they cannot have."""
    odd: set[str] = set()
    for name, value in told.items():
        try:
            take(name, value)
        except (AttributeError, LookupError, TypeError, ValueError):
            odd.add(_watched(kind, name))
    return odd


def _watched(kind: str, name: str) -> str:
    """The property that is watched of which a part is told: `host["host-7"].mountInfo` is one of `host`."""
    told = name.lower()
    return next(
        (path for path in _ALL[kind] if told.startswith((f"{path.lower()}[", f"{path.lower()}."))), name
    )
