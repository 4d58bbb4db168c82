"""How a hub stands, which monitors it knows, and what those say differently."""

from collections.abc import Mapping
from typing import Final

from pydantic import Field

from daemon.replies.common import At, Reply, Seconds
from sla.disagreements import DisagreementKind, Point

SPOKEN_KINDS: Final[Mapping[DisagreementKind, str]] = {
    DisagreementKind.OWNER: "the owner of servers",
    DisagreementKind.IDENTITY: "the name of servers or clients",
    DisagreementKind.CONFIGURATION: "the configuration of servers or clients",
    DisagreementKind.CLOCK: "the time zone of clients",
}
"""What monitors may disagree about."""
SPOKEN_POINTS: Final[Mapping[Point, str]] = {
    Point.OWNER: "client and solution",
    Point.SERVER_NAME: "name",
    Point.LEGS: "legs",
    Point.CLIENT_NAME: "name",
    Point.TECH_ADMINS: "tech admins",
    Point.TERMS: "terms of this month",
    Point.TIMEZONE: "time zone",
}
"""What of a server or a client that is."""


class MonitorStatus(Reply):
    """A monitor that ships to the store: how many records of its ledger the hub has, and their head (SHA-256, in hexadecimal)."""

    observer: str
    records: int
    head: str = Field(description="Empty before its first record.")
    seen_until: At | None = Field(
        description="How far it has seen; null where it never said so, or is retired."
    )
    is_retired: bool


class HubStatus(Reply):
    """A hub: whether it is the active one, how far it has read, and all monitors by name."""

    instance: str
    is_active: bool
    active: str = Field(description="Which hub is active; empty where nobody is known to be.")
    behind_records: int = Field(description="Lines of the store that are not read yet.")
    behind_seconds: Seconds = Field(description="How long ago all was read that had arrived.")
    records: int = Field(description="Those of the hubs' own ledger: what people recorded.")
    head: str = Field(description="Of that ledger; empty before its first record.")
    monitors: tuple[MonitorStatus, ...]
    disagreements: dict[DisagreementKind, int] = Field(description="How many there are of each kind.")


class DisagreementStatus(Reply):
    """What monitors say differently of one server or client, since when, what figures go by meanwhile, and what to do."""

    kind: DisagreementKind
    point: Point = Field(description="What of the server or the client it is.")
    about: str = Field(description="The id of the server or the client.")
    name: str = Field(description="What that is called now.")
    said: dict[str, tuple[str, ...]] = Field(
        description="What each monitor says, by its name. An owner is a client, and a solution where there is one."
    )
    holds: tuple[str, ...] = Field(description="What figures go by meanwhile.")
    since: At
    remedy: str


class DisagreementList(Reply):
    """What monitors say differently, by its point and whom it is about."""

    disagreements: tuple[DisagreementStatus, ...]
    next: str | None = Field(description="What `cursor` is for the next page; null after the last.")
