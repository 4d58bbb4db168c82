"""A virtual machine of the mirror as a listed server: each fact as far as vCenter tells it."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from probes.facts import NOT_KNOWN, Fact, NotKnown
from probes.report import NO_ATTRIBUTES, ListedServer, ManagedObject
from probes.vcenter import san
from probes.vcenter.addresses import own_addresses
from probes.vcenter.infrastructure import Infrastructure
from probes.vcenter.inventory import Inventory
from probes.vcenter.objects import Vm
from probes.vcenter.values import Moid
from sla.records import ServerId
from sla.sharing import sharing

_same_names: Final[Callable[[tuple[str, ...]], tuple[str, ...]]] = sharing()


def listed(
    server: ServerId,
    vm: Vm,
    inventory: Inventory,
    infrastructure: Infrastructure,
    *,
    asked: frozenset[str],
    ignored: frozenset[Moid],
    returned: bool = False,
    managed_object: ManagedObject | None = None,
) -> ListedServer:
    """What is known of a machine: by the properties that are `asked` for, without the datastores that are `ignored`.

    An array that is not there is empty, for vCenter leaves such out; a place that is not there is not known, for each
    machine has one (`VirtualMachine.resourcePool` is unset where the session has no access to it).
    """
    told = asked - inventory.unread.of(vm.moid) if vm.moid in inventory.unread.moids else asked
    attributes = {
        inventory.attribute_names[key]: value
        for key, value in vm.attributes.items()
        if key in inventory.attribute_names
    } or NO_ATTRIBUTES
    networks = names_of(vm.networks, inventory.networks)
    return ListedServer(
        server=server,
        returned=returned,
        managed_object=managed_object,
        name=_name(vm) if "name" in told else NOT_KNOWN,
        folder=inventory.places.folder_of(vm) if told >= _FOLDER else NOT_KNOWN,
        resource_pool=inventory.places.path_of(vm.pool) if "resourcePool" in told else NOT_KNOWN,
        attributes=attributes,
        all_attributes="customValue" in told and not has_unnamed_attributes(vm, inventory),
        san=san.is_judged(vm, ignored),
        networks=networks,
        all_networks="network" in told and len(networks) == len(vm.networks),
        placeholder=_placeholder(vm, told),
        addresses=own_addresses(vm.address, vm.adapters) if told >= _ADDRESSES else NOT_KNOWN,
        host=_host(vm, infrastructure) if "runtime.host" in told else NOT_KNOWN,
        datastores=names_of(vm.holding, infrastructure.datastores),
    )


def has_unnamed_attributes(vm: Vm, inventory: Inventory) -> bool:
    """Whether it has a custom attribute of which only the key is known: its name came later, or cannot be read."""
    return not inventory.attribute_names.keys() >= vm.attributes.keys()


def names_of(moids: tuple[Moid, ...], names: Mapping[Moid, str]) -> tuple[str, ...]:
    """The names of some objects, sorted; those that may not be read have none."""
    if not moids:
        return ()
    if len(moids) == 1:
        name = names.get(moids[0])
        return () if name is None else _same_names((name,))
    return _same_names(tuple(sorted(names[moid] for moid in moids if moid in names)))


def _host(vm: Vm, infrastructure: Infrastructure) -> str | NotKnown:
    return NOT_KNOWN if vm.host is None else infrastructure.hosts.get(vm.host, NOT_KNOWN)


def _placeholder(vm: Vm, told: frozenset[str]) -> Fact:
    """Who manages it if it never ran; not known while vCenter shows no configuration."""
    if vm.has_run:
        return None
    if "config.managedBy" not in told or not vm.power or vm.connection != "connected":
        return NOT_KNOWN
    return vm.manager or None


_FOLDER: Final = frozenset({"parent", "parentVApp"})
_ADDRESSES: Final = frozenset({"guest.ipAddress", "guest.net"})
_FILE: Final = re.compile(r"(?:\[[^\]]*\] ?|(?:ds://)?/vmfs/volumes/).*\.vmt?x", re.DOTALL | re.IGNORECASE)
_NO_NAME: Final = re.compile(r"Unknown(?: VM)?(?: \(\w+\))?")


def _name(vm: Vm) -> str | NotKnown:
    """Its name; not known where vCenter, for want of its configuration, shows another thing in its place.

    `VirtualMachine.name` of a machine whose configuration cannot be read is the path of its .vmx file, and may stay so
    after it can be again.
    """
    if not vm.name or _FILE.fullmatch(vm.name):
        return NOT_KNOWN
    if vm.connection != "connected" and _NO_NAME.fullmatch(vm.name):
        return NOT_KNOWN
    return vm.name
