"""What there is to count of issued statements."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from sla.instants import SECOND
from sla.records import Issued


class StatementMetrics:
    """By client and month (YYYY-MM)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._outdated = Gauge(
            "slad_statement_outdated_figures",
            "Figures of an issued month that are others now than its newest version says; absent where none is.",
            ["client", "month"],
            registry=registry,
        )
        self._issued = Gauge(
            "slad_statement_issued_timestamp_seconds",
            "When a client's statement was issued that was issued last: of which month, and which version of it.",
            ["client", "month", "version"],
            registry=registry,
        )
        self._failing = Gauge(
            "slad_statement_undelivered_attempts",
            "How often in a row an issued statement could not be delivered; absent where nothing fails.",
            ["client", "month"],
            registry=registry,
        )
        self._failures = Counter(
            "slad_statement_delivery_failures",
            "Deliveries of issued statements that failed, by the way: folder or smtp.",
            ["way"],
            registry=registry,
        )

    def failed(self, way: str) -> None:
        """A delivery by a way did not succeed."""
        self._failures.labels(way).inc()

    def set_failing(self, failing: Iterable[tuple[tuple[str, str], int]]) -> None:
        """Let these be all statements that could not be delivered, each with the attempts."""
        self._failing.clear()
        for statement, attempts in failing:
            self._failing.labels(*statement).set(attempts)

    def set_issued(self, last: Iterable[Issued]) -> None:
        """Let these be all, of each client one: with those before it series would only ever be added."""
        self._issued.clear()
        for record in last:
            self._issued.labels(record.client, record.month, record.version).set(record.recorded_at / SECOND)

    def set_outdated(self, outdated: Iterable[tuple[tuple[str, str], int]]) -> None:
        """Let these be all."""
        self._outdated.clear()
        for statement, figures in outdated:
            self._outdated.labels(*statement).set(figures)
