"""Every virtual server of a vCenter as the watch would list it, asked once: for `slad doctor`."""

from collections.abc import Mapping, Sequence

from probes.report import ListedServer
from probes.vcenter import soap
from probes.vcenter.bindings import Bindings
from probes.vcenter.faults import ReplyError
from probes.vcenter.infrastructure import Infrastructure
from probes.vcenter.inventory import Inventory
from probes.vcenter.listing import listed
from probes.vcenter.objects import Moid
from probes.vcenter.properties import moid_of
from probes.vcenter.session import Session
from probes.vcenter.subscription import subscribe

PAGE_OBJECTS = 500


def survey(
    session: Session, watched: Mapping[str, Sequence[str]], *, attribute_names: bool
) -> tuple[ListedServer, ...]:
    """The servers, by the properties `watched` by type. Raises VcenterError."""
    inventory, infrastructure, bindings = (
        Inventory(moid_of(session.content.rootFolder)),
        Infrastructure(),
        Bindings(),
    )
    collector, kinds = subscribe(session, watched, attribute_names=attribute_names)
    _fill(session, collector, kinds, inventory)
    infrastructure.name(inventory)
    list(bindings.bind(inventory, inventory.vms.keys()))
    asked = frozenset(watched["VirtualMachine"])
    return tuple(
        listed(server, inventory.vms[moid], inventory, infrastructure, asked=asked, ignored=frozenset())
        for moid, server in bindings.servers.items()
    )


def _fill(session: Session, collector: Moid, kinds: Mapping[str, str], inventory: Inventory) -> None:
    version = ""
    while True:
        update = session.wait_for_updates(collector, version, 0, PAGE_OBJECTS)
        if update is None:
            return
        try:
            for filter_set in soap.as_list(update.get("filterSet")):
                inventory.apply(kinds[filter_set["filter"]], soap.as_list(filter_set.get("objectSet")))
            version = update["version"]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ReplyError(f"the update set has an unknown form: {error!r}") from error
        if not soap.flag(update.get("truncated")):
            return
