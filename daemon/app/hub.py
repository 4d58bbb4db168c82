"""The hub: the daemon without watches, over what all monitors shipped into the store.

It goes on from its snapshot, or reads the store from its beginning. Where the store no longer has what was read, as after the
promotion of a replica that was behind, or under a snapshot of another one, it begins anew.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import structlog

from daemon.allocator import tune_malloc
from daemon.app.doors import opened_doors
from daemon.app.health import Watchdog, measure_stalls
from daemon.app.hub_wiring import HubParts, hub_evidence, hub_wired
from daemon.app.reloader import FIXED, Reloader
from daemon.app.root import RootApp
from daemon.app.tasks import after, eternal, heed_signals
from daemon.clock import Clock
from daemon.config.config import Config
from daemon.config.hub import HubTable
from daemon.config.loading import load
from daemon.control.tcp import TcpControlApi
from daemon.ending import end
from daemon.hub.states import HubError, HubState
from daemon.hub.tail import StoreChangedError
from daemon.metrics import Metrics
from daemon.pacing import tune_gc

_log = structlog.get_logger()


class HubApp(RootApp):
    """One hub, over the store of several monitors."""

    def __init__(
        self,
        config: Config,
        env: Mapping[str, str],
        *,
        tick_us: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        """As `RootApp` has it. Raises HubError where the configuration is not a hub's."""
        super().__init__(config, env, tick_us=tick_us, clock=clock)
        self._table = _table_of(config)

    async def run(self) -> None:
        """Run until stopped. Raises what `App.run` raises but LedgerError."""
        tune_gc()
        tune_malloc()
        _log.info("slad_hub_started", version=version("slad"), config=str(self._config.path))
        is_anew = False
        while not self._stopping.is_set():
            try:
                await self._run(is_anew=is_anew)
            except* StoreChangedError as group:
                is_anew = True
                if self._reloader is not None:
                    self._config = self._reloader.config  # reloaded, maybe
                _log.error("hub_begins_anew", message=str(group.exceptions[0]))
        _log.info("slad_hub_stopped")

    async def _run(self, *, is_anew: bool) -> None:
        metrics = Metrics()
        metrics.process.build.info({"version": version("slad"), "python": python_version()})
        tcp_api = TcpControlApi(self._config.control, self._clock)
        async with AsyncExitStack() as stack:
            tail_metrics = metrics.of_tail()
            evidence = await hub_evidence(
                self._config, self._table, self._clock, tail_metrics, is_anew=is_anew
            )
            parts = hub_wired(
                self._config,
                self._clock,
                metrics,
                tail_metrics,
                evidence,
                stack,
                tick_us=self._tick_us,
            )
            reloader = self._reloader = Reloader(
                self._config,
                self._env,
                (
                    tcp_api,
                    parts.recorder,
                    parts.records,
                    parts.notifier,
                    parts.documents,
                    parts.clerk,
                    parts.deliveries,
                ),
                clock=self._clock,
                metrics=metrics.process,
                systemd=self._systemd,
                fixed=(*FIXED, "hub", "vcenters"),
            )
            reloader.start()
            watchdog = Watchdog(self._clock, self._systemd, partial(_progress_due, parts))
            self.addresses, _ = await opened_doors(
                self._config,
                tcp_api,
                parts.doors,
                self._clock,
                metrics.doors,
                stack,
            )
            async with asyncio.TaskGroup() as tasks:
                recording = tasks.create_task(parts.recorder.run(), name="recorder")
                running = [
                    tasks.create_task(eternal(name, run), name=name)
                    for name, run in (
                        ("tail", parts.tail.run),
                        ("publisher", parts.publisher.run),
                        ("notifier", parts.notifier.run),
                        ("clerk", after(parts.recorder.has_begun, parts.clerk.run)),
                        ("deliveries", after(parts.recorder.has_begun, parts.deliveries.run)),
                        ("stalls", partial(measure_stalls, self._clock, metrics.process)),
                        ("watchdog", watchdog.run),
                        ("reloader", reloader.run),
                    )
                ]
                self._systemd.ready()
                self.started.set()
                await self._stopping.wait()
                self._systemd.stopping()
                parts.recorder.finish()
                await recording
                await end(running)


def _table_of(config: Config) -> HubTable:
    """Raises HubError where the configuration is not a hub's."""
    if config.hub is None:
        raise HubError(HubState.NO_STORE, f"{config.path} has no [hub]: it says which store to follow.")
    if config.vcenters:
        raise HubError(
            HubState.NOT_ALLOWED,
            f"{config.path} names a vCenter, and a hub watches nothing: that is for a monitor ('slad run').",
        )
    return config.hub


def _progress_due(parts: HubParts) -> Iterator[tuple[str, int]]:
    yield from parts.recorder.progress_due_us()
    yield from parts.publisher.progress_due_us()


async def run_hub(config_path: Path, env: Mapping[str, str], *, tick_us: int | None = None) -> None:
    """Run a hub on a configuration until SIGTERM or SIGINT; SIGHUP reloads it. Raises ConfigError and as `HubApp.run`."""
    app = HubApp(load(config_path, env), env, tick_us=tick_us)
    heed_signals(app.stop, app.reload)
    await app.run()
