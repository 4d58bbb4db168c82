"""Alerts as values, and the labels that make an alert the same one over restarts and for every monitor."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from daemon.config.labels import NAME, SERVER, SEVERITY
from sla.instants import Instant

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name; none is empty, for a label without value is no label."""


class Severity(Enum):
    """How bad it is, the worst first: what is to be sent sooner."""

    PAGE = "page"
    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A condition that holds of something.

    `since`: its true start; None: when it was first seen. `keep_us`: how long it fires on once the condition is over.
    """

    labels: Labels
    severity: Severity
    since: Instant | None
    summary: str
    description: str
    keep_us: int = 0


def labels_of(name: str, severity: Severity, others: Mapping[str, str]) -> Labels:
    """The labels of an alert."""
    named = {NAME: name, SEVERITY: severity.value, **others}
    return tuple(sorted((key, value) for key, value in named.items() if value))


def is_of_server(labels: Labels) -> bool:
    """Whether an alert is about one virtual server, so that there may be as many as there are servers."""
    return any(key == SERVER for key, _ in labels)
