"""The one way in which tests wait: they ask until the answer is true, and give up only when it never will be.

How long that takes on a loaded machine is nobody's business: `PATIENCE_S` is for what never comes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

PATIENCE_S: Final = 60.0
PAUSE_S: Final = 0.05

T = TypeVar("T")


def wait_until(found: Callable[[], T | None], what: str, *, timeout_s: float = PATIENCE_S) -> T:
    """Ask, in this thread, until the answer is true; gives it."""
    deadline_s = time.monotonic() + timeout_s
    while not (answer := found()):
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s in vain for {what}"
        time.sleep(PAUSE_S)
    return answer


async def until(found: Callable[[], T | None], what: str, *, timeout_s: float = PATIENCE_S) -> T:
    """The same in a thread of its own, while the loop goes on: for what only the loop can answer."""
    return await until_told(lambda: asyncio.to_thread(found), what, timeout_s=timeout_s)


async def until_told(
    found: Callable[[], Awaitable[T | None]], what: str, *, timeout_s: float = PATIENCE_S
) -> T:
    """The same by asking on this loop."""
    deadline_s = time.monotonic() + timeout_s
    while not (answer := await found()):
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s in vain for {what}"
        await asyncio.sleep(PAUSE_S)
    return answer
