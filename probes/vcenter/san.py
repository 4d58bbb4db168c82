"""The SAN leg of a virtual server: whether its own host reaches every datastore that holds a file which it needs.

Invariant: it is up only where each of them is known and reached; what cannot be read, and what is not yet read while its
host has lost any datastore, is unknown. A datastore's own state (`infrastructure.datastore_state`) follows the same mounts.
"""

from typing import Final

from probes.vcenter.inventory import UP, Inventory, LegVerdict, not_connected
from probes.vcenter.objects import Place, Vm
from probes.vcenter.values import Moid, as_people_write_it
from sla.reasons import DetailedReason, PlainReason
from sla.records import State


def rests_on(vm: Vm, ignored: frozenset[Moid]) -> list[Place]:
    """Where its files lie, without `ignored` datastores; until they were read every datastore that it uses."""
    places = vm.places or [Place(moid) for moid in vm.datastores]
    return [place for place in places if place.datastore not in ignored]


def is_judged(vm: Vm, ignored: frozenset[Moid]) -> bool:
    """Whether it has the leg: not where all that it uses is ignored."""
    return not ignored or bool(rests_on(vm, ignored)) or not vm.holding


def verdict(inventory: Inventory, vm: Vm, ignored: frozenset[Moid]) -> LegVerdict:
    """Whether its host reaches its files; `ignored` datastores do not count (design: watching vCenter)."""
    if inventory.refuses(vm.moid, _RESTS_ON):
        return inventory.why_refused(vm.moid)
    if vm.connection == "inaccessible":
        return LegVerdict(State.DOWN, PlainReason.FILES_INACCESSIBLE)
    host = inventory.hosts.get(vm.host) if vm.host is not None else None
    if host is None or vm.host is None or host.connection != "connected":
        name = host.name if host is not None else "unknown"
        text = f"host {name} is not connected, so its mounts are stale"
        return LegVerdict(State.UNKNOWN, DetailedReason(PlainReason.HOST_NOT_CONNECTED, text))
    if inventory.refuses(vm.host, _CONNECTION):
        text = f"whether host {host.name} is connected may not be read"
        return LegVerdict(State.UNKNOWN, DetailedReason(PlainReason.NOT_READABLE, text))
    if vm.connection != "connected":
        return LegVerdict(State.UNKNOWN, not_connected(vm))
    return _by_places(inventory, vm, vm.host, ignored)


def is_in_doubt(inventory: Inventory, vm: Vm, ignored: frozenset[Moid]) -> bool:
    """Whether its verdict may be another once its files are read, anew if they were."""
    if ignored and (not rests_on(vm, ignored) or (vm.due and _may_be_ignored(vm, ignored))):
        return vm.due
    if vm.host is None or vm.connection != "connected" or verdict(inventory, vm, ignored).state is State.UP:
        return False
    host = inventory.hosts.get(vm.host)
    return host is not None and host.connection == "connected" and not _lost_all(inventory, vm, vm.host)


def _may_be_ignored(vm: Vm, ignored: frozenset[Moid]) -> bool:
    return len(vm.datastores) > 1 or not ignored.isdisjoint(vm.datastores)


def _by_places(inventory: Inventory, vm: Vm, host: Moid, ignored: frozenset[Moid]) -> LegVerdict:
    is_read = host not in inventory.lost if vm.due else bool(vm.places)
    if is_read and is_judged(vm, ignored) and _reaches_all(inventory, vm, host):
        return UP  # as nearly always
    verdicts = [_reached(inventory, vm, place, host) for place in rests_on(vm, ignored)]
    if not verdicts:
        return LegVerdict(State.UNKNOWN, PlainReason.FILES_NOWHERE)
    worst = min(verdicts, key=lambda each: _SEVERITY[each.state])
    if vm.due and not _lost_all(inventory, vm, host):
        lost = inventory.lost.get(host)
        if worst.state is State.DOWN or (lost and not lost <= ignored):
            return LegVerdict(State.UNKNOWN, PlainReason.FILES_NOT_READ)
    elif not vm.due and not vm.places and worst.state is State.UP:
        return LegVerdict(State.UNKNOWN, PlainReason.FILES_NOT_TOLD)
    return worst


def _reaches_all(inventory: Inventory, vm: Vm, host: Moid) -> bool:
    """Whether it reaches all that it is known to need, ignored or not."""
    moids = vm.holding
    return bool(moids) and all(_reaches(inventory, moid, host) for moid in moids)


def _reaches(inventory: Inventory, moid: Moid, host: Moid) -> bool:
    datastore = inventory.datastores.get(moid)
    if datastore is None or not datastore.listed or inventory.refuses(moid, _MOUNTS):
        return False
    return host in datastore.reaching


def _lost_all(inventory: Inventory, vm: Vm, host: Moid) -> bool:
    """Whether nothing is left to it: then it does not matter which datastore holds what."""
    known = [inventory.datastores.get(moid) for moid in vm.datastores]
    return bool(known) and all(each and each.state_on(host) is State.DOWN for each in known)


def _reached(inventory: Inventory, vm: Vm, place: Place, host: Moid) -> LegVerdict:
    datastore = inventory.datastores.get(place.datastore)
    name = as_people_write_it(datastore.name) if datastore is not None else ""
    what = f"datastore {name or place.datastore}" + (f" with its {place.role}" if place.role else "")
    if datastore is None or not datastore.listed or inventory.refuses(place.datastore, _MOUNTS):
        return _said(State.UNKNOWN, PlainReason.DATASTORE_NOT_READABLE, f"{what} is not readable")
    mount = datastore.mounts.get(host)
    state = datastore.state_on(host)
    if mount is None or (state is not State.UP and mount.withdrawn):
        return _said(State.UNKNOWN, PlainReason.DATASTORE_NOT_MOUNTED, f"{what} is not mounted on its host")
    if state is State.UP:
        return UP
    if datastore.reached_by(host) is None:
        return _said(state, PlainReason.DATASTORE_SILENT, f"{what} says nothing of its access")
    because = f" ({mount.reason})" if mount.reason else ""
    if state is State.UNKNOWN:
        because += ", in maintenance mode"
    elif not place.configured and place.datastore not in vm.datastores:
        state, because = State.UNKNOWN, f"{because}, by a layout that may be old"
    return _said(state, PlainReason.DATASTORE_NOT_ACCESSIBLE, f"{what} is not accessible{because}")


def _said(state: State, plain: PlainReason, text: str) -> LegVerdict:
    return LegVerdict(state, DetailedReason(plain, text))


_RESTS_ON: Final = frozenset({"runtime.connectionState", "runtime.host", "datastore"})
_CONNECTION: Final = frozenset({"runtime.connectionState"})
_MOUNTS: Final = frozenset({"host"})
_SEVERITY: Final = {State.DOWN: 0, State.UNKNOWN: 1, State.UP: 2}
