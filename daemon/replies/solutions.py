"""Solutions: their interruptions, the chronic-outage process and their deadlines (spec §6, §7, §9)."""

from collections.abc import Iterable
from typing import Self

from pydantic import Field

from daemon.replies.common import At, Receipt, Reply, Seconds, WithdrawalStatus
from sla.chronic import Chronic, Stage
from sla.interruptions import Interruption
from sla.lifecycle import Acceptance, Deadline, DeadlineKind
from sla.records import LifecycleEvent
from sla.requests import Outcome
from sla.statement import SolutionState


class ChronicStatus(Reply):
    """The chronic-outage process of a solution on one basis (spec §7)."""

    count: int
    stage: Stage
    chronic_at: At | None
    notice_closes_at: At | None
    notice_given_at: At | None
    resolution_until: At | None
    evaluation_until: At | None
    evaluation_count: int

    @classmethod
    def of(cls, chronic: Chronic) -> Self:
        """As the arithmetic has it."""
        return cls(
            count=chronic.count,
            stage=chronic.stage,
            chronic_at=chronic.chronic_at,
            notice_closes_at=chronic.notice_closes_at,
            notice_given_at=chronic.notice_given_at,
            resolution_until=chronic.resolution_until,
            evaluation_until=chronic.evaluation_until,
            evaluation_count=chronic.evaluation_count,
        )


class InterruptionStatus(Reply):
    """An interruption of a solution, and when it came to count on each basis (spec §6)."""

    start: At = Field(serialization_alias="from")
    end: At | None = Field(serialization_alias="until", description="Null while it goes on.")
    counted_seconds: Seconds
    qualified_at: At | None
    documented_at: At | None

    @classmethod
    def of(cls, interruption: Interruption) -> Self:
        """As the arithmetic has it."""
        return cls(
            start=interruption.start,
            end=interruption.end,
            counted_seconds=interruption.counted,
            qualified_at=interruption.qualified_at,
            documented_at=interruption.documented_at,
        )


class DeadlineStatus(Reply):
    """A deadline of a solution (spec §9)."""

    client: str
    solution: str
    deadline: DeadlineKind
    due_at: At
    outcome: Outcome | Acceptance

    @classmethod
    def of(cls, deadline: Deadline) -> Self:
        """As the arithmetic has it."""
        return cls(
            client=deadline.client,
            solution=deadline.solution,
            deadline=deadline.deadline,
            due_at=deadline.due_at,
            outcome=deadline.outcome,
        )


class SolutionKeys(Reply):
    """What is told of a solution wherever it is shown."""

    id: str
    accepted_from: At | None = Field(description="Null while it is not accepted (spec §9.4).")
    observed: ChronicStatus
    documented: ChronicStatus


class SolutionStatus(SolutionKeys):
    """A solution of a client, as its statement has it."""

    client: str
    interruptions: tuple[InterruptionStatus, ...]
    deadlines: tuple[DeadlineStatus, ...]

    @classmethod
    def of(cls, state: SolutionState, deadlines: Iterable[Deadline]) -> Self:
        """As the arithmetic has it."""
        return cls(
            id=state.id,
            accepted_from=state.accepted_from,
            observed=ChronicStatus.of(state.observed),
            documented=ChronicStatus.of(state.documented),
            client=state.client,
            interruptions=tuple(map(InterruptionStatus.of, state.interruptions)),
            deadlines=tuple(map(DeadlineStatus.of, deadlines)),
        )


class SolutionList(Reply):
    """The solutions, but for lone servers that were never down and of which nothing is on record."""

    at: At | None = Field(description="Of which instant; null before anything was worked out.")
    solutions: tuple[SolutionStatus, ...]


class ClientSolution(SolutionKeys):
    """A solution among those of its client. `name`: the server's, of a server that is sold alone."""

    name: str | None
    servers: int
    ongoing: InterruptionStatus | None


class NoticeKeys(Reply):
    """What a notice of intent to cancel says. `id`: null of one that was recorded when they had none."""

    id: str | None
    client: str
    solution: str
    given_at: At


class NoticeReceipt(Receipt, NoticeKeys):
    """A notice of intent to cancel that was recorded, and where the solution stands with it."""

    valid: bool = Field(description="It opened the resolution period, on one basis at least (spec §7.4).")
    notice_closes_at: At | None = Field(
        description="Of the basis on which it is valid, else of the observed one."
    )
    resolution_until: At | None = Field(description="The same.")
    evaluation_until: At | None = Field(description="The same.")
    observed: ChronicStatus
    documented: ChronicStatus


class NoticeStatus(NoticeKeys):
    """A notice on record. `solution_name`: the server's, of a server that is sold alone."""

    solution_name: str | None
    recorded_at: At
    recorded_by: str
    withdrawn: WithdrawalStatus | None


class NoticeList(Reply):
    """Notices of intent to cancel, by when they were given."""

    notices: tuple[NoticeStatus, ...]


class StepKeys(Reply):
    """A step in the life of a solution. `id`: null of one that was recorded when they had none."""

    id: str | None
    client: str
    solution: str
    event: LifecycleEvent
    at: At


class StepReceipt(Receipt, StepKeys):
    """A step in the life of a solution that was recorded, and the solution's deadlines."""

    deadlines: tuple[DeadlineStatus, ...]


class StepStatus(StepKeys):
    """A step on record. `solution_name`: the server's, of a server that is sold alone."""

    solution_name: str | None
    recorded_at: At
    recorded_by: str
    withdrawn: WithdrawalStatus | None


class StepList(Reply):
    """Steps in the lives of solutions, by when they were."""

    steps: tuple[StepStatus, ...]
