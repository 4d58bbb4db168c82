"""Hosts and datastores in their own right: what each is called, whether it does its work, and what of that is new.

Invariant: no two hosts have one name, and no two datastores. Nothing here does I/O or reads a clock.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from probes.vcenter.events import HostConnectionEvent
from probes.vcenter.inventory import Inventory
from probes.vcenter.objects import Container, Datastore, Host
from probes.vcenter.values import Moid
from sla.records import State

FAULTS: Final = frozenset(
    {
        "sslThumbprintVerifyFailed",
        "licenseExpired",
        "insufficientLicenses",
        "agentOutOfDate",
        "passwordDecryptFailure",
        "vcVRAMCapacityExceeded",
        "unknown",
    }
)
"""Why a host was disconnected though nobody wished it; the other reasons are a person's request and an upgrade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The states that were not told before, by name, and the names that are no longer there."""

    hosts: Mapping[str, State] = field(default_factory=dict)
    datastores: Mapping[str, State] = field(default_factory=dict)
    lost_mounts: frozenset[tuple[str, str]] | None = None
    """All of them, by host and datastore, where they are others than were told before."""
    in_maintenance: frozenset[str] | None = None
    """Likewise of the hosts that are in maintenance mode."""
    gone_hosts: tuple[str, ...] = ()
    gone_datastores: tuple[str, ...] = ()


NOTHING: Final = News()


class Infrastructure:
    """The hosts and datastores of one vCenter, over its sessions."""

    def __init__(self) -> None:
        self.hosts: Mapping[Moid, str] = {}
        """The name of each host that vCenter lists."""
        self.datastores: Mapping[Moid, str] = {}
        """Likewise of each datastore."""
        self._disconnected_because: dict[Moid, str] = {}
        self._told_hosts: dict[str, State] = {}
        self._told_datastores: dict[str, State] = {}
        self._told_lost: frozenset[tuple[str, str]] = frozenset()
        self._told_maintenance: frozenset[str] = frozenset()

    def name(self, inventory: Inventory) -> bool:
        """Name them by what vCenter says now; whether one that had a name has another."""
        before = (self.hosts, self.datastores)
        self.hosts = _named(inventory, inventory.hosts)
        self.datastores = _named(inventory, inventory.datastores)
        return any(
            new.get(moid, name) != name
            for new, old in zip((self.hosts, self.datastores), before, strict=True)
            for moid, name in old.items()
        )

    def connected(self, event: HostConnectionEvent) -> None:
        """Note what an event says: updates tell that a host is disconnected, and not why."""
        self._disconnected_because[event.host] = event.reason

    def news(self, inventory: Inventory, ignored: frozenset[Moid], *, fresh: bool) -> News:
        """What is new since this was asked last, everything if `fresh`; of datastores that are `ignored` nothing."""
        hosts = {
            name: host_state(inventory.hosts[moid], self._disconnected_because.get(moid, ""))
            for moid, name in self.hosts.items()
        }
        datastores = {
            name: State.UNKNOWN
            if inventory.refuses(moid, _MOUNTS)
            else datastore_state(inventory.datastores[moid], inventory.hosts)
            for moid, name in self.datastores.items()
            if moid not in ignored
        }
        lost = frozenset(self._lost_mounts(inventory, ignored))
        told_lost, self._told_lost = self._told_lost, lost
        maintained = frozenset(self._maintained(inventory))
        told_maintenance, self._told_maintenance = self._told_maintenance, maintained
        told_hosts, self._told_hosts = self._told_hosts, hosts
        told_datastores, self._told_datastores = self._told_datastores, datastores
        return News(
            hosts=hosts if fresh else _changed(told_hosts, hosts),
            datastores=datastores if fresh else _changed(told_datastores, datastores),
            lost_mounts=lost if fresh or lost != told_lost else None,
            in_maintenance=maintained if fresh or maintained != told_maintenance else None,
            gone_hosts=tuple(sorted(told_hosts.keys() - hosts.keys())),
            gone_datastores=tuple(sorted(told_datastores.keys() - datastores.keys())),
        )

    def _maintained(self, inventory: Inventory) -> Iterator[str]:
        """The hosts that are in maintenance mode, or were when that could be read last."""
        for moid, name in self.hosts.items():
            if inventory.refuses(moid, _MAINTENANCE):
                if name in self._told_maintenance:
                    yield name
            elif inventory.hosts[moid].maintenance:
                yield name

    def _lost_mounts(self, inventory: Inventory, ignored: frozenset[Moid]) -> Iterator[tuple[str, str]]:
        """Which connected host does not reach which datastore that it mounts, by their names."""
        for moid, name in self.datastores.items():
            if moid in ignored or inventory.refuses(moid, _MOUNTS):
                continue
            datastore = inventory.datastores[moid]
            for host in datastore.mounts:
                if (
                    host in self.hosts
                    and _counts(inventory.hosts.get(host))
                    and datastore.state_on(host) is State.DOWN
                ):
                    yield self.hosts[host], name


def host_state(host: Host, disconnected_because: str) -> State:
    """Whether a host responds; unknown where it does not as somebody wished: in maintenance, on standby, off, disconnected.

    A host that responds is up, in maintenance mode too.
    """
    match host.connection:
        case "connected":
            return State.UP
        case "notResponding":
            is_meant = host.maintenance or host.power in ("standBy", "poweredOff")
            return State.UNKNOWN if is_meant else State.DOWN
        case "disconnected":
            return State.DOWN if disconnected_because in FAULTS else State.UNKNOWN
        case _:
            return State.UNKNOWN


def datastore_state(datastore: Datastore, hosts: Mapping[Moid, Host]) -> State:
    """Whether every connected host that mounts it reaches it; unknown where there is none, or nothing is said.

    Hosts in maintenance mode do not count: who works on them cuts their paths, and no virtual server runs there. The SAN
    leg of servers follows the same mounts (`san`).
    """
    states = {
        datastore.state_on(moid)
        for moid, mount in datastore.mounts.items()
        if not mount.withdrawn and _counts(hosts.get(moid))
    }
    if State.DOWN in states:
        return State.DOWN
    return State.UP if states == {State.UP} else State.UNKNOWN


_MOUNTS: Final = frozenset({"host"})
_MAINTENANCE: Final = frozenset({"runtime.inMaintenanceMode"})


def _counts(host: Host | None) -> bool:
    return host is not None and host.connection == "connected" and not host.maintenance


def _named(inventory: Inventory, objects: Mapping[Moid, Host] | Mapping[Moid, Datastore]) -> dict[Moid, str]:
    """Names by id; those that repeat begin with their datacenter's path, or else with their id."""
    listed: dict[Moid, Container] = {
        moid: each for moid, each in objects.items() if each.listed and each.name
    }
    names = {moid: each.name for moid, each in listed.items()}
    for above in (inventory.places.datacenter_of, str):
        shared = {name for name, count in Counter(names.values()).items() if count > 1}
        if not shared:
            break
        names = {
            moid: f"{above(moid)}/{name}".removeprefix("/") if name in shared else name
            for moid, name in names.items()
        }
    return names


def _changed(before: Mapping[str, State], now: Mapping[str, State]) -> dict[str, State]:
    return {name: state for name, state in now.items() if before.get(name) is not state}
