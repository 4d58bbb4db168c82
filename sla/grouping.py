"""Which outages are one incident: of the same cause, at the same host, datastore or uplink, begun within two minutes
(`spec/statement.md`, Outages).

An incident has an id that says nothing, and each outage's record of its cause has that id: so whoever has the records of some of
the outages can put those together, and learns nothing of the others.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from sla.instants import MINUTE, Instant
from sla.records import Cause, CauseKind

TOGETHER_US: Final = 2 * MINUTE
"""Within what time the outages of an incident begin."""

Ground = tuple[str, ...]
"""What outages may have in common."""


class FormingIncident:
    """Outages that have a ground in common, as far as they are known; of two that prove to be one the elder goes on."""

    __slots__ = ("elder", "first", "known_as", "last")

    def __init__(self, start: Instant, known_as: str = "") -> None:
        """With the start of its first outage."""
        self.first = start
        self.last = start
        self.known_as = known_as
        """Its id, "" while none is on record."""
        self.elder: FormingIncident | None = None
        """The one that this proved to be a part of."""

    def id(self, new_id: Callable[[], str]) -> str:
        """The id of the whole; a new one the first time."""
        whole = self.whole()
        whole.known_as = whole.known_as or new_id()
        return whole.known_as

    def whole(self) -> "FormingIncident":
        """The incident that this one proved to be a part of, or itself."""
        return self if self.elder is None else self.elder.whole()

    def takes(self, start: Instant) -> bool:
        """Whether an outage that began then began within two minutes of all others."""
        return max(self.last, start) - min(self.first, start) <= TOGETHER_US

    def add(self, start: Instant) -> None:
        """Take one more outage, by its start."""
        self.first, self.last = min(self.first, start), max(self.last, start)

    def join(self, other: "FormingIncident") -> None:
        """Take in another, unless it is on record already, or they are too far apart."""
        if not other.known_as and self.takes(other.first) and self.takes(other.last):
            self.add(other.first)
            self.add(other.last)
            other.elder = self


class Grouping:
    """The incidents of late, by what their outages have in common."""

    def __init__(self) -> None:
        self._on: dict[Ground, list[FormingIncident]] = {}
        self._known: dict[str, FormingIncident] = {}

    def remember(self, cause: Cause, source: str) -> None:
        """Take an outage whose incident is on record, of a server at a source."""
        if not cause.incident:
            return
        incident = self._known.get(cause.incident)
        if incident is None:
            incident = self._known[cause.incident] = FormingIncident(cause.start, cause.incident)
        incident.add(cause.start)
        self._found(incident, grounds_of(cause, source))

    def of(self, cause: Cause, source: str) -> FormingIncident:
        """The incident of an outage that has none on record yet; what is told later may show it to be part of another."""
        grounds = grounds_of(cause, source)
        eldest, *others = self._near(grounds, cause.start) or [FormingIncident(cause.start)]
        for other in others:
            eldest.join(other)
        eldest.add(cause.start)
        self._found(eldest, grounds)
        return eldest

    def forget(self, before: Instant) -> None:
        """Let go of what began before an instant."""
        for ground, incidents in list(self._on.items()):
            self._on[ground] = [each for each in incidents if each.last >= before]
            if not self._on[ground]:
                del self._on[ground]
        self._known = {name: each for name, each in self._known.items() if each.last >= before}

    def _near(self, grounds: Iterable[Ground], start: Instant) -> list[FormingIncident]:
        """The incidents that an outage may be part of, those on record first, then by age."""
        there = {part.whole() for ground in grounds for part in self._on.get(ground, ())}
        near = [incident for incident in there if incident.takes(start)]
        return sorted(near, key=lambda incident: (not incident.known_as, incident.first))

    def _found(self, incident: FormingIncident, grounds: Iterable[Ground]) -> None:
        for ground in grounds:
            those = self._on.setdefault(ground, [])
            if incident not in those:
                those.append(incident)


class IncidentPlace(NamedTuple):
    """What the outages of an incident have in common, as people call it; one of them is not "" where that is known."""

    host: str = ""
    datastore: str = ""
    uplink: str = ""


def place_of(cause: Cause) -> IncidentPlace:
    """What an incident is called by, which began with this outage."""
    if cause.uplink:
        return IncidentPlace(uplink=cause.uplink)
    return IncidentPlace(datastore=cause.datastore) if cause.datastore else IncidentPlace(host=cause.host)


def grounds_of(cause: Cause, source: str) -> list[Ground]:
    """What an outage may have in common with others of its cause. What two users did on one host is not one thing."""
    kind = cause.cause.value
    if cause.cause is CauseKind.NETWORK:
        return [(kind, "uplink", cause.uplink)] if cause.uplink else []
    grounds: list[Ground] = []
    if cause.host:
        grounds.append((kind, "host", source, cause.host, (cause.user or "").casefold()))
    if cause.datastore:
        grounds.append((kind, "datastore", source, cause.datastore))
    return grounds
