"""Rules, routes and runbooks: read and tried by Prometheus' and Alertmanager's own tools."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.alerts import conditions
from deploy.mixin.dashboards import dashboards
from tests.daemon.alerts.labels import MIXIN, OF_PROMETHEUS, has_its_labels, rules, tried
from tests.peers import require

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
ALERTMANAGER = ROOT / "deploy/alertmanager/alertmanager.yml"
RUNBOOKS = MIXIN / "runbooks"
WITHOUT_NUMBERS = {"MaintenanceRunning", "SladDown", "Watchdog"}
SEVERITIES = {"page", "critical", "warning", "info", "none"}


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    require(shutil.which(command[0]), f"needs {command[0]} of Debian's packages: tests/install-peers")
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)


@pytest.mark.parametrize("example", ["prometheus.yml", "hub.yml"])
def test_promtool_accepts_the_rules_and_the_example_configuration(example: str) -> None:
    checked = run("promtool", "check", "config", PROMETHEUS / example)
    assert checked.returncode == 0, checked.stderr
    assert "rules found" in checked.stdout


def test_every_rule_does_in_promtools_tests_what_it_should() -> None:
    said = run("promtool", "test", "rules", *sorted((MIXIN / "tests").glob("*.yml")))
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_alert_is_seen_to_fire_and_not_to_fire() -> None:
    names = {rule["alert"] for rule in rules()}
    assert {name for name, fired in tried() if fired} == names
    assert {name for name, fired in tried() if not fired} == names - {"Watchdog"}


def test_rules_and_push_have_the_same_alerts_by_the_same_labels() -> None:
    pushed = {name for table in conditions.EVERY for name in table}
    assert pushed == {rule["alert"] for rule in rules()} - {"SladDown"}, "slad cannot say that it is down"
    fired = [labels for _, fired in tried() for labels in fired]
    assert [labels for labels in fired if not has_its_labels(labels, OF_PROMETHEUS)] == []


def test_every_alert_says_how_bad_it_is_what_happened_in_numbers_and_where_to_read_on() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in SEVERITIES
        assert rule["alert"] == "Watchdog" or "keep_firing_for" in rule
        notes = rule["annotations"]
        assert set(notes) == {"summary", "description", "runbook_url", "dashboard_url"}
        assert notes["runbook_url"].endswith(f"/{rule['alert']}")
        if rule["alert"] not in WITHOUT_NUMBERS:
            assert "$value" in notes["description"]
        if rule["alert"] not in OF_PROMETHEUS:
            named = {
                label
                for labels in re.findall(r"by \(([^)]*)\)", rule["expr"])
                for label in labels.split(", ")
            }
            assert not {"instance", "job"} & named, "which monitor spoke"


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    books = {path.stem: path.read_text() for path in RUNBOOKS.glob("*.md")}
    assert books.keys() == {rule["alert"] for rule in rules()}
    for name, text in books.items():
        assert text.startswith(f"# {name}\n")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
            "Look at",
            "Do",
            "What it is not",
        ]


def test_dashboards_that_alerts_link_to_are_there() -> None:
    uids = dashboards("https://slad.example.net")
    for rule in rules():
        linked = re.search(r"/d/slad-(\w+)", rule["annotations"]["dashboard_url"])
        assert linked is not None
        assert linked[1] in uids


def test_the_readme_lists_every_alert_with_its_severities() -> None:
    rows = dict(re.findall(r"^\| (\w+) \| ([a-z, ]+) \|", (MIXIN / "README.md").read_text(), re.MULTILINE))
    found: dict[str, list[str]] = {}
    for rule in rules():
        found.setdefault(rule["alert"], []).append(rule["labels"]["severity"])
    assert {name: ", ".join(severities) for name, severities in found.items()} == {
        name: severities for name, severities in rows.items() if name[0].isupper()
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
        ("alertname=VirtualServerCauseTold severity=none server=u1", "nobody"),
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
