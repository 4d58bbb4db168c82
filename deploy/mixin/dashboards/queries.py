"""What the queries of slad's dashboards are made of.

Every query selects the monitors by `$job` and `$instance` and takes the best word of them for each server: two monitors
watch the same servers, and one that reaches a server proves it reachable (spec §2.4).
"""

from typing import Final

from deploy.mixin.dashboards.dashboards_json import Marks
from deploy.mixin.dashboards.panels import MONITOR

SERVERS_SHOWN: Final = 50
"""How many servers a table shows at most, the worst first: Grafana is no place for 40,000 rows."""
DECIMALS: Final = 3
"""Of availability in per cent."""
PAGE_OF_SERVER: Final = "${slad}/servers/${__data.fields.Id:percentencode}"
PAGE_OF_CLIENT: Final = "${slad}/clients/${__data.fields.Client:percentencode}"
CHRONIC: Final = 'stage="chronic"'

WHO: Final = f'slad_server_info{{{MONITOR},client=~"$client"}}'


def named(metric: str, *, labels: str = "", by: str = "") -> str:
    """A family of servers, of the clients chosen, with their names."""
    selector = f"{MONITOR},{labels}" if labels else MONITOR
    wanted = ", ".join(filter(None, ("server, name, client, solution", by)))
    return (
        f"max by ({wanted}) ({metric}{{{selector}}}"
        f" * on (job, instance, server) group_left (name, client, solution) {WHO})"
    )


def worst(metric: str) -> str:
    """The family for the servers with the least availability this month."""
    return f"{named(metric)} and on (server) {worst_first()}"


def shown(ratio: str) -> str:
    """A ratio as people read it: rounded down, so that 99.8999 never reads 99.9 (spec §1.3)."""
    return f"floor(({ratio}) * 1e5 + 1e-6) / 1e5"


def target(of_servers: str) -> str:
    """The target of each server's contract."""
    return f"{of_servers} * 0 + on (client) group_left () max by (client) (slad_contract_target_ratio{{{MONITOR}}})"


def worst_first() -> str:
    return f"bottomk({SERVERS_SHOWN}, {named('slad_server_month_availability_ratio')})"


def of_solutions(metric: str, labels: str, by: str) -> str:
    selector = ",".join(filter(None, (MONITOR, 'client=~"$client"', labels)))
    return f"max by ({by}) ({metric}{{{selector}}})"


def past(recorded: str, labels: str, by: str) -> str:
    """What was recorded of months that are over, those of a year: as many as Prometheus keeps."""
    return f"max by ({by}) (last_over_time({recorded}{{{labels}}}[400d]))"


def issued(labels: str) -> str:
    """When the last statement of each client was issued, in seconds."""
    return f"max by (client, month, version) (slad_statement_issued_timestamp_seconds{{{MONITOR}{labels}}})"


def issue_marks(expr: str) -> Marks:
    return Marks(
        name="Statement issued",
        expr=expr,
        text="{{client}} {{month}}, version {{version}}",
        colour="purple",
        are_instants=True,
    )


def rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}{{{MONITOR}}}[$__rate_interval]))"


def quantile(share: float, metric: str, by: str) -> str:
    inner = f"sum by (le, {by}) (rate({metric}_bucket{{{MONITOR}}}[$__rate_interval]))"
    return f"histogram_quantile({share}, {inner})"
