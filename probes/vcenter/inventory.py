"""What a vCenter has told us of its objects: a mirror kept by update sets, and the legs it implies.

The mirror outlives sessions: after a resync it is compared with the full set. Nothing here does I/O or reads a clock.
Absence is no statement: a property that vCenter leaves out is kept unknown, and an object that the account cannot read
is unknown and stops no other.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NewType

from probes.vcenter import soap
from sla.instants import Instant
from sla.records import State

Moid = NewType("Moid", str)
"""An object's id within one vCenter."""

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
    "HostSystem": ("name", "runtime.connectionState", "parent"),
    "Datastore": ("name", "summary.accessible", "host"),
    "VirtualMachine": VM_PROPERTIES,
}
"""What is watched, by type; each type has a filter of its own."""


@dataclass(slots=True)
class Container:
    """A folder, datacenter, resource pool or host by its place in the tree."""

    name: str = ""
    parent: Moid | None = None


@dataclass(slots=True)
class Host(Container):
    """An ESXi host; `connection` is vCenter's word, "" while it has given none."""

    connection: str = ""
    vms: set[Moid] = field(default_factory=set)


@dataclass(slots=True)
class Mount:
    """A datastore as one host sees it."""

    accessible: bool | None = None
    reason: str = ""


@dataclass(slots=True)
class Datastore:
    """A datastore. `accessible` is true when any host reaches it, so the mounts decide."""

    name: str = ""
    accessible: bool | None = None
    mounts: dict[Moid, Mount] = field(default_factory=dict)
    vms: set[Moid] = field(default_factory=set)


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a leg is, and why where it is not up."""

    state: State
    reason: str = ""


UP: Final = Verdict(State.UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
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
        self.unreadable: dict[Moid, frozenset[str]] = {}
        """By object the properties that vCenter refuses to tell."""

    def apply(self, kind: str, updates: Iterable[Mapping[str, Any]]) -> Changes:
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
        return Changes(touched=frozenset(touched & self.vms.keys()), left=tuple(left))

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

    def on_several_datastores(self, moids: Iterable[Moid]) -> list[Moid]:
        """Which of `moids` have their disks' places unread, though it matters."""
        return [moid for moid in moids if len(self.vms[moid].datastores) > 1 and self.vms[moid].disks is None]

    def running(self, vm: Vm) -> Verdict:
        """Whether vCenter says that it runs (design: watching vCenter)."""
        if self._refused(vm, _RUNNING_RESTS_ON):
            return _REFUSED
        host = self.hosts.get(vm.host) if vm.host is not None else None
        if host is not None and host.connection not in ("connected", ""):
            return Verdict(
                State.UNKNOWN, f"host {host.name} is {_WORDS.get(host.connection, host.connection)}"
            )
        if vm.connection != "connected":
            return Verdict(State.UNKNOWN, f"vCenter calls it {vm.connection or 'nothing'}")
        match vm.power:
            case "poweredOn":
                return UP
            case "poweredOff":
                return Verdict(State.DOWN, "powered off")
            case "suspended":
                return Verdict(State.DOWN, "suspended")
            case other:
                return Verdict(State.UNKNOWN, f"its power state is {other or 'not told'}")

    def san(self, vm: Vm, ignored: frozenset[Moid]) -> Verdict:
        """Whether the datastores that hold its disks are accessible on its own host; `ignored` ones do not count."""
        if self._refused(vm, _SAN_RESTS_ON):
            return _REFUSED
        if vm.connection == "inaccessible":
            return Verdict(State.DOWN, "its files are inaccessible")
        host = self.hosts.get(vm.host) if vm.host is not None else None
        if host is None or host.connection != "connected":
            name = host.name if host is not None else "unknown"
            return Verdict(State.UNKNOWN, f"host {name} is not connected, so its mounts are stale")
        assert vm.host is not None
        verdicts = [self._mounted(moid, vm.host) for moid in self.san_places(vm, ignored)]
        if not verdicts:
            return Verdict(State.UNKNOWN, "no datastore is known to hold its disks")
        worst = min(verdicts, key=lambda verdict: _SEVERITY[verdict.state])
        if worst.state is State.DOWN and vm.disks is None and len(vm.datastores) > 1:
            return Verdict(State.UNKNOWN, "which datastore holds its disks is not read yet")
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

    def _mounted(self, datastore: Moid, host: Moid) -> Verdict:
        known = self.datastores.get(datastore)
        if known is None:
            return Verdict(State.UNKNOWN, f"datastore {datastore} is not readable")
        mount = known.mounts.get(host)
        if mount is None:
            return Verdict(State.UNKNOWN, f"datastore {known.name} is not mounted on its host")
        accessible = known.accessible if mount.accessible is None else mount.accessible
        if accessible is None:
            return Verdict(State.UNKNOWN, f"datastore {known.name} says nothing of its access")
        if accessible:
            return UP
        because = f" ({mount.reason})" if mount.reason else ""
        return Verdict(State.DOWN, f"datastore {known.name} is not accessible{because}")

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
                if name == "runtime.connectionState":
                    host.connection = _text(value)
                else:
                    _set_place(host, name, value)
            case "Datastore":
                datastore = self.datastores.setdefault(moid, Datastore())
                touched.update(datastore.vms)
                _set_datastore(datastore, name, value)
            case _:
                _set_place(self.containers.setdefault(moid, Container()), name, value)

    def _set_vm(self, vm: Vm, name: str, value: soap.Value | None) -> None:
        match name:
            case "name":
                vm.name = _text(value)
            case "config.instanceUuid":
                # Kept when it goes absent: an inaccessible machine has no configuration to show.
                vm.uuid = _text(value) or vm.uuid
            case "config.template":
                told = soap.flag(value)
                vm.template = vm.template if told is None else told
            case "config.changeVersion":
                if len(vm.datastores) > 1 and _text(value) != vm.change_version:
                    vm.disks = None
                vm.change_version = _text(value)
            case "runtime.powerState":
                vm.power = _text(value)
            case "runtime.connectionState":
                vm.connection = _text(value)
            case "runtime.host":
                self._move(vm, Moid(_text(value)) if value else None)
            case "runtime.bootTime":
                vm.boot_at = soap.instant(value)
            case "datastore":
                self._place(vm, tuple(Moid(item) for item in soap.array(value, "ManagedObjectReference")))
            case "parent":
                vm.parent = Moid(_text(value)) if value else None
            case "resourcePool":
                vm.pool = Moid(_text(value)) if value else None
            case "customValue":
                vm.attributes = {
                    item["key"]: item.get("value", "") for item in soap.array(value, "CustomFieldValue")
                }
            case _:
                pass  # more than was asked for

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
                # Kept, for the machines that still point to it.
                host = self.hosts.setdefault(moid, Host())
                host.connection = "removed"
                touched.update(host.vms)
            case "Datastore":
                datastore = self.datastores.setdefault(moid, Datastore())
                datastore.mounts, datastore.accessible = {}, None
                touched.update(datastore.vms)
            case _:
                self.containers.pop(moid, None)


_RUNNING_RESTS_ON: Final = frozenset({"runtime.powerState", "runtime.connectionState", "runtime.host"})
_SAN_RESTS_ON: Final = frozenset({"runtime.connectionState", "runtime.host", "datastore"})
_REFUSED: Final = Verdict(State.UNKNOWN, "vCenter does not let the account read it")
_WORDS: Final = {"notResponding": "not responding", "disconnected": "disconnected"}
_SEVERITY: Final = {State.DOWN: 0, State.UNKNOWN: 1, State.UP: 2}
_PARTIAL: Final = re.compile(r'host\["(?P<key>[^"]+)"\](?P<rest>.*)')


def _text(value: soap.Value | None) -> str:
    return value if isinstance(value, str) else ""


def _value(change: Mapping[str, Any]) -> soap.Value | None:
    """What a property is now; None where it was removed, or is unset."""
    value: soap.Value | None = change.get("val") if change["op"] in ("assign", "add") else None
    return value


def _set_place(container: Container, name: str, value: soap.Value | None) -> None:
    if name == "name":
        container.name = _text(value)
    elif name == "parent":
        container.parent = Moid(_text(value)) if value else None


def _set_datastore(datastore: Datastore, name: str, value: soap.Value | None) -> None:
    if name == "name":
        datastore.name = _text(value)
    elif name == "summary.accessible":
        datastore.accessible = soap.flag(value)
    elif name == "host":
        datastore.mounts = {
            Moid(item["key"]): _mount(item.get("mountInfo", {}))
            for item in soap.array(value, "DatastoreHostMount")
        }
    elif partial := _PARTIAL.fullmatch(name):
        _set_mount(datastore.mounts, Moid(partial["key"]), partial["rest"], value)


def _mount(info: Mapping[str, Any]) -> Mount:
    return Mount(accessible=soap.flag(info.get("accessible")), reason=_text(info.get("inaccessibleReason")))


def _set_mount(mounts: dict[Moid, Mount], host: Moid, rest: str, value: soap.Value | None) -> None:
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
            mount.reason = _text(value)
        case _:
            pass  # another field of the mount
