"""What a vCenter has told us of its objects: a mirror kept by update sets, and the legs it implies.

The mirror outlives sessions: after a resync it is compared with the full set. Nothing here does I/O or reads a clock.
Absence is no statement: a property that vCenter leaves out is kept unknown, and an object that the account cannot read
is unknown and stops no other.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from probes.vcenter import soap
from probes.vcenter.objects import Container, Datastore, Host, Moid, Vm, as_people_write_it, references, text
from sla.records import State

VM_PROPERTIES: Final = (
    "name",
    "config.instanceUuid",
    "config.template",
    "config.changeVersion",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.host",
    "runtime.bootTime",
    "datastore",
    "parent",
)
PROPERTIES: Final[Mapping[str, tuple[str, ...]]] = {
    # Containers come first, so that a virtual server's folder is known when the server is.
    "Folder": ("name", "parent"),
    "Datacenter": ("name", "parent"),
    "ResourcePool": ("name", "parent"),
    "HostSystem": (
        "name",
        "runtime.connectionState",
        "runtime.powerState",
        "runtime.inMaintenanceMode",
        "parent",
    ),
    "Datastore": ("name", "summary.accessible", "host", "parent"),
    "VirtualMachine": VM_PROPERTIES,
}
"""What is watched, by type; each type has a filter of its own."""
CLUSTERS: Final = ("parent",)
"""What is watched of the type ComputeResource: hosts have their datacenter above it."""
NETWORKS: Final = ("name",)
"""What is watched of the type Network, where it is asked for; distributed port groups and opaque networks are such."""


@dataclass(frozen=True, slots=True)
class LegVerdict:
    """What a leg is, and why where it is not up."""

    state: State
    reason: str = ""


UP: Final = LegVerdict(State.UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryChanges:
    """What an update set changed: virtual machines to judge again, and those that left."""

    touched: frozenset[Moid]
    left: tuple[Vm, ...]


class Inventory:
    """The mirror. Invariant: `vms` of hosts and datastores name exactly the machines that point to them."""

    def __init__(self) -> None:
        self.vms: dict[Moid, Vm] = {}
        self.hosts: dict[Moid, Host] = {}
        self.datastores: dict[Moid, Datastore] = {}
        self.containers: dict[Moid, Container] = {}
        self.clusters: dict[Moid, Container] = {}
        """What hosts stand in: no part of any path, in which a cluster would come before its resource pools."""
        self.networks: dict[Moid, str] = {}
        """The names of networks."""
        self._datacenters: set[Moid] = set()
        self.unreadable: dict[Moid, frozenset[str]] = {}
        """By object the properties that vCenter refuses to tell."""

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
            self._note_unreadable(moid, changes, soap.as_list(update.get("missingSet")))
            if kind == "VirtualMachine":
                vm = self._vm(moid)
                touched.add(moid)
                for change in changes:
                    self._set_vm(vm, change["name"], _value(change))
            else:
                for change in changes:
                    self._set(kind, moid, change["name"], _value(change), touched)
        return InventoryChanges(touched=frozenset(touched & self.vms.keys()), left=tuple(left))

    def path_of(self, moid: Moid | None) -> str:
        """The place of a container as people write it: `/DC/vm/Clients/Acme`, without the root."""
        names: list[str] = []
        while moid is not None and len(names) < soap.DEPTH_LIMIT:
            container = self.containers.get(moid)
            if container is None or container.parent is None:
                break
            names.append(container.name.replace("%2f", "%2F"))
            moid = container.parent
        return "/" + "/".join(reversed(names))

    def datacenter_of(self, moid: Moid) -> str:
        """The path of the datacenter that a host or a datastore is in, such as `EU/DC1`; "" where it is not known."""
        at: Moid | None = moid
        for _ in range(soap.DEPTH_LIMIT):
            if at in self._datacenters:
                return self.path_of(at)[1:]
            place = at and (self.containers.get(at) or self.datastores.get(at) or self.clusters.get(at))
            if not place:
                break
            at = place.parent
        return ""

    def on_several_datastores(self, moids: Iterable[Moid]) -> list[Moid]:
        """Which of `moids` have their disks' places unread, though it matters."""
        return [moid for moid in moids if len(self.vms[moid].datastores) > 1 and self.vms[moid].disks is None]

    def running(self, vm: Vm) -> LegVerdict:
        """Whether vCenter says that it runs (design: watching vCenter)."""
        if self._refused(vm, _RUNNING_RESTS_ON):
            return _REFUSED
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

    def san(self, vm: Vm, ignored: frozenset[Moid]) -> LegVerdict:
        """Whether the datastores that hold its disks are accessible on its own host; `ignored` ones do not count."""
        if self._refused(vm, _SAN_RESTS_ON):
            return _REFUSED
        if vm.connection == "inaccessible":
            return LegVerdict(State.DOWN, "its files are inaccessible")
        host = self.hosts.get(vm.host) if vm.host is not None else None
        if host is None or host.connection != "connected":
            name = host.name if host is not None else "unknown"
            return LegVerdict(State.UNKNOWN, f"host {name} is not connected, so its mounts are stale")
        assert vm.host is not None
        verdicts = [self._mounted(moid, vm.host) for moid in self.san_places(vm, ignored)]
        if not verdicts:
            return LegVerdict(State.UNKNOWN, "no datastore is known to hold its disks")
        worst = min(verdicts, key=lambda verdict: _SEVERITY[verdict.state])
        if worst.state is State.DOWN and vm.disks is None and len(vm.datastores) > 1:
            return LegVerdict(State.UNKNOWN, "which datastore holds its disks is not read yet")
        return worst

    def san_places(self, vm: Vm, ignored: frozenset[Moid]) -> tuple[Moid, ...]:
        """The datastores that its SAN leg rests on."""
        places = vm.datastores if vm.disks is None else vm.disks
        return tuple(moid for moid in places if moid not in ignored)

    def _note_unreadable(self, moid: Moid, changes: list[Any], missing: list[Any]) -> None:
        """A property stays unreadable until it is told: later updates speak of other properties only."""
        refused = self.unreadable.get(moid, frozenset())
        if not missing and not refused:
            return
        refused = (refused - {change["name"] for change in changes}) | {item["path"] for item in missing}
        if refused:
            self.unreadable[moid] = refused
        else:
            del self.unreadable[moid]

    def _refused(self, vm: Vm, properties: frozenset[str]) -> bool:
        return vm.moid in self.unreadable and not properties.isdisjoint(self.unreadable[vm.moid])

    def _mounted(self, datastore: Moid, host: Moid) -> LegVerdict:
        known = self.datastores.get(datastore)
        if known is None:
            return LegVerdict(State.UNKNOWN, f"datastore {datastore} is not readable")
        mount = known.mounts.get(host)
        if mount is None:
            return LegVerdict(State.UNKNOWN, f"datastore {known.name} is not mounted on its host")
        accessible = known.reached_by(host)
        if accessible is None:
            return LegVerdict(State.UNKNOWN, f"datastore {known.name} says nothing of its access")
        if accessible:
            return UP
        because = f" ({mount.reason})" if mount.reason else ""
        return LegVerdict(State.DOWN, f"datastore {known.name} is not accessible{because}")

    def _vm(self, moid: Moid) -> Vm:
        vm = self.vms.get(moid)
        if vm is None:
            vm = self.vms[moid] = Vm(moid)
        return vm

    def _set(self, kind: str, moid: Moid, name: str, value: soap.Value | None, touched: set[Moid]) -> None:
        match kind:
            case "HostSystem":
                host = self.hosts.setdefault(moid, Host())
                self.containers[moid] = host
                touched.update(host.vms)
                host.take(name, value)
            case "Datastore":
                datastore = self.datastores.setdefault(moid, Datastore())
                touched.update(datastore.vms)
                datastore.take(name, value)
            case "ComputeResource":
                self.clusters.setdefault(moid, Container()).take(name, value)
            case "Network":
                self.networks[moid] = as_people_write_it(text(value))
            case _:
                if kind == "Datacenter":
                    self._datacenters.add(moid)
                self.containers.setdefault(moid, Container()).take(name, value)

    def _set_vm(self, vm: Vm, name: str, value: soap.Value | None) -> None:
        if name == "runtime.host":
            self._move(vm, Moid(text(value)) if value else None)
        elif name == "datastore":
            self._place(vm, references(value))
        else:
            vm.take(name, value)

    def _move(self, vm: Vm, host: Moid | None) -> None:
        if vm.host is not None and vm.host in self.hosts:
            self.hosts[vm.host].vms.discard(vm.moid)
        vm.host = host
        if host is not None:
            self.hosts.setdefault(host, Host()).vms.add(vm.moid)

    def _place(self, vm: Vm, datastores: tuple[Moid, ...]) -> None:
        if datastores != vm.datastores:
            vm.disks = None
        for moid in vm.datastores:
            if moid in self.datastores:
                self.datastores[moid].vms.discard(vm.moid)
        vm.datastores = datastores
        for moid in datastores:
            self.datastores.setdefault(moid, Datastore()).vms.add(vm.moid)

    def _forget(self, kind: str, moid: Moid, touched: set[Moid]) -> Iterator[Vm]:
        self.unreadable.pop(moid, None)
        match kind:
            case "VirtualMachine":
                vm = self.vms.pop(moid, None)
                if vm is not None:
                    self._move(vm, None)
                    self._place(vm, ())
                    yield vm
            case "HostSystem":
                host = self.hosts.setdefault(moid, Host())
                host.leave()
                touched.update(host.vms)
            case "Datastore":
                datastore = self.datastores.setdefault(moid, Datastore())
                datastore.leave()
                touched.update(datastore.vms)
            case "ComputeResource":
                self.clusters.pop(moid, None)
            case "Network":
                self.networks.pop(moid, None)
            case _:
                self._datacenters.discard(moid)
                self.containers.pop(moid, None)


_RUNNING_RESTS_ON: Final = frozenset({"runtime.powerState", "runtime.connectionState", "runtime.host"})
_SAN_RESTS_ON: Final = frozenset({"runtime.connectionState", "runtime.host", "datastore"})
_REFUSED: Final = LegVerdict(State.UNKNOWN, "vCenter does not let the account read it")
_WORDS: Final = {"notResponding": "not responding", "disconnected": "disconnected"}
_SEVERITY: Final = {State.DOWN: 0, State.UNKNOWN: 1, State.UP: 2}


def _value(change: Mapping[str, Any]) -> soap.Value | None:
    """What a property is now; None where it was removed, or is unset."""
    value: soap.Value | None = change.get("val") if change["op"] in ("assign", "add") else None
    return value
