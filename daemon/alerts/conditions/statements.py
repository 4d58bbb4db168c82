"""Alerts of statements that were issued."""

from dataclasses import dataclass
from typing import Final

from daemon.alerts.alert import Severity
from daemon.alerts.conditions.definitions import Definitions, Holding, instant_text, many
from sla.instants import MINUTE, Instant

FAILS_FOR_US: Final = 15 * MINUTE
"""How long a delivery may fail before that is told: mail servers put off at first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutdatedStatement:
    """How many figures of an issued month are others now than its newest version says."""

    figures: int


def _outdated(statement: OutdatedStatement) -> Holding | None:
    if not statement.figures:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=None,
        summary="is outdated",
        description=f"{many(statement.figures, 'figure')} of the month differ from what was issued, by evidence or records that came"
        " since. `slad statement diff` tells which and why; `slad statement issue` issues what corrects it.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UndeliveredStatement:
    """An issued statement that could not be delivered at `at`: since when, how often in a row, and why."""

    at: Instant
    since: Instant
    attempts: int
    why: str


def _undelivered(statement: UndeliveredStatement) -> Holding | None:
    if statement.at - statement.since < FAILS_FOR_US:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=statement.since,
        summary="was not delivered",
        description=f"It failed {many(statement.attempts, 'time')} since {instant_text(statement.since)}: {statement.why}.",
    )


STATEMENT_ALERTS: Final[Definitions[OutdatedStatement]] = {"StatementOutdated": _outdated}
DELIVERY_ALERTS: Final[Definitions[UndeliveredStatement]] = {"StatementNotDelivered": _undelivered}
