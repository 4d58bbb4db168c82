"""What the daemon answers about itself and the fleet, and the questions (`Control`) that the composition root answers."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from typing_extensions import (
    TypedDict,
)  # pydantic makes the OpenAPI document of it, which typing's own does not allow

from sla.instants import Instant


class AmbiguousNameError(LookupError):
    """Several servers answer to a name."""

    def __init__(self, candidates: Sequence[str]) -> None:
        """`candidates`: the ids that would have been unambiguous."""
        super().__init__(f"{len(candidates)} servers have this name")
        self.candidates = tuple(candidates)


class SourceStatus(TypedDict):
    """One source. Instants are RFC 3339 here and everywhere below; None is never."""

    name: str
    up: bool
    last_contact_at: str | None
    note: str


class LedgerStatus(TypedDict):
    """Where the ledger stands."""

    records: int
    head: str
    size_bytes: int
    last_commit_at: str | None


class DownServer(TypedDict):
    """A server that is down, and since when."""

    server: str
    name: str
    client: str
    since: str
    legs: list[str]


class WayStatus(TypedDict):
    """An uplink, or the monitor's own way out (`vantage`), and why it is not up."""

    name: str
    state: str
    reason: str


class Status(TypedDict):
    """What `slad status` shows. `not_ready`: reasons, empty when ready; `states`: servers in each state."""

    version: str
    at: str
    settled_at: str | None
    not_ready: list[str]
    sources: list[SourceStatus]
    internet: list[WayStatus]
    ledger: LedgerStatus
    states: dict[str, int]
    down: list[DownServer]


class LegStatus(TypedDict):
    """One leg of a server, as its witnesses have it."""

    leg: str
    state: str
    since: str | None
    source: str
    reason: str


class OutageStatus(TypedDict):
    """One outage; `until` is None while it lasts."""

    start: str
    until: str | None
    legs: list[str]


class IneligibleStatus(TypedDict):
    """Time of a maintenance window that is not excluded, and the first reason that applies."""

    reason: str
    time_us: int


class ExclusionStatus(TypedDict):
    """An exclusion that covers a server in its month; `until` is None while it is open, `time_us` its time so far."""

    id: str
    category: str
    start: str
    until: str | None
    time_us: int
    ineligible: list[IneligibleStatus]


class MonthStatus(TypedDict):
    """A server's local month up to `at`. Ratios are decimals, rounded down; None where there is nothing to divide by."""

    month: str
    at: str
    target: str
    availability: str | None
    availability_low: str | None
    availability_high: str | None
    coverage: str | None
    best_possible: str | None
    budget_us: int
    budget_left_us: int
    times_us: dict[str, int]
    excluded_us: dict[str, int]
    exclusions: list[ExclusionStatus]


class InterruptionStatus(TypedDict):
    """One interruption of a solution; `end` is None while it goes on, `counted` is seconds."""

    start: str
    end: str | None
    counted: float
    qualified_at: str | None
    documented_at: str | None


class ChronicStatus(TypedDict):
    """Where the chronic-outage process of a solution stands on one basis."""

    count: int
    stage: str
    chronic_at: str | None
    notice_closes_at: str | None
    notice_given_at: str | None
    resolution_until: str | None
    evaluation_until: str | None
    evaluation_count: int


class DeadlineStatus(TypedDict):
    """A deadline in the life of a solution."""

    client: str
    solution: str
    deadline: str
    due_at: str
    outcome: str


class SolutionStatus(TypedDict):
    """A solution of a client, as its statement says it."""

    id: str
    client: str
    accepted_from: str | None
    interruptions: list[InterruptionStatus]
    observed: ChronicStatus
    documented: ChronicStatus
    deadlines: list[DeadlineStatus]


class SolutionList(TypedDict):
    """The solutions that have something to say, at `at`; None before anything was worked out."""

    at: str | None
    solutions: list[SolutionStatus]


class ReachStatus(TypedDict):
    """A check of a server's own address, and what it found last."""

    target: str
    required: bool
    state: str
    reason: str


class ServerStatus(TypedDict):
    """What `slad server` shows. `counters_us`: settled time in service, in microseconds, by what it counts."""

    server: str
    name: str
    client: str
    solution: str
    vcenter: str
    state: str
    since: str | None
    settled_at: str | None
    legs: list[LegStatus]
    reach: list[ReachStatus]
    outages: list[OutageStatus]
    counters_us: dict[str, int]
    month: MonthStatus | None


class Control(Protocol):
    """What the daemon answers; the composition root implements it."""

    def status(self) -> Status:
        """How the daemon and the fleet are."""
        ...

    def server(self, name: str) -> ServerStatus | None:
        """One server by its id or name; None where there is none. Raises AmbiguousNameError."""
        ...

    async def solutions(self) -> SolutionList:
        """The solutions, but for lone servers that were never down and of which nothing is on record."""
        ...

    def solution(self, client: str, name: str) -> SolutionStatus | None:
        """One solution of a client; None where there is none."""
        ...

    def export(self, client: str | None, start: Instant | None, until: Instant | None) -> AsyncIterator[str]:
        """The evidence as lines without their ends, for one client or all, for [start, until)."""
        ...
