"""Which virtual server each managed object is: the binding of vCenter's ids to instance UUIDs, over sessions."""

from collections.abc import Iterable, Iterator

from probes.vcenter.inventory import Inventory
from probes.vcenter.objects import Moid, Vm
from sla.records import ServerId


class Bindings:
    """A machine whose files are inaccessible shows no configuration, and so no UUID: it is which it was."""

    def __init__(self) -> None:
        self.servers: dict[Moid, ServerId] = {}
        """By managed object: which server it is."""
        self._moids: dict[ServerId, Moid] = {}
        """By server: the managed object that was bound to it last."""

    def bind(self, inventory: Inventory, touched: Iterable[Moid]) -> Iterator[ServerId]:
        """Take what the inventory says of objects; gives those servers that an object ceased to be."""
        for moid in touched:
            vm = inventory.vms[moid]
            if not vm.uuid or vm.template:
                continue
            server, before = ServerId(vm.uuid), self.servers.get(moid)
            self.servers[moid] = server
            self._moids[server] = moid
            if before is not None and before != server and self._moids.get(before) == moid:
                del self._moids[before]
                yield before

    def departures(
        self, inventory: Inventory, touched: Iterable[Moid], left: Iterable[Vm], *, fresh: bool
    ) -> Iterator[ServerId]:
        """The servers that are no longer listed: removed, or templates now. `fresh`: the inventory holds all that there is."""
        vms = inventory.vms
        gone = {vm.moid for vm in left if vm.moid not in vms}
        gone |= {moid for moid in touched if vms[moid].template}
        if fresh:
            gone |= self.servers.keys() - vms.keys()
        for moid in gone:
            server = self.servers.pop(moid, None)
            # Registered anew, it goes on under another moid.
            if server is not None and self._moids.get(server) == moid:
                del self._moids[server]
                yield server
