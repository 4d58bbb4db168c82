"""The way from the watches to the recorder: a bounded queue that makes watches wait, in threads or on the loop."""

import asyncio
import threading
from collections import deque
from typing import Final, Generic, TypeVar

from daemon.pacing import waited

T = TypeVar("T")

LIMIT: Final = 64
"""Reports that may wait. A watch that has to wait does not look, and its watermark stands still."""


class ReportQueue(Generic[T]):
    """Many threads put, one task takes. Made on the loop that takes."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._items: deque[T] = deque()
        self._room = threading.Condition()
        self._taken = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Hand over an item, from any thread but the loop's; waits while the queue is full. Lost once it is closed."""
        with self._room:
            self._room.wait_for(lambda: len(self._items) < LIMIT or self._closed)
            if self._closed:
                return
            self._items.append(item)
            # Under the lock, so that the loop is not closed in between.
            self._loop.call_soon_threadsafe(self._wake.set)

    async def send(self, item: T) -> None:
        """Hand over an item on the loop; waits while the queue is full. Lost once it is closed."""
        while len(self._items) >= LIMIT and not self._closed:
            self._taken.clear()
            await self._taken.wait()
        if not self._closed:
            self._items.append(item)
            self._wake.set()

    def wake(self) -> None:
        """Let `wait` return, on the loop."""
        self._wake.set()

    async def wait(self, timeout_s: float) -> None:
        """Wait for an item, for `wake`, or until the time is over."""
        await waited(self._wake, timeout_s)
        self._wake.clear()  # items that are left for later wake nobody

    def take(self) -> list[T]:
        """All items that there are."""
        self._wake.clear()
        with self._room:
            items = list(self._items)
            self._items.clear()
            self._room.notify_all()
        self._taken.set()
        return items

    def close(self) -> None:
        """Let go of the threads that wait; what they put from now on is lost."""
        with self._room:
            self._closed = True
            self._room.notify_all()
        self._taken.set()
