"""What the watch of the Internet leg tells as it goes: metrics by method, uplink and target; and edges for the log."""

import collections
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from probes.targets.connect import Origin
from probes.targets.result import Result
from probes.targets.target import Method, Target
from sla.instants import SECOND
from sla.records import State

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_log = structlog.get_logger()


class InternetMetrics:
    """What the watch of the Internet leg tells as it goes (`WatchListener`). Unknown removes a gauge."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._duration = Histogram(
            "slad_probe_duration_seconds",
            "How long one try of a target took, name resolution included.",
            ["method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._probes = Counter("slad_probes_total", "Tries of targets.", ["method"], registry=registry)
        self._failed = Counter(
            "slad_probes_failed_total",
            "Tries of targets that did not find them up, by reason.",
            ["method", "reason"],
            registry=registry,
        )
        self._overruns = Counter(
            "slad_probe_overruns_total",
            "Rounds left out because the one before was still under way, or nobody had time for them.",
            ["method"],
            registry=registry,
        )
        self._drops = Counter(
            "slad_ping_socket_drops_total",
            "Packets that the kernel dropped at slad's own ping sockets.",
            ["family"],
            registry=registry,
        )
        self._strays = Counter(
            "slad_ping_strays_total",
            "Packets at slad's own ping sockets that answered no ping in flight: doubles, late ones and forgeries.",
            ["family"],
            registry=registry,
        )
        self._strays_before: collections.Counter[tuple[Origin, str]] = collections.Counter()
        self._dropped_before: collections.Counter[tuple[Origin, str]] = collections.Counter()
        self._vantage = Gauge(
            "slad_vantage_up", "Whether the monitor's own way out is up; absent while unknown.", registry=None
        )
        self._shows_vantage = False
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
            "When the first certificate of the chain that an HTTPS target of an uplink is trusted by expires.",
            ["uplink", "target"],
            registry=registry,
        )

    def probed(self, method: Method, result: Result, duration_s: float) -> None:
        """A target was tried once."""
        self._duration.labels(method).observe(duration_s)
        self._probes.labels(method).inc()
        self._overruns.labels(method)  # shown from 0 on, else the first ones are no increase
        if result.state is not State.UP:
            self._failed.labels(method, result.reason).inc()

    def overrun(self, method: Method, rounds: int) -> None:
        """Rounds were left out."""
        self._overruns.labels(method).inc(rounds)

    def pinged(self, origin: Origin, *, dropped: Mapping[str, int], strays: Mapping[str, int]) -> None:
        """Packets dropped and strays so far at the sockets of one origin, by version of IP."""
        _count(self._drops, self._dropped_before, origin, dropped)
        _count(self._strays, self._strays_before, origin, strays)

    def vantage(self, state: State) -> None:
        """The monitor's own way out is in another state."""
        _log.info("vantage_changed", state=state.word)
        is_known = state is not State.UNKNOWN
        if is_known and not self._shows_vantage:
            self._registry.register(self._vantage)
        elif not is_known and self._shows_vantage:
            self._registry.unregister(self._vantage)
        self._shows_vantage = is_known
        self._vantage.set(1 if state is State.UP else 0)

    def uplink(self, name: str, state: State) -> None:
        """An uplink is in another state."""
        _log.info("uplink_changed", uplink=name, state=state.word)
        _show(self._uplink, state, name)

    def target(self, uplink: str, target: Target, result: Result) -> None:
        """A target of an uplink was tried."""
        _show(self._target, result.state, uplink, target.text)
        if result.rtt_us is not None:
            self._rtt.labels(uplink, target.text).observe(result.rtt_us / SECOND)
        if result.certificate_expires_at is not None:
            self._expiry.labels(uplink, target.text).set(result.certificate_expires_at / SECOND)

    def target_gone(self, uplink: str, target: Target) -> None:
        """A target of an uplink is not tried any more."""
        for family in (self._target, self._rtt, self._expiry):
            family.remove_by_labels({"uplink": uplink, "target": target.text})


def _count(
    counter: Counter,
    before: "collections.Counter[tuple[Origin, str]]",
    origin: Origin,
    so_far: Mapping[str, int],
) -> None:
    """Sockets that were opened anew count from 0 again."""
    for family, count in so_far.items():
        counter.labels(family).inc(max(0, count - before[origin, family]))
        before[origin, family] = count


def _show(gauge: Gauge, state: State, *labels: str) -> None:
    if state is State.UNKNOWN:
        with suppress(KeyError):
            gauge.remove(*labels)
    else:
        gauge.labels(*labels).set(1 if state is State.UP else 0)
