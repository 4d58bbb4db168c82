"""When it is read which files virtual machines need: at once where a verdict waits for it, of the others bit by bit. Where
that takes several looks, a session's first one, which tells of everything, does not wait for any of it.

Invariant: a machine is `due` exactly while it is in `unread`; what was read before counts until then, as far as it does no
harm (see `san`). A template is not read.
"""

import math
import time
from collections.abc import Container, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import Final

from probes.vcenter import san
from probes.vcenter.clocks import HostInstant
from probes.vcenter.faults import VcenterError, is_of_one_call
from probes.vcenter.inventory import Inventory
from probes.vcenter.needed_files import DEVICES, PATHS
from probes.vcenter.objects import Place, Vm
from probes.vcenter.properties import PAGE, read_once
from probes.vcenter.session import Session
from probes.vcenter.values import Moid
from probes.vcenter.volumes import Volumes

SERVERS_A_LOOK: Final = 250
"""Of how many servers a look reads the files, beyond those whose verdict waits for it."""
AT_ONCE: Final = 2_000
"""Of how many whose verdict waits; the others are unknown, and the next look does not wait."""


REST_S: Final = 60.0
"""How long nothing is read after reading failed for one server after the other."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """Where a server's files were, and what it must still be for that to hold."""

    change_version: str
    datastores: tuple[Moid, ...]
    host: Moid | None
    boot_at: HostInstant | None
    places: tuple[Place, ...]

    def holds(self, vm: Vm) -> bool:
        """A swap file comes with the power, and may move with the host; one that went with it does no harm."""
        same = (self.change_version, self.datastores, self.host) == (
            vm.change_version,
            vm.datastores,
            vm.host,
        )
        return same and vm.boot_at in (None, self.boot_at)


class FileReading:
    """What is known of servers' files, over sessions, and what is still to be read in this one."""

    def __init__(self, at_once: int = AT_ONCE, a_look: int = SERVERS_A_LOOK, page: int = PAGE) -> None:
        self.unread: set[Moid] = set()
        """Machines whose files were not read, or have changed since."""
        self.waiting: set[Moid] = set()
        """Those of them whose verdict waits for it."""
        self._at_once, self._a_look, self._page = at_once, a_look, page
        self._rests_until_s = -math.inf
        """Until when nothing is read, because nothing could be."""
        self._readings: dict[Moid, _Reading] = {}
        """By machine: where its files were when they were read."""
        self._same: dict[tuple[Place, ...], tuple[Place, ...]] = {}
        """Places that many machines have in common are held once."""

    def begin(self, known: Container[Moid]) -> None:
        """Another session begins; `known` are the machines that were there in the one before."""
        self.unread, self.waiting = set(), set()
        self._readings = {moid: reading for moid, reading in self._readings.items() if moid in known}
        self._same = {reading.places: reading.places for reading in self._readings.values()}

    def read(
        self,
        session: Session,
        inventory: Inventory,
        touched: Set[Moid],
        ignored: frozenset[Moid],
        *,
        is_first: bool,
    ) -> Iterator[Moid]:
        """Read for a look, the session's first one or another; gives the machines to judge again. Raises VcenterError."""
        self._note(inventory, touched)
        doubtful = self._in_doubt(inventory, touched, ignored)
        if time.monotonic() < self._rests_until_s:
            self.waiting = set()
            yield from doubtful
            return
        now = list(islice(doubtful, self._at_once))
        self.waiting = set(islice(doubtful, self._at_once, None))
        if not is_first or len(self.unread) <= self._a_look:
            now += islice((moid for moid in self.unread if moid not in doubtful), self._a_look)
        yield from self.waiting
        try:
            yield from self._take(session, inventory, now)
        except VcenterError as error:
            if not is_of_one_call(error):
                raise
            # States are watched on; what waits for its files stays unknown.
            self._rests_until_s = time.monotonic() + REST_S
            yield from now

    def _note(self, inventory: Inventory, touched: Iterable[Moid]) -> None:
        """Which machines are to be read, by what they are now."""
        self.unread &= inventory.vms.keys()
        for moid in touched:
            vm = inventory.vms[moid]
            reading = self._readings.get(moid)
            if reading is not None and reading.holds(vm):
                if vm.due:
                    inventory.place(vm, reading.places)
                self.unread.discard(moid)
            elif vm.is_server and (reading is not None or vm.due):
                vm.due = True
                self.unread.add(moid)

    def _in_doubt(
        self, inventory: Inventory, touched: Set[Moid], ignored: frozenset[Moid]
    ) -> dict[Moid, None]:
        """Machines of this look, or unread on a host that lost a datastore, whose verdict waits for a reading."""
        vms = inventory.vms
        suspects = [*touched, *((self.waiting - touched) & vms.keys())]
        if inventory.lost:
            suspects += (moid for moid in self.unread if vms[moid].host in inventory.lost)
        return {
            moid: None
            for moid in suspects
            if vms[moid].is_server and san.is_in_doubt(inventory, vms[moid], ignored)
        }

    def _take(self, session: Session, inventory: Inventory, moids: Sequence[Moid]) -> Iterator[Moid]:
        volumes = Volumes(inventory) if moids else None
        for moid, told in read_once(session, "VirtualMachine", PATHS, moids, self._page):
            vm = inventory.vms.get(moid)
            if vm is None or volumes is None:
                continue
            places = volumes.places(vm, told) if DEVICES in told else ()
            places = self._same.setdefault(places, places)
            inventory.place(vm, places)
            self.unread.discard(moid)
            if places:
                self._readings[moid] = _Reading(vm.change_version, vm.datastores, vm.host, vm.boot_at, places)
            yield moid
