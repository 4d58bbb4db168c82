"""One server: its month and its bounds, its legs over time, what was excluded and what was refused."""

from collections.abc import Sequence
from typing import Final

from deploy.mixin.dashboards.dashboards_json import Marks, Row
from deploy.mixin.dashboards.panels import MONITOR, Column, Panel, Query, lines, stat, states, table
from deploy.mixin.dashboards.queries import DECIMALS, issue_marks, issued, past, shown, target

_OWN: Final = f'{MONITOR},server="$server"'


def marks() -> Sequence[Marks]:
    """What is marked on every panel."""
    whose = f"group by (client) (slad_server_info{{{_OWN}}})"
    return [
        Marks(
            name="Outage",
            expr=f"max by (name) (slad_server_outage_info{{{_OWN}}})",
            text="{{name}}",
            colour="red",
        ),
        Marks(
            name="Maintenance",
            expr=f"max by (server) (slad_server_maintenance_active{{{_OWN}}})",
            text="a window on record runs",
            colour="blue",
        ),
        issue_marks(f"{issued('')} and on (client) {whose}"),
    ]


def rows() -> Sequence[Row]:
    """The rows of the dashboard."""

    def best(metric: str, by: str = "", labels: str = "") -> str:
        return f"max by ({by or 'server'}) ({metric}{{{_OWN}{labels}}})"

    def ratio(title: str, text: str, expr: str) -> Panel:
        return stat(title, text, "percentunit", shown(expr), width=3, decimals=DECIMALS)

    promised = f"max by (server) ({target(f'slad_server_info{{{_OWN}}}')})"
    return [
        (
            "This month",
            [
                ratio(
                    "Availability",
                    "This month, on the contract's basis; rounded down.",
                    best("slad_server_month_availability_ratio"),
                ),
                ratio("Target", "What the client's contract promises.", promised),
                ratio(
                    "At least",
                    "As if all that nobody saw, or that is disputed, was down.",
                    best("slad_server_month_availability_low_ratio"),
                ),
                ratio(
                    "At most",
                    "As if all that nobody saw was up.",
                    best("slad_server_month_availability_high_ratio"),
                ),
                ratio(
                    "Best possible",
                    "The availability of the whole month if the rest of it is up and observed.",
                    best("slad_server_month_best_possible_ratio"),
                ),
                ratio(
                    "Observed",
                    "The observed part of the time that counts.",
                    best("slad_server_month_coverage_ratio"),
                ),
                stat(
                    "Budget left",
                    "Time that the server may still be down this month; negative when spent: the target is missed.",
                    "s",
                    best("slad_server_month_budget_remaining_seconds"),
                    width=3,
                    steps=[("red", -1), ("yellow", 0), ("green", 600)],
                ),
                stat(
                    "Maintenance left this week",
                    "What is left of the week's cap.",
                    "s",
                    best("slad_server_maintenance_remaining_seconds"),
                    width=3,
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
                            expr=f"max by (server) (increase(slad_server_outages_total{{{_OWN}}}[$__rate_interval]))",
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
                            f"{{{_OWN}}}[$__rate_interval]))",
                            legend="{{leg}}",
                        )
                    ],
                ),
                lines(
                    "Bounds of the month",
                    "Availability of the month so far, between which bounds the truth lies, and the contract's target.",
                    "percentunit",
                    [
                        Query(expr=best("slad_server_month_availability_high_ratio"), legend="at most"),
                        Query(expr=best("slad_server_month_availability_ratio"), legend="availability"),
                        Query(expr=best("slad_server_month_availability_low_ratio"), legend="at least"),
                        Query(expr=promised, legend="target"),
                    ],
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
        (
            "Past months",
            [
                table(
                    "Months that are over",
                    "Availability as it stood when the month ended; what was found later is in the client's statement.",
                    [
                        Column(
                            expr=shown(
                                past(
                                    "server_month:slad_server_month_availability_ratio:last",
                                    'server="$server"',
                                    "month, client",
                                )
                            ),
                            heading="Availability",
                            unit="percentunit",
                            decimals=DECIMALS,
                        )
                    ],
                    labels={"month": "Month", "client": "Client"},
                    sort_by="Month",
                    descending=True,
                    links={
                        "Month": {
                            "Page": "${slad}/servers/${server:percentencode}?month=${__data.fields.Month}"
                        }
                    },
                    width=12,
                    height=8,
                ),
            ],
        ),
    ]
