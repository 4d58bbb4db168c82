"""Alerts of solutions: their interruptions, and the chronic-outage process."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from daemon.alerts.alert import Severity
from daemon.alerts.conditions.definitions import Definitions, Holding, instant_text, listed, many
from daemon.readable import duration
from sla.chronic import Chronic, Stage, counts_at
from sla.instants import Instant
from sla.statement import SolutionState


@dataclass(frozen=True, slots=True, kw_only=True)
class SolutionFacts:
    """A solution at `at`, and what its terms say: how long what counts lasts, how many the evaluation period bears.

    `counted` is the counted time of the interruption that goes on; `zone` the client's.
    """

    at: Instant
    zone: str
    state: SolutionState
    counted: int
    lasting: int
    borne: int

    def bases(self, stage: Stage) -> dict[str, Chronic]:
        """The bases on which the process is at a stage."""
        both = {"observed": self.state.observed, "documented": self.state.documented}
        return {basis: chronic for basis, chronic in both.items() if chronic.stage is stage}


def nears_at(lasting: int) -> int:
    """How long an interruption has lasted when it nears what makes it count: three quarters of it."""
    return lasting * 3 // 4


def _chronic_outage(solution: SolutionFacts) -> Holding | None:
    bases = solution.bases(Stage.CHRONIC)
    if not bases:
        return None
    chronic = next(iter(bases.values()))
    closes = (
        "while the interruption goes on"
        if chronic.notice_closes_at is None
        else f"until {instant_text(chronic.notice_closes_at, solution.zone)}"
    )
    return Holding(
        severity=Severity.PAGE,
        since=min((each.chronic_at for each in bases.values() if each.chronic_at is not None), default=None),
        summary="has a chronic outage",
        description=f"{many(chronic.count, 'qualifying interruption')} in the period, on the basis {listed(bases)}. The"
        f" client may give notice of intent to cancel {closes}.",
    )


def _at_risk(solution: SolutionFacts) -> Holding | None:
    bases = solution.bases(Stage.AT_RISK)
    if not bases or solution.bases(Stage.CHRONIC):
        return None
    chronic = next(iter(bases.values()))
    return Holding(
        severity=Severity.WARNING,
        since=_last_counted(solution, on_documents="observed" not in bases),
        summary="is one interruption from a chronic outage",
        description=f"{many(chronic.count, 'qualifying interruption')} in the period, on the basis {listed(bases)}.",
    )


def _last_counted(solution: SolutionFacts, *, on_documents: bool) -> Instant | None:
    """When the newest interruption began to count."""
    counted = (counts_at(each, documented=on_documents) for each in solution.state.interruptions)
    return max((at for at in counted if at is not None), default=None)


def _qualifying(solution: SolutionFacts) -> Holding | None:
    ongoing = solution.state.ongoing
    if ongoing is None:
        return None
    began = f"It began at {instant_text(ongoing.start, solution.zone)}"
    if ongoing.qualified_at is not None:
        return Holding(
            severity=Severity.CRITICAL,
            since=ongoing.qualified_at,
            summary=f"is interrupted for {duration(solution.lasting)} and more, which counts",
            description=f"{began}, and has counted since {instant_text(ongoing.qualified_at, solution.zone)}.",
        )
    near = nears_at(solution.lasting)
    if solution.counted < near:
        return None
    left = max(0, solution.lasting - solution.counted)
    return Holding(
        severity=Severity.WARNING,
        since=Instant(solution.at - (solution.counted - near)),
        summary=f"has an interruption that nears {duration(solution.lasting)}",
        description=f"{began}, and counts from {instant_text(Instant(solution.at + left), solution.zone)} on unless it ends before.",
    )


def _notice_open(solution: SolutionFacts) -> Holding | None:
    chronic = next(
        (each for each in solution.bases(Stage.CHRONIC).values() if each.notice_closes_at is not None), None
    )
    if chronic is None or chronic.notice_closes_at is None:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=chronic.chronic_at,
        summary="has an open notice period",
        description=f"The client may give notice of intent to cancel until {instant_text(chronic.notice_closes_at, solution.zone)}.",
    )


def _evaluation_failing(solution: SolutionFacts) -> Holding | None:
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
    until = worst.evaluation_until
    ends = "" if until is None else f" It lasts until {instant_text(until, solution.zone)}."
    return Holding(
        severity=Severity.CRITICAL,
        since=_last_counted(solution, on_documents="observed" not in bases),
        summary=summary,
        description=f"{many(worst.evaluation_count, 'interruption')} in it, on the basis {listed(bases)}: {means}.{ends}",
    )


SOLUTION_ALERTS: Final[Definitions[SolutionFacts]] = {
    "ChronicOutage": _chronic_outage,
    "ChronicOutageAtRisk": _at_risk,
    "OutageQualifying": _qualifying,
    "NoticePeriodOpen": _notice_open,
    "EvaluationPeriodFailing": _evaluation_failing,
}
