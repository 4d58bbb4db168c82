"""Outages of servers, and incidents, of which one thing was the cause (spec §6.2, `spec/causes.md`)."""

from enum import Enum

from pydantic import Field

from daemon.replies.causes import CauseStatus
from daemon.replies.common import At, Reply, Seconds
from sla.records import Leg

_NEXT = "What `cursor` is for the next page; null after the last."


class ExcludedPart(Enum):
    """How much of an outage's down time is excluded."""

    NOTHING = "nothing"
    PARTLY = "partly"
    WHOLLY = "wholly"


class OutageKeys(Reply):
    """When it was, what brought it about and where. `incident`, `host`, `datastore` and `uplink`: empty where it has none."""

    incident: str = Field(description="The id that outages have in common of which one thing was the cause.")
    start: At = Field(serialization_alias="from")
    end: At | None = Field(serialization_alias="until", description="Null while it lasts.")
    timezone: str = Field(description="The clients'; UTC where theirs differ.")
    lasted_seconds: Seconds = Field(description="So far, while it lasts.")
    cause: CauseStatus | None = Field(description="Null until it is settled that it began.")
    host: str
    datastore: str
    uplink: str


class OutageRow(OutageKeys):
    """An outage of a server, while it was one client's. `solution`: empty where it is sold alone."""

    server: str
    name: str
    client: str
    solution: str
    legs: tuple[Leg, ...] = Field(description="Those that were down, by when each was first.")
    reasons: dict[Leg, str] = Field(description="Why, as was said when each went down.")
    down_seconds: Seconds = Field(
        description="How much of it, in the time that was asked for, it is known to have been down."
    )
    excluded: ExcludedPart = Field(description="How much of that is excluded.")
    excluded_seconds: Seconds
    exclusions: tuple[str, ...] = Field(description="The exclusions that take something of it, by id.")


class OutageList(Reply):
    """Outages, by when they began and then by server."""

    outages: tuple[OutageRow, ...]
    next: str | None = Field(description=_NEXT)


class IncidentRow(OutageKeys):
    """An incident, or an outage that stands alone, whose `incident` is empty: as far as what was asked for leaves of it."""

    servers: int
    servers_down: int = Field(description="Of these, those whose outage lasts.")
    first: str = Field(description="The server whose outage began it, at `from`.")
    named: tuple[str, ...] = Field(description="The ids of the servers that `names` has, in its order.")
    names: tuple[str, ...] = Field(description="Of the servers, the first few by name.")
    clients: tuple[str, ...]


class IncidentList(Reply):
    """Incidents, by when the first outage of each began."""

    incidents: tuple[IncidentRow, ...]
    next: str | None = Field(description=_NEXT)
