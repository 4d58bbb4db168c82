"""The event log: what happened, when, by whom. Keys increase by one, until they start again; instants are as the clock says."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.simulation.entities import Cluster, Datacenter, Datastore, Entity, Host, Task, Vm
from probes.simulation.inventory import line
from probes.simulation.properties import task_info
from probes.simulation.values import escape, instant_text, tagged_reference

RETAINED_EVENTS = 200_000
_FIRST_KEY = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedEvent:
    """One event as it was written: names are those of its moment.

    `type_id` is what EventFilterSpec.eventTypeId is compared with: the identifier of an EventEx, or the type.
    `serial` is its place in the log, whatever its key. `entities` are the objects it is about, with everything above them left out. `user` is empty for events
    that a host or vCenter itself gave rise to.
    """

    serial: int
    key: int
    chain: int
    created_at: int
    user: str
    wsdl_type: str
    type_id: str
    message: str
    entities: tuple[Entity, ...]
    arguments: str
    extra: str

    @property
    def fragment(self) -> str:
        """The event as a value of its own type."""
        return (
            f' xsi:type="{self.wsdl_type}"><key>{self.key}</key><chainId>{self.chain}</chainId>'
            f"<createdTime>{instant_text(self.created_at)}</createdTime>"
            f"<userName>{escape(self.user)}</userName>{self.arguments}"
            f"<fullFormattedMessage>{escape(self.message)}</fullFormattedMessage>{self.extra}"
        )


@dataclass(slots=True, kw_only=True)
class EventLog:
    """The newest `RETAINED_EVENTS` events, oldest first."""

    clock: Callable[[], int]
    events: deque[SimulatedEvent] = field(default_factory=lambda: deque(maxlen=RETAINED_EVENTS))
    last_key: int = _FIRST_KEY
    last_serial: int = 0
    odd_dates: list[int] = field(default_factory=list)
    """What the next events are dated, whenever they happen."""

    def post(
        self,
        wsdl_type: str,
        *entities: Entity,
        user: str = "",
        message: str = "",
        chain: int | None = None,
        at: int | None = None,
        type_id: str | None = None,
        extra: str = "",
    ) -> SimulatedEvent:
        """Write an event that happened now, or at `at`; without a chain it begins one."""
        self.last_key += 1
        self.last_serial += 1
        if self.odd_dates:
            at = self.odd_dates.pop(0)
        event = SimulatedEvent(
            serial=self.last_serial,
            key=self.last_key,
            chain=self.last_key if chain is None else chain,
            created_at=self.clock() if at is None else at,
            user=user,
            wsdl_type=wsdl_type,
            type_id=type_id or wsdl_type,
            message=message or f"{type_id or wsdl_type} {' '.join(entity.name for entity in entities)}",
            entities=entities,
            arguments=_arguments(entities),
            extra=_template_flag(wsdl_type, entities) + extra,
        )
        self.events.append(event)
        return event

    def post_ex(
        self, type_id: str, *entities: Entity, arguments: dict[str, str] | None = None
    ) -> SimulatedEvent:
        """Write an EventEx, as hosts and vCenter's own services do; it has no user."""
        about = entities[0]
        pairs = "".join(
            f"<arguments><key>{escape(key)}</key>"
            f'<value xsi:type="xsd:string">{escape(value)}</value></arguments>'
            for key, value in (arguments or {}).items()
        )
        extra = (
            f"<eventTypeId>{type_id}</eventTypeId>{pairs}<objectId>{about.moid}</objectId>"
            f"<objectType>{about.TYPE}</objectType><objectName>{escape(about.name)}</objectName>"
        )
        return self.post("EventEx", *entities, type_id=type_id, extra=extra)

    def post_task(self, task: Task) -> SimulatedEvent:
        """Write the TaskEvent with which a user's request begins; what follows from it is of its chain."""
        message = f"Task: {task.description_id}"
        extra = f"<info>{task_info(task)}</info>"
        return self.post("TaskEvent", task.entity, user=task.user, message=message, at=task.at, extra=extra)


def _template_flag(wsdl_type: str, entities: tuple[Entity, ...]) -> str:
    vm = next((entity for entity in entities if isinstance(entity, Vm)), None)
    if vm is None or wsdl_type in ("TaskEvent", "EventEx"):
        return ""
    return f"<template>{'true' if vm.template else 'false'}</template>"


def _arguments(entities: tuple[Entity, ...]) -> str:
    """The event's places, from the data centre down, in the order of the WSDL."""
    places: dict[str, Entity] = {}
    for entity in entities:
        if isinstance(entity, Vm):
            places.setdefault("vm", entity)
            places.setdefault("host", entity.host)
        elif isinstance(entity, Host):
            places["host"] = entity
        elif isinstance(entity, Datastore):
            places["ds"] = entity
    for start in (places.get("host"), *entities):
        for above in line(start):
            if isinstance(above, Cluster):
                places.setdefault("computeResource", above)
            elif isinstance(above, Datacenter):
                places.setdefault("datacenter", above)
    return "".join(
        _argument(tag, places[tag])
        for tag in ("datacenter", "computeResource", "host", "vm", "ds")
        if tag in places
    )


def _argument(tag: str, entity: Entity) -> str:
    inner = "datastore" if tag == "ds" else tag
    return f"<{tag}><name>{escape(entity.name)}</name>{tagged_reference(inner, entity)}</{tag}>"
