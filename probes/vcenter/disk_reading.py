"""When it is read where the disks of virtual machines are: at once where a verdict waits for it, of the others bit by bit."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from probes.vcenter.inventory import Inventory
from probes.vcenter.objects import Moid, Vm
from probes.vcenter.properties import disk_places
from probes.vcenter.session import Session
from sla.records import State


@dataclass(frozen=True, slots=True)
class _Disks:
    """Where a server's disks were, and what it must still be for that to hold."""

    change_version: str
    datastores: tuple[Moid, ...]
    places: tuple[Moid, ...]


class DiskReading:
    """What is known of disks, over sessions, and what is still to be read in this one."""

    def __init__(self, page: int, most: int) -> None:
        """`page`: of how many machines one call reads; `most`: one look, beyond those whose verdict waits for it."""
        self._page = page
        self._most = most
        self.unread: set[Moid] = set()
        """Machines on several datastores of which it is not known which hold their disks."""
        self._disks: dict[Moid, _Disks] = {}
        """By machine: where its disks were when they were read."""

    def begin(self, known: Container[Moid]) -> None:
        """Another session begins; `known` are the machines that were there in the one before."""
        self.unread = set()
        self._disks = {moid: disks for moid, disks in self._disks.items() if moid in known}

    def read(
        self, session: Session, inventory: Inventory, touched: Iterable[Moid], *, ignores_some: bool
    ) -> Iterator[Moid]:
        """Read for a look; gives the machines of which it was learned. Raises VcenterError.

        `ignores_some`: some datastores do not count, so that every verdict needs to know.
        """
        self.unread |= set(inventory.on_several_datastores(touched))
        self.unread &= inventory.vms.keys()
        wanted: list[Moid] = []
        others: list[Moid] = []
        for moid in self.unread:
            vm = inventory.vms[moid]
            known = self._disks.get(moid)
            if known is not None and (known.change_version, known.datastores) == (
                vm.change_version,
                vm.datastores,
            ):
                vm.disks = known.places
            else:
                waits = ignores_some or _is_in_doubt(inventory, vm)
                (wanted if waits else others).append(moid)
        wanted += others[: self._most]
        for moid, places in disk_places(session, wanted, self._page):
            if moid in inventory.vms:
                vm = inventory.vms[moid]
                vm.disks = places
                self._disks[moid] = _Disks(vm.change_version, vm.datastores, places)
                yield moid
        self.unread = set(others[self._most :])


def _is_in_doubt(inventory: Inventory, vm: Vm) -> bool:
    """While every datastore that it uses is accessible, so are those that hold its disks."""
    return inventory.san(vm, frozenset()).state is not State.UP
