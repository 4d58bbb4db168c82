"""Runs the rounds of checks when they are due, each against all its targets at once.

A round that is due while the one before is under way, or waits for its turn, is an overrun: it is counted and left out.
Checks of many servers' addresses share a limit for each method; the few of uplinks and the vantage never wait for them.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Never, Protocol

from probes.internet.check import Check
from probes.internet.schedule import DueRound, Schedule
from probes.targets.result import Reason, Result, unknown
from probes.targets.target import Method, Target
from sla.instants import SECOND, Instant

GRACE_S: Final = 1.0
"""How much longer than its time-out a probe may take before it is given up, and what it found is unknown."""
GRAIN_S: Final = 0.005
"""Rounds that are due within this are started together."""
LONGEST_WAIT_S: Final = 1.0
AT_ONCE: Final = 10_000
"""The limit of a method for which none is given."""

Heard = Callable[[Instant, Check, Sequence[Result]], None]
"""Takes what a round found: when it was started, on the wall clock, and the results in the order of the targets."""


class RoundListener(Protocol):
    def probed(self, method: Method, result: Result, duration_s: float) -> None:
        """A target was tried once."""
        ...

    def overrun(self, method: Method, rounds: int) -> None:
        """Rounds were left out because the one before was still under way, or nobody had time for them."""
        ...


@dataclass(slots=True, eq=False)
class _MethodRounds:
    """The rounds of one method that share a limit."""

    limit: int
    running: int = 0
    waiting: deque["_Job"] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class _Job:
    check: Check
    heard: Heard
    of_method: _MethodRounds | None
    busy: bool = False
    live: bool = True


class Rounds:
    """All checks that run. Made on the loop on which `run` runs."""

    def __init__(
        self, now: Callable[[], Instant], listener: RoundListener, at_once: Mapping[Method, int]
    ) -> None:
        """`at_once`: how many rounds of a method run at once, of those that share a limit."""
        self._loop = asyncio.get_running_loop()
        self.progress_due_s = self._loop.time() + LONGEST_WAIT_S
        """By when it looks again what is due, by the loop's clock."""
        self._now = now
        self._listener = listener
        self._schedule = Schedule()
        self._jobs: dict[str, _Job] = {}
        self._by_method = {method: _MethodRounds(at_once.get(method, AT_ONCE)) for method in Method}
        self._changed = asyncio.Event()

    def limit(self, at_once: Mapping[Method, int]) -> None:
        """Have other limits from now on."""
        for method, of_method in self._by_method.items():
            of_method.limit = at_once.get(method, AT_ONCE)

    def __contains__(self, name: str) -> bool:
        """Whether there is a check of this name."""
        return name in self._jobs

    def add(self, name: str, check: Check, heard: Heard, *, shares_limit: bool) -> None:
        """Run the rounds of a check; of one of that name, if its targets differ, what is under way is not heard.

        One that shares no limit begins at once, else in its place in the interval.
        """
        known = self._jobs.get(name)
        if known is not None and known.check.targets == check.targets:
            known.check, known.heard = check, heard
        else:
            if known is not None:
                known.live = False
            of_method = self._by_method[check.targets[0].method] if shares_limit else None
            self._jobs[name] = _Job(check, heard, of_method)
        self._schedule.add(name, check.interval_us, self._now_us(), at_once=not shares_limit)
        self._changed.set()

    def remove(self, name: str) -> None:
        """Run no more rounds of a check; what is under way is not heard."""
        self._jobs.pop(name).live = False
        self._schedule.remove(name)

    async def run(self) -> Never:
        """Start what is due, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for due in self._schedule.due(self._now_us()):
                    self._start(due, tasks)
                self.progress_due_s = self._loop.time() + LONGEST_WAIT_S
                wait_s = self._schedule.wait_s(self._now_us())
                await self._wait(
                    LONGEST_WAIT_S if wait_s is None else min(max(wait_s, GRAIN_S), LONGEST_WAIT_S)
                )
        raise AssertionError

    def _start(self, due: DueRound, tasks: asyncio.TaskGroup) -> None:
        job = self._jobs[due.name]
        overruns = due.skipped + (due.runs and job.busy)
        if overruns:
            for method in dict.fromkeys(target.method for target in job.check.targets):
                self._listener.overrun(method, overruns)
        if not due.runs or job.busy:
            return
        job.busy = True
        if job.of_method is not None and job.of_method.running >= job.of_method.limit:
            job.of_method.waiting.append(job)
        else:
            self._spawn(job, tasks)

    def _spawn(self, job: _Job, tasks: asyncio.TaskGroup) -> None:
        if job.of_method is not None:
            job.of_method.running += 1
        tasks.create_task(self._run(job, tasks), name="probe")

    async def _run(self, job: _Job, tasks: asyncio.TaskGroup) -> None:
        check, at = job.check, self._now()
        results = await self._tried(check)
        job.busy = False
        if job.live:
            job.heard(at, check, results)
        of_method = job.of_method
        if of_method is None:
            return
        of_method.running -= 1
        while of_method.waiting and of_method.running < of_method.limit:
            waiting = of_method.waiting.popleft()
            if waiting.live:
                self._spawn(waiting, tasks)

    async def _tried(self, check: Check) -> Sequence[Result]:
        if len(check.targets) == 1:
            return (await self._try(check, check.targets[0]),)
        async with asyncio.TaskGroup() as tries:
            running = [tries.create_task(self._try(check, target), name="probe") for target in check.targets]
        return [each.result() for each in running]

    async def _try(self, check: Check, target: Target) -> Result:
        timeout_s = check.timeout_us / SECOND
        began_s = self._loop.time()
        deadline = asyncio.timeout(timeout_s + GRACE_S)
        try:
            async with deadline:
                result = await check.probe(target, timeout_s)
        except TimeoutError:
            if not deadline.expired():
                raise
            result = unknown(Reason.OVERRUN, f"the probe came to no end in {timeout_s:g} s")
        self._listener.probed(target.method, result, self._loop.time() - began_s)
        return result

    async def _wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

    def _now_us(self) -> int:
        return int(self._loop.time() * SECOND)
