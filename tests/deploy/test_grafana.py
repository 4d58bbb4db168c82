"""The mixin's dashboards: by Grafana's own types, and by its linter's rules; how Grafana is told of them."""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from daemon.pages.site import PAGES as SITE
from daemon.pages.site import STATEMENT
from deploy.mixin.dashboards import dashboards
from tests.daemon.alerts.labels import recordings
from tests.peers import require

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy/grafana"
TYPES = Path(__file__).parent / "grafana"
PAGES = "https://slad.example.net"
DASHBOARDS = {name: json.loads(json.dumps(built)) for name, built in dashboards(PAGES).items()}
UNITS = {"none", "s", "bytes", "percentunit", "cps"}
PAST = {rule["record"] for rule in recordings() if "_month:" in rule["record"]}
OF_PROMETHEUS = {"expr", "titleFormat", "textFormat", "useValueForTime"}
"""What an annotation has that only the data source reads; Grafana's own types do not know it."""


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def plain(dashboard: Mapping[str, Any]) -> dict[str, Any]:
    """A dashboard as far as Grafana's own types know it."""
    marks = [
        {key: value for key, value in each.items() if key not in OF_PROMETHEUS}
        for each in dashboard["annotations"]["list"]
    ]
    return {**dashboard, "annotations": {"list": marks}}


def expressions(dashboard: Mapping[str, Any]) -> Iterator[str]:
    """Every query of panels and marks."""
    yield from (target["expr"] for panel in panels(dashboard) for target in panel["targets"])
    yield from (mark["expr"] for mark in dashboard["annotations"]["list"])


@pytest.fixture(params=DASHBOARDS)
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = DASHBOARDS[request.param]
    return found


def test_grafanas_own_types_accept_every_dashboard(tmp_path: Path) -> None:
    require(TYPES / "node_modules/.bin/tsc", "needs npm's @grafana/schema: tests/install-peers")
    (tmp_path / "node_modules").symlink_to(TYPES / "node_modules")
    (tmp_path / "plain.ts").write_text((TYPES / "plain.ts").read_text())
    head = "import type { PlainDashboard } from './plain';\nexport const dashboard = "
    for name, built in DASHBOARDS.items():
        (tmp_path / f"{name}.ts").write_text(f"{head}{json.dumps(plain(built))} satisfies PlainDashboard;\n")
    misspelt = json.dumps(plain(DASHBOARDS["fleet"])).replace('"unit":', '"unitt":', 1)
    (tmp_path / "misspelt.ts").write_text(f"{head}{misspelt} satisfies PlainDashboard;\n")
    checked = subprocess.run(
        [
            str(tmp_path / "node_modules/.bin/tsc"), "--noEmit", "--strict", "--skipLibCheck",
            "--moduleResolution", "bundler", "--module", "esnext", "--target", "es2022",
            *(path.name for path in tmp_path.glob("*.ts")),
        ],
        cwd=tmp_path, check=False, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    complaints = [line for line in checked.stdout.splitlines() if "error" in line]
    assert [line for line in complaints if not line.startswith("misspelt.ts")] == []
    assert complaints, "the check must be able to fail"


def lost(before: object, after: object, path: str = "") -> Iterator[str]:
    """What one document has and another has not, or has otherwise."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key not in after:
                yield f"{path}/{key}"
            else:
                yield from lost(value, after[key], f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for place, value in enumerate(before):
            yield from lost(value, after[place], f"{path}/{place}")
    elif before != after:
        yield path


def test_nothing_is_lost_in_grafanas_own_reading_and_writing(dashboard: dict[str, Any]) -> None:
    plugins.register_default_plugins()
    known = plain(dashboard)
    again = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(known)))
    assert list(lost(known, again)) == []
    odd = known | {"titel": "x"}
    assert list(lost(odd, json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(odd))))) == [
        "/titel"
    ]


# The rules of Grafana's dashboard linter


def test_the_data_source_is_a_variable_that_every_panel_and_query_uses(dashboard: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    wanted = {"type": "prometheus", "uid": "${datasource}"}
    for variable in variables.values():
        assert variable["type"] in ("datasource", "textbox") or variable["datasource"] == wanted
    for mark in dashboard["annotations"]["list"]:
        assert mark["datasource"] == wanted
    for panel in panels(dashboard):
        assert panel["datasource"] == wanted
        assert all(target["datasource"] == wanted for target in panel["targets"])


def test_job_and_monitor_can_be_chosen_and_every_query_heeds_them(dashboard: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    for name in ("job", "instance"):
        assert variables[name]["type"] == "query"
        assert variables[name]["multi"]
        assert variables[name]["allValue"] == ".+"
        assert variables[name]["refresh"] == 2, "when the time range changes"
    for expr in expressions(dashboard):
        selectors = re.findall(r"(?:slad|process)_\w+\{([^}]*)\}", expr)
        assert selectors or set(re.findall(r"\w+_month:slad_\w+:\w+", expr)) <= PAST, (
            "recorded of all monitors"
        )
        for selector in selectors:
            assert 'job=~"$job"' in selector, expr
            assert 'instance=~"$instance"' in selector, expr


def test_what_happened_is_marked_by_series_that_slad_exports(dashboard: dict[str, Any]) -> None:
    marks = {mark["name"]: mark for mark in dashboard["annotations"]["list"]}
    assert len(marks) > 1
    for mark in marks.values():
        assert mark["useValueForTime"] == mark["expr"].endswith(" * 1000"), "milliseconds"
        assert mark["useValueForTime"] == ("_timestamp_" in mark["expr"] or "_start_time_" in mark["expr"])
    if dashboard["uid"] != "slad-monitor":
        assert "Statement issued" in marks
    if dashboard["uid"] in ("slad-fleet", "slad-server"):
        assert "Maintenance" in marks


def test_links_lead_to_the_dashboards_and_to_slads_own_pages(dashboard: dict[str, Any]) -> None:
    (pages,) = (each for each in dashboard["templating"]["list"] if each["name"] == "slad")
    assert pages["query"] == PAGES, "whoever builds it says where they are"
    patterns = [
        re.compile(re.sub(r"\{\w+:\[\^/\]\+\}", "[^/]+", path) + r"(\?(client|month)=[^&]+)?")
        for path in (*SITE, f"/clients/{{client:[^/]+}}{STATEMENT}")
    ]
    urls = [each["url"] for each in dashboard["links"] if each["url"]]
    for panel in panels(dashboard):
        columns = set()
        for transformation in panel.get("transformations", ()):
            columns |= set(transformation["options"].get("renameByName", {}).values())
        for override in panel["fieldConfig"].get("overrides", ()):
            for each in override["properties"]:
                if each["id"] == "links":
                    urls += [link["url"] for link in each["value"]]
                    named = {
                        name for link in each["value"] for name in re.findall(r"fields\.(\w+)", link["url"])
                    }
                    assert named <= columns, panel["title"]
    for url in urls:
        dashboard_uid = re.match(r"/d/(slad-\w+)\?", url)
        if dashboard_uid is not None:
            assert dashboard_uid[1] in {each["uid"] for each in DASHBOARDS.values()}
        else:
            path = re.sub(r"\$\{[^}]*\}", "x", url.removeprefix("${slad}"))
            assert any(pattern.fullmatch(path) for pattern in patterns), url


def test_every_panel_has_a_title_a_description_a_unit_and_queries(dashboard: dict[str, Any]) -> None:
    titles = [panel["title"] for panel in panels(dashboard)]
    assert len(set(titles)) == len(titles)
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        assert panel["targets"]
        assert not any(target["legendFormat"] == "" for target in panel["targets"])


def test_counters_are_shown_as_rates_over_grafanas_own_interval(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            expr = target["expr"]
            counters = re.findall(r"(\w+)\(+(?:\w+ )?(?:slad|process)_\w+_(?:total|bucket)\{", expr)
            assert len(re.findall(r"_(?:total|bucket)\{", expr)) == len(counters), expr
            assert set(counters) <= {"rate", "increase"}, expr
            intervals = set(re.findall(r"\[([^\]]+)\]", expr))
            assert not counters or intervals <= {"$__rate_interval", "1d"}, expr


def test_a_dashboard_cannot_be_edited_and_its_panels_lie_beside_each_other(dashboard: dict[str, Any]) -> None:
    assert dashboard["editable"] is False
    assert dashboard["uid"].startswith("slad-")
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_grafana_finds_the_dashboards_by_files_that_it_can_read() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/slad.yml").read_text())
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/slad.yml").read_text())
    assert provider["apiVersion"] == source["apiVersion"] == 1
    assert provider["providers"][0]["options"]["path"]
    assert source["datasources"][0]["type"] == "prometheus"


def test_availability_is_shown_rounded_down_and_against_the_contracts_own_target() -> None:
    shown = [
        (panel, target["expr"])
        for built in DASHBOARDS.values()
        for panel in panels(built)
        if panel["type"] in ("stat", "table")
        for target in panel["targets"]
        if re.search(r"_(?:availability|possible|coverage)_(?:\w+_)?ratio\{", target["expr"])
        and not re.search(r"count\(|_seconds", target["expr"])
    ]
    assert len(shown) > 8
    for panel, expr in shown:
        assert expr.startswith("floor("), expr
        assert '"decimals"' in json.dumps(panel)
    every = json.dumps(DASHBOARDS)
    assert "0.999" not in every, "a contract may promise something else"
    assert every.count("slad_contract_target_ratio") > 2
