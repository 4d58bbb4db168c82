"""The metrics of the process itself, on one registry.

The families of virtual servers are none of its business: those are prepared from a snapshot by daemon.exposition.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from daemon.exposition.families import RenderedFamily
from probes.report import Report
from sla.instants import SECOND
from sla.records import State

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_END: Final = b"# EOF\n"


class ProcessMetrics:
    """Every family of the process, on a registry of its own.

    Sources are named as in the configuration. Durations are observed in seconds, sizes in bytes, instants in
    seconds since the epoch.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        """All families, registered, with the process's, the garbage collector's and Python's."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the gap is the library's
        self._registry = registry
        self._longest_stall_s = 0.0

        self.build = Info("slad_build", "The version of slad and of what it runs on.", registry=registry)
        self.ready = _gauge(
            registry, "slad_ready", "Whether slad publishes figures: 1, or 0 as /-/ready explains."
        )

        self.source_up = _gauge(
            registry, "slad_source_up", "Whether the last attempt to observe this source succeeded.", "source"
        )
        self.source_last_contact = _gauge(
            registry,
            "slad_source_last_contact_timestamp_seconds",
            "When this source last answered. Sources are watched on slad's own timers, not at each scrape.",
            "source",
        )
        self.source_poll_duration = _histogram(
            registry, "slad_source_poll_duration_seconds", "How long one round of observing took.", "source"
        )
        self.source_objects = _gauge(
            registry,
            "slad_source_objects",
            "Objects that this source shows, by their type.",
            "source",
            "type",
        )
        self.source_unreadable_objects = _gauge(
            registry,
            "slad_source_unreadable_objects",
            "Objects of which this source withholds what slad needs: their servers are unknown.",
            "source",
        )
        self.source_duplicates = _gauge(
            registry,
            "slad_source_duplicate_uuids",
            "Servers of this source that show the instance UUID of another server, of this source or another.",
            "source",
        )
        self.source_undecided = _gauge(
            registry,
            "slad_source_undecided_servers",
            "Servers of which rules cannot tell whose they are, because a fact that they ask for is not known.",
            "source",
        )
        self.source_sessions = _counter(
            registry,
            "slad_source_sessions_total",
            "Sessions opened: logins, or sockets of a probe.",
            "source",
        )
        self.source_errors = _counter(
            registry, "slad_source_errors_total", "Observations that failed, by reason.", "source", "reason"
        )
        self.source_clock_offset = _gauge(
            registry,
            "slad_source_clock_offset_seconds",
            "How far this source's clock is ahead of the monitor's.",
            "source",
        )
        self.source_events = _counter(
            registry, "slad_source_events_total", "Events read from this source's history.", "source"
        )
        self.source_events_skipped = _counter(
            registry,
            "slad_source_events_skipped_total",
            "Events of this source that slad could not read or had to pass over.",
            "source",
        )
        self.source_history_faults = _counter(
            registry,
            "slad_source_history_faults_total",
            "How often this source's history of events did not go on where it ended: it was restored, or events are missing.",
            "source",
        )

        self.host_responding = _gauge(
            registry,
            "slad_host_responding",
            "Whether a host responds to its vCenter; absent for one that nobody expects to (maintenance, standby).",
            "vcenter",
            "host",
        )
        self.infrastructure_news = 0
        """How many reports changed what is shown of hosts and datastores, which causes of outages are told by."""
        self.datastore_accessible = _gauge(
            registry,
            "slad_datastore_accessible",
            "Whether every connected host that mounts a datastore reaches it.",
            "vcenter",
            "datastore",
        )

        self.ledger_size = _gauge(registry, "slad_ledger_size_bytes", "Size of the ledger's file.")
        self.ledger_records = _gauge(
            registry, "slad_ledger_records", "Records in the ledger: the sequence number of its head."
        )
        self.ledger_verified = _gauge(
            registry,
            "slad_ledger_verified_until_seq",
            "The number of the record up to which this process verified all, or wrote them.",
        )
        self.ledger_head = Info(
            "slad_ledger_head",
            "The hash of the ledger's last record, chained to all before it.",
            registry=registry,
        )
        self.ledger_begun = _gauge(
            registry, "slad_ledger_begun_timestamp_seconds", "When the ledger's first record was made."
        )
        self.ledger_commits = _counter(registry, "slad_ledger_commits_total", "Transactions made durable.")
        self.ledger_commit_duration = _histogram(
            registry, "slad_ledger_commit_duration_seconds", "How long a transaction took to become durable."
        )
        self.ledger_commit_failures = _counter(
            registry, "slad_ledger_commit_failures_total", "Transactions that could not be made durable."
        )
        self.ledger_quarantined = _counter(
            registry,
            "slad_ledger_quarantined_records_total",
            "Records that the ledger did not let in: it could not have been read again with them.",
        )
        self._corrected = _Corrected()
        registry.register(self._corrected)

        self.queue_items = _gauge(
            registry, "slad_queue_items", "Items waiting in one of slad's bounded queues.", "queue"
        )
        self.tick_duration = _histogram(
            registry, "slad_tick_duration_seconds", "How long one tick's work took."
        )
        self.exposition_prepare_duration = _histogram(
            registry,
            "slad_exposition_prepare_duration_seconds",
            "How long preparing /metrics took, in slices.",
        )
        self._loop_stall = _histogram(
            registry, "slad_loop_stall_seconds", "How late the event loop ran what was due."
        )
        self._loop_stall_max = _gauge(
            registry, "slad_loop_stall_max_seconds", "The longest stall since /metrics was last prepared."
        )
        self.clock_steps = _counter(
            registry, "slad_clock_steps_total", "Steps of the wall clock that were noticed."
        )
        self.clock_offset = _gauge(
            registry,
            "slad_clock_offset_seconds",
            "How far the wall clock is ahead of what slad takes for the time.",
        )
        self.clock_in_doubt = _gauge(
            registry,
            "slad_clock_in_doubt",
            "Whether the wall clock is not believed, so that nothing is recorded: 1, as /-/ready explains, or 0.",
        )

        self.config_last_reload_successful = _gauge(
            registry,
            "slad_config_last_reload_successful",
            "Whether the configuration read last is in force: 1, or 0 and the one before is.",
        )
        self.config_last_reload_success = _gauge(
            registry,
            "slad_config_last_reload_success_timestamp_seconds",
            "When a configuration last came into force.",
        )
        self._config_unwatched_leg = _gauge(
            registry,
            "slad_config_unwatched_leg",
            "Always 1: a leg of a client's contract that the configuration has nobody watch.",
            "client",
            "leg",
        )

        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def observe_loop_stall(self, seconds: float) -> None:
        """Note how late the loop was once."""
        self._loop_stall.observe(seconds)
        self._longest_stall_s = max(self._longest_stall_s, seconds)

    def set_corrected(self, corrected: Mapping[tuple[State, State], int]) -> None:
        """What the book learned of time that was counted already: microseconds by the state then and the state now."""
        self._corrected.us = dict(corrected)

    def set_unwatched_legs(self, unwatched: Iterable[tuple[str, str]]) -> None:
        """Replace the pairs of client and leg that nobody watches."""
        self._config_unwatched_leg.clear()
        for client, leg in unwatched:
            self._config_unwatched_leg.labels(client, leg).set(1)

    def set_infrastructure(self, report: Report) -> None:
        """Show what a source says of its hosts and datastores: all of them in a fresh report, else what changed."""
        if report.hosts or report.datastores or report.gone_hosts or report.gone_datastores:
            self.infrastructure_news += 1
        for family, states, gone in (
            (self.host_responding, report.hosts, report.gone_hosts),
            (self.datastore_accessible, report.datastores, report.gone_datastores),
        ):
            if report.fresh:
                family.remove_by_labels({"vcenter": report.source})
            for name in gone:
                _remove(family, report.source, name)
            for name, state in states.items():
                if state is State.UNKNOWN:
                    _remove(family, report.source, name)
                else:
                    family.labels(report.source, name).set(1 if state is State.UP else 0)

    def forget_source(self, source: str) -> None:
        """Drop every series of a source that the configuration no longer names."""
        for family in (
            self.source_up,
            self.source_last_contact,
            self.source_poll_duration,
            self.source_objects,
            self.source_unreadable_objects,
            self.source_duplicates,
            self.source_undecided,
            self.source_sessions,
            self.source_errors,
            self.source_clock_offset,
            self.source_events,
            self.source_events_skipped,
            self.source_history_faults,
        ):
            family.remove_by_labels({"source": source})
        for family in (self.host_responding, self.datastore_accessible):
            family.remove_by_labels({"vcenter": source})

    def rendered(self) -> Iterator[RenderedFamily]:
        """All families as they are now; each is put into text when it is asked for, so that nobody waits long."""
        self._loop_stall_max.set(self._longest_stall_s)
        self._longest_stall_s = 0.0
        return map(_rendered, list(self._registry.collect()))


def _remove(family: Gauge, *labels: str) -> None:
    with suppress(KeyError):
        family.remove(*labels)


def _gauge(registry: CollectorRegistry, name: str, help_text: str, *labels: str) -> Gauge:
    return Gauge(name, help_text, labels, registry=registry)


def _counter(registry: CollectorRegistry, name: str, help_text: str, *labels: str) -> Counter:
    return Counter(name, help_text, labels, registry=registry)


def _histogram(registry: CollectorRegistry, name: str, help_text: str, *labels: str) -> Histogram:
    return Histogram(name, help_text, labels, registry=registry, buckets=_SECONDS)


class _Corrected(Collector):
    """A counter that the book keeps: it goes on over restarts."""

    def __init__(self) -> None:
        self.us: Mapping[tuple[State, State], int] = {}

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(
            "slad_corrected_seconds",
            "Settled time that later evidence or records moved from one state to another, over all servers.",
            labels=("from", "to"),
        )
        for (then, now), lasted in sorted(self.us.items()):
            family.add_metric((then.word, now.word), lasted / SECOND)
        return (family,)


class _OneFamily(Collector):
    """A family already collected, as the renderers want it."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        return (self._metric,)


def _rendered(metric: Metric) -> RenderedFamily:
    family = _OneFamily(metric)
    openmetrics: bytes = generate_openmetrics(family)  # type: ignore[no-untyped-call]  # the gap is the library's
    return RenderedFamily(text=generate_latest(family), openmetrics=openmetrics.removesuffix(_END))
