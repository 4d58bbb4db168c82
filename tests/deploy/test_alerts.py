"""Rules, routes and runbooks: read and tried by Prometheus' and Alertmanager's own tools."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.peers import require

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
ALERTMANAGER = ROOT / "deploy/alertmanager/alertmanager.yml"
RUNBOOKS = ROOT / "deploy/runbooks"
OF_ONE_MONITOR = {"SladDown", "LedgerNotWriting"}
SEVERITIES = {"page", "critical", "warning", "info", "none"}


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    require(shutil.which(command[0]), f"needs {command[0]} of Debian's packages: tests/install-peers")
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)


def alerts() -> list[dict[str, Any]]:
    rules = yaml.safe_load((PROMETHEUS / "rules/slad.rules.yml").read_text())
    return [rule for group in rules["groups"] for rule in group["rules"] if "alert" in rule]


def test_promtool_accepts_the_rules_and_the_example_configuration() -> None:
    checked = run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    assert checked.returncode == 0, checked.stderr
    assert "rules found" in checked.stdout


def test_every_rule_does_in_promtools_tests_what_it_should() -> None:
    tried = run("promtool", "test", "rules", *sorted((PROMETHEUS / "tests").glob("*.yml")))
    assert tried.returncode == 0, tried.stdout + tried.stderr


def test_every_alert_is_tried_by_some_test() -> None:
    text = "".join(path.read_text() for path in (PROMETHEUS / "tests").glob("*.yml"))
    assert set(re.findall(r"alertname: (\w+)", text)) == {rule["alert"] for rule in alerts()}


def test_every_alert_says_how_bad_it_is_what_happened_in_numbers_and_where_to_read_on() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in SEVERITIES
        notes = rule["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url", "dashboard_url"}
        assert notes["runbook_url"].endswith(f"/{rule['alert']}")
        if rule["alert"] not in OF_ONE_MONITOR:
            named = {
                label
                for labels in re.findall(r"by \(([^)]*)\)", rule["expr"])
                for label in labels.split(", ")
            }
            assert not {"instance", "job"} & named, "which monitor spoke"


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    books = {path.stem: path.read_text() for path in RUNBOOKS.glob("*.md")}
    assert books.keys() == {rule["alert"] for rule in alerts()}
    for name, text in books.items():
        assert text.startswith(f"# {name}\n")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
            "Look at",
            "Do",
            "What it is not",
        ]


def test_dashboards_that_alerts_link_to_are_there() -> None:
    uids = {path.stem for path in (ROOT / "deploy/grafana/dashboards").glob("*.json")}
    for rule in alerts():
        linked = re.search(r"/d/slad-(\w+)", rule["annotations"]["dashboard_url"])
        assert linked is not None
        assert linked[1] in uids


def test_the_readme_lists_every_alert_with_its_severities() -> None:
    rows = dict(
        re.findall(r"^\| (\w+) \| ([a-z, ]+) \|", (PROMETHEUS / "README.md").read_text(), re.MULTILINE)
    )
    found: dict[str, list[str]] = {}
    for rule in alerts():
        found.setdefault(rule["alert"], []).append(rule["labels"]["severity"])
    assert {name: ", ".join(severities) for name, severities in found.items()} == {
        name: severities for name, severities in rows.items() if name != "alert"
    }


def test_amtool_accepts_the_routes() -> None:
    checked = run("amtool", "check-config", ALERTMANAGER)
    assert checked.returncode == 0, checked.stderr + checked.stdout


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=ChronicOutage severity=page client=acme solution=mail", "pager"),
        ("alertname=Watchdog severity=none", "heartbeat"),
        ("alertname=MaintenanceRunning severity=none server=u1", "nobody"),
        ("alertname=VirtualServerDown severity=critical server=u1", "on-call"),
        ("alertname=OutageQualifying severity=critical client=acme solution=mail", "on-call"),
        ("alertname=OutageQualifying severity=warning client=acme solution=mail", "mail"),
        ("alertname=AvailabilityInconclusive severity=info server=u1", "mail"),
        ("alertname=SomethingElse", "mail"),
    ],
)
def test_every_severity_reaches_who_it_is_for(labels: str, receiver: str) -> None:
    routed = run("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}", *labels.split())
    assert routed.stdout.strip() == receiver, routed.stderr
