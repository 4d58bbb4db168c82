"""Root tasks, and the signals that a daemon heeds."""

import asyncio
import signal
from collections.abc import Awaitable, Callable


async def eternal(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a root task: one that returns is a fault that ends the process."""
    await run()
    raise RuntimeError(f"the task {name} ended, which it never should")


def after(event: asyncio.Event, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Run something once an event is set."""

    async def run_after() -> None:
        await event.wait()
        await run()

    return run_after


def heed_signals(stop: Callable[[], None], reload: Callable[[], None]) -> None:
    """End in good order by SIGTERM and SIGINT, and read the configuration again by SIGHUP."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
