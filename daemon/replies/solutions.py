"""Solutions: their interruptions, the chronic-outage process and their deadlines (spec §6, §7, §9)."""

from pydantic import Field

from daemon.replies.common import At, Receipt, Reply
from sla.records import LifecycleEvent


class ChronicStatus(Reply):
    """The chronic-outage process of a solution on one basis (spec §7)."""

    count: int
    stage: str
    chronic_at: str | None
    notice_closes_at: str | None
    notice_given_at: str | None
    resolution_until: str | None
    evaluation_until: str | None
    evaluation_count: int


class InterruptionStatus(Reply):
    """An interruption of a solution (spec §6)."""

    start: str
    end: str | None
    counted: int | float
    qualified_at: str | None
    documented_at: str | None


class DeadlineStatus(Reply):
    """A deadline of a solution (spec §9)."""

    client: str
    solution: str
    deadline: str
    due_at: str
    outcome: str


class ClientSolution(Reply):
    """A solution among those of its client. `name`: the server's, of a server that is sold alone."""

    id: str
    name: str | None
    servers: int
    accepted_from: str | None
    observed: ChronicStatus
    documented: ChronicStatus
    ongoing: InterruptionStatus | None


class NoticeReceipt(Receipt):
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
    observed: ChronicStatus
    documented: ChronicStatus


class StepReceipt(Receipt):
    """A step in the life of a solution that was recorded, and the solution's deadlines."""

    client: str
    solution: str
    event: LifecycleEvent
    at: At
    deadlines: tuple[DeadlineStatus, ...]
