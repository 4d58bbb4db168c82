"""The composition root: every part made, wired and run as one process.

Root tasks are eternal: one that returns, or fails, is a fault that ends the process, and systemd starts another. A stop
that was asked for takes the watches down first, then has the recorder commit what they still said, then the rest.
"""

import asyncio
import signal
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from daemon.alerts.evaluator import AlertEvaluator
from daemon.alerts.notifier import Notifier
from daemon.alerts.store import AlertStore
from daemon.answers.answers import Answers
from daemon.book.live_book import LiveBook
from daemon.clock import SteadyClock, SystemClock
from daemon.config import Config, ConfigError, load
from daemon.control import ControlApiError, control_api
from daemon.control.tcp import TcpControlApi
from daemon.exposition.exposition import Exposition
from daemon.ledger import Ledger
from daemon.live.facts import ServerFacts
from daemon.live.figures import LiveFigures
from daemon.live.snapshots import Snapshots
from daemon.metrics.alerts import AlertMetrics
from daemon.metrics.internet import InternetMetrics
from daemon.metrics.process import ProcessMetrics
from daemon.pacing import freeze_gc, tune_gc
from daemon.recording.recorder import Recorder
from daemon.recording.replay import replay
from daemon.recording.transitions import Transitions
from daemon.records.idempotency import RecordedRequests
from daemon.records.service import RecordService
from daemon.servers.policy import policy_of, records_of, solutions_of
from daemon.servers.registry import ServerRegistry
from daemon.systemd import Systemd
from daemon.watching.internet import Internet
from daemon.watching.report_queue import Inlet
from daemon.watching.sources import Sources
from daemon.web.server import public_http
from probes.report import Report, SourceFailure
from sla.instants import SECOND
from sla.records import Leg, ServerId, State, Witness

STALL_CHECK_S: Final = 0.1
HEARTBEAT_S: Final = 1.0
PROGRESS_US: Final = 30 * SECOND
"""How long the recorder may take for a tick before the watchdog is no longer fed; a commit that is retried counts."""

_log = structlog.get_logger()


class App:
    """One daemon. `run` it; `stop` and `reload` may be called on its loop.

    `addresses` are the public door's, `control_addresses` those of the control door on TCP.
    """

    def __init__(self, config: Config, env: Mapping[str, str], *, tick_us: int | None = None) -> None:
        """`tick_us` stands in for the configuration's, which has a second at least."""
        self.addresses: list[tuple[str, int]] = []
        self.control_addresses: list[tuple[str, int]] = []
        self.started = asyncio.Event()
        self._config = config
        self._env = env
        self._tick_us = tick_us
        self._clock = SteadyClock(SystemClock())
        families = CollectorRegistry()
        self._metrics = ProcessMetrics(families)
        self._internet_metrics = InternetMetrics(families)
        self._alert_metrics = AlertMetrics(families)
        self._systemd = Systemd(self._clock, env)
        self._stopping = asyncio.Event()
        self._reload = asyncio.Event()

    def stop(self) -> None:
        """End in good order."""
        self._stopping.set()

    def reload(self) -> None:
        """Read the configuration again; a bad one changes nothing."""
        self._reload.set()

    async def run(self) -> None:
        """Run until stopped. Raises LedgerError, ControlApiError, WebConfigError, OSError for what keeps it from it."""
        tune_gc()
        _log.info("slad_started", version=version("slad"), config=str(self._config.path))
        self._metrics.build.info({"version": version("slad"), "python": python_version()})
        self._tcp_door = TcpControlApi(self._config.control, self._clock)
        async with AsyncExitStack() as stack:
            ledger = await asyncio.to_thread(Ledger.open, self._config.ledger.path)
            stack.push_async_callback(ledger.close)
            await self._run(ledger, stack)
        _log.info("slad_stopped")

    async def _run(self, ledger: Ledger, stack: AsyncExitStack) -> None:
        book = LiveBook(self._config.observer)
        registry = ServerRegistry(self._config.observer, policy_of(self._config), book.last_said)
        transitions, recorded_requests = Transitions(book, registry), RecordedRequests()
        newest = await asyncio.to_thread(replay, ledger, book, registry, transitions, recorded_requests.take)
        freeze_gc()
        self._clock.not_before(newest)
        book.settle(self._clock.now())
        inlet: Inlet[Report | SourceFailure] = Inlet()
        stack.callback(inlet.close)
        sources = Sources(self._clock, self._metrics, inlet.put, transitions.resume)
        internet = Internet(
            clock=self._clock,
            observer=self._config.observer,
            metrics=self._internet_metrics,
            registry=registry,
            runs=partial(_runs, book, registry),
            send=inlet.send,
        )
        exposition = Exposition(self._clock, on_asked=inlet.wake)
        figures, store = LiveFigures(book), AlertStore()
        facts = ServerFacts(
            source_of=registry.source_of,
            uplink_of=internet.uplink_of,
            placement_of=partial(_placement, registry),
            labelled=internet.labelled,
        )
        evaluator = AlertEvaluator(
            clock=self._clock,
            book=book,
            figures=figures,
            sources=sources,
            uplinks=internet.uplinks,
            facts=facts,
            is_listed=lambda server: registry.listed(server) is not None,
            store=store,
        )
        recorder = Recorder(
            clock=self._clock,
            tick_us=self._tick_us or self._config.watch.tick.us,
            ledger=ledger,
            book=book,
            transitions=transitions,
            recorded_requests=recorded_requests,
            sources=sources,
            internet=internet,
            inlet=inlet,
            snapshots=Snapshots(book, figures, facts),
            evaluator=evaluator,
            exposition=exposition,
            metrics=self._metrics,
        )
        answers = Answers(
            clock=self._clock,
            ledger=ledger,
            book=book,
            registry=registry,
            sources=sources,
            internet=internet,
            recorder=recorder,
            figures=figures,
            exposition=exposition,
        )
        notifier = Notifier(
            clock=self._clock,
            store=store,
            metrics=self._alert_metrics,
            fault=lambda: recorder.fault,
            on_wanted=evaluator.want,
        )
        records = RecordService(
            clock=self._clock, book=book.evidence, recorded_requests=recorded_requests, record=recorder.record
        )
        self._put_in_force(self._config, recorder, transitions, records)
        internet.adopt(self._config)
        notifier.adopt(self._config.alertmanager)
        async with asyncio.TaskGroup() as tasks:
            recording = tasks.create_task(recorder.run(), name="recorder")
            await stack.enter_async_context(control_api(answers, self._config.control.socket, records))
            self.control_addresses = await stack.enter_async_context(self._tcp_door.open(answers, records))
            web = self._config.web
            self.addresses = await stack.enter_async_context(
                public_http(
                    answers,
                    self._clock,
                    [(address.host, address.port) for address in web.listen],
                    web_config=web.config_file,
                )
            )
            await sources.adopt(self._config)
            eternal = [
                tasks.create_task(_eternal(name, work), name=name)
                for name, work in (
                    ("exposition", recorder.expose()),
                    ("sources", sources.supervise()),
                    ("internet", internet.run()),
                    ("alerts", notifier.run()),
                    ("stall", self._watch_the_loop()),
                    ("watchdog", self._feed_the_watchdog(recorder)),
                    (
                        "reload",
                        self._reload_when_asked(recorder, transitions, sources, internet, records, notifier),
                    ),
                )
            ]
            self._systemd.ready()
            self.started.set()
            await self._stopping.wait()
            self._systemd.stopping()
            await sources.stop()
            recorder.finish()
            await recording
            for task in eternal:
                task.cancel()

    def _put_in_force(
        self, config: Config, recorder: Recorder, transitions: Transitions, records: RecordService
    ) -> None:
        now = self._clock.now()
        self._config = config
        recorder.tick_us = self._tick_us or config.watch.tick.us
        records.validator.configured = solutions_of(config)
        recorder.change(partial(transitions.configured, records_of(config, now), policy_of(config)))
        self._metrics.config_last_reload_successful.set(1)
        self._metrics.config_last_reload_success.set(now / SECOND)
        self._metrics.set_unwatched_legs(
            (client, leg.value) for client, legs in config.unwatched_legs().items() for leg in legs
        )

    async def _reload_when_asked(
        self,
        recorder: Recorder,
        transitions: Transitions,
        sources: Sources,
        internet: Internet,
        records: RecordService,
        notifier: Notifier,
    ) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._systemd.reloading()
            try:
                config = await asyncio.to_thread(load, self._config.path, self._env)
                self._tcp_door.adopt(config.control)
            except (ConfigError, ControlApiError) as error:
                self._metrics.config_last_reload_successful.set(0)
                _log.error("reload_refused", problems=str(error).splitlines())
            else:
                self._tell_what_needs_a_restart(config)
                self._put_in_force(config, recorder, transitions, records)
                internet.adopt(config)
                await sources.adopt(config)
                notifier.adopt(config.alertmanager)
                _log.info("config_reloaded", config=str(config.path))
            self._systemd.ready()

    def _tell_what_needs_a_restart(self, config: Config) -> None:
        before = self._config
        for name, then, now in (
            ("observer", before.observer, config.observer),
            ("ledger", before.ledger, config.ledger),
            ("web", before.web, config.web),
            ("control", before.control.places, config.control.places),
        ):
            if then != now:
                _log.warning("restart_needed", section=name)

    async def _watch_the_loop(self) -> None:
        while True:
            before_us = self._clock.monotonic_us()
            await asyncio.sleep(STALL_CHECK_S)
            late_us = self._clock.monotonic_us() - before_us - int(STALL_CHECK_S * SECOND)
            self._metrics.observe_loop_stall(max(0, late_us) / SECOND)

    async def _feed_the_watchdog(self, recorder: Recorder) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            if recorder.fault or self._clock.monotonic_us() - recorder.progress_at_us < PROGRESS_US:
                self._systemd.alive()


def _runs(book: LiveBook, registry: ServerRegistry, server: ServerId) -> bool:
    """Whether a server runs, by what its source said last."""
    said = book.last_said(Witness(book.observer, registry.source_of(server)), server, Leg.RUNNING)
    return said is not None and said[1] is State.UP


def _placement(registry: ServerRegistry, server: ServerId) -> tuple[str, str]:
    """A server's host, and the datastores of its disks, as its source lists them."""
    sighted = registry.listed(server)
    return (sighted.host, ",".join(sighted.datastores)) if sighted is not None else ("", "")


async def _eternal(name: str, work: Awaitable[None]) -> None:
    await work
    raise RuntimeError(f"the task {name} ended, which it never should")


async def run(config_path: Path, env: Mapping[str, str]) -> None:
    """Run the daemon on a configuration until SIGTERM or SIGINT; SIGHUP reloads it. Raises ConfigError and as `App.run`."""
    app = App(load(config_path, env), env)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.stop)
    loop.add_signal_handler(signal.SIGHUP, app.reload)
    await app.run()
