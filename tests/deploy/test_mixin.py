"""The mixin: one command writes all of it, for whoever it is."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.config.server_families import NEEDED_BY_DASHBOARDS, NEEDED_BY_RULES, SERVER_FAMILIES
from deploy.mixin import build
from tests.peers import require

WANTED = ("--job", "hosting/slad-eu", "--monitor-job", "slad", "--runbook-url", "https://wiki.example.org/slad/", "--grafana-url", "https://g.example.org",
          "--slad-url", "https://slad.example.org:8443", "--label", "team=hosting", "--label", 'note=say "hello": now')  # fmt: skip

FAMILY = re.compile(r"(?<![:\w])slad_\w+(?![:\w])")
"""A family of slad's own: what rules record has colons."""


def written(folder: Path, *options: str) -> Path:
    build.main([str(folder), *options])
    return folder


def alerts(folder: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load((folder / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_it_is_whole_and_prometheus_reads_it(tmp_path: Path) -> None:
    require(shutil.which("promtool"), "needs promtool of Debian's packages: tests/install-peers")
    for folder in (written(tmp_path / "plain"), written(tmp_path / "theirs", *WANTED)):
        assert {path.name for path in folder.iterdir()} == {
            "README.md",
            "rules.yml",
            "alerts.yml",
            "dashboards",
            "runbooks",
        }
        names = {rule["alert"] for rule in alerts(folder)}
        assert {path.stem for path in (folder / "runbooks").iterdir()} == names
        assert {path.stem for path in (folder / "dashboards").iterdir()} == {
            "fleet",
            "server",
            "solutions",
            "monitor",
        }
        checked = subprocess.run(
            ("promtool", "check", "rules", folder / "rules.yml", folder / "alerts.yml"),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert checked.returncode == 0, checked.stderr


def test_the_families_of_servers_that_it_needs_are_those_that_check_config_warns_of(tmp_path: Path) -> None:
    folder = written(tmp_path)
    in_rules, in_dashboards = (
        {family for file in files for family in FAMILY.findall(file.read_text())} & set(SERVER_FAMILIES)
        for files in ((folder / "rules.yml", folder / "alerts.yml"), (folder / "dashboards").iterdir())
    )
    assert in_rules == set(NEEDED_BY_RULES)
    assert in_dashboards - in_rules == set(NEEDED_BY_DASHBOARDS)


def test_without_options_it_is_the_sources_as_they_are_tested(tmp_path: Path) -> None:
    folder = written(tmp_path)
    for name in ("rules.yml", "alerts.yml"):
        assert (folder / name).read_bytes() == (build.SOURCES / name).read_bytes()


def test_it_is_for_whoever_says_so(tmp_path: Path) -> None:
    folder = written(tmp_path, *WANTED)
    ours = {(rule["alert"], rule["labels"]["severity"]): rule for rule in alerts(build.SOURCES)}
    for rule in alerts(folder):
        own = ours[rule["alert"], rule["labels"]["severity"]]
        assert rule["labels"] == {**own["labels"], "team": "hosting", "note": 'say "hello": now'}
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example.org/slad/{rule['alert']}"
        assert rule["annotations"]["dashboard_url"].startswith("https://g.example.org/d/slad-")
    text = (folder / "alerts.yml").read_text()
    assert "example.net" not in text
    assert [rule["expr"] for rule in alerts(folder) if rule["alert"] == "SladDown"] == [
        'up{job="hosting/slad-eu"} == 0 or up{job="slad"} == 0 or absent(up{job="hosting/slad-eu"})'
    ], "also where the monitors keep the name that the hubs have by default"
    for dashboard in (folder / "dashboards").iterdir():
        variables = json.loads(dashboard.read_text())["templating"]["list"]
        (pages,) = (each for each in variables if each["name"] == "slad")
        assert pages["current"]["value"] == "https://slad.example.org:8443"


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--label", "team", "'team' is no KEY=VALUE"),
        ("--label", "team=", "is no KEY=VALUE"),
        ("--label", "1st=x", "with the name of a label"),
        ("--label", "severity=page", "'severity' is slad's own"),
        ("--label", "instance=x", "'instance' is slad's own"),
        ("--runbook-url", "wiki.example.org", "is no http(s) address"),
        ("--slad-url", "javascript:alert(1)", "is no http(s) address"),
        ("--grafana-url", 'https://g.example.org"', "is no http(s) address"),
        ("--job", 'slad"} or up{', "is no name of a job"),
        ("--monitor-job", "", "is no name of a job"),
    ],
)
def test_what_is_odd_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, why: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        build.main([str(tmp_path / "mixin"), option, value])
    assert why in capsys.readouterr().err
    assert not (tmp_path / "mixin").exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mixin").write_text("a file")
    with pytest.raises(SystemExit, match="1"):
        build.main([str(tmp_path / "mixin")])
    assert capsys.readouterr().err.startswith("cannot write the mixin: ")
