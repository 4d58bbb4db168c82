"""The definitions of all alerts: from facts, as they stand at one instant, to what is to be told. Pure.

Each table names its alerts; each function says of one fact whether a condition holds, how bad it is, since when, and in
which words. A summary goes on where the subject's name ends.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, TypeVar

from daemon.alerts.alert import Alert, Severity, labels_of
from daemon.statement_text import duration
from sla.chronic import Chronic, Stage
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant, format_instant
from sla.interruptions import Interruption
from sla.lifecycle import DeadlineKind
from sla.requests import Outcome
from sla.statement import SolutionState

BLIND_FOR_US: Final = 2 * MINUTE
"""How long a vCenter may be out of sight before that is told."""
DOWN_FOR_US: Final = MINUTE
"""How long a virtual server may be down, or a host not respond, before that is told."""
ANSWER_SOON_US: Final = HOUR
"""Business time that is left of a service request's when it is told."""
DEADLINE_SOON_US: Final = DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A condition that holds."""

    severity: Severity
    since: Instant | None
    summary: str
    description: str


Fact = TypeVar("Fact")
Definitions = Mapping[str, Callable[[Fact], Finding | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom alerts are about: how summaries call it, and the labels that say which one it is."""

    text: str
    labels: Mapping[str, str] = field(default_factory=dict)


def alerts(definitions: Definitions[Fact], fact: Fact, subject: Subject) -> Iterator[Alert]:
    """The alerts of one fact."""
    for name, find in definitions.items():
        finding = find(fact)
        if finding is not None:
            yield Alert(
                labels=labels_of(name, finding.severity, subject.labels),
                severity=finding.severity,
                since=finding.since,
                summary=f"{subject.text} {finding.summary}",
                description=finding.description,
            )


# Solutions


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A solution at `at`, and what its terms say: how long what counts lasts, how many the evaluation period bears.

    `counted` is the counted time of the interruption that goes on.
    """

    at: Instant
    state: SolutionState
    counted: int
    lasting: int
    borne: int

    @property
    def ongoing(self) -> Interruption | None:
        """The interruption that goes on."""
        return next((each for each in self.state.interruptions if each.end is None), None)

    def bases(self, stage: Stage) -> dict[str, Chronic]:
        """The bases on which the process is at a stage."""
        both = {"observed": self.state.observed, "documented": self.state.documented}
        return {basis: chronic for basis, chronic in both.items() if chronic.stage is stage}


def nears_at(lasting: int) -> int:
    """How long an interruption has lasted when it nears what makes it count: three quarters of it."""
    return lasting * 3 // 4


def _chronic_outage(solution: Solution) -> Finding | None:
    bases = solution.bases(Stage.CHRONIC)
    if not bases:
        return None
    chronic = next(iter(bases.values()))
    closes = (
        "while the interruption goes on"
        if chronic.notice_closes_at is None
        else f"until {_text(chronic.notice_closes_at)}"
    )
    return Finding(
        severity=Severity.PAGE,
        since=min((each.chronic_at for each in bases.values() if each.chronic_at is not None), default=None),
        summary="has a chronic outage",
        description=f"{_many(chronic.count, 'qualifying interruption')} in the period, on the basis {_and(bases)}. The"
        f" client may give notice of intent to cancel {closes}.",
    )


def _at_risk(solution: Solution) -> Finding | None:
    bases = solution.bases(Stage.AT_RISK)
    if not bases or solution.bases(Stage.CHRONIC):
        return None
    chronic = next(iter(bases.values()))
    return Finding(
        severity=Severity.WARNING,
        since=_last_counted(solution, on_documents="observed" not in bases),
        summary="is one interruption from a chronic outage",
        description=f"{_many(chronic.count, 'qualifying interruption')} in the period, on the basis {_and(bases)}.",
    )


def _last_counted(solution: Solution, *, on_documents: bool) -> Instant | None:
    """When the newest interruption began to count."""
    counted = [
        each.qualified_at if not on_documents else max(each.qualified_at, each.documented_at or solution.at)
        for each in solution.state.interruptions
        if each.qualified_at is not None and (each.documented_at is not None or not on_documents)
    ]
    return max(counted, default=None)


def _qualifying(solution: Solution) -> Finding | None:
    ongoing = solution.ongoing
    if ongoing is None:
        return None
    began = f"It began at {_text(ongoing.start)}"
    if ongoing.qualified_at is not None:
        return Finding(
            severity=Severity.CRITICAL,
            since=ongoing.qualified_at,
            summary=f"is interrupted for {duration(solution.lasting)} and more, which counts",
            description=f"{began}, and has counted since {_text(ongoing.qualified_at)}.",
        )
    near = nears_at(solution.lasting)
    if solution.counted < near:
        return None
    left = max(0, solution.lasting - solution.counted)
    return Finding(
        severity=Severity.WARNING,
        since=Instant(solution.at - (solution.counted - near)),
        summary=f"has an interruption that nears {duration(solution.lasting)}",
        description=f"{began}, and counts from {_text(Instant(solution.at + left))} on unless it ends before.",
    )


def _notice_open(solution: Solution) -> Finding | None:
    chronic = next(
        (each for each in solution.bases(Stage.CHRONIC).values() if each.notice_closes_at is not None), None
    )
    if chronic is None or chronic.notice_closes_at is None:
        return None
    return Finding(
        severity=Severity.WARNING,
        since=chronic.chronic_at,
        summary="has an open notice period",
        description=f"The client may give notice of intent to cancel until {_text(chronic.notice_closes_at)}.",
    )


def _evaluation_failing(solution: Solution) -> Finding | None:
    bases = {
        basis: chronic
        for basis, chronic in {
            **solution.bases(Stage.EVALUATION),
            **solution.bases(Stage.UNRESOLVED),
        }.items()
        if chronic.evaluation_count >= max(1, solution.borne)
    }
    if not bases:
        return None
    worst = max(bases.values(), key=attrgetter("evaluation_count"))
    if worst.stage is Stage.UNRESOLVED:
        summary, means = "has failed its evaluation period", "the client may cancel without penalty"
    else:
        summary, means = "is failing its evaluation period", "one more lets the client cancel without penalty"
    return Finding(
        severity=Severity.CRITICAL,
        since=_last_counted(solution, on_documents="observed" not in bases),
        summary=summary,
        description=f"{_many(worst.evaluation_count, 'interruption')} in it, on the basis {_and(bases)}: {means}.",
    )


OF_SOLUTION: Final[Definitions[Solution]] = {
    "ChronicOutage": _chronic_outage,
    "ChronicOutageAtRisk": _at_risk,
    "OutageQualifying": _qualifying,
    "NoticePeriodOpen": _notice_open,
    "EvaluationPeriodFailing": _evaluation_failing,
}


# What is due


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Something that is open, and due. `soon_at`: when it is to be told."""

    at: Instant
    soon_at: Instant
    due_at: Instant
    is_missed: bool

    @classmethod
    def deadline(cls, due_at: Instant, outcome: object, at: Instant) -> "Due":
        """Of a solution's life."""
        return cls(
            at=at,
            soon_at=Instant(due_at - DEADLINE_SOON_US),
            due_at=due_at,
            is_missed=outcome is Outcome.MISSED,
        )


def _response_due(due: Due) -> Finding | None:
    if due.is_missed:
        return Finding(
            severity=Severity.CRITICAL,
            since=due.due_at,
            summary="was not answered in time",
            description=f"The response was due at {_text(due.due_at)}.",
        )
    if due.at < due.soon_at:
        return None
    return Finding(
        severity=Severity.WARNING,
        since=due.soon_at,
        summary="has to be answered within an hour of business time",
        description=f"The response is due at {_text(due.due_at)}.",
    )


def _deadline_due(due: Due) -> Finding | None:
    if due.at < due.soon_at:
        return None
    return Finding(
        severity=Severity.WARNING,
        since=due.soon_at,
        summary="was missed" if due.is_missed else "is near",
        description=f"It {'was' if due.is_missed else 'is'} due at {_text(due.due_at)}.",
    )


OF_REQUEST: Final[Definitions[Due]] = {"ServiceRequestResponseDue": _response_due}
OF_DEADLINE: Final[Definitions[Due]] = {"ContractDeadlineDue": _deadline_due}

DEADLINE_WORDS: Final = {
    DeadlineKind.PROVISIONING: "provisioning",
    DeadlineKind.ACCEPTANCE: "acceptance",
    DeadlineKind.DATA_RETURN: "the return of the data",
}


# Servers


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A server's month so far, in microseconds; the budget is rounded down. `unseen`: what nobody saw, or is disputed."""

    budget: int
    down: int
    unseen: int

    @property
    def left(self) -> int:
        """What is left of the budget; negative once it is spent."""
        return self.budget - self.down


def _budget_low(month: Month) -> Finding | None:
    if not 0 <= month.left * 4 < month.budget:
        return None
    return Finding(
        severity=Severity.WARNING,
        since=None,
        summary="has less than a quarter of this month's downtime budget left",
        description=f"{duration(month.left)} of {duration(month.budget)} is left.",
    )


def _budget_spent(month: Month) -> Finding | None:
    if month.left >= 0:
        return None
    return Finding(
        severity=Severity.CRITICAL,
        since=None,
        summary="has spent this month's downtime budget",
        description=f"It was down for {duration(month.down)}, and may be for {duration(month.budget)}.",
    )


def _inconclusive(month: Month) -> Finding | None:
    if not 0 <= month.left < month.unseen:
        return None
    return Finding(
        severity=Severity.INFO,
        since=None,
        summary="may have missed this month's target in time that nobody saw",
        description=f"{duration(month.left)} of the downtime budget is left, and {duration(month.unseen)} was not"
        " observed, or is disputed.",
    )


OF_MONTH: Final[Definitions[Month]] = {
    "AvailabilityBudgetLow": _budget_low,
    "AvailabilityBudgetSpent": _budget_spent,
    "AvailabilityInconclusive": _inconclusive,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Maintenance of this month that is not excluded, for one reason; microseconds."""

    reason: str
    lasted: int


def _ineligible(refused: Refused) -> Finding | None:
    if refused.lasted <= 0:
        return None
    return Finding(
        severity=Severity.INFO,
        since=None,
        summary="had maintenance that is not excluded",
        description=f"{duration(refused.lasted)} of this month's counts as service: {refused.reason.replace('_', ' ')}.",
    )


OF_REFUSED: Final[Definitions[Refused]] = {"MaintenanceWindowIneligible": _ineligible}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """An outage of a server that is under way at `at`, and why it is, where somebody said."""

    at: Instant
    since: Instant
    reasons: tuple[str, ...] = ()


def _down(outage: Outage) -> Finding | None:
    if outage.at - outage.since < DOWN_FOR_US:
        return None
    why = f": {_and(outage.reasons)}" if outage.reasons else ""
    return Finding(
        severity=Severity.CRITICAL,
        since=outage.since,
        summary="is down",
        description=f"Since {_text(outage.since)}{why}.",
    )


OF_OUTAGE: Final[Definitions[Outage]] = {"VirtualServerDown": _down}


# The monitor, and what servers share


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A source at `at`. `since`: how far it was seen; `why`: what keeps it from being seen, empty while it is."""

    at: Instant
    since: Instant
    why: str


def _blind(contact: Contact) -> Finding | None:
    if not contact.why or contact.at - contact.since < BLIND_FOR_US:
        return None
    return Finding(
        severity=Severity.WARNING,
        since=contact.since,
        summary="is out of sight",
        description=f"Its servers are unknown since {_text(contact.since)}: {contact.why}.",
    )


OF_SOURCE: Final[Definitions[Contact]] = {"SourceBlind": _blind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """Something that lasts, at `at`: since when, if that is known, and why."""

    at: Instant
    since: Instant | None = None
    why: str = ""


def _holds(severity: Severity, summary: str, description: str) -> Callable[[Lasting], Finding]:
    """A condition that holds, since somebody said so."""

    def find(lasting: Lasting) -> Finding:
        why = f": {lasting.why}" if lasting.why else ""
        return Finding(
            severity=severity, since=lasting.since, summary=summary, description=f"{description}{why}."
        )

    return find


_silent = _holds(
    Severity.WARNING, "does not respond", "Its servers are unknown until it does, or until they run elsewhere"
)


def _not_responding(lasting: Lasting) -> Finding | None:
    is_new = lasting.since is not None and lasting.at - lasting.since < DOWN_FOR_US
    return None if is_new else _silent(lasting)


OF_WINDOW: Final[Definitions[Lasting]] = {
    "MaintenanceRunning": _holds(
        Severity.NONE,
        "is in maintenance",
        "A window on record runs: this alert tells nobody, and inhibits others",
    )
}
OF_UPLINK: Final[Definitions[Lasting]] = {
    "UplinkDown": _holds(Severity.CRITICAL, "is down", "Fewer of its targets answer than its quorum")
}
OF_HOST: Final[Definitions[Lasting]] = {"HostNotResponding": _not_responding}
OF_DATASTORE: Final[Definitions[Lasting]] = {
    "DatastoreInaccessible": _holds(
        Severity.CRITICAL, "is not accessible", "A connected host that mounts it does not reach it"
    )
}
OF_LEDGER: Final[Definitions[Lasting]] = {
    "LedgerNotWriting": _holds(
        Severity.CRITICAL, "takes no records", "Figures stand still, and slad ends unless that clears"
    )
}
OF_SLAD: Final[Definitions[Lasting]] = {
    "Watchdog": _holds(
        Severity.NONE, "is alive", "This alert always fires: where it does not arrive, no other does"
    )
}


def _text(at: Instant) -> str:
    """An instant, to the second."""
    return format_instant(Instant(at - at % SECOND))


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _and(words: Mapping[str, object] | tuple[str, ...]) -> str:
    return " and ".join(words)
