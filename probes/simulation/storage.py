"""Where the files of virtual machines lie, and which datastores an account may read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from probes.simulation.entities import Datastore, Disk, Vm
from probes.simulation.events import EventLog
from probes.simulation.inventory import Inventory
from probes.simulation.properties import values_now

FIRST_DISK = 2000


class Storage:
    """The files of one simulated vCenter's machines. Machines and datastores are named by id or by name."""

    def __init__(self, inventory: Inventory, events: EventLog) -> None:
        self.inventory = inventory
        self.events = events

    def continue_disks(self, vm: str, *, parents: Iterable[str], listed: bool = True, user: str = "") -> None:
        """Let every disk but a mapping continue disks on these datastores, the nearest first, as a linked clone's do.

        `listed`: whether the machine's `datastore` names them.
        """
        machine, chain = self.inventory.find(Vm, vm), tuple(self._datastore(each) for each in parents)
        disks = tuple(disk if disk.lun else replace(disk, parents=chain) for disk in machine.disks)
        self._reconfigure(machine, user, disks=disks, lists_parents=listed)

    def snapshot(self, vm: str, *, memory: str = "", user: str = "") -> None:
        """Take a snapshot: each disk continues the one that it was; its memory is kept on a datastore if one is named."""
        machine = self.inventory.find(Vm, vm)
        disks = tuple(
            disk if disk.lun else replace(disk, parents=(disk.datastore, *disk.parents))
            for disk in machine.disks
        )
        kept = (self._datastore(memory),) if memory else ()
        self._reconfigure(machine, user, disks=disks, memory=(*machine.memory, *kept))

    def place_swap(self, vm: str, *, datastore: str) -> None:
        """Let its swap file lie on this datastore, "" for beside its configuration, as its host decides it."""
        machine = self.inventory.find(Vm, vm)
        with self.inventory.changing(machine):
            machine.swap = self._datastore(datastore) if datastore else None

    def place_configuration(self, vm: str, *, datastore: str, user: str = "") -> None:
        """Let its configuration lie on this datastore."""
        self._reconfigure(self.inventory.find(Vm, vm), user, home=self._datastore(datastore))

    def map_lun(self, vm: str, *, lun: str, datastore: str, user: str = "") -> None:
        """Add a raw device mapping, the file of which lies on this datastore."""
        machine = self.inventory.find(Vm, vm)
        key = max((disk.key + 1 for disk in machine.disks), default=FIRST_DISK)
        mapping = Disk(key=key, datastore=self._datastore(datastore), lun=lun)
        self._reconfigure(machine, user, disks=(*machine.disks, mapping))

    def remove_disks(self, vm: str, *, user: str = "") -> None:
        """Take every disk out: it starts from the network, its configuration stays where it is."""
        machine = self.inventory.find(Vm, vm)
        self._reconfigure(machine, user, disks=(), home=machine.directory)

    def insert_iso(self, vm: str, *, datastore: str, user: str = "") -> None:
        """Insert an ISO image that lies on this datastore."""
        self._reconfigure(self.inventory.find(Vm, vm), user, iso=self._datastore(datastore))

    def unreadable(self, datastore: str, *, paths: Iterable[str] = ("*",)) -> None:
        """Take the right to read these properties from every account; "*" is all, none gives it back."""
        store = self._datastore(datastore)
        before, store.unreadable = store.unreadable, frozenset(paths)
        affected = before | store.unreadable
        self.inventory.changed(store, *(values_now(store) if "*" in affected else sorted(affected)))

    def hide(self, datastore: str) -> None:
        """Take the right to see it from every account: it is in no view, though machines point to it."""
        self.inventory.remove(self._datastore(datastore))

    def _datastore(self, name: str) -> Datastore:
        return self.inventory.find(Datastore, name)

    def _reconfigure(self, machine: Vm, user: str, **changes: object) -> None:
        with self.inventory.changing(machine):
            for name, value in changes.items():
                setattr(machine, name, value)
            machine.change_version += 1
        self.events.post("VmReconfiguredEvent", machine, user=user, extra="<configSpec></configSpec>")
