"""slad's dashboards for Grafana, each built by the module of its name."""

from collections.abc import Mapping
from typing import Any, Final

from deploy.mixin.dashboards import fleet, monitor, server, solutions
from deploy.mixin.dashboards.dashboards_json import address, dashboard, variable
from deploy.mixin.dashboards.panels import MONITOR

_JOB: Final = variable("job", "Job", "label_values(slad_build_info, job)")
_INSTANCE: Final = variable("instance", "Monitor", 'label_values(slad_build_info{job=~"$job"}, instance)')
_CLIENT: Final = variable("client", "Client", f"label_values(slad_server_info{{{MONITOR}}}, client)")
_SERVER: Final = variable(
    "server",
    "Server",
    f'query_result(max by (name, server) (slad_server_info{{{MONITOR},client=~"$client"}}))',
    multi=False,
) | {"regex": '/name="(?<text>[^"]+)".*server="(?<value>[^"]+)"/'}


def dashboards(slad_url: str) -> Mapping[str, dict[str, Any]]:
    """Every dashboard by its name. `slad_url`: where slad's own pages are, unless who looks writes another address."""
    pages = address("slad", "Pages of slad", slad_url)
    return {
        "fleet": dashboard(
            "slad-fleet",
            "slad / Fleet",
            "Availability of every virtual server this month against its contract's target, the worst first; outages, statements.",
            fleet.rows(),
            fleet.marks(),
            [_JOB, _INSTANCE, _CLIENT, pages],
        ),
        "server": dashboard(
            "slad-server",
            "slad / Virtual server",
            "One virtual server: its month, its legs over time, what was excluded and what was refused, past months.",
            server.rows(),
            server.marks(),
            [_JOB, _INSTANCE, _CLIENT, _SERVER, pages],
        ),
        "solutions": dashboard(
            "slad-solutions",
            "slad / Solutions and chronic outages",
            "Interruptions of solutions, the chronic-outage process and its deadlines.",
            solutions.rows(),
            solutions.marks(),
            [_JOB, _INSTANCE, _CLIENT, pages],
        ),
        "monitor": dashboard(
            "slad-monitor",
            "slad / The monitor itself",
            "Sources, probes, clock, ledger and process: whether the figures can be relied on.",
            monitor.rows(),
            monitor.marks(),
            [_JOB, _INSTANCE, pages],
        ),
    }
