"""Incidents: outages of which one thing was the cause, told as one (`spec/statement.md`, 4)."""

from dataclasses import dataclass

from sla.instants import Instant
from sla.outages import Outage
from sla.records import Cause, ClientId, ServerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Outages that share the id of an incident; or one that stands alone, whose `id` is ""."""

    id: str
    outages: tuple[Outage, ...]
    """At least one, by when they began."""

    @property
    def cause(self) -> Cause | None:
        """What brought it about, as is on record of the outage that began first."""
        return self.outages[0].cause

    @property
    def servers(self) -> tuple[ServerId, ...]:
        """Each once, by when it was down first."""
        return tuple(dict.fromkeys(outage.server for outage in self.outages))

    @property
    def clients(self) -> tuple[ClientId, ...]:
        """Whose servers these were, sorted."""
        return tuple(sorted({outage.client for outage in self.outages}))

    @property
    def start(self) -> Instant:
        """When the first of its outages began."""
        return self.outages[0].start

    @property
    def end(self) -> Instant | None:
        """When the last of its outages ended; None while one lasts."""
        ends = [outage.end for outage in self.outages if outage.end is not None]
        return max(ends) if len(ends) == len(self.outages) else None


def incident_of(outage: Outage) -> str:
    """The id of the incident that an outage is part of; "": it stands alone, or its cause was not looked up."""
    return "" if outage.cause is None else outage.cause.incident
