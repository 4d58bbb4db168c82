"""What an account sees of a vCenter, as the watch would see it, asked once: for `slad doctor`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probes.report import ListedServer
from probes.vcenter.bindings import Bindings
from probes.vcenter.chain import Chain
from probes.vcenter.infrastructure import Infrastructure
from probes.vcenter.inventory import Inventory
from probes.vcenter.listing import listed
from probes.vcenter.properties import moid_of
from probes.vcenter.session import Session
from probes.vcenter.unread import Unread
from probes.vcenter.values import Moid
from sla.records import ServerId


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadObject:
    """An object of which the account may not read something, or something is odd; `name` is its id where it has none."""

    kind: str
    name: str
    unread: Unread


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The servers that a vCenter shows, and those of them that are on; how many objects of each type, and which are unread.

    `nameless`: how many objects do not say which they are.
    """

    servers: Sequence[ListedServer]
    running: frozenset[ServerId]
    counts: Mapping[str, int]
    unread: Sequence[UnreadObject]
    nameless: int


def survey(session: Session, watched: Mapping[str, Sequence[str]], *, attribute_names: bool) -> Survey:
    """Ask for the properties `watched` by type. Raises VcenterError."""
    inventory, infrastructure, bindings = (
        Inventory(moid_of(session.content.rootFolder)),
        Infrastructure(),
        Bindings(),
    )
    chain = Chain(session, inventory, watched, attribute_names=attribute_names, left_out=True)
    for _ in chain.drain(0):
        pass
    infrastructure.name(inventory)
    list(bindings.bind(inventory, inventory.vms.keys()))
    asked = frozenset(watched["VirtualMachine"])
    names = {kind: dict[Moid, str]() for kind in watched}
    for moid, kind, name in _objects(inventory):
        names[kind][moid] = name
    for moid, unread in inventory.unread:
        names.setdefault(unread.kind, {}).setdefault(moid, "")
    return Survey(
        counts={kind: len(names[kind]) for kind in watched},
        unread=tuple(
            UnreadObject(kind=unread.kind, name=names[unread.kind][moid] or moid, unread=unread)
            for moid, unread in inventory.unread
            if unread.kind in watched
        ),
        nameless=chain.nameless,
        servers=tuple(
            listed(server, inventory.vms[moid], inventory, infrastructure, asked=asked, ignored=frozenset())
            for moid, server in bindings.servers.items()
        ),
        running=frozenset(
            server for moid, server in bindings.servers.items() if inventory.vms[moid].power == "poweredOn"
        ),
    )


def _objects(inventory: Inventory) -> Iterator[tuple[Moid, str, str]]:
    """Each object that is listed: id, type and name."""
    yield from ((moid, "VirtualMachine", vm.name) for moid, vm in inventory.vms.items())
    yield from ((moid, "HostSystem", host.name) for moid, host in inventory.hosts.items() if host.listed)
    yield from ((moid, "Datastore", each.name) for moid, each in inventory.datastores.items() if each.listed)
    yield from ((moid, "Network", name) for moid, name in inventory.networks.items())
    yield from inventory.places.names()
