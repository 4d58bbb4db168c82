"""What there is to count of issued statements."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge


class StatementMetrics:
    """By client and month (YYYY-MM)."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._outdated = Gauge(
            "slad_statement_outdated_figures",
            "Figures of an issued month that are others now than its newest version says; absent where none is.",
            ["client", "month"],
            registry=registry,
        )

    def set_outdated(self, outdated: Iterable[tuple[tuple[str, str], int]]) -> None:
        """Let these be all."""
        self._outdated.clear()
        for statement, figures in outdated:
            self._outdated.labels(*statement).set(figures)
