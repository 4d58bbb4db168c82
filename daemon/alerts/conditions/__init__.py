"""The definitions of all alerts: from facts, as they stand at one instant, to what is to be told. Pure.

Each table names its alerts; each function says of one fact whether a condition holds, how bad it is, since when, and in
which words. A summary goes on where the subject's name ends.
"""

from collections.abc import Mapping
from typing import Final

from daemon.alerts.conditions.dues import DEADLINE_ALERTS, REQUEST_ALERTS
from daemon.alerts.conditions.servers import (
    BUDGET_ALERTS,
    CAUSE_ALERTS,
    INCIDENT_ALERTS,
    MONTH_ALERTS,
    OUTAGE_ALERTS,
    REFUSED_ALERTS,
    WINDOW_ALERTS,
)
from daemon.alerts.conditions.shared import (
    BEGUN_ALERTS,
    CLOCK_ALERTS,
    DATASTORE_ALERTS,
    DISAGREEMENT_ALERTS,
    HOST_ALERTS,
    HUB_ALERTS,
    LEDGER_ALERTS,
    MONITOR_ALERTS,
    QUARANTINE_ALERTS,
    SLAD_ALERTS,
    SOURCE_ALERTS,
    UPLINK_ALERTS,
)
from daemon.alerts.conditions.solutions import SOLUTION_ALERTS
from daemon.alerts.conditions.statements import DELIVERY_ALERTS, STATEMENT_ALERTS

EVERY: Final[tuple[Mapping[str, object], ...]] = (
    SOLUTION_ALERTS,
    REQUEST_ALERTS,
    DEADLINE_ALERTS,
    OUTAGE_ALERTS,
    CAUSE_ALERTS,
    INCIDENT_ALERTS,
    MONTH_ALERTS,
    BUDGET_ALERTS,
    REFUSED_ALERTS,
    WINDOW_ALERTS,
    STATEMENT_ALERTS,
    DELIVERY_ALERTS,
    SOURCE_ALERTS,
    UPLINK_ALERTS,
    HOST_ALERTS,
    DATASTORE_ALERTS,
    CLOCK_ALERTS,
    LEDGER_ALERTS,
    QUARANTINE_ALERTS,
    BEGUN_ALERTS,
    HUB_ALERTS,
    MONITOR_ALERTS,
    DISAGREEMENT_ALERTS,
    SLAD_ALERTS,
)
"""Every table: each alert has one definition."""
