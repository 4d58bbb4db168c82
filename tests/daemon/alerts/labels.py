"""Which labels tell an alert's subject: the same by slad's push and by the rules for Prometheus."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

MIXIN: Final = Path(__file__).parents[3] / "deploy/mixin"
_SERVER: Final = {"server", "name", "client", "solution"}
_SHARED: Final = _SERVER | {"vcenter", "uplink"}
_SOLUTION: Final = {"client", "solution"}

LABELS: Final[Mapping[str, set[str]]] = {
    "ChronicOutage": _SOLUTION,
    "ChronicOutageAtRisk": _SOLUTION,
    "OutageQualifying": _SOLUTION,
    "NoticePeriodOpen": _SOLUTION,
    "EvaluationPeriodFailing": _SOLUTION,
    "ServiceRequestResponseDue": _SOLUTION | {"request"},
    "ContractDeadlineDue": _SOLUTION | {"deadline"},
    "VirtualServerDown": _SHARED,
    "AvailabilityBudgetLow": _SHARED,
    "AvailabilityBudgetBurning": _SHARED,
    "AvailabilityBudgetSpent": _SHARED,
    "AvailabilityInconclusive": _SHARED,
    "MaintenanceWindowIneligible": _SERVER | {"reason"},
    "MaintenanceRunning": _SERVER,
    "VirtualServersDown": {"cause", "vcenter", "host", "datastore", "uplink"},
    "VirtualServerCauseTold": _SERVER,
    "StatementOutdated": {"client", "month"},
    "StatementNotDelivered": {"client", "month"},
    "SourceBlind": {"vcenter"},
    "UplinkDown": {"uplink"},
    "HostNotResponding": {"vcenter", "host"},
    "DatastoreInaccessible": {"vcenter", "datastore"},
    "LedgerNotWriting": set(),
    "ClockInDoubt": set(),
    "RecordQuarantined": set(),
    "LedgerBegun": set(),
    "HubBehind": set(),
    "HubRefused": set(),
    "MonitorSilent": {"observer"},
    "MonitorsDisagree": {"kind"},
    "Watchdog": set(),
}
"""Of every alert that slad pushes. A label without value is none, so a lone server has no solution."""
MAY_LACK: Final = {"solution", "uplink"}
_PLACES: Final = {"host", "datastore", "uplink"}
"""Of which an incident has one."""
OF_PROMETHEUS: Final = {
    "SladDown": {"job", "instance"},
    "LedgerNotWriting": {"instance"},
    "ClockInDoubt": {"instance"},
    "RecordQuarantined": {"instance"},
    "LedgerBegun": {"instance"},
    "HubBehind": {"instance"},
    "HubRefused": {"instance", "state"},
}
"""Labels that only Prometheus gives: which monitor it is that does not work."""


def has_its_labels(labels: Mapping[str, str], more: Mapping[str, set[str]] | None = None) -> bool:
    """Whether an alert has the labels that it should have, and no others."""
    name = labels["alertname"]
    wanted = LABELS.get(name, set()) | (more or {}).get(name, set())
    found = labels.keys() - {"alertname", "severity"}
    may_lack = _PLACES if name == "VirtualServersDown" else MAY_LACK
    return found <= wanted and wanted - found <= may_lack


def rules() -> list[dict[str, Any]]:
    """The shipped alerting rules."""
    return _in("alerts.yml")


def recordings() -> list[dict[str, Any]]:
    """The shipped recording rules."""
    return _in("rules.yml")


def _in(file: str) -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load((MIXIN / file).read_text())["groups"] for rule in group["rules"]]


@cache
def tried() -> Sequence[tuple[str, list[dict[str, str]]]]:
    """What promtool's tests expect: the name of an alert, and the labels of each that fires, none of it or some."""
    return [
        (
            test["alertname"],
            [{"alertname": test["alertname"], **each["exp_labels"]} for each in test["exp_alerts"]],
        )
        for file in sorted((MIXIN / "tests").glob("*.yml"))
        for story in yaml.safe_load(file.read_text())["tests"]
        for test in story.get("alert_rule_test", ())
    ]


def keeps_firing_s(rule: Mapping[str, Any]) -> int:
    """How long a rule keeps firing after its expression says nothing."""
    found = re.fullmatch(r"(\d+)([mh])", rule.get("keep_firing_for", "0m"))
    assert found is not None
    return int(found[1]) * {"m": 60, "h": 3600}[found[2]]
