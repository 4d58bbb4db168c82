"""What the doors count."""

from prometheus_client import CollectorRegistry, Counter


class DoorMetrics:
    """By door: `public`, `control` (the Unix socket) and `control_tcp`. Without a registry nobody sees them."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self._closed = Counter(
            "slad_door_connections_closed",
            "Connections that slad closed: to make room for another, or because the caller was too slow to shake hands, to"
            " send a request or to read an answer.",
            ["door", "reason"],
            registry=registry,
        )
        self._refused = Counter(
            "slad_door_requests_refused",
            "Requests refused: for a host by which slad is not known, from a page of another origin, or because as many as"
            " are worked on at once were under way.",
            ["door", "reason"],
            registry=registry,
        )

    def closed(self, door: str, reason: str) -> None:
        """A connection was closed: `room`, `slow_handshake`, `slow_request` or `slow_reader`."""
        self._closed.labels(door, reason).inc()

    def refused(self, door: str, reason: str) -> None:
        """A request was refused: `host`, `origin` or `busy`."""
        self._refused.labels(door, reason).inc()
