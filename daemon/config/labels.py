"""Labels that slad's alerts have of their own: what a configured external label may not be called."""

from typing import Final

NAME: Final = "alertname"


SEVERITY: Final = "severity"


SERVER: Final = "server"


OWN_LABELS: Final = (
    NAME,
    SEVERITY,
    SERVER,
    "name",
    "client",
    "solution",
    "vcenter",
    "uplink",
    "host",
    "datastore",
    "cause",
    "request",
    "deadline",
    "month",
    "observer",
    "kind",
    "reason",
)
"""Every label that slad gives an alert."""
