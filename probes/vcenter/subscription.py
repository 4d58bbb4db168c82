"""What a watch asks vCenter to tell it: one view, and one filter for each type of object."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pyVmomi import vim, vmodl

from probes.vcenter.faults import reading
from probes.vcenter.inventory import ATTRIBUTE_NAMES, NETWORKS, PROPERTIES
from probes.vcenter.properties import moid_of
from probes.vcenter.session import Session
from probes.vcenter.values import Moid

PARTIAL: Final = frozenset({"Datastore"})
"""The types of which changes of parts are told: a datastore has a mount for every host."""


def wanted(
    *, resource_pools: bool, attributes: bool, networks: bool, placeholders: bool, addresses: bool
) -> dict[str, tuple[str, ...]]:
    """The properties to watch by type, those that not every configuration needs only where it asks for them."""
    types = ({"Network": NETWORKS} if networks else {}) | dict(PROPERTIES)
    if not resource_pools:
        del types["ResourcePool"]
    asked = {
        "resourcePool": resource_pools,
        "customValue": attributes,
        "network": networks,
        "config.managedBy": placeholders,
        "guest.ipAddress": addresses,
        "guest.net": addresses,
    }
    types["VirtualMachine"] += tuple(path for path, is_asked in asked.items() if is_asked)
    return types


def subscribe(
    session: Session, types: Mapping[str, Sequence[str]], *, attribute_names: bool
) -> tuple[Moid, dict[str, str]]:
    """Make the collector and its filters; gives its id, and the type that each filter is for. Raises VcenterError.

    `attribute_names`: the names of custom attributes are watched too (`CustomFieldsManager.field`).
    """
    with reading("the answer to a subscription"):
        content = session.content
        managed = {kind: getattr(vim, kind) for kind in types}
        view = content.viewManager.CreateContainerView(content.rootFolder, list(managed.values()), True)
        collector = content.propertyCollector.CreatePropertyCollector()
        kinds: dict[str, str] = {}
        for kind, paths in types.items():
            made = collector.CreateFilter(_filter(view, managed[kind], paths), kind in PARTIAL)
            kinds[moid_of(made)] = kind
        if attribute_names and content.customFieldsManager is not None:
            made = collector.CreateFilter(_attribute_names(content.customFieldsManager), False)
            kinds[moid_of(made)] = "CustomFieldsManager"
        return moid_of(collector), kinds


def _attribute_names(manager: Any) -> Any:
    query = vmodl.query.PropertyCollector
    return query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=manager, skip=False)],
        propSet=[query.PropertySpec(type=vim.CustomFieldsManager, pathSet=list(ATTRIBUTE_NAMES), all=False)],
    )


def _filter(view: Any, managed_type: Any, paths: Sequence[str]) -> Any:
    query = vmodl.query.PropertyCollector
    selection = query.TraversalSpec(name="view", path="view", skip=False, type=vim.view.ContainerView)
    return query.FilterSpec(
        objectSet=[query.ObjectSpec(obj=view, skip=True, selectSet=[selection])],
        propSet=[query.PropertySpec(type=managed_type, pathSet=list(paths), all=False)],
    )
