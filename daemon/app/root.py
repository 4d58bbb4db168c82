"""What a daemon and a hub are alike: one process on one loop, with a configuration that is followed."""

import asyncio
from collections.abc import Mapping

from daemon.app.reloader import Reloader
from daemon.believed_clock import BelievedClock
from daemon.clock import Clock, SystemClock
from daemon.config.config import Config
from daemon.systemd import Systemd


class RootApp:
    """Its heirs `run`; `stop` and `reload` may be called on its loop."""

    def __init__(
        self,
        config: Config,
        env: Mapping[str, str],
        *,
        tick_us: int | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`tick_us` stands in for the configuration's, which has a second at least; `clock` for the machine's."""
        self.addresses: list[tuple[str, int]] = []
        """Where the public HTTP is."""
        self.started = asyncio.Event()
        """Set once everything is open and every part follows the configuration."""
        self._config = config
        self._env = env
        self._tick_us = tick_us
        self._clock = BelievedClock(clock or SystemClock())
        self._systemd = Systemd(self._clock, env)
        self._stopping = asyncio.Event()
        self._reloader: Reloader | None = None

    def stop(self) -> None:
        """End in good order."""
        self._stopping.set()

    def reload(self) -> None:
        """Read the configuration again; a bad one changes nothing."""
        if self._reloader is not None:
            self._reloader.ask()
