"""What the notifier counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge


class AlertMetrics:
    """Alerts by Alertmanager, which is `host:port`; one that is sent again counts again."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sent = Counter(
            "slad_alerts_sent",
            "Alerts that an Alertmanager took, firing and resolved, each time that they were sent.",
            ["alertmanager"],
            registry=registry,
        )
        self._failed = Counter(
            "slad_alerts_failed",
            "Alerts that an Alertmanager was sent and did not take.",
            ["alertmanager"],
            registry=registry,
        )
        self._firing = Gauge(
            "slad_alerts_firing",
            "Alerts that slad pushes to Alertmanagers now; 0 where it pushes none.",
            registry=registry,
        )

    def count_firing(self, count: Callable[[], int]) -> None:
        """Say where to ask how many fire."""
        self._firing.set_function(count)

    def known(self, alertmanager: str) -> None:
        """An Alertmanager is to be told from now on."""
        self._sent.labels(alertmanager)
        self._failed.labels(alertmanager)

    def sent(self, alertmanager: str, count: int) -> None:
        """An Alertmanager took alerts."""
        self._sent.labels(alertmanager).inc(count)

    def failed(self, alertmanager: str, count: int) -> None:
        """An Alertmanager did not."""
        self._failed.labels(alertmanager).inc(count)

    def forget(self, alertmanager: str) -> None:
        """An Alertmanager is not told any more."""
        self._sent.remove(alertmanager)
        self._failed.remove(alertmanager)
