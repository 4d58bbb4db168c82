"""The inventory: every object that clients can see, and who is told when one changes.

Invariants: an object is visible exactly while it is in `objects`; changes of one that is not are made but not
announced. Listeners are told synchronously, in the order of the changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from probes.simulation.entities import ENTITY_TYPES, CustomFields, Entity, Folder, Host, Vm
from probes.simulation.properties import values_now

E = TypeVar("E", bound=Entity)


class UnknownObjectError(LookupError):
    """No object has this managed object id or name."""


class Listener(Protocol):
    """A property filter, as the inventory sees it."""

    def entered(self, entity: Entity) -> None:
        """The object is visible now."""

    def left(self, entity: Entity) -> None:
        """The object is not visible any more."""

    def changed(self, entity: Entity, leaf: str, parts: tuple[str, ...]) -> None:
        """A leaf has a new value; `parts` are the paths below it that changed, for partial updates."""


class Inventory:
    """All objects by managed object id, with names as a second way to find them."""

    def __init__(self) -> None:
        self.objects: dict[str, Entity] = {}
        self.listeners: dict[Listener, None] = {}
        self._ids_by_name: dict[tuple[str, str], str] = {}
        self._withheld: list[Entity] = []
        self._last_number = 1
        self.root = Folder(moid="group-d1", name="Datacenters", parent=None)
        self.fields = CustomFields(moid="CustomFieldsManager", name="CustomFieldsManager", parent=None)
        for entity in (self.root, self.fields):
            self.objects[entity.moid] = entity

    def new_moid(self, prefix: str) -> str:
        """A managed object id that was never given before."""
        self._last_number += 1
        return f"{prefix}{self._last_number}"

    def add(self, entity: E) -> E:
        """Make the object visible."""
        self.objects[entity.moid] = entity
        self._ids_by_name[entity.TYPE, entity.name] = entity.moid
        if isinstance(entity, Vm):
            entity.host.vms[entity.moid] = entity
        for listener in self.listeners:
            listener.entered(entity)
        return entity

    def remove(self, entity: Entity) -> None:
        """Take the object out for good."""
        del self.objects[entity.moid]
        self._forget_name(entity)
        if isinstance(entity, Vm):
            entity.host.vms.pop(entity.moid, None)
        for listener in self.listeners:
            listener.left(entity)

    def rename(self, entity: Entity, name: str) -> None:
        """Give the object another name, within `changing`."""
        self._forget_name(entity)
        self._ids_by_name[entity.TYPE, name] = entity.moid
        entity.name = name

    def _forget_name(self, entity: Entity) -> None:
        if self._ids_by_name.get((entity.TYPE, entity.name)) == entity.moid:
            del self._ids_by_name[entity.TYPE, entity.name]

    @contextmanager
    def changing(self, *entities: Entity, parts: tuple[str, ...] = ()) -> Iterator[None]:
        """Announce, at the end of the block, those properties whose values it changed.

        `parts` are the paths of partial updates below the one property that can be told in parts.
        """
        before = [values_now(entity) for entity in entities]
        yield
        for entity, old in zip(entities, before, strict=True):
            new = values_now(entity)
            self.changed(entity, *(leaf for leaf in new if new[leaf] != old[leaf]), parts=parts)

    def changed(self, entity: Entity, *leaves: str, parts: tuple[str, ...] = ()) -> None:
        """Announce that leaves of a visible object have new values."""
        if entity.moid not in self.objects:
            return
        for listener in self.listeners:
            for leaf in leaves:
                listener.changed(entity, leaf, parts)

    def find(self, kind: type[E], reference: str) -> E:
        """The object with this managed object id or name, also while a restart withholds it.

        Where several share the name it is the last one added. Raises UnknownObjectError.
        """
        types = (each.TYPE for each in ENTITY_TYPES if issubclass(each, kind))
        named = (self._ids_by_name.get((wsdl_type, reference)) for wsdl_type in types)
        moid = next(filter(None, named), reference)
        found = self.objects.get(moid) or next((e for e in self._withheld if e.moid == moid), None)
        if not isinstance(found, kind):
            raise UnknownObjectError(f"no {kind.TYPE} {reference!r}")
        return found

    def every(self, kind: type[E]) -> Iterator[E]:
        """Every visible object of a kind."""
        return (entity for entity in self.objects.values() if isinstance(entity, kind))

    def empty(self) -> None:
        """Withhold everything but the root, as a vCenter does that has just started."""
        kept = (self.root.moid, self.fields.moid)
        for entity in [e for e in self.objects.values() if e.moid not in kept]:
            del self.objects[entity.moid]
            self._withheld.append(entity)
            for listener in self.listeners:
                listener.left(entity)

    def fill(self, count: int) -> int:
        """Make up to `count` withheld objects visible again; return how many are still withheld."""
        shown, self._withheld = self._withheld[:count], self._withheld[count:]
        for entity in shown:
            self.add(entity)
        return len(self._withheld)

    @property
    def withheld(self) -> int:
        """How many objects are still to be filled in."""
        return len(self._withheld)


def is_below(entity: Entity, container: Entity) -> bool:
    """Whether `container` is above the object: by parents, or by its host's or its pool's."""
    if isinstance(entity, Vm) and any(above is container for above in line(entity.pool)):
        return True
    return any(above is container for above in line(entity.parent)) or (
        isinstance(entity, Vm) and isinstance(container, Host) and entity.host is container
    )


def line(entity: Entity | None) -> Iterator[Entity]:
    """The object and everything above it."""
    while entity is not None:
        yield entity
        entity = entity.parent
