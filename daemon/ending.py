"""The end of tasks: a cancel may get lost, so it is said until it is heard."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

_AGAIN_S: Final = 1.0
"""Time enough for a task to put things away."""


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and again as long as one goes on; what they raise is theirs to tell.

    `asyncio.wait_for` of Python 3.11, which libraries use, forgets a cancel that comes together with its result
    (bpo-37658).
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_S)
