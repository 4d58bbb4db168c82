"""The answers: what stands on record, as JSON has it. Instants are RFC 3339 in UTC, durations seconds.

The docstrings and descriptions are those of the OpenAPI document.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from sla.document import seconds
from sla.exclusions import IneligibleReason
from sla.instants import Instant, format_instant
from sla.records import Category, Channel, LifecycleEvent
from sla.requests import Outcome

At = Annotated[
    Instant,
    PlainSerializer(format_instant, return_type=str),
    Field(json_schema_extra={"format": "date-time"}),
]
Seconds = Annotated[int, PlainSerializer(seconds, return_type=int | float)]
"""Microseconds, shown as seconds."""

WindowState = Literal["announced", "running", "past", "withdrawn"]


class Reply(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True)


class FieldError(Reply):
    """What is wrong with a field, and what is allowed; the field is empty where it is about the whole request."""

    field: str
    message: str


class Error(Reply):
    """Why a request was refused: a sentence, and every field that is at fault."""

    error: str
    errors: tuple[FieldError, ...] = ()


class Recorded(Reply):
    """When it was recorded, by whom, as which record of the ledger; null where `dry_run` is true."""

    dry_run: bool = False
    recorded_at: At | None
    recorded_by: str | None
    seq: int | None


class Span(Reply):
    """A span of time; its end is not in it."""

    start: At = Field(serialization_alias="from")
    end: At = Field(serialization_alias="until")


class IneligibleTime(Reply):
    """The time of a window that will not be excluded, for one reason (spec §4.5)."""

    reason: IneligibleReason
    seconds: Seconds
    spans: tuple[Span, ...]


class WeekLeft(Reply):
    """A local week, Monday to Monday, that the window touches: the time that may be used for maintenance in it."""

    start: At = Field(serialization_alias="from")
    cap_seconds: Seconds
    used_seconds: Seconds = Field(description="The window's own eligible time among it.")
    left_seconds: Seconds


class WindowSplit(Reply):
    """How long a window covers the service of a server, and what of that will be excluded."""

    seconds: Seconds
    eligible_seconds: Seconds
    ineligible: tuple[IneligibleTime, ...]
    weeks: tuple[WeekLeft, ...]


class ServerShare(WindowSplit):
    """A window on one virtual server, while it belongs to one client."""

    server: str
    name: str
    client: str


class Summary(Reply):
    """On how many virtual servers a window will be excluded whole, in part, not at all."""

    servers: int
    fully_eligible: int
    partly: int
    not_at_all: int


class MaintenanceRecorded(Recorded):
    """An announced window, and what it will come to on each virtual server."""

    id: str | None
    category: Category
    start: At = Field(serialization_alias="from")
    end: At = Field(serialization_alias="until")
    clients: tuple[str, ...]
    solutions: tuple[str, ...]
    announced_at: At | None
    reference: str | None
    summary: Summary
    servers: tuple[ServerShare, ...]
    """The last key: rows are put in one by one."""


class Ended(Reply):
    """The end of an open exclusion."""

    at: At
    recorded_at: At
    recorded_by: str


class Withdrawn(Reply):
    """The withdrawal of an exclusion."""

    why: str
    recorded_at: At
    recorded_by: str


class ExclusionKeys(Reply):
    """What an exclusion says."""

    id: str | None
    category: Category
    start: At = Field(serialization_alias="from")
    end: At | None = Field(serialization_alias="until", description="Null while it is open.")
    clients: tuple[str, ...]
    solutions: tuple[str, ...]
    servers: tuple[str, ...]
    announced_at: At | None
    reference: str | None


class ExclusionRecorded(Recorded, ExclusionKeys):
    """An exclusion that was recorded."""


class Exclusion(ExclusionKeys):
    """An exclusion on record, as it stands."""

    recorded_at: At
    recorded_by: str
    ended: Ended | None
    withdrawn: Withdrawn | None
    state: WindowState
    names: dict[str, str] = Field(
        description="By its id the name of each server in `servers`, and of those sold alone in `solutions`."
    )


class MaintenanceList(Reply):
    """Maintenance windows, by their beginning."""

    maintenance: tuple[Exclusion, ...]


class ExclusionList(Reply):
    """Exclusions for other reasons, by their beginning."""

    exclusions: tuple[Exclusion, ...]


class EndRecorded(Recorded):
    """The end of an exclusion that was recorded."""

    id: str
    at: At


class WithdrawalRecorded(Recorded):
    """The withdrawal of an exclusion that was recorded."""

    id: str
    why: str


class RequestKeys(Reply):
    """What a service request says, and how it stands (spec §8)."""

    id: str | None
    client: str
    solution: str
    opened_at: At
    opened_by: str
    channel: Channel
    due_at: At
    response: Outcome
    elapsed_business: Seconds
    responded_at: At | None
    closed_at: At | None


class RequestRecorded(Recorded, RequestKeys):
    """A service request that was recorded, or what happened to one."""


class ServiceRequest(RequestKeys):
    """A service request on record. `solution_name`: the server's, of a server that is sold alone."""

    solution_name: str | None
    recorded_at: At
    recorded_by: str


class RequestList(Reply):
    """Service requests, by their opening."""

    requests: tuple[ServiceRequest, ...]


class ChronicStage(Reply):
    """The chronic-outage process of a solution on one basis (spec §7)."""

    count: int
    stage: str
    chronic_at: str | None
    notice_closes_at: str | None
    notice_given_at: str | None
    resolution_until: str | None
    evaluation_until: str | None
    evaluation_count: int


class NoticeRecorded(Recorded):
    """A notice of intent to cancel that was recorded, and where the solution stands with it."""

    client: str
    solution: str
    given_at: At
    valid: bool = Field(description="It opened the resolution period, on one basis at least (spec §7.4).")
    notice_closes_at: str | None = Field(
        description="Of the basis on which it is valid, else of the observed one."
    )
    resolution_until: str | None = Field(description="The same.")
    evaluation_until: str | None = Field(description="The same.")
    observed: ChronicStage
    documented: ChronicStage


class Deadline(Reply):
    """A deadline of a solution (spec §9)."""

    client: str
    solution: str
    deadline: str
    due_at: str
    outcome: str


class StepRecorded(Recorded):
    """A step in the life of a solution that was recorded, and the solution's deadlines."""

    client: str
    solution: str
    event: LifecycleEvent
    at: At
    deadlines: tuple[Deadline, ...]


class InterruptionRow(Reply):
    """An interruption of a solution (spec §6)."""

    start: str
    end: str | None
    counted: int | float
    qualified_at: str | None
    documented_at: str | None


class SolutionRow(Reply):
    """A solution of a client, as its statement has it. `name`: the server's, of a server that is sold alone."""

    id: str
    name: str | None
    servers: int
    accepted_from: str | None
    observed: ChronicStage
    documented: ChronicStage
    ongoing: InterruptionRow | None


class ClientRow(Reply):
    """A client."""

    id: str
    name: str
    timezone: str
    tech_admins: tuple[str, ...]
    servers: int


class ClientList(Reply):
    """The clients, by id."""

    clients: tuple[ClientRow, ...]


class ClientShown(ClientRow):
    """A client, its terms, its solutions, and what is due."""

    terms: dict[str, Any]
    open_requests: tuple[ServiceRequest, ...]
    deadlines: tuple[Deadline, ...]
    solutions: tuple[SolutionRow, ...]
    """The last key: rows are put in one by one."""
