"""Waiting for many TCP handshakes at once, with one epoll of their own.

asyncio's `add_writer` and `remove_writer` for each socket would cost as much again as the handshake itself.
"""

import asyncio
import select
from typing import Final

_A_LOOK: Final = 64
"""Handshakes that are told of before the loop gets its turn."""


class Handshakes:
    """On the running loop, until closed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._epoll = select.epoll()
        self._loop.add_reader(self._epoll.fileno(), self._look)

    def close(self) -> None:
        """Tell of no more."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    async def ended(self, fileno: int, deadline_s: float) -> None:
        """Wait until a socket has something to tell, or the time is over: it must be asked which, for both may be true.

        Each socket is waited for once. `deadline_s`: by the loop's clock.
        """
        waiter = self._waiting[fileno] = self._loop.create_future()
        self._epoll.register(fileno, select.EPOLLOUT | select.EPOLLONESHOT)
        timer = self._loop.call_at(deadline_s, _wake, waiter, False)
        told = False
        try:
            told = await waiter
        finally:
            timer.cancel()
            del self._waiting[fileno]
            if not told:  # else it tells later, of a number that may be another socket's by then
                self._epoll.unregister(fileno)

    def _look(self) -> None:
        for fileno, _ in self._epoll.poll(0, _A_LOOK):
            _wake(self._waiting[fileno], True)


def _wake(waiter: asyncio.Future[bool], told: bool) -> None:
    if not waiter.done():
        waiter.set_result(told)
