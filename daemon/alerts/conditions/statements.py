"""Alerts of statements that were issued."""

from dataclasses import dataclass
from typing import Final

from daemon.alerts.alert import Severity
from daemon.alerts.conditions.definitions import Definitions, Holding, many


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


STATEMENT_ALERTS: Final[Definitions[OutdatedStatement]] = {"StatementOutdated": _outdated}
