"""How Prometheus scrapes hubs and the monitors behind them: what the hubs say of servers comes from nobody else."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SCRAPED = ROOT / "deploy/prometheus/hub.yml"
WALKED = ROOT / "deploy/hub/prometheus.yml"
WHERE_IT_RAN = "slad_server_outage_info"
"""Of what is down; a hub does not know on which host."""


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    """The scrape configurations of a file by their names, without whom they scrape."""
    configs = yaml.safe_load(file.read_text())["scrape_configs"]
    return {each["job_name"]: {k: v for k, v in each.items() if k != "static_configs"} for each in configs}


def is_dropped(family: str) -> bool:
    """Whether Prometheus drops it of a monitor: its expressions match whole names."""
    (relabel,) = jobs(SCRAPED)["slad-monitor"]["metric_relabel_configs"]
    assert (relabel["source_labels"], relabel["action"]) == (["__name__"], "drop")
    return re.fullmatch(relabel["regex"], family) is not None


def families(*rooms: str) -> set[str]:
    """The families that modules of these rooms of the daemon name."""
    texts = [file.read_text() for room in rooms for file in (ROOT / "daemon" / room).rglob("*.py")]
    return {name for text in texts for name in re.findall(r'"(slad_\w+)"', text)}


def test_figures_of_monitors_are_dropped_where_hubs_give_them() -> None:
    figures = families("live", "exposition")
    assert len(figures) > 35
    assert {family for family in figures if not is_dropped(family)} == {WHERE_IT_RAN}


def test_what_a_monitor_alone_knows_stays() -> None:
    own = families("metrics", "watching")
    assert len(own) > 70
    assert [family for family in own if is_dropped(family)] == []


@pytest.mark.parametrize("family", ["up", "process_start_time_seconds"])
def test_so_does_what_is_said_of_every_process(family: str) -> None:
    assert not is_dropped(family)


def test_the_walk_through_scrapes_as_the_example_does() -> None:
    assert jobs(WALKED) == jobs(SCRAPED)
