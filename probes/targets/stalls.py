"""How long the event loop did not run: time that no target is to blame for."""

import asyncio
from typing import Final, Self

_BEAT_S: Final = 0.05


class Stalls:
    """The lateness of a heartbeat, summed up."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._late_s = 0.0
        self._due_s = 0.0
        self._beating: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._schedule()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._beating is not None
        self._beating.cancel()

    @property
    def total_s(self) -> float:
        """All stalls so far, the present one included."""
        return self._late_s + max(0.0, self._loop.time() - self._due_s)

    def _beat(self) -> None:
        self._late_s = self.total_s
        self._schedule()

    def _schedule(self) -> None:
        self._due_s = self._loop.time() + _BEAT_S
        self._beating = self._loop.call_at(self._due_s, self._beat)
