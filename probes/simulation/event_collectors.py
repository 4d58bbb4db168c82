"""Event history collectors: a filter over the event log and a position in it.

A new collector stands at its oldest event. ReadNextEvents goes from older to newer and, once at the end, returns
what was written since; ReadPreviousEvents goes the other way.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from probes.simulation import soap
from probes.simulation.entities import Entity
from probes.simulation.events import EventLog, SimulatedEvent
from probes.simulation.inventory import is_below
from probes.simulation.soap import Node
from probes.simulation.values import parse_instant

MAXIMUM_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """An EventFilterSpec; what is None or empty lets everything through. Both ends of the time are included."""

    below: Entity | None = None
    itself: Entity | None = None
    since: int | None = None
    until: int | None = None
    types: frozenset[str] = frozenset()
    users: frozenset[str] | None = None
    system_user: bool = False
    chain: int | None = None
    newest: int | None = None

    def admits(self, event: SimulatedEvent) -> bool:
        """Whether the event passes."""
        return (
            (not self.types or event.type_id in self.types)
            and (self.since is None or event.created_at >= self.since)
            and (self.until is None or event.created_at <= self.until)
            and (self.chain is None or event.chain == self.chain)
            and (self.users is None or (event.user in self.users if event.user else self.system_user))
            and self._is_about(event)
        )

    def _is_about(self, event: SimulatedEvent) -> bool:
        if self.itself is not None and any(entity is self.itself for entity in event.entities):
            return True
        if self.below is not None:
            return any(is_below(entity, self.below) for entity in event.entities)
        return self.itself is None


def parse_filter(node: Node | None, find: Callable[[str, str], Entity], root: Entity) -> EventFilter:
    """Read an EventFilterSpec; raises ManagedObjectNotFound for its entity."""
    if node is None:
        return EventFilter()
    below = itself = None
    entity = node.child("entity")
    if entity is not None:
        reference = entity.child("entity")
        assert reference is not None, "an EventFilterSpecByEntity has an entity"
        found = find(reference.type_attribute, reference.value)
        recursion = entity.text("recursion")
        everything = found is root and recursion == "all"
        itself = found if recursion in ("self", "all") and not everything else None
        below = found if recursion in ("children", "all") and not everything else None
    time = node.child("time")
    users = node.child("userName")
    begin, end = (time.text("beginTime"), time.text("endTime")) if time is not None else ("", "")
    return EventFilter(
        below=below,
        itself=itself,
        since=parse_instant(begin) if begin else None,
        until=parse_instant(end) if end else None,
        types=frozenset(node.texts("eventTypeId") or node.texts("type")),
        users=frozenset(users.texts("userList")) if users is not None else None,
        system_user=users.flag("systemUser") if users is not None else False,
        chain=node.number("eventChainId"),
        newest=node.number("maxCount"),
    )


class EventCollector:
    """One collector. `position` is the serial of the newest event that lies behind it."""

    def __init__(self, moid: str, log: EventLog, spec: EventFilter) -> None:
        self.moid = moid
        self.log = log
        self.spec = spec
        self.page = 10
        self.position = 0
        if spec.newest is not None:
            self.position = self._before_newest(spec.newest)

    def read_next(self, count: int) -> list[SimulatedEvent]:
        """The next newer events, oldest first; empty at the end."""
        found: list[SimulatedEvent] = []
        for event in self._newer_than(self.position):
            if len(found) == _page(count):
                break
            if self.spec.admits(event):
                found.append(event)
            self.position = event.serial
        return found

    def read_previous(self, count: int) -> list[SimulatedEvent]:
        """The next older events, newest first; empty at the beginning."""
        found: list[SimulatedEvent] = []
        for event in reversed(self.log.events):
            if event.serial > self.position:
                continue
            if len(found) == _page(count):
                break
            if self.spec.admits(event):
                found.append(event)
            self.position = event.serial - 1
        return found

    def rewind(self) -> None:
        """Go to the oldest event."""
        self.position = 0

    def reset(self) -> None:
        """Go to just before the latest page."""
        self.position = self._before_newest(self.page)

    def latest(self) -> list[SimulatedEvent]:
        """The latest page, newest first."""
        return newest(self.log, self.spec, self.page)

    def _before_newest(self, count: int) -> int:
        page = newest(self.log, self.spec, count)
        return page[-1].serial - 1 if page else self.log.last_serial

    def _newer_than(self, serial: int) -> Iterator[SimulatedEvent]:
        """The log from just after a place in it."""
        events = self.log.events
        first = bisect_right(events, serial, key=lambda event: event.serial)
        return (events[index] for index in range(first, len(events)))


def newest(log: EventLog, spec: EventFilter, count: int) -> list[SimulatedEvent]:
    """The newest events that pass, newest first."""
    found: list[SimulatedEvent] = []
    for event in reversed(log.events):
        if len(found) == count:
            break
        if spec.admits(event):
            found.append(event)
    return found


def query(log: EventLog, spec: EventFilter) -> list[SimulatedEvent]:
    """What QueryEvents returns: at most `MAXIMUM_PAGE` events, the newest, oldest first."""
    return newest(log, spec, min(spec.newest or MAXIMUM_PAGE, MAXIMUM_PAGE))[::-1]


def _page(count: int) -> int:
    if not 0 < count <= MAXIMUM_PAGE:
        raise soap.invalid_argument("maxCount")
    return count
