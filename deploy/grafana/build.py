"""Builds slad's dashboards: `python deploy/grafana/build.py` writes them into `deploy/grafana/dashboards/`.

Every query selects the monitors by `$job` and `$instance` and takes the best word of them for each server: two monitors
watch the same servers, and one that reaches a server proves it reachable (spec §2.4).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from panels import DATASOURCE, MONITOR, Column, Panel, Query, lines, stat, states, table

FOLDER: Final = Path(__file__).parent / "dashboards"
SCHEMA_VERSION: Final = 41
COLUMNS: Final = 24
SERVERS_SHOWN: Final = 50
"""How many servers a table shows at most, the worst first: Grafana is no place for 40,000 rows."""

Row = tuple[str, Sequence[Panel]]

_WHO: Final = f'slad_server_info{{{MONITOR},client=~"$client"}}'
_LEVELS: Final = [("red", 0), ("green", 0.999)]


def main() -> None:
    """Write every dashboard."""
    FOLDER.mkdir(exist_ok=True)
    for name, dashboard in DASHBOARDS.items():
        (FOLDER / f"{name}.json").write_text(text_of(dashboard), encoding="utf-8")


def text_of(dashboard: Mapping[str, Any]) -> str:
    """A dashboard as its file holds it."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


# What queries are made of


def _named(metric: str, *, labels: str = "", by: str = "") -> str:
    """A family of servers, of the clients chosen, with their names."""
    selector = f"{MONITOR},{labels}" if labels else MONITOR
    wanted = ", ".join(filter(None, ("server, name, client, solution", by)))
    return (
        f"max by ({wanted}) ({metric}{{{selector}}}"
        f" * on (job, instance, server) group_left (name, client, solution) {_WHO})"
    )


def _worst(metric: str) -> str:
    """The family for the servers with the least availability this month."""
    return f"{_named(metric)} and on (server) {_worst_first()}"


def _worst_first() -> str:
    return f"bottomk({SERVERS_SHOWN}, {_named('slad_server_month_availability_ratio')})"


def _of_solutions(metric: str, labels: str, by: str) -> str:
    selector = ",".join(filter(None, (MONITOR, 'client=~"$client"', labels)))
    return f"max by ({by}) ({metric}{{{selector}}})"


def _rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}{{{MONITOR}}}[$__rate_interval]))"


def _quantile(share: float, metric: str, by: str) -> str:
    inner = f"sum by (le, {by}) (rate({metric}_bucket{{{MONITOR}}}[$__rate_interval]))"
    return f"histogram_quantile({share}, {inner})"


# Dashboards


def _fleet() -> Sequence[Row]:
    up = _named("slad_server_up")
    in_service = f"count(max by (server) ({_WHO}))"
    ratio = _named("slad_server_month_availability_ratio")
    return [
        (
            "Now",
            [
                stat("Servers", "Virtual servers in service.", "none", in_service),
                stat(
                    "Up", "Running, on the SAN and on the Internet.", "none", f"count({up} == 1) or vector(0)"
                ),
                stat(
                    "Down",
                    "Servers with at least one leg down.",
                    "none",
                    f"count({up} == 0) or vector(0)",
                    steps=[("green", 0), ("red", 1)],
                ),
                stat(
                    "Unknown",
                    "Servers of which nobody can say: a fault of the monitor or of what it asks.",
                    "none",
                    f"{in_service} - (count({up}) or vector(0))",
                    steps=[("green", 0), ("yellow", 1)],
                ),
                stat(
                    "Below target",
                    "Servers whose availability this month is below their contract's target.",
                    "none",
                    f"count({ratio} < on (client) group_left ()"
                    f" max by (client) (slad_contract_target_ratio{{{MONITOR}}})) or vector(0)",
                    steps=[("green", 0), ("red", 1)],
                ),
                stat(
                    "Chronic outages",
                    "Solutions in a chronic outage, by what was observed.",
                    "none",
                    f"count({_of_solutions('slad_solution_chronic_stage', _CHRONIC, 'client, solution')} == 1)"
                    " or vector(0)",
                    steps=[("green", 0), ("red", 1)],
                ),
            ],
        ),
        (
            "This month",
            [
                table(
                    "Servers, worst first",
                    f"The {SERVERS_SHOWN} servers with the least availability this month, on the contract's basis."
                    " The truth lies between the bounds; what nobody saw widens them.",
                    [
                        Column(
                            expr=_worst_first(), heading="Availability", unit="percentunit", steps=_LEVELS
                        ),
                        Column(
                            expr=_worst("slad_server_month_availability_low_ratio"),
                            heading="At least",
                            unit="percentunit",
                        ),
                        Column(
                            expr=_worst("slad_server_month_availability_high_ratio"),
                            heading="At most",
                            unit="percentunit",
                        ),
                        Column(
                            expr=_worst("slad_server_month_coverage_ratio"),
                            heading="Observed",
                            unit="percentunit",
                        ),
                        Column(
                            expr=_worst("slad_server_month_budget_remaining_seconds"),
                            heading="Budget left",
                            unit="s",
                            steps=[("red", 0), ("green", 600)],
                        ),
                        Column(
                            expr=_worst("slad_server_month_best_possible_ratio"),
                            heading="Best possible",
                            unit="percentunit",
                        ),
                    ],
                    labels={"name": "Server", "client": "Client", "solution": "Solution", "server": "Id"},
                    sort_by="Availability",
                    links={
                        "Server": "/d/slad-server?var-server=${__data.fields.Id}&${datasource:queryparam}"
                    },
                ),
                states(
                    "State of the worst servers",
                    "Up and down of the servers with the least availability this month; a gap is time that nobody saw.",
                    [
                        Query(
                            expr=f"{up} and on (server) bottomk(20, {ratio})",
                            legend="{{name}} ({{client}})",
                        )
                    ],
                    height=12,
                ),
            ],
        ),
        (
            "Over time",
            [
                lines(
                    "Servers down",
                    "Servers with at least one leg down.",
                    "none",
                    [Query(expr=f"count by (client) ({up} == 0)", legend="{{client}}")],
                    stacked=True,
                ),
                lines(
                    "Legs down",
                    "Servers of which this leg is down.",
                    "none",
                    [
                        Query(
                            expr=f"count by (leg) ({_named('slad_server_leg_up', by='leg')} == 0)",
                            legend="{{leg}}",
                        )
                    ],
                ),
                lines(
                    "Coverage this month",
                    "The observed part of the time that counts: the least of any server, and the mean.",
                    "percentunit",
                    [
                        Query(expr=f"min({_named('slad_server_month_coverage_ratio')})", legend="least"),
                        Query(expr=f"avg({_named('slad_server_month_coverage_ratio')})", legend="mean"),
                    ],
                ),
                lines(
                    "Budget left this month",
                    "Time that the server with the least budget may still be down, by client.",
                    "s",
                    [
                        Query(
                            expr=f"min by (client) ({_named('slad_server_month_budget_remaining_seconds')})",
                            legend="{{client}}",
                        )
                    ],
                    steps=[("red", 0), ("transparent", 1)],
                ),
            ],
        ),
    ]


_CHRONIC: Final = 'basis="observed",stage="chronic"'


def _server() -> Sequence[Row]:
    own = f'{MONITOR},server="$server"'

    def best(metric: str, by: str = "", labels: str = "") -> str:
        return f"max by ({by or 'server'}) ({metric}{{{own}{labels}}})"

    return [
        (
            "This month",
            [
                stat(
                    "Availability",
                    "This month, on the contract's basis.",
                    "percentunit",
                    best("slad_server_month_availability_ratio"),
                    steps=_LEVELS,
                ),
                stat(
                    "At least",
                    "As if all that nobody saw, or that is disputed, was down.",
                    "percentunit",
                    best("slad_server_month_availability_low_ratio"),
                ),
                stat(
                    "At most",
                    "As if all that nobody saw was up.",
                    "percentunit",
                    best("slad_server_month_availability_high_ratio"),
                ),
                stat(
                    "Observed",
                    "The observed part of the time that counts.",
                    "percentunit",
                    best("slad_server_month_coverage_ratio"),
                ),
                stat(
                    "Budget left",
                    "Time that the server may still be down this month; negative when spent.",
                    "s",
                    best("slad_server_month_budget_remaining_seconds"),
                    steps=[("red", -1e9), ("yellow", 0), ("green", 600)],
                ),
                stat(
                    "Maintenance left this week",
                    "What is left of the week's cap.",
                    "s",
                    best("slad_server_maintenance_remaining_seconds"),
                ),
            ],
        ),
        (
            "What happened",
            [
                states(
                    "Availability and legs",
                    "The server and its legs over time; a gap is time that nobody saw.",
                    [
                        Query(expr=best("slad_server_up"), legend="available"),
                        Query(expr=best("slad_server_leg_up", "leg"), legend="{{leg}}"),
                    ],
                ),
                lines(
                    "Outages",
                    "Outages that began in the time shown before each point.",
                    "none",
                    [
                        Query(
                            expr=f"max by (server) (increase(slad_server_outages_total{{{own}}}[$__rate_interval]))",
                            legend="outages",
                        )
                    ],
                ),
                lines(
                    "Downtime by leg",
                    "The share of time in which each leg was down.",
                    "percentunit",
                    [
                        Query(
                            expr="max by (leg) (rate(slad_server_leg_downtime_seconds_total"
                            f"{{{own}}}[$__rate_interval]))",
                            legend="{{leg}}",
                        )
                    ],
                ),
                lines(
                    "Bounds of the month",
                    "Availability of the month so far, and between which bounds the truth lies.",
                    "percentunit",
                    [
                        Query(expr=best("slad_server_month_availability_high_ratio"), legend="at most"),
                        Query(expr=best("slad_server_month_availability_ratio"), legend="availability"),
                        Query(expr=best("slad_server_month_availability_low_ratio"), legend="at least"),
                    ],
                    steps=[("transparent", 0), ("green", 0.999)],
                ),
                lines(
                    "Excluded and refused",
                    "Time excluded this month by category, and recorded as maintenance but not eligible, by reason.",
                    "s",
                    [
                        Query(
                            expr=best("slad_server_month_excluded_seconds", "category"),
                            legend="excluded: {{category}}",
                        ),
                        Query(
                            expr=best("slad_maintenance_ineligible_seconds", "reason"),
                            legend="not eligible: {{reason}}",
                        ),
                    ],
                ),
            ],
        ),
    ]


def _solutions() -> Sequence[Row]:
    by = "client, solution, basis"
    seconds_until = "{} - time()".format
    return [
        (
            "Chronic outages",
            [
                table(
                    "Solutions near or in a chronic outage",
                    "The stage of the process, by what was observed and by what service requests document;"
                    " solutions that are clear are left out.",
                    [
                        Column(
                            expr=_of_solutions("slad_solution_chronic_stage", "", f"{by}, stage"),
                            heading="Since it is so",
                            unit="none",
                        )
                    ],
                    labels={
                        "client": "Client",
                        "solution": "Solution",
                        "basis": "Basis",
                        "stage": "Stage",
                    },
                    sort_by="Stage",
                    height=8,
                ),
                lines(
                    "Qualifying interruptions in 30 days",
                    "Interruptions of two hours or more; five are a chronic outage. The twenty solutions with most.",
                    "none",
                    [
                        Query(
                            expr=f"topk(20, {_of_solutions('slad_solution_qualifying_interruptions', '', by)} > 0)",
                            legend="{{client}} {{solution}}, {{basis}}",
                        )
                    ],
                    steps=[("transparent", 0), ("yellow", 4), ("red", 5)],
                ),
                lines(
                    "Interruptions under way",
                    "What counts so far of each interruption that is under way; at two hours it qualifies.",
                    "s",
                    [
                        Query(
                            expr="topk(20, "
                            + _of_solutions(
                                "slad_solution_interruption_counted_seconds", "", "client, solution"
                            )
                            + ")",
                            legend="{{client}} {{solution}}",
                        )
                    ],
                    steps=[("transparent", 0), ("red", 7200)],
                ),
                lines(
                    "Interruptions in the evaluation period",
                    "More than two let the client go without penalty.",
                    "none",
                    [
                        Query(
                            expr=_of_solutions("slad_solution_evaluation_interruptions", "", by) + " > 0",
                            legend="{{client}} {{solution}}, {{basis}}",
                        )
                    ],
                    steps=[("transparent", 0), ("red", 3)],
                ),
            ],
        ),
        (
            "Deadlines",
            [
                lines(
                    "Until the notice period closes",
                    "Time that the client has left to give notice.",
                    "s",
                    [
                        Query(
                            expr=seconds_until(
                                _of_solutions("slad_solution_notice_closes_timestamp_seconds", "", by)
                            ),
                            legend="{{client}} {{solution}}, {{basis}}",
                        )
                    ],
                    steps=[("red", 0), ("transparent", 1)],
                ),
                lines(
                    "Until a response is due",
                    "Open service requests without a response; below zero it is late.",
                    "s",
                    [
                        Query(
                            expr=seconds_until(
                                _of_solutions(
                                    "slad_service_request_due_timestamp_seconds",
                                    "",
                                    "client, solution, request",
                                )
                            ),
                            legend="{{client}} {{solution}}: {{request}}",
                        )
                    ],
                    steps=[("red", 0), ("transparent", 1)],
                ),
                lines(
                    "Until a deadline",
                    "Provisioning, acceptance and the return of data.",
                    "s",
                    [
                        Query(
                            expr=seconds_until(
                                _of_solutions(
                                    "slad_deadline_due_timestamp_seconds", "", "client, solution, deadline"
                                )
                            ),
                            legend="{{client}} {{solution}}: {{deadline}}",
                        )
                    ],
                    steps=[("red", 0), ("transparent", 1)],
                ),
            ],
        ),
    ]


def _itself() -> Sequence[Row]:
    return [
        (
            "Sources",
            [
                states(
                    "Sources",
                    "Whether each vCenter answers.",
                    [
                        Query(
                            expr=f"max by (instance, source) (slad_source_up{{{MONITOR}}})",
                            legend="{{source}} from {{instance}}",
                        )
                    ],
                    width=12,
                ),
                states(
                    "Uplinks and vantage",
                    "Whether each uplink reaches its quorum, and the monitor its own way out.",
                    [
                        Query(
                            expr=f"max by (instance, uplink) (slad_uplink_up{{{MONITOR}}})",
                            legend="{{uplink}} from {{instance}}",
                        ),
                        Query(
                            expr=f"max by (instance) (slad_vantage_up{{{MONITOR}}})",
                            legend="vantage of {{instance}}",
                        ),
                    ],
                    width=12,
                ),
                lines(
                    "Time since the last contact",
                    "How old the newest answer of each source is.",
                    "s",
                    [
                        Query(
                            expr="time() - max by (instance, source)"
                            f" (slad_source_last_contact_timestamp_seconds{{{MONITOR}}})",
                            legend="{{source}} from {{instance}}",
                        )
                    ],
                ),
                lines(
                    "Rounds of observing vCenter",
                    "How long one round took, longest of a hundred left out.",
                    "s",
                    [
                        Query(
                            expr=_quantile(0.99, "slad_source_poll_duration_seconds", "source"),
                            legend="{{source}}",
                        )
                    ],
                ),
                lines(
                    "Failed observations",
                    "By source and reason.",
                    "cps",
                    [
                        Query(
                            expr=_rate("slad_source_errors_total", "source, reason"),
                            legend="{{source}}: {{reason}}",
                        )
                    ],
                ),
                lines(
                    "Failed probes",
                    "By method and reason.",
                    "cps",
                    [
                        Query(
                            expr=_rate("slad_probes_failed_total", "method, reason"),
                            legend="{{method}}: {{reason}}",
                        )
                    ],
                ),
                lines(
                    "Probes",
                    "How long a try took, longest of a hundred left out.",
                    "s",
                    [
                        Query(
                            expr=_quantile(0.99, "slad_probe_duration_seconds", "method"), legend="{{method}}"
                        )
                    ],
                ),
                lines(
                    "Round trips of uplink targets",
                    "The median of each target.",
                    "s",
                    [
                        Query(
                            expr=_quantile(0.5, "slad_uplink_target_rtt_seconds", "uplink, target"),
                            legend="{{uplink}}: {{target}}",
                        )
                    ],
                ),
            ],
        ),
        (
            "Ledger",
            [
                stat(
                    "Ready",
                    "1 while slad publishes figures.",
                    "none",
                    f"min(slad_ready{{{MONITOR}}})",
                    steps=[("red", 0), ("green", 1)],
                ),
                stat("Records", "Records in the ledger.", "none", f"max(slad_ledger_records{{{MONITOR}}})"),
                stat("Size", "Of the ledger's file.", "bytes", f"max(slad_ledger_size_bytes{{{MONITOR}}})"),
                stat(
                    "Age of the figures",
                    "How far the instant lies back of which months and solutions speak.",
                    "s",
                    f"time() - min(slad_figures_timestamp_seconds{{{MONITOR}}})",
                    steps=[("green", 0), ("yellow", 90), ("red", 300)],
                ),
                stat(
                    "Clock steps",
                    "Steps of the wall clock that were noticed in the last day.",
                    "none",
                    f"sum(increase(slad_clock_steps_total{{{MONITOR}}}[1d]))",
                ),
                stat(
                    "Configuration",
                    "1 while the configuration read last is in force.",
                    "none",
                    f"min(slad_config_last_reload_successful{{{MONITOR}}})",
                    steps=[("red", 0), ("green", 1)],
                ),
                lines(
                    "Commits",
                    "How long a transaction took, longest of a hundred left out.",
                    "s",
                    [
                        Query(
                            expr=_quantile(0.99, "slad_ledger_commit_duration_seconds", "instance"),
                            legend="{{instance}}",
                        )
                    ],
                ),
                lines(
                    "Transactions",
                    "Made durable, and failed.",
                    "cps",
                    [
                        Query(expr=_rate("slad_ledger_commits_total", "instance"), legend="{{instance}}"),
                        Query(
                            expr=_rate("slad_ledger_commit_failures_total", "instance"),
                            legend="{{instance}}, failed",
                        ),
                    ],
                ),
            ],
        ),
        (
            "Process",
            [
                lines(
                    "Stalls of the event loop",
                    "The longest since figures were last prepared.",
                    "s",
                    [
                        Query(
                            expr=f"max by (instance) (slad_loop_stall_max_seconds{{{MONITOR}}})",
                            legend="{{instance}}",
                        )
                    ],
                ),
                lines(
                    "Preparing figures",
                    "How long it took in slices, longest of a hundred left out.",
                    "s",
                    [
                        Query(
                            expr=_quantile(0.99, "slad_exposition_prepare_duration_seconds", "instance"),
                            legend="{{instance}}",
                        )
                    ],
                ),
                lines(
                    "Memory",
                    "Resident memory of the process.",
                    "bytes",
                    [
                        Query(
                            expr=f"max by (instance) (process_resident_memory_bytes{{{MONITOR}}})",
                            legend="{{instance}}",
                        )
                    ],
                ),
                lines(
                    "CPU",
                    "Of one core.",
                    "percentunit",
                    [Query(expr=_rate("process_cpu_seconds_total", "instance"), legend="{{instance}}")],
                ),
            ],
        ),
    ]


# Dashboards as JSON


def _dashboard(
    uid: str, title: str, description: str, rows: Sequence[Row], variables: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["slad"],
        "timezone": "browser",
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "timepicker": {},
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "annotations": {"list": []},
        "links": [
            {
                "title": "slad",
                "type": "dashboards",
                "tags": ["slad"],
                "asDropdown": True,
                "icon": "external link",
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "tooltip": "slad's other dashboards",
                "url": "",
            }
        ],
        "templating": {"list": [_datasource(), *variables]},
        "panels": _placed(rows),
    }


def _placed(rows: Sequence[Row]) -> list[dict[str, Any]]:
    placed: list[dict[str, Any]] = []
    y = 0
    for title, panels in rows:
        placed.append(
            {
                "id": len(placed) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "gridPos": {"h": 1, "w": COLUMNS, "x": 0, "y": y},
                "panels": [],
            }
        )
        y += 1
        x = height = 0
        for panel in panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            placed.append(panel.as_json(len(placed) + 1, x, y))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return placed


def _datasource() -> dict[str, Any]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "", "value": ""},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }


def _variable(name: str, label: str, query: str, *, multi: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]}
        if multi
        else {"text": "", "value": ""},
        "hide": 0,
        "includeAll": multi,
        **({"allValue": ".+"} if multi else {}),
        "multi": multi,
        "options": [],
        "refresh": 2,
        "regex": "",
        "skipUrlSync": False,
        "sort": 1,
    }


_JOB: Final = _variable("job", "Job", "label_values(slad_build_info, job)")
_INSTANCE: Final = _variable("instance", "Monitor", 'label_values(slad_build_info{job=~"$job"}, instance)')
_CLIENT: Final = _variable("client", "Client", f"label_values(slad_server_info{{{MONITOR}}}, client)")
_SERVER: Final = _variable(
    "server",
    "Server",
    f'query_result(max by (name, server) (slad_server_info{{{MONITOR},client=~"$client"}}))',
    multi=False,
) | {"regex": '/name="(?<text>[^"]+)".*server="(?<value>[^"]+)"/'}

DASHBOARDS: Final = {
    "fleet": _dashboard(
        "slad-fleet",
        "slad / Fleet",
        "Availability of every virtual server this month against its contract's target, the worst first.",
        _fleet(),
        [_JOB, _INSTANCE, _CLIENT],
    ),
    "server": _dashboard(
        "slad-server",
        "slad / Virtual server",
        "One virtual server: its month, its legs over time, what was excluded and what was refused.",
        _server(),
        [_JOB, _INSTANCE, _CLIENT, _SERVER],
    ),
    "solutions": _dashboard(
        "slad-solutions",
        "slad / Solutions and chronic outages",
        "Interruptions of solutions, the chronic-outage process and its deadlines.",
        _solutions(),
        [_JOB, _INSTANCE, _CLIENT],
    ),
    "monitor": _dashboard(
        "slad-monitor",
        "slad / The monitor itself",
        "Sources, probes, ledger and process: whether the figures can be relied on.",
        _itself(),
        [_JOB, _INSTANCE],
    ),
}

if __name__ == "__main__":
    main()
