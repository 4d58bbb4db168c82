"""Alerts of virtual servers: outages, what silences them, and their month."""

from dataclasses import dataclass
from typing import Final

from daemon.alerts.alert import Severity
from daemon.alerts.conditions.definitions import (
    OUTLASTS_US,
    Definitions,
    Holding,
    Lasting,
    holding,
    instant_text,
    listed,
)
from daemon.readable import duration
from sla.instants import MINUTE, Instant

DOWN_FOR_US: Final = MINUTE
"""How long a virtual server may be down before that is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthState:
    """A server's month so far, in microseconds; the budget is rounded down. `unseen`: what nobody saw, or is disputed."""

    budget: int
    down: int
    unseen: int

    @property
    def left(self) -> int:
        """What is left of the budget; negative once it is spent."""
        return self.budget - self.down


def _budget_low(month: MonthState) -> Holding | None:
    if not 0 <= month.left * 4 < month.budget:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=None,
        summary="has less than a quarter of this month's downtime budget left",
        description=f"{duration(month.left)} of {duration(month.budget)} is left.",
    )


def _budget_spent(month: MonthState) -> Holding | None:
    if month.left >= 0:
        return None
    return Holding(
        severity=Severity.CRITICAL,
        since=None,
        summary="has spent this month's downtime budget",
        description=f"It was down for {duration(month.down)}, and may be for {duration(month.budget)}.",
    )


def _inconclusive(month: MonthState) -> Holding | None:
    if not 0 <= month.left < month.unseen:
        return None
    return Holding(
        severity=Severity.INFO,
        since=None,
        summary="may have missed this month's target in time that nobody saw",
        description=f"{duration(month.left)} of the downtime budget is left, and {duration(month.unseen)} was not"
        " observed, or is disputed.",
    )


MONTH_ALERTS: Final[Definitions[MonthState]] = {
    "AvailabilityBudgetLow": _budget_low,
    "AvailabilityBudgetSpent": _budget_spent,
    "AvailabilityInconclusive": _inconclusive,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedMaintenance:
    """Maintenance of this month that is not excluded, for one reason; microseconds."""

    reason: str
    lasted: int


def _ineligible(refused: RefusedMaintenance) -> Holding | None:
    if refused.lasted <= 0:
        return None
    return Holding(
        severity=Severity.INFO,
        since=None,
        summary="had maintenance that is not excluded",
        description=f"{duration(refused.lasted)} of this month's counts as service: {refused.reason.replace('_', ' ')}.",
    )


REFUSED_ALERTS: Final[Definitions[RefusedMaintenance]] = {"MaintenanceWindowIneligible": _ineligible}


@dataclass(frozen=True, slots=True, kw_only=True)
class OngoingOutage:
    """An outage of a server that is under way at `at`, why it is, and where it runs; as far as somebody said."""

    at: Instant
    since: Instant
    reasons: tuple[str, ...] = ()
    host: str = ""


def _down(outage: OngoingOutage) -> Holding | None:
    if outage.at - outage.since < DOWN_FOR_US:
        return None
    why = f": {listed(outage.reasons)}" if outage.reasons else ""
    where = f" It runs on {outage.host}." if outage.host else ""
    return Holding(
        severity=Severity.CRITICAL,
        since=outage.since,
        summary="is down",
        description=f"Since {instant_text(outage.since)}{why}.{where}",
    )


OUTAGE_ALERTS: Final[Definitions[OngoingOutage]] = {"VirtualServerDown": _down}


CAUSE_ALERTS: Final[Definitions[Lasting]] = {
    "VirtualServerCauseTold": holding(
        Severity.NONE,
        "is down by its host or datastore",
        "The alert of its host or datastore tells of it: this one tells nobody, and inhibits others",
        keep_us=OUTLASTS_US,
    )
}
WINDOW_ALERTS: Final[Definitions[Lasting]] = {
    "MaintenanceRunning": holding(
        Severity.NONE,
        "is in maintenance",
        "A window on record runs: this alert tells nobody, and inhibits others",
        keep_us=OUTLASTS_US,
    )
}
