"""The families of `/metrics` with a series for each server, of which `[web] families` chooses: nearly all that a scrape costs.

All others have few series, and are always there.
"""

from typing import Annotated, Final

from pydantic import BeforeValidator

from daemon.config.values import nearest, shown

NEEDED_BY_RULES: Final = (
    "slad_server_info",
    "slad_server_up",
    "slad_server_leg_up",
    "slad_server_outage_start_timestamp_seconds",
    "slad_server_month_availability_ratio",
    "slad_server_month_availability_low_ratio",
    "slad_server_month_availability_high_ratio",
    "slad_server_month_budget_seconds",
    "slad_server_month_budget_remaining_seconds",
    "slad_server_maintenance_active",
    "slad_maintenance_ineligible_seconds",
)
"""By the recording rules and alerts of `deploy/mixin`."""

NEEDED_BY_DASHBOARDS: Final = (
    "slad_server_leg_downtime_seconds_total",
    "slad_server_outages_total",
    "slad_server_month_best_possible_ratio",
    "slad_server_month_coverage_ratio",
    "slad_server_month_excluded_seconds",
    "slad_server_maintenance_remaining_seconds",
)
"""By its dashboards besides those."""

SERVER_FAMILIES: Final = (
    *NEEDED_BY_RULES,
    *NEEDED_BY_DASHBOARDS,
    "slad_server_uptime_seconds_total",
    "slad_server_downtime_seconds_total",
    "slad_server_unobserved_seconds_total",
    "slad_server_reach_up",
)


def _name(value: object) -> str:
    if value in SERVER_FAMILIES:
        return str(value)
    hint = nearest(value, SERVER_FAMILIES) if isinstance(value, str) else None
    known = f"they are {', '.join(SERVER_FAMILIES)}"
    raise ValueError(
        f"{shown(value)} is no family with a series for each server; others are always there: {hint or known}"
    )


FamilyName = Annotated[str, BeforeValidator(_name)]
