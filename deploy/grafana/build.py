"""Builds slad's dashboards: `python deploy/grafana/build.py` writes them into `deploy/grafana/dashboards/`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import fleet
import monitor
import server
import solutions
from dashboards_json import dashboard, variable
from panels import MONITOR

FOLDER: Final = Path(__file__).parent / "dashboards"


def main() -> None:
    """Write every dashboard."""
    FOLDER.mkdir(exist_ok=True)
    for name, built in DASHBOARDS.items():
        (FOLDER / f"{name}.json").write_text(text_of(built), encoding="utf-8")


def text_of(dashboard: Mapping[str, Any]) -> str:
    """A dashboard as its file holds it."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


_JOB: Final = variable("job", "Job", "label_values(slad_build_info, job)")
_INSTANCE: Final = variable("instance", "Monitor", 'label_values(slad_build_info{job=~"$job"}, instance)')
_CLIENT: Final = variable("client", "Client", f"label_values(slad_server_info{{{MONITOR}}}, client)")
_SERVER: Final = variable(
    "server",
    "Server",
    f'query_result(max by (name, server) (slad_server_info{{{MONITOR},client=~"$client"}}))',
    multi=False,
) | {"regex": '/name="(?<text>[^"]+)".*server="(?<value>[^"]+)"/'}

DASHBOARDS: Final = {
    "fleet": dashboard(
        "slad-fleet",
        "slad / Fleet",
        "Availability of every virtual server this month against its contract's target, the worst first.",
        fleet.rows(),
        [_JOB, _INSTANCE, _CLIENT],
    ),
    "server": dashboard(
        "slad-server",
        "slad / Virtual server",
        "One virtual server: its month, its legs over time, what was excluded and what was refused.",
        server.rows(),
        [_JOB, _INSTANCE, _CLIENT, _SERVER],
    ),
    "solutions": dashboard(
        "slad-solutions",
        "slad / Solutions and chronic outages",
        "Interruptions of solutions, the chronic-outage process and its deadlines.",
        solutions.rows(),
        [_JOB, _INSTANCE, _CLIENT],
    ),
    "monitor": dashboard(
        "slad-monitor",
        "slad / The monitor itself",
        "Sources, probes, ledger and process: whether the figures can be relied on.",
        monitor.rows(),
        [_JOB, _INSTANCE],
    ),
}

if __name__ == "__main__":
    main()
