"""One configuration in force in every part: at the start, and again whenever somebody asks for a reload."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from operator import attrgetter
from typing import Final, Never, Protocol

import structlog

from daemon.clock import Clock
from daemon.config.config import Config
from daemon.config.loading import load
from daemon.config.problems import ConfigError
from daemon.control.api import ControlApiError
from daemon.metrics import ProcessMetrics
from daemon.systemd import Systemd
from probes.vcenter.faults import CertificateError
from sla.instants import SECOND

_log = structlog.get_logger()

FIXED: Final = ("observer", "ledger", "web", "control.places")
"""What of a configuration no part follows but at a start, as attributes of `Config`."""
_REFUSALS: Final = (ConfigError, ControlApiError, CertificateError)


class Follower(Protocol):
    """What follows the configuration."""

    def adopt(self, config: Config) -> None:
        """Follow another configuration from now on, or raise one of the refusals and go on by the one before."""
        ...


class Reloader:
    """Holds the parts in the order in which they follow a configuration. A bad one changes nothing."""

    def __init__(
        self,
        config: Config,
        env: Mapping[str, str],
        parts: Sequence[Follower],
        *,
        clock: Clock,
        metrics: ProcessMetrics,
        systemd: Systemd,
        fixed: Collection[str] = FIXED,
    ) -> None:
        self.config = config
        """In force once `start` has returned."""
        self._fixed = fixed
        self._env = env
        self._parts = tuple(parts)
        self._clock = clock
        self._metrics = metrics
        self._systemd = systemd
        self._asked = asyncio.Event()

    def start(self) -> None:
        """Have every part follow the first configuration. Raises ControlApiError, CertificateError."""
        self._adopt(self.config)

    def ask(self) -> None:
        """Have the configuration read again."""
        self._asked.set()

    async def run(self) -> Never:
        """Reload whenever it is asked for, for ever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            self._systemd.reloading()
            await self._reload()
            self._systemd.ready()

    async def _reload(self) -> None:
        try:
            config = await asyncio.to_thread(load, self.config.path, self._env)
            self._adopt(config)
        except _REFUSALS as error:
            self._metrics.config_last_reload_successful.set(0)
            _log.error("reload_refused", problems=str(error).splitlines())
            return
        self._tell_what_needs_a_restart(config)
        self.config = config
        _log.info("config_reloaded", config=str(config.path))

    def _adopt(self, config: Config) -> None:
        """Every part follows it, or none: who did before one refused goes back."""
        for number, part in enumerate(self._parts):
            try:
                part.adopt(config)
            except _REFUSALS:
                for changed in self._parts[:number]:
                    with suppress(*_REFUSALS):
                        changed.adopt(self.config)
                raise
        self._metrics.config_last_reload_successful.set(1)
        self._metrics.config_last_reload_success.set(self._clock.now() / SECOND)
        self._metrics.set_unwatched_legs(
            (client, leg.value) for client, legs in config.unwatched_legs().items() for leg in legs
        )

    def _tell_what_needs_a_restart(self, config: Config) -> None:
        for path in self._fixed:
            value = attrgetter(path)
            if value(self.config) != value(config):
                _log.warning("restart_needed", section=path.partition(".")[0])
