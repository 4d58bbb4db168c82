"""One virtual server: its legs, its outages, its counters and its month (spec §2, §5, §6)."""

from pydantic import Field

from daemon.replies.causes import CauseStatus
from daemon.replies.common import At, Ratio, Reply, Seconds, StateWord
from daemon.replies.exclusions import IneligibleTime
from sla.records import Category, Leg


class LegStatus(Reply):
    """A leg, as the witness that decides has it, and why it is not up."""

    leg: Leg
    state: StateWord
    since: At | None
    source: str
    reason: str


class ReachStatus(Reply):
    """A check of the server's own address, what it found last, and whether it decides (`required`)."""

    target: str
    required: bool
    state: StateWord
    reason: str


class OutageStatus(Reply):
    """An outage, the legs that were down in it (spec §6.2), and its cause."""

    start: At = Field(serialization_alias="from")
    end: At | None = Field(serialization_alias="until", description="Null while it lasts.")
    legs: tuple[Leg, ...]
    cause: CauseStatus | None = Field(description="Null until it is settled that it began.")


class MonthExclusion(Reply):
    """An exclusion that covers the server in its month: its time so far, and what of that is not excluded."""

    id: str
    category: Category
    start: At = Field(serialization_alias="from")
    end: At | None = Field(serialization_alias="until", description="Null while it is open.")
    seconds: Seconds
    ineligible: tuple[IneligibleTime, ...]


class MonthStatus(Reply):
    """The server's local month up to `at` (spec §5). A ratio is null where there is nothing to divide by."""

    month: str
    at: At
    target: Ratio
    availability: Ratio | None
    availability_low: Ratio | None
    availability_high: Ratio | None
    coverage: Ratio | None
    best_possible: Ratio | None
    budget_seconds: Seconds
    budget_left_seconds: Seconds = Field(description="Negative once the budget is spent.")
    times_seconds: dict[str, Seconds] = Field(description="What the month's time so far was.")
    excluded_seconds: dict[Category, Seconds]
    exclusions: tuple[MonthExclusion, ...]


class Whereabouts(Reply):
    """Where a server runs: its host, and the datastores of its disks, since when; as its source told it last."""

    host: str
    datastores: tuple[str, ...]
    since: At


class ServerSummary(Reply):
    """A virtual server in service, in a list. `client` and `solution` are empty where it has none."""

    server: str
    name: str
    client: str
    solution: str
    timezone: str = Field(description="The client's.")
    state: StateWord
    since: At | None = Field(
        description="Since when nothing else was said of it; while an outage is under way, since when that is."
    )
    cause: CauseStatus | None = Field(
        description="Why it is down; null where it is not, or that is not known."
    )
    availability: Ratio | None = Field(description="Of this month so far; null where there is none.")
    budget_left_seconds: Seconds | None = Field(
        description="How long it may still be down this month; negative once that is spent."
    )


class ServerList(Reply):
    """Virtual servers in service."""

    servers: tuple[ServerSummary, ...]
    next: str | None = Field(description="What `cursor` is for the next page; null after the last.")


class ServerStatus(Reply):
    """A virtual server. `client` and `solution` are empty where it has none."""

    server: str
    name: str
    client: str
    solution: str
    timezone: str = Field(description="The client's; UTC where it has none.")
    owner_waits_for: tuple[str, ...] = Field(
        description="The facts, by the keys of conditions, that rules lack to tell whose it is; empty where they can."
    )
    owner_is_provisional: bool = Field(description="Whether it is nobody's until they can.")
    same_uuid: tuple[str, ...] = Field(
        description="The other servers of its vCenter that show its instance UUID."
    )
    vcenter: str
    runs_on: Whereabouts | None = Field(default=None, description="Null where that is not known.")
    state: StateWord
    since: At | None
    settled_at: At | None
    legs: tuple[LegStatus, ...]
    reach: tuple[ReachStatus, ...]
    outages: tuple[OutageStatus, ...] = Field(description="The newest ones, the latest first.")
    counters_seconds: dict[str, Seconds] = Field(
        description="Settled time in service since slad knows it, by what it was."
    )
    month: MonthStatus | None = Field(description="Null while it has no service in the month.")
