"""The dashboards in deploy/grafana: built as committed, by Grafana's own types, and by its linter's rules."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.peers import require

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy/grafana"
TYPES = Path(__file__).parent / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
UNITS = {"none", "s", "bytes", "percentunit", "cps"}


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


@pytest.fixture(params=FILES, ids=[file.stem for file in FILES])
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(request.param)


def test_the_files_are_what_the_program_builds() -> None:
    program = (
        "import runpy, sys, json; sys.path.insert(0, '.'); b = runpy.run_path('build.py');"
        "print(json.dumps({n: b['text_of'](d) for n, d in b['DASHBOARDS'].items()}))"
    )
    built = subprocess.run(
        [sys.executable, "-c", program], cwd=GRAFANA, check=True, capture_output=True, text=True, timeout=60
    )
    assert json.loads(built.stdout) == {file.stem: file.read_text() for file in FILES}


def test_grafanas_own_types_accept_every_dashboard(tmp_path: Path) -> None:
    require(TYPES / "node_modules/.bin/tsc", "needs npm's @grafana/schema: tests/install-peers")
    (tmp_path / "node_modules").symlink_to(TYPES / "node_modules")
    (tmp_path / "plain.ts").write_text((TYPES / "plain.ts").read_text())
    head = "import type { PlainDashboard } from './plain';\nexport const dashboard = "
    for file in FILES:
        (tmp_path / f"{file.stem}.ts").write_text(
            f"{head}{file.read_text().rstrip()} satisfies PlainDashboard;\n"
        )
    misspelt = FILES[0].read_text().replace('"unit":', '"unitt":', 1).rstrip()
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
    again = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(dashboard)))
    assert list(lost(dashboard, again)) == []
    odd = dashboard | {"titel": "x"}
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
        assert variable["type"] == "datasource" or variable["datasource"] == wanted
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
    for panel in panels(dashboard):
        for target in panel["targets"]:
            selectors = re.findall(r"slad_\w+\{([^}]*)\}", target["expr"])
            assert selectors or "process_" in target["expr"]
            for selector in selectors:
                assert 'job=~"$job"' in selector, target["expr"]
                assert 'instance=~"$instance"' in selector, target["expr"]


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
            assert all(
                interval in ("$__rate_interval", "1d") for interval in re.findall(r"\[([^\]]+)\]", expr)
            )


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
        for file in FILES
        for panel in panels(read(file))
        if panel["type"] in ("stat", "table")
        for target in panel["targets"]
        if re.search(r"_(?:availability|possible|coverage)_(?:\w+_)?ratio\{", target["expr"])
        and not re.search(r"count\(|_seconds", target["expr"])
    ]
    assert len(shown) > 8
    for panel, expr in shown:
        assert expr.startswith("floor("), expr
        assert '"decimals"' in json.dumps(panel)
    every = "".join(file.read_text() for file in FILES)
    assert "0.999" not in every, "a contract may promise something else"
    assert every.count("slad_contract_target_ratio") > 2
