"""The metrics of the process itself, on one registry: the only room that uses prometheus_client."""

from prometheus_client import CollectorRegistry

from daemon.metrics.alerts import AlertMetrics
from daemon.metrics.doors import DoorMetrics
from daemon.metrics.hub import HubMetrics, TailMetrics
from daemon.metrics.internet import InternetMetrics
from daemon.metrics.process import ProcessMetrics
from daemon.metrics.statements import StatementMetrics

__all__ = [
    "AlertMetrics",
    "DoorMetrics",
    "HubMetrics",
    "InternetMetrics",
    "Metrics",
    "ProcessMetrics",
    "StatementMetrics",
    "TailMetrics",
]


class Metrics:
    """Every family of one process."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.process = ProcessMetrics(registry)
        """Also renders all families of the registry."""
        self.internet = InternetMetrics(registry)
        self.alerts = AlertMetrics(registry)
        self.doors = DoorMetrics(registry)
        self.statements = StatementMetrics(registry)
        self.hub = HubMetrics(registry)

    def of_tail(self) -> TailMetrics:
        """The families that a hub alone has; to be asked for once."""
        return TailMetrics(self._registry)
