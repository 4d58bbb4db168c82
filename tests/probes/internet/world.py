"""A world for the Internet watch: uplinks and targets that fail when the test says so, in virtual time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from probes.internet.check import Check
from probes.internet.servers import Assignment, ReachCheck
from probes.internet.watch import InternetWatch
from probes.report import Report
from probes.targets.result import Reason, Result
from probes.targets.target import Method, Target
from sla.instants import SECOND, Instant
from sla.records import ServerId, State
from tests.virtual import run

BEGAN = 1_800_000_000 * SECOND


UP = Result(state=State.UP, rtt_us=20_000)


class World:
    """Targets, a wall clock, and everything that the watch said."""

    def __init__(self, at_once: Mapping[Method, int]) -> None:
        self.loop = asyncio.get_running_loop()
        self.faults: dict[str, str] = {}
        self.tried: list[tuple[float, str]] = []
        self.at_once: Counter[Method] = Counter()
        self.most_at_once: Counter[Method] = Counter()
        self.reports: list[Report] = []
        self.told_at: list[Instant] = []
        self.wall_us = 0
        self.stands_still = False
        self._newest = Instant(BEGAN)
        self.probed_results: list[tuple[Method, Result, float]] = []
        self.overruns: Counter[Method] = Counter()
        self.uplink_states: list[tuple[str, State]] = []
        self.vantage_states: list[State] = []
        self.target_results: dict[tuple[str, str], Result] = {}
        self.watch = InternetWatch(
            observer="here", now=self.now, emit=self.emit, listener=self, at_once=at_once
        )

    def now(self) -> Instant:
        wall = Instant(BEGAN + int(self.loop.time() * SECOND) + self.wall_us)
        if not self.stands_still:
            self._newest = max(wall, Instant(self._newest + 1))
        return self._newest

    async def emit(self, report: Report) -> None:
        self.reports.append(report)
        self.told_at.append(self.now())

    async def probe(self, target: Target, timeout_s: float) -> Result:
        self.tried.append((self.loop.time(), target.host))
        self.at_once[target.method] += 1
        self.most_at_once[target.method] = max(self.most_at_once[target.method], self.at_once[target.method])
        try:
            return await self._answer(self.faults.get(target.host, ""), timeout_s)
        finally:
            self.at_once[target.method] -= 1

    async def _answer(self, fault: str, timeout_s: float) -> Result:
        if fault == "bug":
            raise ZeroDivisionError
        if fault == "hangs":
            await asyncio.sleep(1000)
        if fault == "silent":
            await asyncio.sleep(timeout_s)
            return Result(state=State.DOWN, reason=Reason.TIMEOUT)
        await asyncio.sleep(0.02)
        if fault == "local":
            return Result(state=State.UNKNOWN, reason=Reason.NO_ROUTE)
        return UP

    # The tally

    def probed(self, method: Method, result: Result, duration_s: float) -> None:
        self.probed_results.append((method, result, duration_s))

    def overrun(self, method: Method, rounds: int) -> None:
        self.overruns[method] += rounds

    def vantage(self, state: State) -> None:
        self.vantage_states.append(state)

    def uplink(self, name: str, state: State) -> None:
        self.uplink_states.append((name, state))

    def target(self, uplink: str, target: Target, result: Result) -> None:
        self.target_results[uplink, target.host] = result

    def target_gone(self, uplink: str, target: Target) -> None:
        self.target_results.pop((uplink, target.host), None)

    # What is asked of it

    def check(self, *hosts: str, method: Method = Method.ICMP, interval_s: float = 10) -> Check:
        return Check(
            targets=tuple(Target(method=method, host=host) for host in hosts),
            quorum=len(hosts) // 2 + 1,
            interval_us=int(interval_s * SECOND),
            timeout_us=3 * SECOND,
            confirm=3,
            probe=self.probe,
        )

    def reach(self, host: str, *, required: bool = True, method: Method = Method.ICMP) -> ReachCheck:
        return ReachCheck(check=self.check(host, method=method, interval_s=15), required=required)

    def configure(self, *uplinks: str) -> None:
        self.watch.configure(
            self.check("gateway"),
            {name: self.check(f"{name}1", f"{name}2", f"{name}3") for name in uplinks},
        )

    def assign(self, server: str, uplink: str | None, *reach: ReachCheck) -> None:
        self.watch.assign(ServerId(server), Assignment(uplink=uplink, reach=reach), running=True)

    def fail(self, fault: str, *hosts: str) -> None:
        self.faults.update(dict.fromkeys(hosts, fault))

    def heal(self) -> None:
        self.faults.clear()

    def states(self, server: str) -> list[tuple[float, str]]:
        """What was told of a server: seconds since the beginning, and words."""
        return [
            ((each.at - BEGAN) / SECOND, each.state.word)
            for report in self.reports
            for each in report.observations
            if each.server == server
        ]

    def words(self, server: str) -> list[str]:
        return [word for _, word in self.states(server)]

    def observed_until_s(self) -> float:
        marks = [report.observed_until for report in self.reports if report.observed_until is not None]
        return (marks[-1] - BEGAN) / SECOND


def play(scenario: Callable[[World], Awaitable[None]], at_once: Mapping[Method, int] | None = None) -> World:
    async def main() -> World:
        world = World(at_once or {})
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(world.watch.run())
            await scenario(world)
            watching.cancel()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, "cancelling the watch leaves nothing behind"
        marks = [report.observed_until for report in world.reports if report.observed_until is not None]
        assert marks == sorted(marks)
        return world

    return run(main())
