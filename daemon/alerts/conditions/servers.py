"""Alerts of virtual servers: outages, what silences them, and their month."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from daemon.alerts.alert import Severity
from daemon.alerts.conditions.definitions import (
    OUTLASTS_US,
    Definitions,
    Holding,
    Lasting,
    holding,
    instant_text,
    listed,
    many,
)
from daemon.readable import duration, first_of
from sla.instants import DAY, HOUR, MINUTE, Instant
from sla.records import Cause, Confidence

DOWN_FOR_US: Final = MINUTE
"""How long a virtual server may be down before that is told."""
SEVERAL: Final = 2
"""From how many outages on an incident is told of, in place of each."""
NAMED: Final = 5
"""How many servers of an incident are named."""


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

    @property
    def is_spent(self) -> bool:
        """Whether the target is missed."""
        return self.left < 0

    @property
    def is_low(self) -> bool:
        """Whether less than a quarter of the budget is left."""
        return 0 <= self.left * 4 < self.budget

    @property
    def is_inconclusive(self) -> bool:
        """Whether the target may be missed in time that nobody saw."""
        return 0 <= self.left < self.unseen


def _budget_low(month: MonthState) -> Holding | None:
    if not month.is_low:
        return None
    return Holding(
        severity=Severity.WARNING,
        since=None,
        summary="has less than a quarter of this month's downtime budget left",
        description=f"{duration(month.left)} of {duration(month.budget)} is left.",
    )


def _budget_spent(month: MonthState) -> Holding | None:
    if not month.is_spent:
        return None
    return Holding(
        severity=Severity.CRITICAL,
        since=None,
        summary="has spent this month's downtime budget",
        description=f"It was down for {duration(month.down)}, and may be for {duration(month.budget)}.",
    )


def _inconclusive(month: MonthState) -> Holding | None:
    if not month.is_inconclusive:
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


class Pace(NamedTuple):
    """How fast a budget is used, over a window and still over its end; within which time, and the month, that must not spend it."""

    window_us: int
    ending_us: int
    horizon_us: int


FAST: Final = Pace(HOUR, 5 * MINUTE, 12 * HOUR)
"""What cannot wait until the morning: somebody is woken."""
SLOW: Final = Pace(3 * DAY, 6 * HOUR, 31 * DAY)
"""What does not last until the month ends."""
PACE_WINDOWS: Final = (*FAST[:2], *SLOW[:2])
TOLD_OF_US: Final = 10 * MINUTE
"""How long after an outage that was told of by itself it is not told of as a pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """What is left of a month's budget, and of the month; how long of each of PACE_WINDOWS the server was down, in microseconds.

    `is_told`: an outage of DOWN_FOR_US or more goes on, or ended less than TOLD_OF_US ago.
    """

    left: int
    month_left: int
    down: Mapping[int, int]
    is_told: bool

    def lasts(self, pace: Pace) -> int | None:
        """How long what is left lasts, where that is too short; by the lesser pace of both windows."""
        windows = pace.window_us, pace.ending_us
        if self.left < 0 or not all(self.down[window] for window in windows):
            return None
        lasts = max(self.left * window // self.down[window] for window in windows)
        return lasts if lasts < min(pace.horizon_us, self.month_left) else None


def _burning(use: BudgetUse) -> Holding | None:
    fast, slow = use.lasts(FAST), use.lasts(SLOW)
    if fast is not None and not use.is_told:
        return Holding(
            severity=Severity.CRITICAL,
            since=None,
            summary="is losing this month's downtime budget in short outages",
            description=f"At the pace of the last hour {duration(use.left)} that is left is spent in {duration(fast)}.",
        )
    if slow is not None:
        return Holding(
            severity=Severity.WARNING,
            since=None,
            summary="uses up this month's downtime budget before the month ends",
            description=f"At the pace of the last three days {duration(use.left)} that is left is spent in {duration(slow)}.",
        )
    return None


BUDGET_ALERTS: Final[Definitions[BudgetUse]] = {"AvailabilityBudgetBurning": _burning}


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
    """An outage of a server that is under way at `at`, why it is, where it runs, and its cause; as far as somebody said."""

    at: Instant
    since: Instant
    reasons: tuple[str, ...] = ()
    host: str = ""
    cause: Cause | None = None


def _down(outage: OngoingOutage) -> Holding | None:
    if outage.at - outage.since < DOWN_FOR_US:
        return None
    why = f": {listed(outage.reasons)}" if outage.reasons else ""
    where = f" It runs on {outage.host}." if outage.host else ""
    return Holding(
        severity=Severity.CRITICAL,
        since=outage.since,
        summary="is down",
        description=f"Since {instant_text(outage.since)}{why}.{_by(outage.cause)}{where}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIncident:
    """Outages under way at `at` that one thing brought about: the first of them with its cause, and whose servers are down."""

    at: Instant
    since: Instant
    cause: Cause
    servers: Sequence[str]
    """Their names."""
    clients: Collection[str]


def _incident(incident: OpenIncident) -> Holding | None:
    if incident.at - incident.since < DOWN_FOR_US or len(incident.servers) < SEVERAL:
        return None
    return Holding(
        severity=Severity.CRITICAL,
        since=incident.since,
        summary=f"has {many(len(incident.servers), 'virtual server')} of {many(len(incident.clients), 'client')} down",
        description=f"Since {instant_text(incident.since)}.{_by(incident.cause)}"
        f" Down: {first_of(incident.servers, NAMED)}.",
    )


def _by(cause: Cause | None) -> str:
    """The cause in a sentence."""
    if cause is None:
        return ""
    confidence = "" if cause.confidence is Confidence.NONE else f", {cause.confidence.value}"
    return f" Cause: {cause.cause.value.replace('_', ' ')}{confidence}: {cause.text}."


OUTAGE_ALERTS: Final[Definitions[OngoingOutage]] = {"VirtualServerDown": _down}
INCIDENT_ALERTS: Final[Definitions[OpenIncident]] = {"VirtualServersDown": _incident}


CAUSE_ALERTS: Final[Definitions[Lasting]] = {
    "VirtualServerCauseTold": holding(
        Severity.NONE,
        "is down by what is told of already",
        "The alert of its host, of its datastore or of the incident tells of it: this one tells nobody, and inhibits others",
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
