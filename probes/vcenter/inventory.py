"""What a vCenter has told us of its objects: a mirror kept by update sets, and the legs it implies.

The mirror outlives sessions: after a resync it is compared with the full set. Nothing here does I/O or reads a clock.
Absence is no statement: a property that vCenter leaves out is kept unknown, and an object that the account cannot read
is unknown and stops no other.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from probes.vcenter import soap
from probes.vcenter.objects import Datastore, Host, Moid, Place, Vm, as_people_write_it, references, text
from probes.vcenter.places import Places
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
NETWORKS: Final = ("name",)
"""What is watched of the type Network, where it is asked for; distributed port groups and opaque networks are such."""


@dataclass(frozen=True, slots=True)
class LegVerdict:
    """What a leg is, and why where it is not up."""

    state: State
    reason: str = ""


UP: Final = LegVerdict(State.UP)
REFUSED: Final = LegVerdict(State.UNKNOWN, "vCenter does not let the account read it")


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryChanges:
    """What an update set changed: virtual machines to judge again, and those that left."""

    touched: frozenset[Moid]
    left: tuple[Vm, ...]


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
        self.unreadable: dict[Moid, frozenset[str]] = {}
        """By object the properties that vCenter refuses to tell."""
        self.lost: dict[Moid, set[Moid]] = {}
        """By host the datastores that it does not reach; hosts that reach all of theirs are not in it."""
        self.unfound: dict[Moid, set[Moid]] = {}
        """By `[NAME]` of a datastore that cannot be found the machines with files on it."""

    def apply(self, kind: str, updates: Iterable[Mapping[str, Any]]) -> InventoryChanges:
        """Take the object updates of one filter, whose objects are of type `kind`. Idempotent."""
        touched: set[Moid] = set()
        left: list[Vm] = []
        for update in updates:
            moid = Moid(update["obj"])
            if update["kind"] == "leave":
                left.extend(self._forget(kind, moid, touched))
                continue
            changes = soap.as_list(update.get("changeSet"))
            missing = soap.as_list(update.get("missingSet"))
            self._note_unreadable(moid, changes, missing)
            if kind == "VirtualMachine":
                vm = self._vm(moid)
                touched.add(moid)
                for change in changes:
                    self._set_vm(vm, change["name"], _value(change))
            else:
                for change in changes:
                    self._set(kind, moid, change["name"], _value(change), touched)
                if missing:
                    self._touch(moid, touched)
                if kind == "Datastore" and moid in self.datastores:
                    self._note_losses(moid, self.datastores[moid])
        return InventoryChanges(touched=frozenset(touched & self.vms.keys()), left=tuple(left))

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
        """Whether vCenter does not let the account read any of these properties of an object."""
        return moid in self.unreadable and not properties.isdisjoint(self.unreadable[moid])

    def running(self, vm: Vm) -> LegVerdict:
        """Whether vCenter says that it runs (design: watching vCenter)."""
        if self.refuses(vm.moid, _RUNNING_RESTS_ON):
            return REFUSED
        host = self.hosts.get(vm.host) if vm.host is not None else None
        if host is not None and host.connection not in ("connected", ""):
            return LegVerdict(
                State.UNKNOWN, f"host {host.name} is {_WORDS.get(host.connection, host.connection)}"
            )
        if vm.connection != "connected":
            return LegVerdict(State.UNKNOWN, f"vCenter calls it {vm.connection or 'nothing'}")
        match vm.power:
            case "poweredOn":
                return UP
            case "poweredOff":
                return LegVerdict(State.DOWN, "powered off")
            case "suspended":
                return LegVerdict(State.DOWN, "suspended")
            case other:
                return LegVerdict(State.UNKNOWN, f"its power state is {other or 'not told'}")

    def _note_unreadable(self, moid: Moid, changes: list[Any], missing: list[Any]) -> None:
        """A property stays unreadable until it is told: later updates speak of other properties only.

        One that may be unset is left out though it can be read again: with the first other one that is told again.
        """
        refused = self.unreadable.get(moid, frozenset())
        if not missing and not refused:
            return
        told = {change["name"] for change in changes}
        if refused & told:
            told |= _MAY_BE_UNSET
        refused = (refused - told) | {item["path"] for item in missing}
        if refused:
            self.unreadable[moid] = refused
        else:
            del self.unreadable[moid]

    def _vm(self, moid: Moid) -> Vm:
        vm = self.vms.get(moid)
        if vm is None:
            vm = self.vms[moid] = Vm(moid)
        return vm

    def _set(self, kind: str, moid: Moid, name: str, value: soap.Value | None, touched: set[Moid]) -> None:
        match kind:
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
                self.networks[moid] = as_people_write_it(text(value))
            case "CustomFieldsManager":
                self.attribute_names = names_of_attributes(value)
            case _:
                self.places.take(kind, moid, name, value)

    def _set_vm(self, vm: Vm, name: str, value: soap.Value | None) -> None:
        if name == "runtime.host":
            self._move(vm, Moid(text(value)) if value else None)
        elif name == "datastore":
            before, vm.datastores = vm.uses, references(value)
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
        self.unreadable.pop(moid, None)
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
                self._note_losses(moid, datastore)
                touched.update(datastore.vms)
            case "Network":
                self.networks.pop(moid, None)
            case "CustomFieldsManager":
                self.attribute_names = {}
            case _:
                self.places.forget(kind, moid)


def names_of_attributes(fields: soap.Value | None) -> dict[str, str]:
    """The names of custom attributes by key, of `CustomFieldsManager.field`; those of an unknown form are left out."""
    told = (field for field in soap.array(fields, "CustomFieldDef") if isinstance(field, dict))
    return {
        field["key"]: as_people_write_it(field["name"])
        for field in told
        if isinstance(field.get("key"), str) and isinstance(field.get("name"), str)
    }


_MAY_BE_UNSET: Final = frozenset(
    {
        "config.ftInfo.role",
        "config.managedBy",
        "runtime.bootTime",
        "parent",
        "parentVApp",
        "customValue",
        "network",
        "guest.ipAddress",
        "guest.net",
    }
)
_RUNNING_RESTS_ON: Final = frozenset({"runtime.powerState", "runtime.connectionState", "runtime.host"})
_WORDS: Final = {"notResponding": "not responding", "disconnected": "disconnected"}


def _value(change: Mapping[str, Any]) -> soap.Value | None:
    """What a property is now; None where it was removed, or is unset."""
    value: soap.Value | None = change.get("val") if change["op"] in ("assign", "add") else None
    return value
