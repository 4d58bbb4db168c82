"""Every virtual server of a vCenter as the watch would list it, asked once: for `slad doctor`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probes.report import ListedServer
from probes.vcenter.bindings import Bindings
from probes.vcenter.chain import Chain
from probes.vcenter.infrastructure import Infrastructure
from probes.vcenter.inventory import Inventory
from probes.vcenter.listing import listed
from probes.vcenter.properties import moid_of
from probes.vcenter.session import Session
from sla.records import ServerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The servers that a vCenter shows, and those of them that are on."""

    servers: Sequence[ListedServer]
    running: frozenset[ServerId]


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
    return Survey(
        servers=tuple(
            listed(server, inventory.vms[moid], inventory, infrastructure, asked=asked, ignored=frozenset())
            for moid, server in bindings.servers.items()
        ),
        running=frozenset(
            server for moid, server in bindings.servers.items() if inventory.vms[moid].power == "poweredOn"
        ),
    )
