"""How long work on the event loop does not hold it: loops over a whole fleet, and the garbage collector."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Final, TypeVar

T = TypeVar("T")

TURN_S: Final = 0.002
"""How long a loop over many items goes on before the event loop has its turn."""

MANY: Final = 10_000
"""So many records at once have memory grow so much that the garbage collector has to be told."""

_THRESHOLDS: Final = (5_000, 10, 1_000)
"""New objects before a collection of the youngest, of those before the middle ones, and of those before all."""


async def paced(items: Iterable[T], *, at_most_s: float = inf, turn_s: float = TURN_S) -> AsyncIterator[T]:
    """The items, with a turn for the event loop whenever `turn_s` have passed; no further ones after `at_most_s`."""
    began = time.monotonic()
    ends_at = began + at_most_s
    for item in items:
        yield item
        now = time.monotonic()
        if now - began > turn_s:
            if now >= ends_at:
                return
            await asyncio.sleep(0)
            began = time.monotonic()


async def waited(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for an event for so long at most; whether it is set."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


def tune_gc() -> None:
    """Have the garbage collector look at new objects only; to be called once, at start.

    A collection of everything would hold the process for half a second at 40,000 servers, and find nothing: what the
    daemon keeps holds no cycles.
    """
    gc.set_threshold(*_THRESHOLDS)


@contextmanager
def without_gc() -> Iterator[None]:
    """Look for no garbage among what lives to the end of a command anyway: that would take as long as making it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def for_good(items: int = MANY) -> Iterator[None]:
    """Make what stays, such as modules or a fleet: where that is many items, the collector walks none of it, now or later."""
    if items < MANY:
        yield
        return
    with without_gc():
        yield
        freeze_gc()


def freeze_gc() -> None:
    """Keep the collector from ever walking the objects that live now: after the fleet was taken in."""
    gc.freeze()
