"""Which outages there are to be attributed, and the causes that are new, as records.

An outage is looked at once it is settled that it began, again when it ends, and again whenever an event speaks of its server or of
a host that it was on, until `REVISED_US` after its end. Only what is another cause than is on record is recorded, and nothing
while a person's word holds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from daemon.book.counting import NEVER
from daemon.book.live_book import GroupPlace, LiveBook
from daemon.causes.people import people_of
from daemon.causes.traces import KEPT_US, Traces
from daemon.config import Config
from daemon.ledger import Entry, Trace
from daemon.pacing import paced
from daemon.servers.policy import PROVIDER, RECORDED_BY
from daemon.servers.registry import ServerRegistry
from probes.report import Report, SourceFailure
from sla.cause_events import Component
from sla.causes import AFTER_US, BEFORE_US, Case, attributed
from sla.instants import BEGINNING, DAY, FOREVER, HOUR, Instant
from sla.outages import Run, runs_of
from sla.people import People
from sla.reasons import PlainReason
from sla.records import Cause, Leg, Observation, Server, ServerId, State

REVISED_US: Final = DAY
"""For how long after the end of an outage late events change its cause."""
FORGET_US: Final = HOUR
"""How often what is too old is let go of."""
ATTRIBUTE_S: Final = 0.25
"""How long one tick's attribution goes on."""


class Attributor:
    """To be asked by the task that commits, while the book stands still."""

    def __init__(
        self,
        *,
        book: LiveBook,
        registry: ServerRegistry,
        traces: Traces,
        uplink_of: Callable[[ServerId], str],
        uplinks_down: Callable[[], Mapping[str, Instant]],
        attribute_s: float = ATTRIBUTE_S,
    ) -> None:
        """`traces`: with what was seen before the start."""
        self.is_behind = False
        """Whether there was more to be looked at than one tick's time was enough for."""
        self._book = book
        self._registry = registry
        self._uplink_of = uplink_of
        self._uplinks_down = uplinks_down
        self._attribute_s = attribute_s
        self._people = People()
        self._traces = traces
        self._due: dict[ServerId, Instant] = dict.fromkeys(self._unfinished(), BEGINNING)
        """The servers to be looked at, once their time is settled past an instant."""
        self._hosts: dict[ServerId, frozenset[Component]] = {}
        """The hosts of the servers whose outages may be revised."""
        self._servers_on: dict[Component, set[ServerId]] = {}
        """The same servers by host."""
        self._booted_anew: dict[ServerId, Instant] = {}
        """Servers that were booted anew in their newest outage, and when that began."""
        self._overruled: set[tuple[ServerId, Instant]] = set()
        """Outages that were looked at and left alone, for a person says what their cause is."""
        self._forgot_at = book.horizon

    def adopt(self, config: Config) -> None:
        """Follow another configuration: who is who may be another thing."""
        people = people_of(config)
        if people != self._people:
            self._people = people
            self._ask(self._hosts)

    async def take(
        self, told: Iterable[Report | SourceFailure], entries: Iterable[Entry], now: Instant
    ) -> Sequence[Trace]:
        """Take reports that the registry has taken, and the records that are made of them; what is to be kept beside these."""
        seen = self._traces
        for report in told:
            if isinstance(report, Report):
                async for _ in paced(seen.take(report, self._registry.id_of, now)):
                    pass
        async for entry in paced(entries):
            said = entry.record
            if isinstance(said, Observation) and (said.state is State.DOWN or said.server in self._hosts):
                self._ask((said.server,), said.at)
        seen.follow_uplinks(self._uplinks_down(), now)
        for about in seen.spoken_of():
            servers = self._servers_on.get(about, ()) if isinstance(about, Component) else (about,)
            self._ask(server for server in servers if server in self._hosts)
        return seen.new_traces()

    async def forgotten(self, now: Instant) -> Instant | None:
        """Let go of what is too old, where that is due; before when."""
        if now - self._forgot_at < FORGET_US:
            return None
        self._forgot_at, before = now, Instant(now - KEPT_US)
        async for _ in paced(self._traces.forget(before)):
            pass
        return before

    async def causes(self, now: Instant) -> Sequence[Cause]:
        """The causes that are others than are on record, to be committed; in slices, what is left at the next tick."""
        for server, start in [key for key in self._overruled if not self._is_overruled(*key)]:
            self._overruled.discard((server, start))
            self._ask((server,))
        found: list[Cause] = []
        left = len(self._due)
        async for causes in paced(self._looked_at(now), at_most_s=self._attribute_s):
            left -= 1
            found += causes
        self.is_behind = left > 0
        return found

    def _unfinished(self) -> Iterator[ServerId]:
        """At the start: the servers with an outage under way, or one that may be revised."""
        for group in self._book.groups.values():
            for _, server, _ in group.ongoing_outages():
                yield server
        for server, causes in self._book.evidence.causes.items():
            if max(causes) > self._book.horizon - REVISED_US:
                yield server

    def _ask(self, servers: Iterable[ServerId], at: Instant = BEGINNING) -> None:
        """Have servers looked at, once it is settled what was at an instant."""
        for server in servers:
            self._due[server] = max(self._due.get(server, BEGINNING), at)

    def _looked_at(self, now: Instant) -> Iterator[Sequence[Cause]]:
        for server, until in list(self._due.items()):
            if self._is_settled(server, until):
                del self._due[server]
                yield list(self._look(server, now))
            else:
                yield ()

    def _is_settled(self, server: ServerId, until: Instant) -> bool:
        place = self._book.places.get(server)
        return place is None or place.group.settled > until

    def _is_overruled(self, server: ServerId, start: Instant) -> bool:
        """Whether a person's word of an outage holds still."""
        known = self._book.evidence.cause(server, start)
        return known is not None and known.recorded_by == PROVIDER

    def _look(self, server: ServerId, now: Instant) -> Iterator[Cause]:
        """The causes of a server's outages of late that are others than are on record."""
        place, hosts = self._book.places.get(server), set[Component]()
        runs = [] if place is None else self._runs(server, place)
        for run in runs:
            case = self._case(server, run, is_newest=run is runs[-1])
            hosts |= {placement.host for placement in case.placements}
            cause = self._record(case, now)
            if self._is_overruled(server, run.start):
                self._overruled.add((server, run.start))
            elif _is_another(self._book.evidence.cause(server, run.start), cause):
                yield cause
        self._follow(server, frozenset(hosts) if runs else None)

    def _runs(self, server: ServerId, place: GroupPlace) -> list[Run]:
        """The outages of a server that may be revised."""
        record, settled = self._book.record_of(server), place.group.settled
        since = Instant(settled - REVISED_US)
        causes = self._book.evidence.causes.get(server, {})
        began = max((start for start in causes if start <= since), default=since)
        if place.group.outage_at[place.index] != NEVER:
            began = min(began, Instant(place.group.outage_at[place.index]))
        left = record.in_service_until
        left_at = left if left is not None and left <= settled else None
        start = max(record.in_service_from, began)
        runs = runs_of(self._book.segments(server, start, left_at or settled), left_at=left_at)
        return [run for run in runs if run.end is None or run.end > since]

    def _case(self, server: ServerId, run: Run, *, is_newest: bool) -> Case:
        record, around = self._book.record_of(server), self._traces
        since, until = Instant(run.start - BEFORE_US), Instant(run.start + AFTER_US)
        placements = around.placements(server, since)
        hosts = {placement.host for placement in placements}
        uplink = self._uplink_of(server)
        return Case(
            server=server,
            client=record.client,
            start=run.start,
            end=run.end,
            down=_down_at_start(record, run),
            booted_anew=self._was_booted_anew(server, run, is_newest=is_newest),
            uplink=uplink,
            events=[
                *around.events(server, since, FOREVER if run.end is None else max(until, run.end)),
                *(event for host in hosts for event in around.events(host, since, until)),
            ],
            placements=placements,
            silent=[span for host in hosts for span in around.silent(host, since)],
            in_maintenance=[span for host in hosts for span in around.in_maintenance(host, since)],
            lost_mounts=[
                lost
                for placement in placements
                for datastore in placement.datastores
                for lost in around.lost_mounts(placement.host, datastore, since)
            ],
            uplinks_down=around.uplink_down(uplink, since) if uplink else (),
        )

    def _was_booted_anew(self, server: ServerId, run: Run, *, is_newest: bool) -> bool:
        """Whether it had been, when it was next seen. The book knows the reason of the newest outage alone."""
        if is_newest and self._book.reasons.get((server, Leg.RUNNING)) == PlainReason.DOWN_UNSEEN:
            self._booted_anew[server] = run.start
        return self._booted_anew.get(server) == run.start

    def _follow(self, server: ServerId, hosts: frozenset[Component] | None) -> None:
        """Have events about a server, and about these hosts, bring it back; no longer, where it has no outage of late."""
        for host in self._hosts.pop(server, frozenset()):
            self._servers_on[host].discard(server)
            if not self._servers_on[host]:
                del self._servers_on[host]
        if hosts is not None:
            self._hosts[server] = hosts
            for host in hosts:
                self._servers_on.setdefault(host, set()).add(server)
        else:
            self._booted_anew.pop(server, None)

    def _record(self, case: Case, now: Instant) -> Cause:
        found = attributed(case, self._people)
        return Cause(
            server=case.server,
            start=case.start,
            cause=found.cause,
            confidence=found.confidence,
            user=found.user,
            because=found.because,
            text=found.text,
            recorded_at=now,
            recorded_by=RECORDED_BY,
        )


def _down_at_start(record: Server, run: Run) -> frozenset[Leg]:
    return frozenset(
        leg for leg, state in zip(record.legs, run.down[0].legs, strict=True) if state is State.DOWN
    )


def _is_another(known: Cause | None, cause: Cause) -> bool:
    """Whether what is on record says something else."""
    return known is None or replace(known, recorded_at=cause.recorded_at, extra=()) != cause
