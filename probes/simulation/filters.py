"""Property filters: which objects, which of their properties, and what of it a client has not been told yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from probes.simulation import properties, soap
from probes.simulation.entities import ENTITY_TYPES, Entity, Vm, is_a
from probes.simulation.inventory import Inventory, is_below
from probes.simulation.properties import Reader
from probes.simulation.soap import Node


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContainerView:
    """A container view: the objects of some types below a container; no types means all."""

    inventory: Inventory
    container: Entity
    types: tuple[str, ...]
    recursive: bool

    def holds(self, entity: Entity) -> bool:
        """Whether a visible object is in the view."""
        if self.types and not any(is_a(type(entity), name) for name in self.types):
            return False
        if not is_a(type(entity), "ManagedEntity") or entity is self.container:
            return False
        if not self.recursive:
            return entity.parent is self.container
        return self.container is self.inventory.root or is_below(entity, self.container)

    def members(self) -> Iterator[Entity]:
        """Every object in the view."""
        return (entity for entity in self.inventory.objects.values() if self.holds(entity))


Finder: TypeAlias = Callable[[str, str], ContainerView | Entity]
"""What an ObjectSpec's reference means: by type and managed object id; raises ManagedObjectNotFound."""


@dataclass(frozen=True, slots=True)
class ReadPlan:
    """What is read of one type of object.

    `heads` are the paths with their readers, ready to be written; `announced` gives, for each leaf, the paths to
    report when it changes: whole as the client named them, and as narrow as partial updates allow.
    """

    heads: tuple[tuple[str, Reader], ...]
    announced: dict[str, tuple[tuple[str, str], ...]]


class FilterSpec:
    """A PropertyFilterSpec; raises InvalidProperty, ManagedObjectNotFound or NotSupported when it is built."""

    def __init__(self, node: Node, find: Finder) -> None:
        self._paths: list[tuple[str, tuple[str, ...]]] = []
        for prop in node.children("propSet"):
            self._paths.append((prop.text("type"), _paths_of(prop)))
        self.views: list[ContainerView] = []
        self.singles: dict[str, Entity] = {}
        for spec in node.children("objectSet"):
            self._add_source(spec, find)
        self._plans: dict[str, ReadPlan | None] = {}

    def _add_source(self, spec: Node, find: Finder) -> None:
        reference = spec.child("obj")
        assert reference is not None, "an ObjectSpec has an obj"
        source = find(reference.type_attribute, reference.value)
        if isinstance(source, Entity):
            if spec.child("selectSet") is not None:
                raise soap.not_supported("traversal from anything but a ContainerView")
            if not spec.flag("skip"):
                self.singles[source.moid] = source
            return
        if any(step.text("path") == "view" for step in spec.children("selectSet")):
            self.views.append(source)

    def covers(self, entity: Entity) -> bool:
        """Whether the object is one of those that are read."""
        return self.plan(type(entity)) is not None and (
            entity.moid in self.singles or any(view.holds(entity) for view in self.views)
        )

    def members(self) -> Iterator[Entity]:
        """Every object that is read now."""
        found: dict[str, Entity] = dict(self.singles)
        for view in self.views:
            found.update((entity.moid, entity) for entity in view.members())
        return (entity for entity in found.values() if self.plan(type(entity)) is not None)

    def plan(self, kind: type[Entity]) -> ReadPlan | None:
        """What is read of this type of object, or None where nothing is."""
        if kind.TYPE not in self._plans:
            named = [path for wsdl_type, paths in self._paths if is_a(kind, wsdl_type) for path in paths]
            matched = any(is_a(kind, wsdl_type) for wsdl_type, _ in self._paths)
            self._plans[kind.TYPE] = _plan(kind.TYPE, sorted(set(named))) if matched else None
        return self._plans[kind.TYPE]


def _paths_of(prop: Node) -> tuple[str, ...]:
    """The paths of a PropertySpec; `all` stands for the top-level properties."""
    wsdl_type, paths = prop.text("type"), prop.texts("pathSet")
    if prop.flag("all"):
        return tuple(
            path
            for kind in ENTITY_TYPES
            if wsdl_type == kind.TYPE
            for path in properties.top_level(kind.TYPE)
        )
    for path in paths:
        if not properties.exists(wsdl_type, path):
            raise soap.invalid_property(path)
    return paths


def _plan(wsdl_type: str, paths: Iterable[str]) -> ReadPlan:
    announced: dict[str, list[tuple[str, str]]] = {}
    heads = []
    for path in paths:
        heads.append((path, properties.reader(wsdl_type, path)))
        for leaf in properties.leaves_below(wsdl_type, path):
            announced.setdefault(properties.canonical(wsdl_type, leaf), []).append((path, leaf))
    return ReadPlan(tuple(heads), {leaf: tuple(pairs) for leaf, pairs in announced.items()})


class WholeChange(Enum):
    """Changes of an object as a whole; a dict of paths stands for changes of properties."""

    ENTER = "enter"
    LEAVE = "leave"


Change: TypeAlias = WholeChange | dict[str, None]
Changes: TypeAlias = dict[str, tuple[Entity, Change]]


def merge(older: Changes, newer: Changes) -> Changes:
    """What a client must be told that was told neither."""
    merged = dict(older)
    for moid, (entity, change) in newer.items():
        merged[moid] = (entity, combine(merged[moid][1] if moid in merged else None, change))
    return merged


def combine(before: Change | None, change: Change) -> Change:
    """Two changes of one object as one."""
    if isinstance(change, WholeChange) or before is None:
        return change
    return before if isinstance(before, WholeChange) else {**before, **change}


class Filter:
    """One filter of a collector.

    `known` are the objects that its client has been told of, or is about to be; `pending` is what it has not
    been told. Costs are those of the changes, not of the inventory.
    """

    def __init__(
        self, moid: str, spec: FilterSpec, *, partial: bool, omit_unset: bool, notify: Callable[[], None]
    ) -> None:
        self.moid = moid
        self.spec = spec
        self.partial = partial
        self.omit_unset = omit_unset
        self.notify = notify
        self.known: set[str] = set()
        self.pending: Changes = {}
        self.refill()

    def refill(self) -> None:
        """Begin anew: everything is to be told."""
        self.pending = {entity.moid: (entity, WholeChange.ENTER) for entity in self.spec.members()}
        self.known = set(self.pending)

    def entered(self, entity: Entity) -> None:
        """The object has become visible."""
        if self.spec.covers(entity):
            self.known.add(entity.moid)
            self._note(entity, WholeChange.ENTER)

    def left(self, entity: Entity) -> None:
        """The object is not visible any more."""
        if entity.moid in self.known:
            self.known.discard(entity.moid)
            self._note(entity, WholeChange.LEAVE)

    def changed(self, entity: Entity, leaf: str, parts: tuple[str, ...]) -> None:
        """A leaf has a new value."""
        moves = leaf in ("parent", "resourcePool", "runtime.host")
        if moves and self.spec.covers(entity) != (entity.moid in self.known):
            (self.left if entity.moid in self.known else self.entered)(entity)
            return
        if entity.moid not in self.known:
            return
        plan = self.spec.plan(type(entity))
        pairs = plan.announced.get(leaf, ()) if plan else ()
        if not pairs:
            return
        if self.partial:
            paths = dict.fromkeys(parts if parts and leaf == "host" else [narrow for _, narrow in pairs])
        else:
            paths = dict.fromkeys(whole for whole, _ in pairs)
        self._note(entity, paths)

    def _note(self, entity: Entity, change: Change) -> None:
        before = self.pending.get(entity.moid)
        self.pending[entity.moid] = (entity, combine(before[1] if before else None, change))
        self.notify()

    def render(self, changes: Changes) -> str:
        """The FilterUpdate of these changes, with the values of now."""
        parts = [f'<filterSet><filter type="PropertyFilter">{self.moid}</filter>']
        for entity, change in changes.values():
            head = f'<obj type="{entity.TYPE}">{entity.moid}</obj>'
            match change:
                case WholeChange.LEAVE:
                    parts.append(f"<objectSet><kind>leave</kind>{head}</objectSet>")
                case WholeChange.ENTER:
                    plan = self.spec.plan(type(entity))
                    assert plan is not None, "an object without a plan never enters"
                    body = self._change_set(entity, plan.heads)
                    parts.append(f"<objectSet><kind>enter</kind>{head}{body}</objectSet>")
                case _:
                    readers = [(path, properties.reader(entity.TYPE, path)) for path in change]
                    body = self._change_set(entity, readers)
                    parts.append(f"<objectSet><kind>modify</kind>{head}{body}</objectSet>")
        parts.append("</filterSet>")
        return "".join(parts)

    def _change_set(self, entity: Entity, readers: Iterable[tuple[str, Reader]]) -> str:
        refused = entity.unreadable
        parts = []
        missing = []
        for path, read in readers:
            if refused and (path in refused or "*" in refused):
                missing.append(missing_property(entity, path))
                continue
            fragment = read(entity)
            if fragment is not None:
                parts.append(f"<changeSet><name>{path}</name><op>assign</op><val{fragment}</val></changeSet>")
            elif not self.omit_unset:
                above_unset = (
                    isinstance(entity, Vm) and not entity.config_known and path.startswith("config.")
                )
                op = "indirectRemove" if above_unset else "assign"
                parts.append(f"<changeSet><name>{path}</name><op>{op}</op></changeSet>")
        return "".join(parts + missing)


def missing_property(entity: Entity, path: str) -> str:
    """The MissingProperty of a path that the account may not read."""
    fault = soap.no_permission(entity.TYPE, entity.moid).localized
    return f"<missingSet><path>{path}</path><fault>{fault}</fault></missingSet>"
