"""All servers: availability this month against the target, the worst first."""

from collections.abc import Sequence

from dashboards_json import Row
from panels import MONITOR, Column, Query, lines, stat, states, table
from queries import (
    CHRONIC,
    DECIMALS,
    SERVERS_SHOWN,
    WHO,
    named,
    of_solutions,
    shown,
    target,
    worst,
    worst_first,
)


def _ratio(expr: str, heading: str) -> Column:
    return Column(expr=shown(expr), heading=heading, unit="percentunit", decimals=DECIMALS)


def rows() -> Sequence[Row]:
    """The rows of the dashboard."""
    up = named("slad_server_up")
    in_service = f"count(max by (server) ({WHO}))"
    ratio = named("slad_server_month_availability_ratio")
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
                    "Solutions in a chronic outage, by what was observed or by what service requests document.",
                    "none",
                    f"count({of_solutions('slad_solution_chronic_stage', CHRONIC, 'client, solution')} == 1)"
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
                    f"The {SERVERS_SHOWN} servers with the least availability this month, on the contract's basis, against"
                    " its target: a budget below zero misses it. The truth lies between `at least` and `at most`; what nobody"
                    " saw widens them.",
                    [
                        _ratio(worst_first(), "Availability"),
                        _ratio(target(f"({worst_first()})"), "Target"),
                        Column(
                            expr=worst("slad_server_month_budget_remaining_seconds"),
                            heading="Budget left",
                            unit="s",
                            steps=[("red", -1), ("yellow", 0), ("green", 600)],
                        ),
                        _ratio(worst("slad_server_month_availability_low_ratio"), "At least"),
                        _ratio(worst("slad_server_month_availability_high_ratio"), "At most"),
                        _ratio(worst("slad_server_month_best_possible_ratio"), "Best possible"),
                        _ratio(worst("slad_server_month_coverage_ratio"), "Observed"),
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
                            expr=f"count by (leg) ({named('slad_server_leg_up', by='leg')} == 0)",
                            legend="{{leg}}",
                        )
                    ],
                ),
                lines(
                    "Coverage this month",
                    "The observed part of the time that counts: the least of any server, and the mean.",
                    "percentunit",
                    [
                        Query(expr=f"min({named('slad_server_month_coverage_ratio')})", legend="least"),
                        Query(expr=f"avg({named('slad_server_month_coverage_ratio')})", legend="mean"),
                    ],
                ),
                lines(
                    "Budget left this month",
                    "Time that the server with the least budget may still be down, by client.",
                    "s",
                    [
                        Query(
                            expr=f"min by (client) ({named('slad_server_month_budget_remaining_seconds')})",
                            legend="{{client}}",
                        )
                    ],
                    steps=[("red", 0), ("transparent", 1)],
                ),
            ],
        ),
    ]
