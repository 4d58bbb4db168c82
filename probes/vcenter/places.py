"""Where objects of a vCenter stand: its folders, datacenters, clusters, resource pools and vApps, and their paths.

A path is written as vSphere's clients show it, from below the root folder down: `/DC/vm/Clients/Acme` for a folder,
`/DC/host/Cluster/Resources/Gold` for a resource pool (`ResourcePool.parent`: the root pool `Resources` stands in its
cluster or lone host). A slash within a name is `%2f`; no other character is escaped. A path is known only where
everything up to the root is: a vCenter that starts, or an account that lacks a right, shows the middle without the top.
"""

from collections.abc import Iterator
from typing import Final

from probes.facts import NOT_KNOWN, Fact
from probes.vcenter import soap
from probes.vcenter.objects import Container, VApp, Vm
from probes.vcenter.values import Moid

SLASH: Final = "%2f"
"""How a slash within a name is written in a path."""
PLACES: Final = frozenset({"Folder", "Datacenter", "ComputeResource", "ResourcePool", "VirtualApp"})
"""The types of what stands in paths."""


class Places:
    """What stands where; `root` is the root folder, which no view of it shows."""

    def __init__(self, root: Moid) -> None:
        self._root = root
        self._containers: dict[Moid, Container] = {}
        """By id: all but vApps, and what else has a place without being one."""
        self._vapps: dict[Moid, VApp] = {}
        """By id: vApps, also where the same are known as resource pools."""
        self._kinds: dict[Moid, str] = {}
        """By id the type of each place; a vApp, which is a resource pool too, is a vApp."""
        self._paths: dict[Moid, Fact] = {}
        """Paths that were asked for, until anything that stands in one changes."""

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self._containers or self._vapps)

    def stand(self, moid: Moid, what: Container) -> None:
        """Have an object that is no place itself, a host or a datastore, stand in one."""
        self._containers[moid] = what

    def take(self, kind: str, moid: Moid, name: str, value: soap.Value | None) -> None:
        """A property of a place is told."""
        if self._kinds.get(moid) != "VirtualApp":
            self._kinds[moid] = kind
        if kind == "VirtualApp":
            self._vapps.setdefault(moid, VApp()).take(name, value)
        else:
            self._containers.setdefault(moid, Container()).take(name, value)
        self._paths.clear()

    def forget(self, kind: str, moid: Moid) -> None:
        """A place is not shown any more."""
        if self._kinds.get(moid) == kind:
            del self._kinds[moid]
        if kind == "VirtualApp":
            self._vapps.pop(moid, None)
        else:
            self._containers.pop(moid, None)
        self._paths.clear()

    def path_of(self, moid: Moid | None) -> Fact:
        """The path of a place; not known for none, for each object stands somewhere."""
        if moid is None:
            return NOT_KNOWN
        path = self._paths.get(moid)
        if path is None:
            path = self._paths[moid] = self._path(moid)
        return path

    def folder_of(self, vm: Vm) -> Fact:
        """The path of the folder that holds a machine, or its vApp: a vApp within another one has none of its own."""
        if vm.parent is not None:
            return self.path_of(vm.parent)
        at = vm.vapp
        for _ in range(soap.DEPTH_LIMIT):
            place = self._at(at)
            if place is None:
                break
            if isinstance(place, VApp) and place.folder is not None:
                return self.path_of(place.folder)
            at = place.parent
        return NOT_KNOWN

    def datacenter_of(self, moid: Moid) -> str:
        """The path of the datacenter that an object is in, such as `EU/DC1`; "" where it is not known."""
        at: Moid | None = moid
        for _ in range(soap.DEPTH_LIMIT):
            if at is not None and self._kinds.get(at) == "Datacenter":
                path = self.path_of(at)
                return path[1:] if isinstance(path, str) else ""
            place = self._at(at)
            if place is None:
                break
            at = place.parent
        return ""

    def names(self) -> Iterator[tuple[Moid, str, str]]:
        """Each place: id, type and name, "" for none."""
        for moid, kind in self._kinds.items():
            place = self._at(moid)
            yield moid, kind, place.name if place is not None else ""

    def _at(self, moid: Moid | None) -> Container | None:
        return None if moid is None else self._vapps.get(moid) or self._containers.get(moid)

    def _path(self, moid: Moid) -> Fact:
        names: list[str] = []
        at: Moid | None = moid
        while at != self._root:
            place = self._at(at)
            if place is None or not place.name or len(names) == soap.DEPTH_LIMIT:
                return NOT_KNOWN
            names.append(place.name.replace("/", SLASH))
            at = place.parent
        return "/" + "/".join(reversed(names))
