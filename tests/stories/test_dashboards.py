"""Every query of the dashboards, on a real Prometheus that scraped a real slad through outages."""

import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.mixin.dashboards import dashboards
from probes.simulation import Power, ThreadedVCenter
from probes.simulation.entities import Vm
from tests.stories.site import SERVER, Site, ago, site

ROOT = Path(__file__).parents[2]
DASHBOARDS = dashboards("https://slad.example.net")
MOST_SERIES = 100
"""That a query may give here, with thirty servers: a table shows fifty of any number."""
WITNESS = {"observer": "elsewhere", "source": "vc9"}
CHECK = 'interval = "1s"\ntimeout = "1s"\nconfirm = 2\n'


def history() -> Iterator[dict[str, object]]:
    """A client whose solution was a chronic outage, got its notice, and fails its evaluation now; one of which one is new; and the
    past of the client whose servers are watched.
    """
    yield from client("globex", "g1", down=(66, 65, 64, 63, 62, 9, 8))
    yield from client("initech", "i1", down=(9, 8, 7, 6, 5))
    yield from client("acme", "a1", down=())
    yield {"kind": "cancellation_notice", "client": "globex", "solution": "shop", "given_at": ago(days=60), "recorded_at": ago(days=60)}  # fmt: skip
    yield {"kind": "observed_until", **WITNESS, "at": ago(minutes=1)}


def client(name: str, server: str, *, down: tuple[int, ...]) -> Iterator[dict[str, object]]:
    """A client with one solution of one server, which was down for three hours so many days ago."""
    yield {"kind": "client", "id": name, "name": name, "timezone": "UTC", "tech_admins": ["gil"], "recorded_at": ago(days=99)}  # fmt: skip
    yield {"kind": "server", "id": server, "name": f"{name}-1", "client": name, "solution": "shop", "in_service_from": ago(days=98), "legs": ["running"]}  # fmt: skip
    said = {"kind": "observation", **WITNESS, "server": server, "leg": "running"}
    yield {**said, "state": "up", "at": ago(days=98)}
    for day in down:
        yield {**said, "state": "down", "at": ago(days=day, hours=12)}
        yield {**said, "state": "up", "at": ago(days=day, hours=9)}


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        yield listener


def substituted(expression: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        expression = expression.replace(f"${name}", value)
    assert "$" not in expression, expression
    return expression


def queries(values: dict[str, str]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Dashboard and panel or marks, the query, and its expression."""
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield f"{name}: {panel['title']}", target, substituted(target["expr"], values)
        for marks in dashboard["annotations"]["list"]:
            query = {"instant": False, "legendFormat": marks["textFormat"]}
            yield f"{name}: {marks['name']}", query, substituted(marks["expr"], values)


def crowded(vcenter: ThreadedVCenter) -> tuple[str, str]:
    """The host and the datastore that most machines that run stand on."""
    machines = vcenter.world.inventory.every(Vm)
    places = Counter(
        (each.host.name, disk.datastore.name)
        for each in machines
        if each.power is Power.ON and not each.template
        for disk in each.disks
    )
    return places.most_common(1)[0][0]


def tell_the_story(told: Site, line: socket.socket) -> None:
    """Everything that a panel shows happens once."""
    told.interrupt()
    other = next(name for name in told.names() if name != SERVER)
    late = ("--from", ago(minutes=2), "--until", ago(hours=-2), "--server", SERVER)
    told.slad("maintenance", "announce", *late)
    told.slad("exclusion", "add", "client_change", "--from", ago(seconds=3), "--until", ago(seconds=1), "--server", SERVER)  # fmt: skip
    told.slad("request", "open", "acme", "mail", "--by", "ann", "--channel", "phone")
    told.slad("lifecycle", "record", "acme", told.id_of(other), "order_accepted", "--yes")
    host, datastore = told.vcenter.do(crowded, told.vcenter)
    told.vcenter.do(told.vcenter.world.outages.mount, host, datastore=datastore, accessible=False)
    told.prometheus.eventually("slad_incident_servers")
    told.slad("statement", "issue", "acme", "--month", ago(days=32)[:7], "--yes")
    told.vcenter.do(told.vcenter.world.kill_sessions)
    told.vcenter.do(told.vcenter.wire.inject, "unavailable", replies=3)
    told.vcenter.do(told.vcenter.world.machines.power_off, SERVER, user="ops")
    line.close()


@pytest.mark.timeout(300)
def test_every_panel_and_every_variable_shows_something_and_not_too_much(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in history()))
    with listening() as near, listening() as far, listening() as further:
        ports = [listener.getsockname()[1] for listener in (near, far, further)]
        sections = {
            "vantage": f'[vantage]\ntargets = ["tcp://localhost:{ports[0]}"]\n{CHECK}',
            "uplink": f'[uplink.transit]\ntargets = ["tcp://127.0.0.1:{ports[1]}", "tcp://127.0.0.1:{ports[2]}"]\nquorum = 1\n{CHECK}',
            "internet": '[[internet]]\nuplink = "transit"',
        }
        with site(tmp_path, history=tmp_path / "history.jsonl", sections=sections) as told:
            tell_the_story(told, further)
            values = {
                "job": "slad",
                "instance": ".+",
                "client": ".+",
                "server": told.id_of(SERVER),
                "slad": "https://slad.example.net",
                "__rate_interval": "10s",
            }
            told.prometheus.eventually("increase(slad_probes_failed_total[10s]) > 0")
            told.prometheus.eventually("increase(slad_source_errors_total[10s]) > 0")
            told.prometheus.eventually("slad_solution_interruption_counted_seconds")
            told.prometheus.eventually("slad_service_request_due_timestamp_seconds")
            told.prometheus.eventually("slad_deadline_due_timestamp_seconds")
            told.prometheus.eventually("slad_statement_issued_timestamp_seconds", timeout_s=60)
            told.prometheus.eventually("client_month:slad_servers_below_target:count")
            empty, broad = [], []
            for place, target, expression in queries(values):
                if target["instant"]:
                    found = told.prometheus.query(expression)
                else:
                    found = told.prometheus.query_range(expression, last_s=240)
                if not found:
                    empty.append((place, expression))
                if len(found) > MOST_SERIES:
                    broad.append((place, len(found)))
                legend = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                for series in found:
                    assert legend <= series["metric"].keys(), (place, legend, series["metric"])
            assert empty == []
            assert broad == []
            for dashboard in DASHBOARDS.values():
                for variable in dashboard["templating"]["list"]:
                    if variable["type"] == "query":
                        assert options(told, substituted(variable["query"]["query"], values), variable), (
                            variable["name"]
                        )


def options(told: Site, query: str, variable: dict[str, Any]) -> list[str]:
    """What a variable offers, as Grafana reads it."""
    if found := re.fullmatch(r"label_values\((.*), (\w+)\)", query):
        return [
            one["metric"][found[2]] for one in told.prometheus.query(f"group by ({found[2]}) ({found[1]})")
        ]
    found = re.fullmatch(r"query_result\((.*)\)", query)
    assert found is not None
    texts = [
        "{" + ",".join(f'{key}="{value}"' for key, value in one["metric"].items()) + "} 1 0"
        for one in told.prometheus.query(found[1])
    ]
    pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
    return [match["value"] for text in texts if (match := pattern.search(text))]
