"""The watch of the Internet leg: runs the rounds, and reports what they come to as far as the frontier goes."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, Never, Protocol

from probes.internet.check import Check, Round, round_of
from probes.internet.leg import InternetLeg
from probes.internet.rounds import RoundListener, Rounds
from probes.internet.servers import Assignment, Reach, Shown
from probes.internet.verdict import Verdict
from probes.report import INTERNET, Report
from probes.targets.result import Result
from probes.targets.target import Method, Target
from sla.instants import SECOND, Instant
from sla.reasons import DetailedReason, PlainReason, Reason
from sla.records import Observation, ServerId, State

PAUSE_S: Final = 0.25
"""The least time between two looks at what the rounds come to."""
REPORT_US: Final = 2 * SECOND
"""How far the frontier moves before it is reported where nothing else is."""
CHUNK: Final = 2_000
"""Observations that one report holds."""
TURN_S: Final = 0.005
"""How long one look holds the loop."""

MOST_UNTOLD: Final = 1_000
"""Rounds of one uplink that wait to be told."""

_VANTAGE: Final = "vantage"
_OWN_WAY: Final = "the monitor's own way out"


class _Said(NamedTuple):
    """What the targets of an uplink said in one round."""

    at: Instant
    results: Sequence[tuple[Target, Result]]


class WatchListener(RoundListener, Protocol):
    """Who counts, and shows gauges; unknown removes one."""

    def vantage(self, state: State) -> None:
        """The vantage is in another state than before; unknown also where none is watched any more."""
        ...

    def uplink(self, name: str, state: State) -> None:
        """An uplink is in another state than before; unknown also when it is not watched any more."""
        ...

    def target(self, uplink: str, target: Target, result: Result) -> None:
        """A target of an uplink was tried."""
        ...

    def target_gone(self, uplink: str, target: Target) -> None:
        """A target of an uplink is not tried any more."""
        ...


class InternetWatch:
    """Made on the loop on which `run` runs; everything else may be called there at any time.

    `now` is a wall clock that never goes back; while it stands still, rounds tell nothing. `emit` gets the reports in
    their order, and may wait. Of what happens at one instant to many servers, all but the last report have no
    `observed_until`.
    """

    def __init__(
        self,
        *,
        observer: str,
        now: Callable[[], Instant],
        emit: Callable[[Report], Awaitable[None]],
        listener: WatchListener,
        at_once: Mapping[Method, int],
    ) -> None:
        """`at_once`: how many servers' own addresses are tried at once, by method."""
        self._now = now
        self._emit = emit
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        self._leg = InternetLeg(observer, now())
        self._rounds = Rounds(now, listener, at_once)
        self._uplinks: dict[str, Check] = {}
        """By name: the checks of the uplinks as they were configured last."""
        self._shown: dict[str, State] = {}
        """By name: the state of each uplink that the listener was told last."""
        self._untold: dict[str, deque[_Said]] = {}
        """By name: what the targets of each uplink said in the rounds of which it is not settled yet what they come to."""
        self._shown_vantage = State.UNKNOWN
        """The same of the vantage; unknown also while none is watched."""
        self._told_until = self._leg.frontier
        """How far the frontier was reported."""
        self._heard = asyncio.Event()
        """Set when a round that decides was taken."""

    @property
    def progress_due_s(self) -> float:
        """By when it looks again what rounds are due, by the loop's clock."""
        return self._rounds.progress_due_s

    @property
    def frontier(self) -> Instant:
        """How far everything is settled."""
        return self._leg.frontier

    def configure(self, vantage: Check | None, uplinks: Mapping[str, Check]) -> None:
        """Take the checks of the vantage and of the uplinks, by name; at start and on a reload.

        What stays keeps its cadence, and its state.
        """
        self._leg.configure(vantage, uplinks, self._now())
        if vantage is not None:
            self._rounds.add(_VANTAGE, vantage, self._vantage_heard, shares_limit=False)
        elif _VANTAGE in self._rounds:
            self._rounds.remove(_VANTAGE)
        for name, before in self._uplinks.items():
            after = uplinks.get(name)
            if after is None:
                self._rounds.remove(f"uplink {name}")
                self._untold.pop(name, None)
            for target in before.targets:
                if after is None or target not in after.targets:
                    self._listener.target_gone(name, target)
        for name, check in uplinks.items():
            self._rounds.add(f"uplink {name}", check, partial(self._uplink_heard, name), shares_limit=False)
        self._uplinks = dict(uplinks)
        self._show()

    def limit(self, at_once: Mapping[Method, int]) -> None:
        """Have other limits, by method, for how many servers' own addresses are tried at once."""
        self._rounds.limit(at_once)

    def assign(self, server: ServerId, assignment: Assignment, *, running: bool) -> None:
        """Take a server, new or with what it goes by from now on; what holds of it is told anew in any case."""
        before = self._names(server)
        self._leg.assign(server, assignment, running=running, now=self._now())
        self._reschedule(server, before)

    def release(self, server: ServerId) -> None:
        """Say no more of a server, if it is there."""
        before = self._names(server)
        self._leg.release(server)
        self._reschedule(server, before)

    def running(self, server: ServerId, running: bool) -> None:
        """Let the checks of a server's own address rest while it is not running, and begin anew when it is."""
        before = self._names(server)
        self._leg.running(server, running, self._now())
        self._reschedule(server, before)

    def shown(self, server: ServerId) -> tuple[Shown, ...]:
        """What the checks of a server's own address found last."""
        return self._leg.shown(server)

    def uplinks(self) -> dict[str, Verdict]:
        """What is known of each uplink by now."""
        vantage = self._leg.vantage.history.newest
        known = {name: layer.history.newest for name, layer in self._leg.uplinks.items()}
        if vantage.state is State.UP:
            return known
        return dict.fromkeys(known, Verdict(State.UNKNOWN, vantage.reason))

    def uplinks_down(self) -> dict[str, Instant]:
        """The uplinks that are known to be down, and since when."""
        known = self.uplinks()
        return {
            name: layer.history.turned_at
            for name, layer in self._leg.uplinks.items()
            if known[name].state is State.DOWN
        }

    def vantage(self) -> Verdict:
        """What is known of the monitor's own way out by now; up where none is watched."""
        return self._leg.vantage.history.newest

    async def run(self) -> Never:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._rounds.run(), name="internet-rounds")
            tasks.create_task(self._report(), name="internet-report")
        raise AssertionError

    # Rounds

    def _names(self, server: ServerId) -> dict[str, Reach]:
        """The checks of a server's own address that run."""
        reach = self._leg.reach(server)
        return {f"{server} {each.check.targets[0].text}": each for each in reach if each.layer is not None}

    def _reschedule(self, server: ServerId, before: Mapping[str, Reach]) -> None:
        after = self._names(server)
        for name in before:
            if name not in after:
                self._rounds.remove(name)
        for name, reach in after.items():
            if before.get(name) is not reach and name in before:
                self._rounds.remove(name)
            self._rounds.add(name, reach.check, partial(self._reach_heard, reach), shares_limit=True)

    def _vantage_heard(self, at: Instant, check: Check, results: Sequence[Result]) -> None:
        self._leg.vantage.take(round_of(at, check.quorum, [each.state for each in results], _OWN_WAY))
        self._heard.set()

    def _uplink_heard(self, name: str, at: Instant, check: Check, results: Sequence[Result]) -> None:
        layer = self._leg.uplinks[name]
        layer.take(round_of(at, check.quorum, [each.state for each in results], layer.name))
        said = self._untold.setdefault(name, deque(maxlen=MOST_UNTOLD))
        said.append(_Said(at, tuple(zip(check.targets, results, strict=True))))
        self._heard.set()

    def _reach_heard(self, reach: Reach, at: Instant, _: Check, results: Sequence[Result]) -> None:
        (result,) = results
        reach.latest = result
        if reach.required and reach.layer is not None:
            reach.layer.take(Round(at, result.state, _reason(reach.layer.name, result)))
            self._heard.set()

    # Reports

    async def _report(self) -> Never:
        await self._emit(Report(source=INTERNET, fresh=True, observed_until=self._told_until))
        while True:
            await self._heard.wait()
            self._heard.clear()
            await self._advance()
            self._show()
            await asyncio.sleep(PAUSE_S)

    async def _advance(self) -> None:
        observations: list[Observation] = []
        began_s = self._loop.time()
        for step in self._leg.advance(self._now()):
            if step is not None:
                observations.append(step)
            if len(observations) == CHUNK:
                await self._emit(Report(source=INTERNET, observations=tuple(observations)))
                observations.clear()
            if self._loop.time() - began_s > TURN_S:
                await asyncio.sleep(0)
                began_s = self._loop.time()
        frontier = self._leg.frontier
        if observations or frontier - self._told_until >= REPORT_US:
            await self._emit(
                Report(source=INTERNET, observed_until=frontier, observations=tuple(observations))
            )
            self._told_until = frontier

    def _show(self) -> None:
        """Tell the states that are others than before."""
        now = {name: verdict.state for name, verdict in self.uplinks().items()}
        for name in {**self._shown, **now}:
            state = now.get(name, State.UNKNOWN)
            if self._shown.get(name, State.UNKNOWN) is not state:
                self._listener.uplink(name, state)
        self._shown = now
        vantage = self.vantage().state if _VANTAGE in self._rounds else State.UNKNOWN
        if vantage is not self._shown_vantage:
            self._shown_vantage = vantage
            self._listener.vantage(vantage)
        self._show_targets()

    def _show_targets(self) -> None:
        """Tell what targets said, with the states that follow from it and not before them."""
        for name, check in self._uplinks.items():
            said, settled_until = self._untold.get(name, ()), self._leg.uplinks[name].settled_until
            while said and said[0].at <= settled_until:
                for target, result in said.popleft().results:
                    if target in check.targets:
                        self._listener.target(name, target, result)


def _reason(address: str, result: Result) -> Reason:
    """Why a server's own address is not up."""
    if result.state is State.UP:
        return PlainReason.NONE
    plain = PlainReason.ADDRESS_FAILED if result.state is State.DOWN else PlainReason.ADDRESS_NOT_TRIED
    return DetailedReason(plain, f"{address}: {result.text or result.reason}")
