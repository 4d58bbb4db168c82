"""What a watch asks vCenter to tell it: one view, and one filter for each type of object."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pyVmomi import vim, vmodl

from probes.vcenter.inventory import CLUSTERS, NETWORKS, PROPERTIES
from probes.vcenter.objects import Moid
from probes.vcenter.properties import moid_of
from probes.vcenter.session import Session

PARTIAL: Final = frozenset({"Datastore"})
"""The types of which changes of parts are told: a datastore has a mount for every host."""


def wanted(
    *, resource_pools: bool, attributes: bool, networks: bool, addresses: bool
) -> dict[str, tuple[str, ...]]:
    """The properties to watch by type, those that not every configuration needs only where it asks for them."""
    types = {"ComputeResource": CLUSTERS} | ({"Network": NETWORKS} if networks else {}) | dict(PROPERTIES)
    if not resource_pools:
        del types["ResourcePool"]
    asked = {
        "resourcePool": resource_pools,
        "customValue": attributes,
        "network": networks,
        "guest.ipAddress": addresses,
        "guest.net": addresses,
    }
    types["VirtualMachine"] += tuple(path for path, is_asked in asked.items() if is_asked)
    return types


def subscribe(session: Session, types: Mapping[str, Sequence[str]]) -> tuple[Moid, dict[str, str]]:
    """Make the collector and its filters; gives its id, and the type that each filter is for. Raises VcenterError."""
    content = session.content
    managed = {kind: getattr(vim, kind) for kind in types}
    view = content.viewManager.CreateContainerView(content.rootFolder, list(managed.values()), True)
    collector = content.propertyCollector.CreatePropertyCollector()
    kinds: dict[str, str] = {}
    for kind, paths in types.items():
        made = collector.CreateFilter(_filter(view, managed[kind], paths), kind in PARTIAL)
        kinds[moid_of(made)] = kind
    return moid_of(collector), kinds


def _filter(view: Any, managed_type: Any, paths: Sequence[str]) -> Any:
    query = vmodl.query.PropertyCollector
    selection = query.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)
    return query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=view, skip=True, selectSet=[selection])],
        propSet=[query.PropertySpec(type=managed_type, pathSet=list(paths), all=False)],
    )
