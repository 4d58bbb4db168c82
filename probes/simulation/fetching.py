"""Reading without waiting: RetrieveProperties(Ex), and Fetch, which lazy reads of single properties use."""

from __future__ import annotations

from collections.abc import Iterable

from probes.simulation import properties, soap, values
from probes.simulation.entities import Entity
from probes.simulation.filters import FilterSpec, Finder, missing_property
from probes.simulation.service import service_content
from probes.simulation.sessions import Session
from probes.simulation.soap import Node, Request
from probes.simulation.world import World


def retrieve(specs: Iterable[Node], find: Finder) -> list[str]:
    """The members of an ObjectContent for each object that the filter specs select."""
    found = []
    for node in specs:
        spec = FilterSpec(node, find)
        for entity in spec.members():
            plan = spec.plan(type(entity))
            assert plan is not None, "members have a plan"
            found.append(_content(entity, plan.heads))
    return found


def _content(entity: Entity, heads: Iterable[tuple[str, properties.Reader]]) -> str:
    refused = entity.unreadable
    parts = [f'<obj type="{entity.TYPE}">{entity.moid}</obj>']
    missing = []
    for path, read in heads:
        if refused and (path in refused or "*" in refused):
            missing.append(missing_property(entity, path))
            continue
        fragment = read(entity)
        if fragment is not None:
            parts.append(f"<propSet><name>{path}</name><val{fragment}</val></propSet>")
    return "".join(parts + missing)


def fetch(world: World, session: Session, request: Request) -> str:
    """The returnval of one property, or nothing where it is unset; raises InvalidProperty, ManagedObjectNotFound."""
    path = request.node.text("prop")
    fragment = _fragment(world, session, request, path)
    return "" if fragment is None else f"<returnval{fragment}</returnval>"


def _fragment(world: World, session: Session, request: Request, path: str) -> str | None:
    match request.target_type, path:
        case "ServiceInstance", "content":
            return f' xsi:type="ServiceContent">{service_content(world)}'
        case "SessionManager", "currentSession":
            return f' xsi:type="UserSession">{session.members}'
        case "PropertyCollector", "filter":
            ids = session.collector(request.target).filters
            items = "".join(
                f'<ManagedObjectReference type="PropertyFilter" xsi:type="ManagedObjectReference">{moid}'
                "</ManagedObjectReference>"
                for moid in ids
            )
            return f' xsi:type="ArrayOfManagedObjectReference">{items}'
        case "ContainerView", "view":
            if request.target not in session.views:
                raise soap.not_found("ContainerView", request.target)
            return values.references(session.views[request.target].members())
        case "EventHistoryCollector", "latestPage":
            events = session.event_collector(request.target).latest()
            return ' xsi:type="ArrayOfEvent">' + "".join(
                f"<Event{event.fragment}</Event>" for event in events
            )
        case _:
            return _of_entity(world, request, path)


def _of_entity(world: World, request: Request, path: str) -> str | None:
    entity = world.tasks.get(request.target) or world.inventory.objects.get(request.target)
    if entity is None:
        raise soap.not_found(request.target_type, request.target)
    if not properties.exists(entity.TYPE, path):
        raise soap.invalid_property(path)
    if entity.unreadable & {path, "*"}:
        raise soap.no_permission(entity.TYPE, entity.moid)
    return properties.reader(entity.TYPE, path)(entity)
