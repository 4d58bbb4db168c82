"""Every definition of an alert: when it holds, how bad it is, since when, and for whom."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from daemon.alerts.alert import Alert, Severity
from daemon.alerts.conditions import EVERY
from daemon.alerts.conditions.definitions import OUTLASTS_US, Definitions, Lasting, Subject, alerts
from daemon.alerts.conditions.dues import DEADLINE_ALERTS, REQUEST_ALERTS, DueItem
from daemon.alerts.conditions.servers import (
    BUDGET_ALERTS,
    CAUSE_ALERTS,
    DOWN_FOR_US,
    FAST,
    MONTH_ALERTS,
    OUTAGE_ALERTS,
    PACE_WINDOWS,
    REFUSED_ALERTS,
    SLOW,
    TOLD_OF_US,
    WINDOW_ALERTS,
    BudgetUse,
    MonthState,
    OngoingOutage,
    RefusedMaintenance,
)
from daemon.alerts.conditions.shared import (
    BLIND_FOR_US,
    CLOCK_ALERTS,
    DATASTORE_ALERTS,
    DOUBTED_FOR_US,
    HOST_ALERTS,
    LEDGER_ALERTS,
    SILENT_FOR_US,
    SLAD_ALERTS,
    SOURCE_ALERTS,
    UPLINK_ALERTS,
    Contact,
)
from daemon.alerts.conditions.solutions import SOLUTION_ALERTS, SolutionFacts
from daemon.config.labels import OWN_LABELS
from daemon.readable import duration
from sla.chronic import Chronic, Stage
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant, parse_instant
from sla.interruptions import Interruption
from sla.records import ClientId, SolutionId
from sla.statement import SolutionState
from tests.daemon.alerts.labels import LABELS, recordings, rules

NOW = parse_instant("2026-03-10T12:00:00Z")
WHOM = Subject(text="mail of acme", labels={"client": "acme", "solution": "mail", "uplink": ""})


def ago(us: int) -> Instant:
    return Instant(NOW - us)


def interruption(start: int, *, lasted: int | None = None, documented: bool = False) -> Interruption:
    """One that began so long ago, and counts once it has lasted two hours; it goes on unless it is said how long it lasted."""
    began = ago(start)
    reached = start >= 2 * HOUR if lasted is None else lasted >= 2 * HOUR
    return Interruption(
        start=began,
        end=None if lasted is None else Instant(began + lasted),
        down=((began, NOW),),
        qualified_at=Instant(began + 2 * HOUR) if reached else None,
        runs_end=None if lasted is None else Instant(began + lasted),
        documented_at=Instant(began + 3 * HOUR) if documented else None,
    )


def solution(
    *interruptions: Interruption,
    observed: Chronic | None = None,
    documented: Chronic | None = None,
    counted: int = 0,
) -> SolutionFacts:
    quiet = Chronic(count=0, stage=Stage.CLEAR)
    return SolutionFacts(
        zone="America/Toronto",
        at=NOW,
        state=SolutionState(
            id=SolutionId("mail"),
            client=ClientId("acme"),
            accepted_from=None,
            interruptions=interruptions,
            observed=observed or quiet,
            documented=documented or quiet,
        ),
        counted=counted,
        lasting=2 * HOUR,
        borne=2,
    )


def found(name: str, fact: SolutionFacts) -> Alert | None:
    return next(
        (each for each in alerts(SOLUTION_ALERTS, fact, WHOM) if dict(each.labels)["alertname"] == name), None
    )


def only(found: Iterable[Alert]) -> Alert:
    (alert,) = found
    return alert


def names(fact: SolutionFacts) -> set[str]:
    return {dict(each.labels)["alertname"] for each in alerts(SOLUTION_ALERTS, fact, WHOM)}


def test_labels_say_what_and_whom_sorted_and_none_is_empty() -> None:
    alert = only(alerts(SLAD_ALERTS, Lasting(at=NOW), WHOM))
    assert alert.labels == (
        ("alertname", "Watchdog"),
        ("client", "acme"),
        ("severity", "none"),
        ("solution", "mail"),
    )
    assert alert.severity is Severity.NONE


def test_every_alert_has_one_definition_and_its_labels_are_slads_own() -> None:
    every = [name for table in EVERY for name in table]
    assert sorted(every) == sorted(LABELS)
    assert {"alertname", "severity"}.union(*LABELS.values()) == set(OWN_LABELS)


def test_a_solution_without_trouble_tells_nothing() -> None:
    assert names(solution()) == set()


CHRONIC = Chronic(count=5, stage=Stage.CHRONIC, chronic_at=ago(HOUR), notice_closes_at=Instant(NOW + 7 * DAY))


@pytest.mark.parametrize("basis", ["observed", "documented"])
def test_a_chronic_outage_on_either_basis_pages_since_it_is_one(basis: str) -> None:
    chronic = solution(**{basis: CHRONIC})  # type: ignore[arg-type]
    alert = found("ChronicOutage", chronic)
    assert alert is not None
    assert (alert.severity, alert.since, alert.summary) == (
        Severity.PAGE,
        ago(HOUR),
        "mail of acme has a chronic outage",
    )
    assert alert.description == (
        f"5 qualifying interruptions in the period, on the basis {basis}. The client may give notice of intent to cancel"
        " until 17 March 08:00 EDT."
    )
    assert names(chronic) == {"ChronicOutage", "NoticePeriodOpen"}


def test_a_chronic_outage_on_both_bases_is_one_alert_since_the_first() -> None:
    both = solution(observed=CHRONIC, documented=replace(CHRONIC, chronic_at=ago(MINUTE)))
    alert = found("ChronicOutage", both)
    assert alert is not None
    assert alert.since == ago(HOUR)
    assert "observed and documented" in alert.description


def test_a_notice_period_is_open_with_an_end_once_the_interruption_is_over() -> None:
    going_on = replace(CHRONIC, notice_closes_at=None)
    assert found("NoticePeriodOpen", solution(observed=going_on)) is None
    alert = found("NoticePeriodOpen", solution(observed=CHRONIC))
    assert alert is not None
    assert (alert.severity, alert.since) == (Severity.WARNING, ago(HOUR))


@pytest.mark.parametrize("stage", [Stage.RESOLUTION, Stage.LAPSED, Stage.RESOLVED, Stage.EVALUATION])
def test_other_stages_are_no_chronic_outage(stage: Stage) -> None:
    assert names(solution(observed=replace(CHRONIC, stage=stage))) == set()


def test_one_interruption_short_is_at_risk_since_the_last_one_counted() -> None:
    at_risk = Chronic(count=4, stage=Stage.AT_RISK)
    those = interruption(DAY, lasted=3 * HOUR, documented=True), interruption(9 * HOUR, lasted=4 * HOUR)
    observed = found("ChronicOutageAtRisk", solution(*those, observed=at_risk))
    documented = found("ChronicOutageAtRisk", solution(*those, documented=at_risk))
    assert observed is not None
    assert documented is not None
    assert (observed.severity, observed.since) == (Severity.WARNING, ago(7 * HOUR))
    assert documented.since == ago(DAY - 3 * HOUR)
    assert names(solution(*those, observed=at_risk, documented=CHRONIC)) == {
        "ChronicOutage",
        "NoticePeriodOpen",
    }


def test_an_interruption_warns_at_three_quarters_and_is_critical_once_it_counts() -> None:
    early = solution(interruption(HOUR), counted=90 * MINUTE - 1)
    assert names(early) == set()
    near = found("OutageQualifying", solution(interruption(2 * HOUR - 1), counted=100 * MINUTE))
    assert near is not None
    assert (near.severity, near.since) == (Severity.WARNING, ago(10 * MINUTE))
    assert "counts from 10 March 08:20 EDT on" in near.description
    counts = found("OutageQualifying", solution(interruption(3 * HOUR), counted=3 * HOUR))
    assert counts is not None
    assert (counts.severity, counts.since) == (Severity.CRITICAL, ago(HOUR))
    assert names(solution(interruption(3 * HOUR, lasted=2 * HOUR))) == set()


@pytest.mark.parametrize(
    ("stage", "count", "told"),
    [
        (Stage.EVALUATION, 1, None),
        (Stage.EVALUATION, 2, "is failing its evaluation period"),
        (Stage.UNRESOLVED, 3, "has failed its evaluation period"),
        (Stage.RESOLVED, 2, None),
    ],
)
def test_an_evaluation_fails_with_as_many_as_it_bears(stage: Stage, count: int, told: str | None) -> None:
    evaluated = Chronic(count=3, stage=stage, evaluation_count=count)
    alert = found(
        "EvaluationPeriodFailing", solution(interruption(9 * HOUR, lasted=4 * HOUR), observed=evaluated)
    )
    assert (alert and alert.summary) == (told and f"mail of acme {told}")
    if alert is not None:
        assert (alert.severity, alert.since) == (Severity.CRITICAL, ago(7 * HOUR))


def due(due_in: int) -> DueItem:
    return DueItem(at=NOW, zone="UTC", due_at=Instant(NOW + due_in), is_missed=due_in < 0)


def test_a_response_warns_an_hour_ahead_and_is_critical_once_missed() -> None:
    assert list(alerts(REQUEST_ALERTS, due(HOUR + 1), WHOM)) == []
    soon = only(alerts(REQUEST_ALERTS, due(HOUR), WHOM))
    assert (soon.severity, soon.since) == (Severity.WARNING, NOW)
    missed = only(alerts(REQUEST_ALERTS, due(-1), WHOM))
    assert (missed.severity, missed.since) == (Severity.CRITICAL, Instant(NOW - 1))


def test_a_deadline_warns_a_day_ahead_and_goes_on_once_missed() -> None:
    assert list(alerts(DEADLINE_ALERTS, due(DAY + 1), WHOM)) == []
    soon = only(alerts(DEADLINE_ALERTS, due(HOUR), WHOM))
    missed = only(alerts(DEADLINE_ALERTS, due(-HOUR), WHOM))
    assert soon.labels == missed.labels
    assert (soon.severity, soon.since, soon.summary) == (
        Severity.WARNING,
        ago(23 * HOUR),
        "mail of acme is near",
    )
    assert missed.summary == "mail of acme was missed"


@pytest.mark.parametrize(
    ("down", "unseen", "told"),
    [
        (30, 0, set()),
        (31, 0, {"AvailabilityBudgetLow"}),
        (40, 0, {"AvailabilityBudgetLow"}),
        (41, 0, {"AvailabilityBudgetSpent"}),
        (0, 40, set()),
        (0, 41, {"AvailabilityInconclusive"}),
        (39, 2, {"AvailabilityBudgetLow", "AvailabilityInconclusive"}),
        (41, 50, {"AvailabilityBudgetSpent"}),
    ],
)
def test_a_budget_is_low_spent_or_perhaps_spent(down: int, unseen: int, told: set[str]) -> None:
    month = MonthState(budget=40 * MINUTE, down=down * MINUTE, unseen=unseen * MINUTE)
    assert {dict(each.labels)["alertname"] for each in alerts(MONTH_ALERTS, month, WHOM)} == told


def test_a_target_of_all_the_time_has_no_low_budget() -> None:
    assert list(alerts(MONTH_ALERTS, MonthState(budget=0, down=0, unseen=0), WHOM)) == []
    assert (
        dict(only(alerts(MONTH_ALERTS, MonthState(budget=0, down=1, unseen=0), WHOM)).labels)["severity"]
        == "critical"
    )


def use(
    left_s: int, hour_s: int, five_minutes_s: int, six_hours_s: int, days_s: int, **more: Any
) -> BudgetUse:
    """What is left, and what was used within each window; ten days before the month ends."""
    down = hour_s, five_minutes_s, days_s, six_hours_s
    usual: dict[str, Any] = {"month_left": 10 * DAY, "is_told": False}
    used = {window: time * SECOND for window, time in zip(PACE_WINDOWS, down, strict=True)}
    return BudgetUse(left=left_s * SECOND, down=used, **usual | more)


@pytest.mark.parametrize(
    ("used", "severity", "lasts_s"),
    [
        (use(2376, 216, 30, 216, 216), "critical", 39_600),
        (use(2592, 216, 30, 900, 900), "warning", 746_496),  # in twelve hours: not sooner
        (use(2376, 216, 0, 216, 216), None, 0),  # it is over
        (use(2380, 216, 17, 216, 216), "critical", 42_000),  # the lesser pace of both
        (use(2376, 216, 30, 216, 216, month_left=11 * HOUR), None, 0),  # then it is given anew
        (use(700, 216, 30, 216, 216, is_told=True), "warning", 840_000),
        (use(2292, 0, 0, 300, 300, month_left=23 * DAY), "warning", 1_980_288),
        (use(2292, 0, 0, 300, 300, month_left=22 * DAY), None, 0),
        (use(2292, 0, 0, 0, 300, month_left=23 * DAY), None, 0),
        (use(-1, 216, 30, 216, 216), None, 0),  # it is spent
    ],
)
def test_a_budget_burns_at_a_pace_that_it_does_not_last_at(
    used: BudgetUse, severity: str | None, lasts_s: int
) -> None:
    told = list(alerts(BUDGET_ALERTS, used, WHOM))
    assert [each.severity.value for each in told] == ([severity] if severity else [])
    assert all(f" is spent in {duration(lasts_s * SECOND)}." in each.description for each in told)


def test_push_and_rules_ask_for_the_same_paces() -> None:
    """What promtool and this module are tried with is the same; here are the numbers that they rest on."""
    fast, slow = (rule["expr"] for rule in rules() if rule["alert"] == "AvailabilityBudgetBurning")
    assert (
        f"clamp_max(max by (client) (slad_client_month_end_timestamp_seconds) - time(), {FAST.horizon_us // SECOND})"
        in fast
    )
    assert f"[{TOLD_OF_US // MINUTE}m]) >= {DOWN_FOR_US // SECOND}" in fast
    for pace, expr, windows in ((FAST, fast, ("1h", "5m")), (SLOW, slow, ("3d", "6h"))):
        name = f"server:slad_server_month_down_ratio:{''.join(windows)}"
        assert name in expr
        (recorded,) = (rule["expr"] for rule in recordings() if rule["record"] == name)
        used = re.findall(r"min\[(\w+)(?::30m)?\]\)\) / (\d+)", recorded)
        assert used == [*zip(windows, (str(us // SECOND) for us in pace[:2]), strict=True), used[1]]


def test_maintenance_that_is_not_excluded_is_told_with_its_reason() -> None:
    assert list(alerts(REFUSED_ALERTS, RefusedMaintenance(reason="late_notice", lasted=0), WHOM)) == []
    told = only(alerts(REFUSED_ALERTS, RefusedMaintenance(reason="late_notice", lasted=90 * SECOND), WHOM))
    assert told.severity is Severity.INFO
    assert told.description == "1m 30s of this month's counts as service: late notice."


def test_a_server_is_told_once_it_is_down_for_a_minute_and_since_it_is() -> None:
    young = OngoingOutage(at=NOW, since=ago(DOWN_FOR_US - 1))
    assert list(alerts(OUTAGE_ALERTS, young, WHOM)) == []
    told = only(
        alerts(OUTAGE_ALERTS, OngoingOutage(at=NOW, since=ago(DOWN_FOR_US), reasons=("san", "running")), WHOM)
    )
    assert (told.severity, told.since) == (Severity.CRITICAL, ago(DOWN_FOR_US))
    assert told.description == "Since 10 March 11:59 UTC: san and running."
    placed = only(alerts(OUTAGE_ALERTS, OngoingOutage(at=NOW, since=ago(HOUR), host="esx1"), WHOM))
    assert placed.description == "Since 10 March 11:00 UTC. It runs on esx1."


def test_a_source_is_blind_once_it_failed_and_was_not_seen_for_two_minutes() -> None:
    for contact in (
        Contact(at=NOW, since=ago(HOUR), why=""),
        Contact(at=NOW, since=ago(BLIND_FOR_US - 1), why="refused"),
    ):
        assert list(alerts(SOURCE_ALERTS, contact, WHOM)) == []
    told = only(alerts(SOURCE_ALERTS, Contact(at=NOW, since=ago(BLIND_FOR_US), why="refused"), WHOM))
    assert (told.severity, told.since) == (Severity.WARNING, ago(BLIND_FOR_US))
    assert "refused" in told.description


def test_a_host_is_told_after_a_minute() -> None:
    assert list(alerts(HOST_ALERTS, Lasting(at=NOW, since=ago(SILENT_FOR_US - 1)), WHOM)) == []
    told = only(alerts(HOST_ALERTS, Lasting(at=NOW, since=ago(SILENT_FOR_US)), WHOM))
    assert (told.severity, told.since) == (Severity.WARNING, ago(SILENT_FOR_US))


def test_a_clock_is_told_that_is_in_doubt_for_two_minutes() -> None:
    assert list(alerts(CLOCK_ALERTS, Lasting(at=NOW, since=ago(DOUBTED_FOR_US - 1)), WHOM)) == []
    told = only(alerts(CLOCK_ALERTS, Lasting(at=NOW, since=ago(DOUBTED_FOR_US), why="it shows 2058"), WHOM))
    assert (told.severity, told.since) == (Severity.CRITICAL, ago(DOUBTED_FOR_US))
    assert told.description.endswith(": it shows 2058.")


@pytest.mark.parametrize(
    ("table", "severity"),
    [
        (UPLINK_ALERTS, Severity.CRITICAL),
        (DATASTORE_ALERTS, Severity.CRITICAL),
        (LEDGER_ALERTS, Severity.CRITICAL),
        (WINDOW_ALERTS, Severity.NONE),
        (CAUSE_ALERTS, Severity.NONE),
        (SLAD_ALERTS, Severity.NONE),
    ],
)
def test_what_somebody_said_holds_at_once(table: Definitions[Lasting], severity: Severity) -> None:
    told = only(alerts(table, Lasting(at=NOW, since=NOW, why="the disk is full"), WHOM))
    assert (told.severity, told.since) == (severity, NOW)
    assert told.description.endswith(": the disk is full.")


def test_what_inhibits_outlasts_what_it_tells_of() -> None:
    blind = Contact(at=NOW, since=ago(HOUR), why="refused")
    inhibiting = [
        only(alerts(SOURCE_ALERTS, blind, WHOM)),
        *(
            only(alerts(table, Lasting(at=NOW), WHOM))
            for table in (UPLINK_ALERTS, CAUSE_ALERTS, WINDOW_ALERTS)
        ),
    ]
    assert [each.keep_us for each in inhibiting] == [OUTLASTS_US] * 4
    assert only(alerts(OUTAGE_ALERTS, OngoingOutage(at=NOW, since=ago(HOUR)), WHOM)).keep_us == 0
