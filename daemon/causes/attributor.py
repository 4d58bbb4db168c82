"""Which outages there are to be attributed, and the causes that are new, as records.

An outage is looked at once it is settled that it began, again when it ends, and again whenever an event speaks of its server or of
a host that it was on, until `REVISED_US` after its end. Only what is another cause than is on record is recorded, and nothing
while a person's word holds.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from daemon.book.live_book import LiveBook
from daemon.causes.edges import OutageEdge
from daemon.causes.traces import KEPT_US, Traces
from daemon.ledger import Entry, Trace
from daemon.pacing import paced
from daemon.servers.policy import PROVIDER, RECORDED_BY
from daemon.servers.registry import ServerRegistry
from probes.report import Report, SourceFailure
from sla.cause_events import Component
from sla.causes import AFTER_US, BEFORE_US, Case, attributed, records_of
from sla.grouping import FormingIncident, Grouping
from sla.instants import BEGINNING, DAY, FOREVER, HOUR, Instant
from sla.outages import Run
from sla.people import People
from sla.reasons import PlainReason
from sla.records import Cause, ClientId, Leg, Observation, Server, ServerId, State

REVISED_US: Final = DAY
"""For how long after the end of an outage late events change its cause."""
FORGET_US: Final = HOUR
"""How often what is too old is let go of."""
ATTRIBUTE_S: Final = 0.25
"""How long one tick's attribution goes on."""


def incident_id() -> str:
    """An id for an incident: one that none had, and that tells nothing."""
    return secrets.token_hex(6)


class _Unrecorded(NamedTuple):
    """A cause that is to be recorded, what of it is shown to the client, and the incident of an outage that has none yet."""

    cause: Cause
    shown: tuple[str | None, str]
    client: ClientId
    incident: FormingIncident | None


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
        new_incident: Callable[[], str] = incident_id,
    ) -> None:
        """`traces`: with what was seen before the start."""
        self.is_behind = False
        """Whether there was more to be looked at than one tick's time was enough for."""
        self.looked_at: list[ServerId] = []
        """The servers that `causes` looked at last."""
        self._book = book
        self._registry = registry
        self._uplink_of = uplink_of
        self._uplinks_down = uplinks_down
        self._attribute_s = attribute_s
        self._people = People()
        self._traces = traces
        self._new_incident = new_incident
        self._incidents = self._known_incidents()
        self._due: dict[ServerId, Instant] = dict.fromkeys(self._unfinished(), BEGINNING)
        """The servers to be looked at, once their time is settled past an instant."""
        self._hosts: dict[ServerId, frozenset[Component]] = {}
        """The hosts of the servers whose outages may be revised."""
        self._servers_on: dict[Component, set[ServerId]] = {}
        """The same servers by host."""
        self._booted_anew: dict[ServerId, Instant] = {}
        """Servers that were booted anew in their newest outage, and when that began."""
        self._forgot_at = self._began_at = book.horizon
        self._told: dict[ServerId, dict[Instant, bool]] = {}
        """The outages of late that are known to have begun, by server and start, and whether they are known to have ended."""
        self._edges: list[tuple[ServerId, Run]] = []
        """Of outages that are newly known to have begun, or ended."""
        self._overruled: set[tuple[ServerId, Instant]] = set()
        """Outages that were looked at and left alone, for a person says what their cause is."""

    def adopt(self, people: People) -> None:
        """Follow another configuration: who is who may be another thing."""
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
            if isinstance(said, Observation) and (said.state is State.DOWN or self._is_followed(said.server)):
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
        self._incidents.forget(before)
        return before

    async def causes(self, now: Instant) -> Sequence[Cause]:
        """The causes that are others than are on record, to be committed; in slices, what is left at the next tick."""
        for server, start in [key for key in self._overruled if not self._is_overruled(*key)]:
            self._overruled.discard((server, start))
            self._ask((server,))
        found: list[_Unrecorded] = []
        left, self.looked_at = len(self._due), []
        async for causes in paced(self._looked_at(now), at_most_s=self._attribute_s):
            left -= 1
            found += causes
        self.is_behind = left > 0
        return [cause async for causes in paced(map(self._recorded, found)) for cause in causes]

    def edges(self) -> Iterator[OutageEdge]:
        """Outages that are known to have begun or ended since this was asked last; their causes are on record by now."""
        edges, self._edges = self._edges, []
        for server, run in edges:
            cause = self._book.evidence.cause(server, run.start)
            if cause is not None:
                record = self._book.record_of(server)
                legs = run.legs_down(record.legs)
                reasons = [self._book.reasons.get((server, leg), "") or leg.value for leg in legs]
                yield OutageEdge(record, run.start, run.end, ", ".join(dict.fromkeys(reasons)), cause)

    def _known_incidents(self) -> Grouping:
        """At the start: those on record that further outages may be part of."""
        incidents, since = Grouping(), self._book.horizon - KEPT_US
        for server, causes in self._book.evidence.causes.items():
            source = self._registry.source_of(server)
            for start, revisions in causes.items():
                if start >= since:
                    incidents.remember(revisions[-1], source)
        return incidents

    def _recorded(self, found: _Unrecorded) -> tuple[Cause, ...]:
        """The records of a cause: what the client may be shown, and where that is less than all, what there is."""
        cause = found.cause
        if found.incident is not None:
            cause = replace(cause, incident=found.incident.id(self._new_incident))
        return records_of(cause, found.client, *found.shown)

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

    def _looked_at(self, now: Instant) -> Iterator[Sequence[_Unrecorded]]:
        for server, until in list(self._due.items()):
            if self._is_settled(server, until):
                del self._due[server]
                self.looked_at.append(server)
                yield list(self._look(server, now))
            else:
                yield ()

    def _is_followed(self, server: ServerId) -> bool:
        """Whether it has an outage of late, or is to be looked at for one."""
        return server in self._hosts or server in self._due

    def _is_settled(self, server: ServerId, until: Instant) -> bool:
        place = self._book.places.get(server)
        return place is None or place.group.settled > until

    def _is_overruled(self, server: ServerId, start: Instant) -> bool:
        """Whether a person's word of an outage holds still."""
        known = self._book.evidence.cause(server, start)
        return known is not None and known.recorded_by == PROVIDER

    def _look(self, server: ServerId, now: Instant) -> Iterator[_Unrecorded]:
        """The causes of a server's outages of late that are others than are on record."""
        place, hosts = self._book.places.get(server), set[Component]()
        runs = (
            [] if place is None else self._book.runs_since(server, Instant(place.group.settled - REVISED_US))
        )
        for run in runs:
            case = self._case(server, run, is_newest=run is runs[-1])
            hosts |= {placement.host for placement in case.placements}
            if self._is_overruled(server, run.start):
                self._overruled.add((server, run.start))
                continue
            found = self._find(case, now)
            if found is not None:
                yield found
        self._note_edges(server, runs)
        self._follow(server, frozenset(hosts) if runs else None)

    def _note_edges(self, server: ServerId, runs: Sequence[Run]) -> None:
        """Note which outages of a server are newly known; what was so before the start was told then."""
        told = self._told.pop(server, None)
        if told is None:
            causes = self._book.evidence.causes.get(server, {})
            told = {
                run.start: run.end is not None and run.end <= self._began_at
                for run in runs
                if run.start in causes
            }
        for run in runs:
            if run.start not in told:
                self._edges.append((server, run._replace(end=None)))
            if run.end is not None and not told.get(run.start):
                self._edges.append((server, run))
        if runs:
            self._told[server] = {run.start: run.end is not None for run in runs}

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

    def _find(self, case: Case, now: Instant) -> _Unrecorded | None:
        """The cause of an outage; None where it is the one on record. It is of the same incident as before if it is of the same kind."""
        found = attributed(case, self._people)
        known = self._book.evidence.cause(case.server, case.start)
        is_same_kind = known is not None and known.cause is found.cause
        cause = Cause(
            server=case.server,
            start=case.start,
            cause=found.cause,
            confidence=found.confidence,
            user=found.user,
            because=found.because,
            text=found.text,
            incident=known.incident if known is not None and is_same_kind else "",
            host=found.host,
            datastore=found.datastore,
            uplink=found.uplink,
            recorded_at=now,
            recorded_by=RECORDED_BY,
        )
        if known is not None and replace(known, recorded_at=now, shown_to="", extra=()) == cause:
            return None
        incident = (
            None if cause.incident else self._incidents.of(cause, self._registry.source_of(case.server))
        )
        return _Unrecorded(cause, found.shown or (found.user, found.text), case.client, incident)


def _down_at_start(record: Server, run: Run) -> frozenset[Leg]:
    return frozenset(
        leg for leg, state in zip(record.legs, run.down[0].legs, strict=True) if state is State.DOWN
    )
