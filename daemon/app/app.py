"""The composition root: the parts of one daemon, run as one process.

Root tasks are eternal: one that returns, or fails, is a fault that ends the process, and systemd starts another. A stop
that was asked for takes the watches down first, then has the recorder commit what they still said, then the rest.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import structlog

from daemon.allocator import tune_malloc
from daemon.app.doors import opened_doors
from daemon.app.health import Watchdog, measure_stalls
from daemon.app.opening import NOTHING_LOST, Meant, compare, opened, told
from daemon.app.reloader import Reloader
from daemon.app.root import RootApp
from daemon.app.tasks import after, eternal, heed_signals
from daemon.app.wiring import Parts, replayed, wired
from daemon.book.live_book import LiveBook
from daemon.clock import Clock
from daemon.config.config import Config
from daemon.config.loading import load
from daemon.control.tcp import TcpControlApi
from daemon.ending import end
from daemon.hub.shipping import GIVE_UP_S
from daemon.live.figures import LiveFigures
from daemon.metrics import Metrics
from daemon.pacing import tune_gc

_log = structlog.get_logger()


class App(RootApp):
    """One daemon, with watches and a ledger of its own."""

    def __init__(
        self,
        config: Config,
        env: Mapping[str, str],
        *,
        tick_us: int | None = None,
        make_figures: Callable[[LiveBook], LiveFigures] = LiveFigures,
        meant: Meant = NOTHING_LOST,
        clock: Clock | None = None,
    ) -> None:
        """As `RootApp` has it."""
        super().__init__(config, env, tick_us=tick_us, clock=clock)
        self.control_addresses: list[tuple[str, int]] = []
        """Where the control API is on TCP."""
        self._make_figures = make_figures
        self._meant = meant
        self._metrics = Metrics()

    async def run(self) -> None:
        """Run until stopped.

        Raises LedgerError, HubError, ControlApiError, WebConfigError, CertificateError, OSError for what keeps it from it.
        """
        tune_gc()
        tune_malloc()
        _log.info("slad_started", version=version("slad"), config=str(self._config.path))
        self._metrics.process.build.info({"version": version("slad"), "python": python_version()})
        tcp_api = TcpControlApi(self._config.control, self._clock)
        async with AsyncExitStack() as stack:
            ledger = await opened(self._config.ledger.path, self._meant)
            stack.push_async_callback(ledger.close)
            await compare(self._config, ledger, self._meant)
            evidence = await replayed(self._config, self._clock, ledger)
            await told(evidence, self._clock, self._metrics.process, self._meant.older_ledger)
            parts = wired(
                self._config,
                self._clock,
                self._metrics,
                evidence,
                stack,
                tick_us=self._tick_us,
                make_figures=self._make_figures,
            )
            await self._run(parts, tcp_api, stack)
        _log.info("slad_stopped")

    async def _run(self, parts: Parts, tcp_api: TcpControlApi, stack: AsyncExitStack) -> None:
        reloader = self._reloader = Reloader(
            self._config,
            self._env,
            (
                tcp_api,
                parts.recorder,
                parts.records,
                parts.internet,
                parts.sources,
                parts.notifier,
                parts.documents,
                parts.issuing,
                parts.clerk,
                parts.deliveries,
                parts.shipper,
            ),
            clock=self._clock,
            metrics=self._metrics.process,
            systemd=self._systemd,
        )
        reloader.start()
        watchdog = Watchdog(self._clock, self._systemd, lambda: _progress_due(parts))
        async with asyncio.TaskGroup() as tasks:
            recording = tasks.create_task(parts.recorder.run(), name="recorder")
            shipping = tasks.create_task(parts.shipper.run(), name="shipper")
            self.addresses, self.control_addresses = await opened_doors(
                self._config,
                tcp_api,
                parts.doors,
                self._clock,
                self._metrics.doors,
                stack,
            )
            running = [
                tasks.create_task(eternal(name, run), name=name)
                for name, run in (
                    ("publisher", parts.publisher.run),
                    ("sources", after(parts.recorder.has_begun, parts.sources.run)),
                    ("internet", after(parts.recorder.has_begun, parts.internet.run)),
                    ("notifier", parts.notifier.run),
                    ("deliveries", after(parts.recorder.has_begun, parts.deliveries.run)),
                    ("clerk", after(parts.recorder.has_begun, parts.clerk.run)),
                    ("verifier", parts.verifier.run),
                    ("stalls", partial(measure_stalls, self._clock, self._metrics.process)),
                    ("watchdog", watchdog.run),
                    ("reloader", reloader.run),
                )
            ]
            self._systemd.ready()
            self.started.set()
            await self._stopping.wait()
            self._systemd.stopping()
            await parts.sources.stop()
            parts.recorder.finish()
            await recording
            parts.shipper.finish()
            await asyncio.wait({shipping}, timeout=GIVE_UP_S)
            await end((shipping, *running))


def _progress_due(parts: Parts) -> Iterator[tuple[str, int]]:
    yield from parts.recorder.progress_due_us()
    yield from parts.publisher.progress_due_us()
    yield from parts.sources.progress_due_us()
    yield from parts.internet.progress_due_us()


async def run(
    config_path: Path, env: Mapping[str, str], *, tick_us: int | None = None, meant: Meant = NOTHING_LOST
) -> None:
    """Run the daemon on a configuration until SIGTERM or SIGINT; SIGHUP reloads it. Raises ConfigError and as `App.run`."""
    app = App(load(config_path, env), env, tick_us=tick_us, meant=meant)
    heed_signals(app.stop, app.reload)
    await app.run()
