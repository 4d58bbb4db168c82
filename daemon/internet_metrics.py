"""The metrics of the Internet leg: probes by method, uplinks and their targets, the monitor's own way out."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from probes.internet.result import Reason, Result
from probes.internet.target import Target
from sla.instants import SECOND
from sla.records import State

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class InternetMetrics:
    """What the watch of the Internet leg tells as it goes. Unknown removes a gauge."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """All families, registered."""
        self._duration = Histogram(
            "slad_probe_duration_seconds",
            "How long one try of a target took, name resolution included.",
            ["method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._probes = Counter("slad_probes", "Tries of targets.", ["method"], registry=registry)
        self._failed = Counter(
            "slad_probes_failed",
            "Tries of targets that did not find them up, by reason.",
            ["method", "reason"],
            registry=registry,
        )
        self._overruns = Counter(
            "slad_probe_overruns",
            "Rounds left out because the one before was still under way, or nobody had time for them.",
            ["method"],
            registry=registry,
        )
        self._drops = Counter(
            "slad_ping_socket_drops",
            "Packets that the kernel dropped at slad's own ping sockets.",
            ["family"],
            registry=registry,
        )
        self._vantage = Gauge(
            "slad_vantage_up",
            "Whether the monitor's own way out is up; absent while unknown, or where none is configured.",
            [],
            registry=registry,
        )
        self._uplink = Gauge(
            "slad_uplink_up", "Whether an uplink is up; absent while unknown.", ["uplink"], registry=registry
        )
        self._target = Gauge(
            "slad_uplink_target_up",
            "Whether a target of an uplink answered last time; absent while unknown.",
            ["uplink", "target"],
            registry=registry,
        )
        self._rtt = Histogram(
            "slad_uplink_target_rtt_seconds",
            "Round-trip time of a target of an uplink.",
            ["uplink", "target"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._expiry = Gauge(
            "slad_probe_certificate_expiry_timestamp_seconds",
            "When the certificate that an HTTPS target of an uplink shows expires.",
            ["target"],
            registry=registry,
        )
