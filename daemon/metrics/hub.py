"""How far the store that a monitor ships to is behind, and why."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge


class HubMetrics:
    """Of one store. States are the closed list of `daemon.hub.states`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._behind_records = Gauge(
            "slad_hub_behind_records",
            "Records of the ledger that the store does not have yet; NaN while nobody knows, 0 where slad ships nowhere.",
            registry=registry,
        )
        self._behind_seconds = Gauge(
            "slad_hub_behind_seconds",
            "How long ago the store had all records last; 0 while it has, and where slad ships nowhere.",
            registry=registry,
        )
        self.last_success = Gauge(
            "slad_hub_last_success_timestamp_seconds",
            "When the store last took records or watermarks.",
            registry=registry,
        )
        self._state = Gauge(
            "slad_hub_state",
            "How slad stands with the store: 1 for the state that is, 0 for the others; absent where slad ships nowhere.",
            ["state"],
            registry=registry,
        )
        self.shipped = Counter(
            "slad_hub_shipped_records", "Records that the store took from this process.", registry=registry
        )
        self._failures = Counter(
            "slad_hub_failures",
            "Attempts to ship that failed, by the state that followed.",
            ["state"],
            registry=registry,
        )

    def measure_behind(self, records: Callable[[], float], seconds: Callable[[], float]) -> None:
        """Say where to ask how far the store is behind."""
        self._behind_records.set_function(records)
        self._behind_seconds.set_function(seconds)

    def show_state(self, now: str, states: Iterable[str]) -> None:
        """Of all these states this one is."""
        for state in states:
            self._state.labels(state).set(1 if state == now else 0)

    def forget(self) -> None:
        """Nothing is shipped any more."""
        self._state.clear()

    def failed(self, state: str) -> None:
        """An attempt ended with a state."""
        self._failures.labels(state).inc()


class TailMetrics:
    """Of a hub: how it follows the store, and the monitors there."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._active = Gauge(
            "slad_hub_active", "1 for the active hub, 0 for one that stands by.", registry=registry
        )
        self._behind_records = Gauge(
            "slad_hub_tail_behind_records",
            "Lines of the store that the hub has not taken yet.",
            registry=registry,
        )
        self._behind_seconds = Gauge(
            "slad_hub_tail_behind_seconds",
            "How long ago the hub had all lines of the store last.",
            registry=registry,
        )
        self._failures = Counter(
            "slad_hub_tail_failures",
            "Connections to the store that failed or ended, by the state that followed.",
            ["state"],
            registry=registry,
        )
        self.unread = Counter(
            "slad_hub_unread_records",
            "Lines of the store that are no valid evidence beside the others, and were left out.",
            registry=registry,
        )
        self._seen = Gauge(
            "slad_hub_monitor_seen_timestamp_seconds",
            "How far the witnesses of a monitor have seen, the one that saw farthest; absent once the monitor is retired.",
            ["observer"],
            registry=registry,
        )
        self._disagreements = Gauge(
            "slad_hub_disagreements",
            "Servers and clients of which monitors do not say the same, by what it is that they say differently.",
            ["kind"],
            registry=registry,
        )

    def measure_disagreements(self, kinds: Mapping[str, Callable[[], float]]) -> None:
        """Say where to ask how many disagreements there are of each kind."""
        for kind, count in kinds.items():
            self._disagreements.labels(kind).set_function(count)

    def measure_behind(
        self, records: Callable[[], float], seconds: Callable[[], float], active: Callable[[], bool]
    ) -> None:
        """Say where to ask how far the hub is behind, and whether it is the active one."""
        self._behind_records.set_function(records)
        self._behind_seconds.set_function(seconds)
        self._active.set_function(active)

    def failed(self, state: str) -> None:
        """A connection ended with a state."""
        self._failures.labels(state).inc()

    def show_seen(self, seconds: Mapping[str, float]) -> None:
        """When each monitor saw last that is not retired."""
        self._seen.clear()
        for observer, at in seconds.items():
            self._seen.labels(observer).set(at)
