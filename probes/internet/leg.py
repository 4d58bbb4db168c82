"""The leg `internet` of all servers: from rounds to observations, in layers.

The vantage is settled first; rounds of uplinks count up to there; rounds of servers' own addresses up to where their
uplink is settled; the verdict follows. All speak as one witness with one watermark, the *frontier*: the least instant
up to which all is settled that decides of any server. What is told lies after the last frontier and up to the new one,
so nothing that was told is ever contradicted. No clock, no loop: rounds come in, observations come out.
"""

from collections.abc import Generator, Iterator, Mapping
from heapq import heappop, heappush, heapreplace
from typing import NamedTuple

from probes.internet.check import Check
from probes.internet.layer import Layer
from probes.internet.servers import Assignment, Reach, Shown, WatchedServer
from probes.internet.state_history import StateHistory
from probes.internet.vantage import Vantage
from probes.internet.verdict import Verdict, verdict
from probes.report import INTERNET
from sla.instants import BEGINNING, Instant
from sla.reasons import DetailedReason, PlainReason
from sla.records import Leg, Observation, ServerId, State, Witness


class _Held(NamedTuple):
    """How far a required check was settled when it was last looked at; `number` is that of no other."""

    settled_until: Instant
    number: int
    server: WatchedServer
    reach: Reach
    layer: Layer


class InternetLeg:
    """Invariant: of each server, what was said holds up to `frontier`, and nothing is said of what lies after it."""

    def __init__(self, observer: str, at: Instant) -> None:
        """Watched from `at` on; no vantage, no uplink, no server yet."""
        self.frontier = at
        """How far the state of every server is settled, and told."""
        self.vantage = Vantage(None, at)
        self.uplinks: dict[str, Layer] = {}
        """By name: the layer of each uplink that is watched."""
        self._witness = Witness(observer, INTERNET)
        self._servers: dict[ServerId, WatchedServer] = {}
        """Every server that is watched, by its id."""
        self._by_uplink: dict[str | None, dict[ServerId, WatchedServer]] = {}
        """The same servers by the name of their uplink; None: those without one."""
        self._anew: dict[ServerId, WatchedServer] = {}
        """Servers of which all that holds is told anew with the next step of the frontier."""
        self._stirred: dict[ServerId, WatchedServer] = {}
        """Servers of whose required checks something changed that lies after the frontier, or did when last looked at."""
        self._heap: list[_Held] = []
        """The required checks by how far each is settled: the frontier waits for the first. Some are stale."""
        self._held = 0
        """Numbers the entries of the heap, so that no two compare further."""

    def configure(self, vantage: Check | None, uplinks: Mapping[str, Check], now: Instant) -> None:
        """Take the checks that are to be. One that stays, by its name, goes on by its new terms."""
        self.vantage.adjust(vantage, now)
        for name in [*self.uplinks, *uplinks]:
            if (name in self.uplinks) is not (name in uplinks):
                self._anew.update(self._by_uplink.get(name, {}))
        layers = {}
        for name, check in uplinks.items():
            layer = layers[name] = self.uplinks.get(name) or Layer(f"uplink {name}", check, now)
            layer.adjust(check)
        self.uplinks = layers

    # Servers

    def assign(self, server_id: ServerId, assignment: Assignment, *, running: bool, now: Instant) -> None:
        """Take a server, new or known; its verdict is told with the next frontier, even if it is what was told."""
        before = self._servers.get(server_id)
        self.release(server_id)
        kept = {(each.check.targets, each.required): each for each in before.reach} if before else {}
        server = self._servers[server_id] = WatchedServer(server_id, assignment)
        server.reach = tuple(
            kept.get((each.check.targets, each.required)) or Reach(each.check, required=each.required)
            for each in assignment.reach
        )
        for reach, asked in zip(server.reach, assignment.reach, strict=True):
            reach.adjust(asked.check)
        if assignment.decides:
            self._by_uplink.setdefault(assignment.uplink, {})[server_id] = server
        self._run(server, running, now)

    def release(self, server_id: ServerId) -> None:
        """Say no more of a server, if it is there."""
        server = self._servers.pop(server_id, None)
        if server is not None and server.assignment.decides:
            group = self._by_uplink[server.assignment.uplink]
            del group[server_id]
            if not group:
                del self._by_uplink[server.assignment.uplink]
        self._anew.pop(server_id, None)
        self._stirred.pop(server_id, None)

    def running(self, server_id: ServerId, running: bool, now: Instant) -> None:
        """Let the checks of a server's own address, if it is there, rest or begin anew."""
        server = self._servers.get(server_id)
        if server is not None and server.running is not running:
            self._run(server, running, now)

    def reach(self, server_id: ServerId) -> tuple[Reach, ...]:
        """The checks of a server's own address."""
        server = self._servers.get(server_id)
        return server.reach if server is not None else ()

    def shown(self, server_id: ServerId) -> tuple[Shown, ...]:
        """What the checks of a server's own address found last."""
        return tuple(
            Shown(target=each.check.targets[0], required=each.required, result=each.latest)
            for each in self.reach(server_id)
        )

    def _run(self, server: WatchedServer, running: bool, now: Instant) -> None:
        server.running = running
        for reach in server.reach:
            if not running:
                reach.rest()
            elif reach.layer is None:
                reach.wake(now)
            if reach.required and reach.layer is not None:
                self._hold(server, reach, reach.layer)
        if server.assignment.decides:
            self._anew[server.id] = server

    def _hold(self, server: WatchedServer, reach: Reach, layer: Layer) -> None:
        """Have the frontier wait for a check."""
        self._held += 1
        heappush(self._heap, _Held(layer.settled_until, self._held, server, reach, layer))

    # What follows

    def advance(self, now: Instant) -> Generator[Observation | None, None, None]:
        """Move the frontier as far as it goes, and give what is new up to there; None between small steps of work.

        Meanwhile everything else may be called.
        """
        settled_until = self.vantage.settled_until(now)
        for layer in self.uplinks.values():
            layer.settle(self.vantage.history, settled_until, self.vantage)
        until = yield from self._settled(settled_until)
        if until <= self.frontier:
            return
        after = self.frontier
        cached: dict[str | None, list[tuple[Instant, Verdict]]] = {}
        told: set[ServerId] = set()
        concerned = self._concerned(after, until)
        while concerned:
            for server in concerned:
                if self._servers.get(server.id) is server:
                    told.add(server.id)
                    yield from self._said(server, after, until, now, cached)
                yield None
            # Servers that were assigned anew meanwhile, before their turn came.
            concerned = [self._anew.pop(server_id) for server_id in list(self._anew) if server_id not in told]
        self.frontier = until
        yield from self._forget(until)

    def _settled(self, settled_until: Instant) -> Generator[None, None, Instant]:
        """How far all is settled, if what lies before is so up to `settled_until`."""
        least = min(
            [
                settled_until,
                *(self.uplinks[name].settled_until for name in self._by_uplink if name in self.uplinks),
            ]
        )
        while self._heap and (held := self._heap[0]).settled_until < least:
            if held.reach.layer is not held.layer or self._servers.get(held.server.id) is not held.server:
                heappop(self._heap)
                continue
            self._settle(held, settled_until)
            if held.layer.settled_until == held.settled_until:
                return held.settled_until
            self._held += 1
            held = _Held(held.layer.settled_until, self._held, held.server, held.reach, held.layer)
            heapreplace(self._heap, held)
            yield None
        return least

    def _settle(self, held: _Held, settled_until: Instant) -> None:
        name, history = held.server.assignment.uplink, held.layer.history
        since = history.since
        if name is None:
            held.layer.settle(self.vantage.history, settled_until, self.vantage)
        else:
            uplink = self.uplinks.get(name)
            until = settled_until if uplink is None else min(settled_until, uplink.settled_until)
            held.layer.settle(self._uplink(name), until, self.vantage)
        if history.since != since:
            self._stirred[held.server.id] = held.server

    def _uplink(self, name: str) -> StateHistory:
        uplink = self.uplinks.get(name)
        return (
            uplink.history if uplink is not None else StateHistory(Verdict(State.UNKNOWN, _unwatched(name)))
        )

    def _concerned(self, after: Instant, until: Instant) -> list[WatchedServer]:
        """The servers of which something new may be to be said in `(after, until]`."""
        concerned, self._anew = self._anew, {}
        concerned.update(self._stirred)
        everyone = bool(self.vantage.history.changes(after, until))
        for name, group in self._by_uplink.items():
            if everyone or (name is not None and self._uplink(name).changes(after, until)):
                concerned.update(group)
        return list(concerned.values())

    def _said(
        self,
        server: WatchedServer,
        after: Instant,
        until: Instant,
        now: Instant,
        cached: dict[str | None, list[tuple[Instant, Verdict]]],
    ) -> Iterator[Observation]:
        """What is new of a server in `(after, until]`."""
        uplink = server.assignment.uplink
        if server.required():
            verdicts = self._verdicts(server, after, until)
        else:
            verdicts = cached.get(uplink) or cached.setdefault(uplink, self._verdicts(server, after, until))
        for at, said in verdicts:
            if said.state is server.said:
                continue
            server.said = said.state
            yield Observation(
                witness=self._witness,
                server=server.id,
                leg=Leg.INTERNET,
                state=said.state,
                at=at,
                reason=said.reason,
                noticed_at=now,
            )

    def _verdicts(
        self, server: WatchedServer, after: Instant, until: Instant
    ) -> list[tuple[Instant, Verdict]]:
        name = server.assignment.uplink
        uplink = self._uplink(name) if name is not None else None
        ats = {Instant(after + 1)}
        for history in [self.vantage.history, *([uplink] if uplink else []), *server.required()]:
            ats.update(history.changes(after, until))
        return [
            (
                at,
                verdict(
                    self.vantage.history.at(at),
                    uplink.at(at) if uplink is not None else None,
                    server.reach_at(at),
                ),
            )
            for at in sorted(ats)
        ]

    def _forget(self, until: Instant) -> Iterator[None]:
        self.vantage.forget(min([until, *(layer.settled_until for layer in self.uplinks.values())]))
        for layer in self.uplinks.values():
            layer.history.forget(until)
        for server_id, server in list(self._stirred.items()):
            newest = BEGINNING
            for history in server.required():
                history.forget(until)
                newest = max(newest, history.since)
            if newest <= until and self._stirred.get(server_id) is server:
                del self._stirred[server_id]
            yield None


def _unwatched(uplink: str) -> DetailedReason:
    return DetailedReason(PlainReason.UPLINK_NOT_WATCHED, f"uplink {uplink} is not watched")
