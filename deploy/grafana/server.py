"""One server: its month and its bounds, its legs over time, what was excluded and what was refused."""

from collections.abc import Sequence

from dashboards_json import Row
from panels import MONITOR, Panel, Query, lines, stat, states
from queries import DECIMALS, shown, target


def rows() -> Sequence[Row]:
    """The rows of the dashboard."""
    own = f'{MONITOR},server="$server"'

    def best(metric: str, by: str = "", labels: str = "") -> str:
        return f"max by ({by or 'server'}) ({metric}{{{own}{labels}}})"

    def ratio(title: str, text: str, expr: str) -> Panel:
        return stat(title, text, "percentunit", shown(expr), width=3, decimals=DECIMALS)

    promised = f"max by (server) ({target(f'slad_server_info{{{own}}}')})"
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
    ]
