"""Many tries at once, but not all: tasks that start together stall the event loop, and then every round trip is a lie."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, TypeVar

STARTS_A_TURN: Final = 8
"""A connect costs about 0.1 ms, so the loop turns every millisecond or so."""

_Item = TypeVar("_Item")


async def burst(
    items: Iterable[_Item], work: Callable[[_Item], Coroutine[Any, Any, None]], *, at_once: int
) -> None:
    """Do the work on every item in turn, on at most so many at once. An error ends all of it."""
    slots = asyncio.Semaphore(at_once)
    async with asyncio.TaskGroup() as group:
        for number, item in enumerate(items, 1):
            await slots.acquire()
            group.create_task(work(item)).add_done_callback(lambda _: slots.release())
            if number % STARTS_A_TURN == 0:
                await asyncio.sleep(0)
