"""The definitions of all alerts: from facts, as they stand at one instant, to what is to be told. Pure.

Each table names its alerts; each function says of one fact whether a condition holds, how bad it is, since when, and in
which words. A summary goes on where the subject's name ends.
"""

from collections.abc import Mapping
from typing import Final

from daemon.alerts.conditions.dues import OF_DEADLINE, OF_REQUEST
from daemon.alerts.conditions.servers import OF_CAUSE, OF_MONTH, OF_OUTAGE, OF_REFUSED, OF_WINDOW
from daemon.alerts.conditions.shared import OF_DATASTORE, OF_HOST, OF_LEDGER, OF_SLAD, OF_SOURCE, OF_UPLINK
from daemon.alerts.conditions.solutions import OF_SOLUTION

EVERY: Final[tuple[Mapping[str, object], ...]] = (
    OF_SOLUTION,
    OF_REQUEST,
    OF_DEADLINE,
    OF_OUTAGE,
    OF_CAUSE,
    OF_MONTH,
    OF_REFUSED,
    OF_WINDOW,
    OF_SOURCE,
    OF_UPLINK,
    OF_HOST,
    OF_DATASTORE,
    OF_LEDGER,
    OF_SLAD,
)
"""Every table: each alert has one definition."""
