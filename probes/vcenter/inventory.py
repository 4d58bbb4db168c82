"""What a vCenter has told us of its objects: a mirror kept by update sets, and the legs it implies.

The mirror outlives sessions: after a resync it is compared with the full set. Nothing here does I/O or reads a clock.
Absence is no statement: a property that vCenter leaves out is kept unknown, and an object that the account cannot read
is unknown and stops no other. So is a property that is told in a form that it cannot have, until it was read again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from probes.vcenter import soap, values
from probes.vcenter.objects import Datastore, Host, Place, Vm
from probes.vcenter.places import PLACES, Places
from probes.vcenter.unread import UnreadProperties
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
        for update in updates:
            try:
                moid = _object_of(update)
            except ValueError:
                nameless += 1
                continue
            match update.get("kind") if isinstance(update, dict) else None:
                case "leave":
                    left.extend(self._forget(kind, moid, touched))
                case "enter" | "modify" as how:
                    self._take(kind, moid, update, touched, is_whole=how == "enter")
                case _:
                    self._spoil(kind, moid, _ALL[kind], touched)
            if kind == "Datastore" and moid in self.datastores:
                self._note_losses(moid, self.datastores[moid])
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
        return moid in self.unread and not properties.isdisjoint(self.unread.of(moid))

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

    def _take(
        self, kind: str, moid: Moid, update: Mapping[str, Any], touched: set[Moid], *, is_whole: bool
    ) -> None:
        """Take what is told of one object: each property by itself. `is_whole`: all of it is told."""
        if is_whole:
            self.unread.forget(moid)
        if kind == "VirtualMachine":
            self._vm(moid)
            touched.add(moid)
        odd: set[str] = set()
        changes: list[tuple[str, soap.Value | None]] = []
        for change in soap.as_list(update.get("changeSet")):
            try:
                changes.append(_told(change))
            except ValueError:
                odd |= _ALL[kind]
        if kind == "VirtualMachine" and any(value is None for _, value in changes):
            changes = sorted(dict(changes).items(), key=_unset_last)
        for name, value in changes:
            try:
                self._set(kind, moid, name, value, touched)
            except (AttributeError, LookupError, TypeError, ValueError):
                odd.add(_watched(kind, name))
        refused, all_told = _refused_of(update)
        if refused or moid in self.unread:
            self.unread.told(kind, moid, {name for name, _ in changes}, refused)
        if odd or not all_told:
            self._spoil(kind, moid, odd or _ALL[kind], touched)
        if refused:
            self._touch(moid, touched)

    def _spoil(self, kind: str, moid: Moid, properties: Collection[str], touched: set[Moid]) -> None:
        """Know no more what these properties are: what they were before may hold no longer."""
        self.unread.spoil(kind, moid, properties)
        match kind:
            case "VirtualMachine":
                self._vm(moid)
                touched.add(moid)
            case "HostSystem" if "runtime.connectionState" in properties:
                host = self.hosts.setdefault(moid, Host())
                host.connection = "unreadable"
                touched.update(host.vms)
            case "Datastore" if not {"host", "summary.accessible"}.isdisjoint(properties):
                datastore = self.datastores.setdefault(moid, Datastore())
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

    def _set(self, kind: str, moid: Moid, name: str, value: soap.Value | None, touched: set[Moid]) -> None:
        match kind:
            case "VirtualMachine":
                self._set_vm(self._vm(moid), name, value)
            case "HostSystem":
                host = self.hosts.setdefault(moid, Host())
                self.places.stand(moid, host)
                touched.update(host.vms)
                host.take(name, value)
            case "Datastore":
                datastore = self.datastores.setdefault(moid, Datastore())
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

    def _set_vm(self, vm: Vm, name: str, value: soap.Value | None) -> None:
        if name == "runtime.host":
            self._move(vm, values.reference(value))
        elif name == "datastore":
            told = values.references(value)
            before, vm.datastores = vm.uses, told
            self._use(vm, before)
        else:
            vm.take(name, value)

    def _move(self, vm: Vm, host: Moid | None) -> None:
        if vm.host is not None and vm.host in self.hosts:
            self.hosts[vm.host].vms.discard(vm.moid)
        vm.host = host
        if host is not None:
            self.hosts.setdefault(host, Host()).vms.add(vm.moid)

    def _use(self, vm: Vm, before: set[Moid]) -> None:
        """It uses other datastores now than before."""
        now = vm.uses
        for moid in before - now:
            if moid in self.datastores:
                self.datastores[moid].vms.discard(vm.moid)
        for moid in now - before:
            self.datastores.setdefault(moid, Datastore()).vms.add(vm.moid)

    def _note_losses(self, moid: Moid, datastore: Datastore) -> None:
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
                    self._move(vm, None)
                    before, vm.datastores = vm.uses, ()
                    self.place(vm, ())
                    self._use(vm, before)
                    yield vm
            case "HostSystem":
                host = self.hosts.setdefault(moid, Host())
                host.leave()
                touched.update(host.vms)
            case "Datastore":
                datastore = self.datastores.setdefault(moid, Datastore())
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


def _object_of(update: object) -> Moid:
    """The object that an update is about. Raises ValueError where it does not say so."""
    if isinstance(update, soap.UnreadableItem):
        return values.as_moid(update.said("obj"))
    return values.as_moid(update.get("obj") if isinstance(update, dict) else None)


def _unset_last(change: tuple[str, soap.Value | None]) -> tuple[bool, bool]:
    """What is set comes first, then the instance UUID: whether it is there says what it means that others are not."""
    name, value = change
    return value is None, name != "config.instanceUuid"


def _told(change: object) -> tuple[str, soap.Value | None]:
    """A property's name and what it is now; None where it was removed, or is unset. Raises ValueError for what says neither."""
    if not isinstance(change, dict):
        raise ValueError("no change of a property")  # noqa: TRY004  one error for what is none
    name = values.identifier(change.get("name"))
    match change.get("op"):
        case "assign" | "add":
            return name, change.get("val")
        case "remove" | "indirectRemove":
            return name, None
        case _:
            raise ValueError("no change that there is")


def _watched(kind: str, name: str) -> str:
    """The property that is watched of which a part is told: `host["host-7"].mountInfo` is one of `host`."""
    told = name.lower()
    return next(
        (path for path in _ALL[kind] if told.startswith((f"{path.lower()}[", f"{path.lower()}."))), name
    )


def _refused_of(update: Mapping[str, Any]) -> tuple[set[str], bool]:
    """The properties that vCenter does not tell, and whether all of that can be read."""
    missing = soap.as_list(update.get("missingSet"))
    paths = {path for item in missing if isinstance(item, dict) and isinstance(path := item.get("path"), str)}
    return paths, len(paths) == len(missing)
