"""The shipped inhibitions, by a real Alertmanager: what waits while its cause is told, and what never does."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.daemon.alerts.labels import keeps_firing_s, rules, tried
from tests.peers.alertmanager import Alertmanager, alertmanager
from tests.waiting import wait_until

ROUTES = Path(__file__).parents[2] / "deploy/alertmanager/alertmanager.yml"
INHIBITIONS = yaml.safe_load(ROUTES.read_text())["inhibit_rules"]
OF_A_SERVER = (
    "VirtualServerDown",
    "AvailabilityBudgetLow",
    "AvailabilityBudgetSpent",
    "AvailabilityBudgetBurning",
    "AvailabilityInconclusive",
)
OF_AN_INCIDENT = ("VirtualServersDown", "HostNotResponding")
WAIT_S = 10.0


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    config = {
        "route": {"receiver": "nobody"},
        "receivers": [{"name": "nobody"}],
        "inhibit_rules": INHIBITIONS,
    }
    with alertmanager(tmp_path_factory.mktemp("alertmanager"), config) as running:
        yield running


def of(name: str, severity: str = "", **values: str) -> dict[str, str]:
    """An alert as the rules give it, by promtool's tests, with other values for some of its labels."""
    labels = next(
        labels
        for _, fired in tried()
        for labels in fired
        if labels["alertname"] == name and severity in ("", labels["severity"])
    )
    assert values.keys() <= labels.keys(), f"{name} has no such label"
    return labels | values


def inhibited(one: Alertmanager, *alerts: dict[str, str]) -> list[bool]:
    """Of which alerts nobody is told; the first of them waits, sooner or later."""
    body = json.dumps([{"labels": labels} for labels in alerts]).encode()
    request = urllib.request.Request(
        f"{one.url}/api/v2/alerts", data=body, headers={"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=WAIT_S).close()

    def inhibited() -> list[bool] | None:
        known = {
            tuple(sorted(each["labels"].items())): bool(each["status"]["inhibitedBy"])
            for each in one.alerts()
        }
        found = [known.get(tuple(sorted(labels.items())), False) for labels in alerts]
        return found if found[0] else None

    return wait_until(inhibited, f"the inhibition of {alerts[0]}")


@pytest.mark.parametrize("target", OF_A_SERVER)
@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("SourceBlind", "vcenter"),
        ("UplinkDown", "uplink"),
        ("VirtualServerCauseTold", "server"),
        ("MaintenanceRunning", "server"),
    ],
)
def test_a_servers_alerts_wait_while_its_cause_is_told_and_no_other_servers_do(
    one: Alertmanager, source: str, label: str, target: str
) -> None:
    here, there = f"{source} {target} here", f"{source} {target} there"
    same = {"server": f"{here} s1", "vcenter": f"{here} v1"} | {label: here}
    other = {"server": f"{there} s2", "vcenter": f"{there} v2"} | {label: there}
    cause = of(source, **{label: here})
    if label == "uplink":
        waiting, told = {**of(target), **same}, {**of(target), **other}
    else:
        waiting, told = of(target, **same), of(target, **other)
    assert inhibited(one, waiting, told, cause) == [True, False, False]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (of("ChronicOutage"), of("ChronicOutageAtRisk")),
        (of("ChronicOutage"), of("OutageQualifying", "warning")),
        (of("ChronicOutage"), of("OutageQualifying", "critical")),
        (of("OutageQualifying", "critical"), of("OutageQualifying", "warning")),
        (of("AvailabilityBudgetSpent"), of("AvailabilityBudgetLow")),
        (of("AvailabilityBudgetSpent"), of("AvailabilityBudgetBurning", "critical")),
        (of("AvailabilityBudgetSpent"), of("AvailabilityBudgetBurning", "warning")),
        (of("AvailabilityBudgetBurning", "critical"), of("AvailabilityBudgetBurning", "warning")),
    ],
)
def test_the_worse_of_two_says_it_all(
    one: Alertmanager, source: dict[str, str], target: dict[str, str], request: pytest.FixtureRequest
) -> None:
    same, other = {"client": f"{request.node.name} 1"}, {"client": f"{request.node.name} 2"}
    if "server" in target:
        same, other = {"server": same["client"]}, {"server": other["client"]}
    assert inhibited(one, target | same, target | other, source | same) == [True, False, False]


def test_an_incident_is_told_of_once(one: Alertmanager) -> None:
    incident = of("VirtualServersDown")
    place = {"vcenter": "i1", "datastore": "i2"}
    waiting, told = incident | place, incident | place | {"datastore": "i3"}
    assert inhibited(one, waiting, told, of("DatastoreInaccessible") | place) == [True, False, False]
    bare = {key: value for key, value in incident.items() if key != "datastore"}
    waiting, told = bare | {"uplink": "i4"}, bare | {"uplink": "i5"}
    assert inhibited(one, waiting, told, of("UplinkDown") | {"uplink": "i4"}) == [True, False, False]
    host = {"vcenter": "i1", "host": "i6"}
    waiting, told = of("HostNotResponding") | host, of("HostNotResponding") | host | {"host": "i7"}
    assert inhibited(one, waiting, told, bare | host) == [True, False, False]


def test_what_says_that_maintenance_does_not_count_and_what_pages_never_wait(one: Alertmanager) -> None:
    every = {labels["alertname"]: labels for _, fired in tried() for labels in fired}
    found = dict(zip(every, inhibited(one, *(of("VirtualServerDown"), *every.values()))[1:], strict=True))
    waiting = {name for name, waits in found.items() if waits}
    assert "VirtualServerDown" in waiting
    assert waiting <= {*OF_A_SERVER, *OF_AN_INCIDENT, "ChronicOutageAtRisk", "OutageQualifying"}


def test_what_inhibits_a_server_that_is_down_outlasts_it() -> None:
    """A server is known to be back up to a minute after its uplink is: meanwhile it must not be told of."""
    kept = {rule["alert"]: keeps_firing_s(rule) for rule in rules()}
    sources = {
        matcher.removeprefix("alertname = ")
        for inhibition in INHIBITIONS
        if "VirtualServerDown" in str(inhibition["target_matchers"])
        for matcher in inhibition["source_matchers"]
    }
    assert sources == {"SourceBlind", "UplinkDown", "VirtualServerCauseTold", "MaintenanceRunning"}
    assert all(kept[source] >= kept["VirtualServerDown"] + 120 for source in sources)
