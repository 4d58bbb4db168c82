"""How benches measure: CPU time of this process, stalls of its event loop, memory. Times are in seconds.

Of several runs the least counts: what the work itself costs is in each of them, what else the machine did only in some.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

BEAT_S = 0.001


class Took(NamedTuple):
    """CPU seconds of some work, and how long it stalled the loop: the worst lateness of a 1 ms heartbeat."""

    cpu_s: float
    stall_s: float


class Stall:
    """The worst lateness of a 1 ms heartbeat."""

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._done = False

    async def beat(self) -> None:
        while not self._done:
            before = time.perf_counter()
            await asyncio.sleep(BEAT_S)
            self.worst_s = max(self.worst_s, time.perf_counter() - before - BEAT_S)

    async def during(self, work: Callable[[], Awaitable[object]]) -> float:
        """The stall that some work causes."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.beat())
            await asyncio.sleep(0.05)
            self.worst_s = 0.0
            await work()
            await asyncio.sleep(0.005)
            self._done = True
        return self.worst_s


async def measured(work: Callable[[], Awaitable[object]]) -> Took:
    """What some work costs, once."""
    cpu_s = 0.0

    async def counted() -> None:
        nonlocal cpu_s
        before = time.process_time()
        await work()
        cpu_s = time.process_time() - before

    stall_s = await Stall().during(counted)
    return Took(cpu_s, stall_s)


async def best_of(runs: int, work: Callable[[], Awaitable[object]]) -> Took:
    """What some work costs that may be done again."""
    return least([await measured(work) for _ in range(runs)])


def least(runs: list[Took]) -> Took:
    """The least of each."""
    return Took(min(each.cpu_s for each in runs), min(each.stall_s for each in runs))


def cpu_of(runs: int, work: Callable[[], object]) -> float:
    """CPU seconds of work that needs no loop."""
    times = []
    for _ in range(runs):
        before = time.process_time()
        work()
        times.append(time.process_time() - before)
    return min(times)


def memory_mb(key: str) -> float:
    """`VmRSS` or `VmHWM` of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise AssertionError(key)
