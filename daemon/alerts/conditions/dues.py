"""Alerts of what is due: responses to service requests, and deadlines of a solution's life."""

from dataclasses import dataclass
from typing import Final

from daemon.alerts.alert import Severity
from daemon.alerts.conditions.definitions import Definitions, Holding, instant_text
from sla.instants import DAY, HOUR, Instant
from sla.lifecycle import DeadlineKind

ANSWER_SOON_US: Final = HOUR
"""How long before it is due a response is told."""
DEADLINE_SOON_US: Final = DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class DueItem:
    """Something that is open, and due, at `at`; `zone`: that of whoever has to do it."""

    at: Instant
    zone: str
    due_at: Instant
    is_missed: bool

    def soon_at(self, ahead_us: int) -> Instant | None:
        """When it is told so long before it is due; None until then."""
        soon_at = Instant(self.due_at - ahead_us)
        return soon_at if self.at >= soon_at else None


def _response_due(due: DueItem) -> Holding | None:
    soon_at = due.soon_at(ANSWER_SOON_US)
    if due.is_missed:
        return Holding(
            severity=Severity.CRITICAL,
            since=due.due_at,
            summary="was not answered in time",
            description=f"The response was due at {instant_text(due.due_at, due.zone)}.",
        )
    if soon_at is None:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=soon_at,
        summary="has to be answered within an hour",
        description=f"The response is due at {instant_text(due.due_at, due.zone)}.",
    )


def _deadline_due(due: DueItem) -> Holding | None:
    soon_at = due.soon_at(DEADLINE_SOON_US)
    if soon_at is None:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=soon_at,
        summary="was missed" if due.is_missed else "is near",
        description=f"It {'was' if due.is_missed else 'is'} due at {instant_text(due.due_at, due.zone)}.",
    )


REQUEST_ALERTS: Final[Definitions[DueItem]] = {"ServiceRequestResponseDue": _response_due}
DEADLINE_ALERTS: Final[Definitions[DueItem]] = {"ContractDeadlineDue": _deadline_due}

DEADLINE_WORDS: Final = {
    DeadlineKind.PROVISIONING: "provisioning",
    DeadlineKind.ACCEPTANCE: "acceptance",
    DeadlineKind.DATA_RETURN: "the return of the data",
}
