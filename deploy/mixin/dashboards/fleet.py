"""All servers: availability this month against the target, the worst first."""

from collections.abc import Sequence
from typing import Final

from deploy.mixin.dashboards.dashboards_json import Marks, Row
from deploy.mixin.dashboards.panels import MONITOR, Column, Query, lines, stat, states, table
from deploy.mixin.dashboards.queries import (
    CHRONIC,
    DECIMALS,
    PAGE_OF_CLIENT,
    PAGE_OF_SERVER,
    SERVERS_SHOWN,
    WHO,
    issue_marks,
    issued,
    named,
    of_solutions,
    past,
    shown,
    target,
    worst,
    worst_first,
)


def _ratio(expr: str, heading: str) -> Column:
    return Column(expr=shown(expr), heading=heading, unit="percentunit", decimals=DECIMALS)


_OF_CLIENTS: Final = f'{{{MONITOR},client=~"$client"}}'
_TO_SERVER: Final = {
    "Dashboard": "/d/slad-server?var-server=${__data.fields.Id}&${datasource:queryparam}",
    "Page": PAGE_OF_SERVER,
}
_TO_CLIENT: Final = {"Page": PAGE_OF_CLIENT}


def marks() -> Sequence[Marks]:
    """What is marked on every panel."""
    return [
        Marks(
            name="Incident",
            expr="max by (cause, place)"
            f' (label_join(slad_incident_servers{{{MONITOR}}}, "place", "", "host", "datastore", "uplink"))',
            text="{{cause}} at {{place}}",
            colour="red",
        ),
        Marks(
            name="Maintenance",
            expr=f"count by (client) ({named('slad_server_maintenance_active')} == 1)",
            text="{{client}}",
            colour="blue",
        ),
        issue_marks(issued(',client=~"$client"')),
    ]


def rows() -> Sequence[Row]:
    """The rows of the dashboard."""
    return [_now(), _under_way(), _this_month(), _past_months(), _statements(), _over_time()]


def _now() -> Row:
    up = named("slad_server_up")
    in_service = f"count(max by (server) ({WHO}))"
    ratio = named("slad_server_month_availability_ratio")
    return (
        "Now",
        [
            stat("Servers", "Virtual servers in service.", "none", in_service),
            stat("Up", "Running, on the SAN and on the Internet.", "none", f"count({up} == 1) or vector(0)"),
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
    )


def _under_way() -> Row:
    told = "server, name, client, solution, host, datastore, cause, confidence"
    lasted = (
        f"max by ({told}) (slad_server_outage_info{_OF_CLIENTS} * on (server) group_left ()"
        f" (time() - min by (server) (slad_server_outage_start_timestamp_seconds{{{MONITOR}}})))"
    )
    return (
        "Outages",
        [
            table(
                "Outages under way",
                f"The {SERVERS_SHOWN} that have lasted longest, with where each server runs and what brought the outage about, as"
                " far as that is known; slad's page has those that are over.",
                [Column(expr=f"topk({SERVERS_SHOWN}, {lasted})", heading="Lasts", unit="s")],
                labels={
                    "name": "Server",
                    "client": "Client",
                    "solution": "Solution",
                    "cause": "Cause",
                    "confidence": "Confidence",
                    "host": "Host",
                    "datastore": "Datastores",
                    "server": "Id",
                },
                sort_by="Lasts",
                descending=True,
                links={
                    "Server": _TO_SERVER,
                    "Client": {"Outages": "${slad}/outages?client=${__data.fields.Client:percentencode}"},
                },
                height=8,
            ),
        ],
    )


def _this_month() -> Row:
    up = named("slad_server_up")
    ratio = named("slad_server_month_availability_ratio")
    return (
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
                links={"Server": _TO_SERVER, "Client": _TO_CLIENT},
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
    )


def _past_months() -> Row:
    of_clients, by = 'client=~"$client"', "client, month"
    least = past("client_month:slad_server_month_availability_ratio:min", of_clients, by)
    return (
        "Past months",
        [
            table(
                "Months that are over",
                "The least availability of any server, and how many were below the client's target, as it stood when the month"
                " ended. What was found later is in the statement.",
                [
                    _ratio(least, "Least availability"),
                    Column(
                        expr=past("client_month:slad_servers_below_target:count", of_clients, by),
                        heading="Below target",
                        unit="none",
                        steps=[("green", 0), ("red", 1)],
                    ),
                ],
                labels={"month": "Month", "client": "Client"},
                sort_by="Month",
                descending=True,
                links={
                    "Month": {
                        "Statements": "${slad}/statements?month=${__data.fields.Month}",
                        "Outages": "${slad}/outages?month=${__data.fields.Month}",
                    },
                    "Client": {"Page": f"{PAGE_OF_CLIENT}?month=${{__data.fields.Month}}"},
                },
                height=8,
            ),
        ],
    )


def _statements() -> Row:
    def statements(metric: str) -> str:
        return f"count(max by (client, month) ({metric}{_OF_CLIENTS}) > 0) or vector(0)"

    return (
        "Statements",
        [
            stat(
                "Outdated",
                "Issued statements of which figures are others now than the newest version says.",
                "none",
                statements("slad_statement_outdated_figures"),
                steps=[("green", 0), ("yellow", 1)],
            ),
            stat(
                "Not delivered",
                "Issued statements that could not be brought to their folder or their mail server yet.",
                "none",
                statements("slad_statement_undelivered_attempts"),
                steps=[("green", 0), ("yellow", 1)],
            ),
            stat(
                "Failed deliveries",
                "Attempts within a day that failed, of all clients.",
                "none",
                f"sum(increase(slad_statement_delivery_failures_total{{{MONITOR}}}[1d])) or vector(0)",
                steps=[("green", 0), ("yellow", 1)],
            ),
            stat(
                "Proposals",
                "Exclusions that causes of outages suggest, and that wait to be decided.",
                "none",
                f"sum(max by (client) (slad_proposals_pending{_OF_CLIENTS})) or vector(0)",
                steps=[("green", 0), ("yellow", 1)],
            ),
            table(
                "Issued last",
                "Of each client the statement that was issued last.",
                [
                    Column(
                        expr=issued(',client=~"$client"') + " * 1000",
                        heading="Issued",
                        unit="dateTimeAsLocal",
                    )
                ],
                labels={"client": "Client", "month": "Month", "version": "Version"},
                sort_by="Issued",
                descending=True,
                links={
                    "Client": _TO_CLIENT,
                    "Month": {"Statement": f"{PAGE_OF_CLIENT}/statements/${{__data.fields.Month}}.html"},
                },
                height=8,
            ),
        ],
    )


def _over_time() -> Row:
    up = named("slad_server_up")
    return (
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
    )
