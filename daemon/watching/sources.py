"""The sources that the configuration names: their watches, started, stopped and replaced, and how each of them fares.

A watch that ended though nobody stopped it met a fault of ours: it is told, with the way to it, counted (reason `defect`) and
begun again after a pause, for no input ends the process.
"""

import asyncio
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Never

import structlog

from daemon.clock import Clock
from daemon.config.config import Config
from daemon.config.secrets import SecretError
from daemon.config.tables import VCenterTable
from daemon.metrics.process import ProcessMetrics
from daemon.pacing import waited
from daemon.servers.rules import needs_of
from probes.report import Report, Resume, SourceFailure
from probes.vcenter.faults import CredentialsError
from probes.vcenter.session import Credentials
from probes.vcenter.settings import Settings
from probes.vcenter.transport import Endpoint, tls_context
from probes.vcenter.watch import VcenterWatch
from sla.instants import SECOND, Instant
from sla.texts import cleaned

STOP_S: Final = 4.0
"""How long the watches have to log out: the process is to be gone within 5 s."""
CHECK_S: Final = 1.0
DEFECT: Final = "defect"
"""The reason of a failure that is a fault of ours."""
DEFECT_RETRY_S: Final = (1.0, 60.0)
"""The first pause before a watch is begun again, and the longest; each is twice the one before."""
LASTING_S: Final = 600.0
"""Once it has lasted for so long a watch that ends is one that ends for the first time."""

_log = structlog.get_logger()


@dataclass(slots=True)
class Source:
    """One source, and what is known of its health. `note` says why it is not up."""

    settings: Settings
    table: VCenterTable
    watch: VcenterWatch
    up: bool = False
    last_contact_at: Instant | None = None
    note: str = "no contact yet"
    failures: int = 0
    begun_at_us: int = 0
    """When the watch was started, by the monotonic clock."""
    endings: int = 0
    """How often in a row it ended though nobody stopped it."""
    begins_again_at_us: int | None = None
    """When it is started again after that; None while it runs."""


class Sources:
    """All sources. On the loop; the watches run in threads of their own and put what they see into the queue of reports."""

    def __init__(
        self,
        clock: Clock,
        metrics: ProcessMetrics,
        put: Callable[[Report | SourceFailure], None],
        resume: Callable[[str], Resume],
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._put = put
        self._resume = resume
        self._sources: dict[str, Source] = {}
        """By name: those that are watched now."""
        self._wanted: dict[str, tuple[VCenterTable, Settings]] = {}
        """By name: those that the configuration names."""
        self._adopted = asyncio.Event()
        self._turn = asyncio.Lock()
        """Held while watches are started and stopped."""
        self._has_ended = False

    def __iter__(self) -> Iterator[tuple[str, Source]]:
        """Names and sources, by name."""
        return iter(sorted(self._sources.items()))

    def adopt(self, config: Config) -> None:
        """Watch what a configuration names from the next turn of `run` on. Raises CertificateError."""
        self._wanted = {name: (table, settings_of(config, name)) for name, table in config.vcenters.items()}
        self._adopted.set()

    async def run(self) -> Never:
        """Follow each configuration, and have every watch go on that ended though nobody stopped it."""
        while True:
            if self._adopted.is_set():
                self._adopted.clear()
                await self._follow()
            for name, source in self._sources.items():
                self._have_go_on(name, source)
            await waited(self._adopted, CHECK_S)

    async def stop(self) -> None:
        """End every watch, in the middle of a long poll if need be, for good."""
        async with self._turn:
            self._has_ended = True
            await self._stop(list(self._sources))

    def take(self, told: Iterable[Report | SourceFailure]) -> None:
        """Note how the sources fare, by what they told."""
        for item in told:
            source = self._sources.get(item.source)
            if source is None:
                continue
            if isinstance(item, SourceFailure):
                self._take_failure(source, item)
            else:
                self._take_report(source, item)

    def progress_due_us(self) -> Iterator[tuple[str, int]]:
        """By when each watch is heard of next at the latest, by the monotonic clock; by its thread's name.

        One that waits for somebody else, connects, or has ended is left out.
        """
        for name, source in self._sources.items():
            due_s = source.watch.progress_due_s
            if due_s is not None:
                yield f"vcenter-{name}", int(due_s * SECOND)

    def _watch(self, name: str, settings: Settings) -> VcenterWatch:
        """A watch that goes on from what was recorded."""
        return VcenterWatch(settings, self._resume(name), self._clock.now, self._put)

    def _have_go_on(self, name: str, source: Source) -> None:
        """Start a watch that ended again, from what was recorded, after a pause."""
        now_us = self._clock.monotonic_us()
        defect = source.watch.failure
        if source.begins_again_at_us is None and defect is not None:
            lasted_us = now_us - source.begun_at_us
            source.endings = 1 if lasted_us > LASTING_S * SECOND else source.endings + 1
            first_s, longest_s = DEFECT_RETRY_S
            pause_us = int(min(longest_s, first_s * 2 ** min(source.endings - 1, 20)) * SECOND)
            source.begins_again_at_us = now_us + pause_us
            self._take_defect(name, source, defect, pause_us)
        elif source.begins_again_at_us is not None and now_us >= source.begins_again_at_us:
            source.begins_again_at_us = None
            source.begun_at_us = now_us
            source.watch = self._watch(name, source.settings)
            source.watch.start()

    def _take_defect(self, name: str, source: Source, defect: BaseException, pause_us: int) -> None:
        message = f"a fault of slad's own ended the watch: {cleaned(repr(defect))}"
        way = "".join(traceback.format_exception(defect))
        if source.note != message:
            _log.error("watch_ended", source=name, message=message, traceback=way)
        failure = SourceFailure(source=name, reason=DEFECT, message=message, retry_in_us=pause_us)
        self._take_failure(source, failure)

    async def _follow(self) -> None:
        """Watches whose settings did not change go on undisturbed."""
        async with self._turn:
            wanted = {} if self._has_ended else self._wanted
            gone = [
                name
                for name, source in self._sources.items()
                if name not in wanted
                or (source.table, _shape(source.settings)) != (wanted[name][0], _shape(wanted[name][1]))
            ]
            await self._stop(gone)
            for name, (table, settings) in wanted.items():
                if name in self._sources:
                    continue
                watch = self._watch(name, settings)
                self._sources[name] = Source(
                    settings=settings, table=table, watch=watch, begun_at_us=self._clock.monotonic_us()
                )
                self._metrics.source_up.labels(name).set(0)
                watch.start()

    def _take_report(self, source: Source, report: Report) -> None:
        if not source.up and report.fresh:
            _log.info(
                "source_contacted",
                source=report.source,
                failed_attempts=source.failures,
                servers=report.objects.get("virtual_machine", 0),
            )
        for fault in report.history_faults:
            _log.warning("source_history_broken", source=report.source, because=fault)
        if report.passed_over:
            _log.warning(
                "source_items_passed_over",
                source=report.source,
                items=report.passed_over,
                skipped_events=report.skipped_events,
                unreadable_objects=report.unreadable,
            )
        # Of the instant of a fresh look nothing is said to hold until the next one, which comes at once.
        source.up = not report.fresh
        source.note = "" if source.up else "in contact again"
        source.failures = 0
        source.last_contact_at = report.observed_until or source.last_contact_at
        self._measure(report)

    def _take_failure(self, source: Source, failure: SourceFailure) -> None:
        source.failures += 1
        if source.up or source.note != failure.message:
            _log.warning(
                "source_lost",
                source=failure.source,
                reason=failure.reason,
                message=failure.message,
                retry_in_s=round(failure.retry_in_us / SECOND, 1),
            )
        source.up, source.note = False, failure.message
        self._metrics.source_up.labels(failure.source).set(0)
        self._metrics.source_errors.labels(failure.source, failure.reason).inc()

    def _measure(self, report: Report) -> None:
        name, metrics = report.source, self._metrics
        metrics.source_up.labels(name).set(0 if report.fresh else 1)
        if report.observed_until is not None:
            metrics.source_last_contact.labels(name).set(report.observed_until / SECOND)
        metrics.source_poll_duration.labels(name).observe(report.poll_us / SECOND)
        for kind, count in report.objects.items():
            metrics.source_objects.labels(name, kind).set(count)
        metrics.source_unreadable_objects.labels(name).set(report.unreadable)
        if report.fresh:
            metrics.source_sessions.labels(name).inc()
        if report.clock_offset_us is not None:
            metrics.source_clock_offset.labels(name).set(report.clock_offset_us / SECOND)
        metrics.set_infrastructure(report)
        metrics.source_events.labels(name).inc(len(report.events))
        metrics.source_events_skipped.labels(name).inc(report.skipped_events)
        metrics.source_history_faults.labels(name).inc(len(report.history_faults))

    async def _stop(self, names: list[str]) -> None:
        stopping = [(name, self._sources.pop(name)) for name in names]
        for _, source in stopping:
            source.watch.stop()
        deadline_us = self._clock.monotonic_us() + int(STOP_S * SECOND)
        for name, source in stopping:
            left_s = max(0.0, (deadline_us - self._clock.monotonic_us()) / SECOND)
            if not await asyncio.to_thread(source.watch.join, left_s):
                _log.warning("watch_left_behind", source=name)
            self._metrics.forget_source(name)


def settings_of(config: Config, name: str) -> Settings:
    """What the watch of a vCenter is told. Raises CertificateError."""
    table, needs = config.vcenters[name], needs_of((*config.rules, *config.internet))
    return Settings(
        source=name,
        observer=config.observer,
        endpoint=endpoint_of(table),
        credentials=Credentials(user=table.user, password=lambda: _password(table)),
        poll_s=table.poll.us // SECOND,
        ignored_datastores=table.ignore_datastores,
        resource_pools=needs.resource_pool,
        attributes=bool(needs.attributes),
        networks=needs.networks,
        placeholders=needs.placeholders,
        addresses=config.needs_addresses,
    )


def _shape(settings: Settings) -> Settings:
    """The settings as far as a change of them needs another watch; where and how to log in is the table's."""
    return replace(settings, endpoint=_NOWHERE, credentials=_NOBODY)


_NOWHERE: Final = Endpoint(host="", port=0, tls=None)
_NOBODY: Final = Credentials(user="", password=str)


def endpoint_of(table: VCenterTable) -> Endpoint:
    """Where a vCenter is, and how it proves that it is the one. Raises CertificateError."""
    tls = None
    if table.scheme == "https":
        ca_file = str(table.ca_file) if table.ca_file is not None else None
        tls = tls_context(ca_file=ca_file, pinned=table.pin is not None)
    return Endpoint(host=table.address.host, port=table.address.port, tls=tls, pin=table.pin)


def _password(table: VCenterTable) -> str:
    try:
        return table.password.read().get_secret_value()
    except SecretError as error:
        raise CredentialsError(str(error)) from error
