"""Which virtual server each managed object is: the binding of vCenter's ids to instance UUIDs, over sessions.

A managed object is who it is for as long as it lives. A machine whose files are inaccessible shows no configuration, and
so no UUID: it is which it was. Two objects of one vCenter may show one instance UUID: a copied .vmx file, a twin that HA
left behind, a restored backup. They are two servers: `UUID` and `UUID@MOID`. `UUID` is the one that was it before, also
where it is shown after the other; else the one whose connection is neither orphaned nor invalid; else the older one. What
becomes of one is nothing to the other.
A fault-tolerant pair is one server, which is its primary: where a secondary becomes the primary, the server goes on with
it, in whatever order vCenter tells the two.

Invariant: of the objects that are shown, no two are the same server.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from probes.report import ManagedObject
from probes.vcenter.inventory import Inventory
from probes.vcenter.objects import PRIMARY, Vm
from probes.vcenter.values import Moid
from sla.records import ServerId

_NUMBER: Final = re.compile(r"\d+$")
_TELL_A_SERVER: Final = frozenset({"config.instanceUuid", "config.template", "config.ftInfo.role"})
"""What says whether an object is a server, and which."""
_LOST: Final = frozenset({"orphaned", "invalid"})
_NOBODY: Final = ServerId("")
_NOTHING: Final[Mapping[ManagedObject, ServerId]] = MappingProxyType({})


class Bindings:
    """Who each object is, of one vCenter; of another one, though it answers at the same address, nothing is known."""

    def __init__(self, known: Mapping[ManagedObject, ServerId] = _NOTHING) -> None:
        """`known`: which server objects were that an earlier watch was shown, of this vCenter or another."""
        self._known = known
        self.servers: dict[Moid, ServerId] = {}
        """By managed object: which server it is."""
        self._moids: dict[ServerId, Moid] = {}
        """By server: the managed object that was bound to it last."""
        self._were: dict[Moid, ServerId] = {}
        """Who objects were that are not shown now: vCenter may be starting, or hide them."""
        self.returned: set[Moid] = set()
        """The objects that were shown no longer for a while: they were never gone, for their ids are given once."""
        self._secondaries: set[Moid] = set()
        """The objects that were secondaries when they were told last."""
        self._relieved: set[Moid] = set()
        """The objects that were primaries when their secondaries took over, and were told to be nothing else since."""
        self._vacant: set[ServerId] = set()
        """The servers whose primary became a secondary, and for which no other one is told yet."""
        self._displaced: set[Moid] = set()
        """The objects that were a server until the one was shown that it is; who they are is asked anew."""
        self._vcenter = ""
        """The instance UUID of the vCenter; "" before it is known."""
        self._recall("")

    def begin(self, vcenter: str) -> list[ServerId]:
        """Go on with a vCenter by its instance UUID: the ids of a restored one begin anew, and say nothing of before.

        Gives the servers of which nothing is known then.
        """
        unbound: list[ServerId] = []
        if self._vcenter and vcenter and vcenter != self._vcenter:
            unbound = list(self.servers.values())
            self.servers.clear()
            self._moids.clear()
            self._were.clear()
            self.returned.clear()
            self._forget_roles()
        if vcenter and vcenter != self._vcenter:
            self._vcenter = vcenter
            self._recall(vcenter)
        return unbound

    def managed_object(self, moid: Moid) -> ManagedObject | None:
        """An object by what it is known again; None of a vCenter that does not say which it is."""
        return ManagedObject(self._vcenter, moid) if self._vcenter else None

    def bind(self, inventory: Inventory, touched: Collection[Moid]) -> Iterator[ServerId]:
        """Take what the inventory says of objects; gives those servers that an object ceased to be."""
        vms = inventory.vms
        self._relieved = {moid for moid in self._relieved if moid in vms and vms[moid].ft_role == PRIMARY}
        bound = [moid for moid in touched if moid in self.servers]
        released = {server: moid for moid in bound for server in self._released(moid, vms[moid])}
        new = [
            moid
            for moid in touched
            if moid not in self.servers
            and moid not in self._relieved
            and (vms[moid].uuid or moid in self._were)
            and vms[moid].is_server
            and not inventory.refuses(moid, _TELL_A_SERVER)
        ]
        for moid in sorted(new, key=lambda moid: (moid not in self._were, *_precedence(vms[moid]))):
            server = self._server(moid, vms)
            self._is(moid, server)
            if self._were.pop(moid, None) == server or server in self._vacant:
                self.returned.add(moid)
            self._vacant.discard(server)
        self._note_roles(touched, vms)
        for server, moid in released.items():
            if server not in self._moids:
                if vms[moid].is_secondary:
                    self._vacant.add(server)
                yield server

    def departures(self, inventory: Inventory, left: Iterable[Vm], *, fresh: bool) -> Iterator[ServerId]:
        """The servers that are no longer listed. `fresh`: the inventory holds all that there is."""
        vms = inventory.vms
        gone = {vm.moid for vm in left if vm.moid not in vms}
        if fresh:
            gone |= self.servers.keys() - vms.keys()
        for moid in gone:
            server = self.servers.pop(moid, None)
            self.returned.discard(moid)
            if server is not None:
                self._were[moid] = server
            # Registered anew, it goes on under another moid.
            if server is not None and self._moids.get(server) == moid:
                del self._moids[server]
                yield server

    def hides(self, inventory: Inventory) -> bool:
        """Whether an object is shown that may be a server, and does not say which: one that is missing may be it."""
        return any(
            not vm.uuid and vm.is_server and moid not in self.servers for moid, vm in inventory.vms.items()
        )

    def take_displaced(self) -> set[Moid]:
        """The objects that are another server since this was asked, though nothing was told of them."""
        displaced, self._displaced = self._displaced, set()
        return displaced

    def _recall(self, vcenter: str) -> None:
        for (of, moid), server in self._known.items():
            if of == vcenter and moid not in self.servers:
                self._were[Moid(moid)] = server

    def _is(self, moid: Moid, server: ServerId) -> None:
        self.servers[moid] = server
        self._moids[server] = moid

    def _released(self, moid: Moid, vm: Vm) -> Iterator[ServerId]:
        """The server that an object is no longer: it is none now, or its UUID is another one."""
        server = self.servers.get(moid)
        if server is None or (vm.is_server and (not vm.uuid or server in (vm.uuid, _twin(vm.uuid, moid)))):
            return
        del self.servers[moid]
        self.returned.discard(moid)
        if self._moids.get(server) == moid:
            del self._moids[server]
            yield server

    def _server(self, moid: Moid, vms: Mapping[Moid, Vm]) -> ServerId:
        """Which server an object is that is not bound yet: by its UUID, or where it shows none, the one that it was."""
        was = self._were.get(moid, _NOBODY)
        uuid = vms[moid].uuid or was.partition("@")[0]
        plain = ServerId(uuid)
        holder = self._moids.get(plain)
        if was is _NOBODY and holder is None:
            return plain  # as nearly always
        twin = _twin(uuid, moid)
        if was == twin:
            return twin
        if holder is None or holder not in vms or self.servers.get(holder) != plain:
            return plain
        if was == plain:
            self._is(holder, _twin(uuid, holder))
            self._displaced.add(holder)
            return plain
        if moid in self._secondaries and vms[moid].ft_role == vms[holder].ft_role == PRIMARY:
            del self.servers[holder]
            self._relieved.add(holder)
            return plain
        return twin

    def _note_roles(self, touched: Collection[Moid], vms: Mapping[Moid, Vm]) -> None:
        for moid in touched:
            if vms[moid].is_secondary:
                self._secondaries.add(moid)
            else:
                self._secondaries.discard(moid)

    def _forget_roles(self) -> None:
        self._secondaries.clear()
        self._relieved.clear()
        self._vacant.clear()


def _twin(uuid: str, moid: Moid) -> ServerId:
    return ServerId(f"{uuid}@{moid}")


def _precedence(vm: Vm) -> tuple[bool, int, str]:
    """Who comes first of several objects with one UUID: vCenter counts its ids up."""
    number = _NUMBER.search(vm.moid)
    return vm.connection in _LOST, int(number[0]) if number is not None else 0, vm.moid
