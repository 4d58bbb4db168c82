"""Which virtual servers there are, whose they are, and since when they are in service.

Sources tell what they list; the rules say whose it is; the registry says what that means for the evidence: a server's
service begins when it is first seen running, and ends, provisionally, when its source has not listed it for `grace`. If
it comes back within the month of its departure (the client's zone), it had been in service all along, and the gap was
down; later, a new period of service begins.

Servers are known by their instance UUID. Where two sources list the same one at a time, the first keeps it; the other's
counts as a server of its own, `UUID@SOURCE`, once both have been there for `grace` (until then it may be a server on its
way from one vCenter to another).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from probes.report import Report, Sighted
from sla.calendars import calendar_of
from sla.instants import DAY, Instant
from sla.records import (
    ALL_LEGS,
    ClientId,
    Leg,
    Observation,
    Record,
    Server,
    ServerId,
    SolutionId,
    State,
    Witness,
)

STARTUP_LIMIT_US: Final = DAY
"""How long a source that lost most of its inventory at once is taken for one that is starting up."""

RECORDED_BY: Final = "slad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose a server is, by the rules."""

    client: ClientId
    solution: SolutionId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the configuration says about servers. A reload brings another one.

    `assign` gives the owner of what a source lists, or None to ignore it; `legs` those that each source watches.
    """

    assign: Callable[[str, Sighted], Owner | None]
    zone_of: Callable[[ClientId], str]
    legs: Mapping[str, frozenset[Leg]]
    grace_us: int


@dataclass(slots=True)
class Listed:
    """A server as its source lists it.

    `sighted` is None after a restart until the source lists it again. `departed_at` is set while it is not listed,
    `starting_up` if that came with most of the inventory, `concluded` once its service was ended for it. `views` are
    the newest of its main witness while no record lets the book keep them. `waits_since`: since when it contends for
    another's UUID, or, once departed, for its service to end.
    """

    source: str
    sighted: Sighted | None
    waits_since: Instant
    views: dict[Leg, Observation] = field(default_factory=dict)
    departed_at: Instant | None = None
    starting_up: bool = False
    concluded: bool = False


class Registry:
    """The servers of all sources. What its methods give are records for the ledger, in order."""

    def __init__(self, observer: str, policy: Policy) -> None:
        self._observer = observer
        self._policy = policy
        self._listed: dict[ServerId, Listed] = {}
        self._contenders: dict[tuple[str, ServerId], Listed] = {}
        self._records: dict[ServerId, Server] = {}
        self._departed: dict[ServerId, Listed] = {}
        self._startups: dict[str, Instant] = {}

    def remember(self, record: Server, source: str) -> None:
        """Take a server from the ledger, at start: its newest record, and the source that spoke for it last."""
        self._records[record.id] = record
        listed = Listed(source=source, sighted=None, waits_since=record.in_service_from)
        if record.in_service_until is not None:
            listed.departed_at, listed.concluded = record.in_service_until, True
        self._listed[record.id] = listed

    def record_of(self, server: ServerId) -> Server | None:
        """The newest record of a server."""
        return self._records.get(server)

    def source_of(self, server: ServerId) -> str:
        """The source that lists a server, or listed it last."""
        listed = self._listed.get(server)
        return listed.source if listed is not None else ""

    def adopt(self, policy: Policy, now: Instant) -> Iterator[Record]:
        """Follow another configuration."""
        self._policy = policy
        for server, listed in self._listed.items():
            if listed.sighted is not None and listed.departed_at is None:
                yield from self._settle_owner(server, listed, now)

    def listed(self, report: Report, now: Instant) -> Iterator[Record | None]:
        """Take what a source lists and no longer lists. None: nothing to record, but some work was done."""
        at = report.observed_until or now
        here = set()
        for sighted in report.sighted:
            here.add(self._place(report.source, sighted, at))
            yield None
        gone = [(departed.server, departed.at) for departed in report.departed]
        if report.fresh:
            gone += [
                (server, at)
                for server, listed in self._listed.items()
                if listed.source == report.source and listed.departed_at is None and server not in here
            ]
        yield from self._depart(report.source, gone, now)
        for sighted in report.sighted:
            yield from self._see(report.source, sighted, at, now)
            yield None
        self._look_for_startup_end(report.source, now)

    def observed(self, source: str, observation: Observation, now: Instant) -> Iterator[Record]:
        """Take an observation: under the server's id here, and only once it is in service."""
        server = self._id_of(source, observation.server)
        if server is None:
            contender = self._contenders.get((source, observation.server))
            if contender is not None:
                contender.views[observation.leg] = observation
            return
        listed = self._listed[server]
        if observation.server != server:
            observation = replace(observation, server=server)
        record = self._records.get(server)
        main = observation.witness.source == source
        if record is None or record.in_service_until is not None:
            if main:
                listed.views[observation.leg] = observation
                yield from self._begin_service(server, listed, now)
            return
        yield observation

    def passed(self, now: Instant) -> Iterator[Record]:
        """Draw the conclusions that only time allows: departures after `grace`, second holders of one UUID."""
        grace_us = self._policy.grace_us
        for server, listed in list(self._departed.items()):
            assert listed.departed_at is not None
            waited_since = max(
                listed.departed_at, listed.waits_since, self._startups.get(listed.source, listed.departed_at)
            )
            startup_us = STARTUP_LIMIT_US if listed.source in self._startups else grace_us
            if now - waited_since < startup_us:
                continue
            del self._departed[server]
            listed.concluded = True
            record = self._records.get(server)
            if record is not None and record.in_service_until is None:
                yield self._write(replace(record, in_service_until=listed.departed_at), now)
        for (source, uuid), contender in list(self._contenders.items()):
            if now - contender.waits_since >= grace_us:
                del self._contenders[source, uuid]
                alias = ServerId(f"{uuid}@{source}")
                views, contender.views = contender.views, {}
                self._listed[alias] = contender
                for view in views.values():
                    yield from self.observed(source, replace(view, server=alias), now)

    def _place(self, source: str, sighted: Sighted, at: Instant) -> ServerId | None:
        """The id under which a sighted server goes; None while it contends for another source's."""
        server = self._id_of(source, sighted.server)
        if server is not None:
            return server
        holder = self._listed.get(sighted.server)
        if holder is None:
            self._listed[sighted.server] = Listed(source=source, sighted=sighted, waits_since=at)
            return sighted.server
        if holder.departed_at is not None:
            holder.source = source
            return sighted.server
        key = (source, sighted.server)
        contender = self._contenders.setdefault(key, Listed(source=source, sighted=sighted, waits_since=at))
        contender.sighted = sighted
        return None

    def _id_of(self, source: str, server: ServerId) -> ServerId | None:
        listed = self._listed.get(server)
        if listed is not None and listed.source == source:
            return server
        alias = ServerId(f"{server}@{source}")
        return alias if alias in self._listed else None

    def _see(self, source: str, sighted: Sighted, at: Instant, now: Instant) -> Iterator[Record]:
        server = self._id_of(source, sighted.server)
        if server is None:
            return
        listed = self._listed[server]
        listed.sighted = sighted
        if listed.departed_at is not None:
            yield from self._return(server, listed, at, now)
        yield from self._settle_owner(server, listed, at)

    def _settle_owner(self, server: ServerId, listed: Listed, now: Instant) -> Iterator[Record]:
        """Write a record where name, owner or watched legs are no longer what the newest one says."""
        record = self._records.get(server)
        if record is None or record.in_service_until is not None:
            yield from self._begin_service(server, listed, now)
            return
        assert listed.sighted is not None
        owner = self._policy.assign(listed.source, listed.sighted)
        if owner is None:
            yield self._write(replace(record, in_service_until=now), now)
            return
        changed = replace(
            record,
            name=listed.sighted.name,
            client=owner.client,
            solution=owner.solution,
            legs=self._legs_of(listed),
        )
        if (changed.client, changed.solution) != (record.client, record.solution):
            yield self._write(replace(changed, in_service_from=now), now)
        elif changed != record:
            yield self._write(changed, now)

    def _begin_service(self, server: ServerId, listed: Listed, now: Instant) -> Iterator[Record]:
        """Service begins when a server that has an owner is first seen running."""
        running = listed.views.get(Leg.RUNNING)
        if running is None or running.state is not State.UP or listed.sighted is None:
            return
        owner = self._policy.assign(listed.source, listed.sighted)
        if owner is None:
            return
        before = self._records.get(server)
        begin = running.at if before is None else max(running.at, before.in_service_until or running.at)
        yield self._write(
            Server(
                id=server,
                name=listed.sighted.name,
                client=owner.client,
                solution=owner.solution,
                in_service_from=begin,
                in_service_until=None,
                legs=self._legs_of(listed),
                recorded_at=now,
            ),
            now,
        )
        yield from listed.views.values()
        listed.views.clear()

    def _depart(
        self, source: str, gone: Iterable[tuple[ServerId, Instant]], now: Instant
    ) -> Iterator[Record]:
        leaving = []
        for uuid, at in gone:
            self._contenders.pop((source, uuid), None)
            server = self._id_of(source, uuid)
            if server is not None and self._listed[server].departed_at is None:
                leaving.append((server, at))
        if len(leaving) >= 2 and 2 * len(leaving) > self._present(source):
            self._startups.setdefault(source, now)
        for server, at in leaving:
            listed = self._listed[server]
            listed.departed_at, listed.starting_up = at, source in self._startups
            listed.views.clear()
            self._departed[server] = listed
            yield from self._now_unknown(server, listed, at, now)
            yield from self._promote_contender(server, now)

    def _now_unknown(self, server: ServerId, listed: Listed, at: Instant, now: Instant) -> Iterator[Record]:
        if server not in self._records:
            return
        for leg in self._policy.legs.get(listed.source, frozenset(ALL_LEGS)):
            yield self._said(server, listed, leg, State.UNKNOWN, at, now, "vCenter does not list it")

    def _promote_contender(self, server: ServerId, now: Instant) -> Iterator[Record]:
        """Another source lists a server that its source no longer does: it has moved there."""
        for source, uuid in list(self._contenders):
            if uuid != server:
                continue
            contender = self._contenders.pop((source, uuid))
            listed = self._listed[server]
            listed.source, listed.sighted, listed.departed_at = source, contender.sighted, None
            self._departed.pop(server, None)
            yield from self._settle_owner(server, listed, now)
            for view in contender.views.values():
                yield from self.observed(source, view, now)
            return

    def _return(self, server: ServerId, listed: Listed, at: Instant, now: Instant) -> Iterator[Record]:
        """A server is listed again: the gap was down, unless the source was starting up or the month is over."""
        departed_at, listed.departed_at = listed.departed_at, None
        assert departed_at is not None
        starting_up, listed.starting_up = listed.starting_up, False
        concluded, listed.concluded = listed.concluded, False
        self._departed.pop(server, None)
        record = self._records.get(server)
        if record is None:
            return
        if concluded:
            calendar = calendar_of(self._policy.zone_of(record.client))
            if calendar.month_of(at) != calendar.month_of(departed_at):
                return  # another period of service begins when it runs
            yield self._write(replace(record, in_service_until=None), now)
        if not starting_up:
            reason = "vCenter did not list it"
            yield self._said(server, listed, Leg.RUNNING, State.DOWN, departed_at, now, reason)

    def _look_for_startup_end(self, source: str, now: Instant) -> None:
        if source not in self._startups:
            return
        missing = [listed for listed in self._departed.values() if listed.source == source]
        if len(missing) < self._present(source):
            del self._startups[source]
            for listed in missing:
                # Grace counts from now, when the inventory can be believed again.
                listed.waits_since = now

    def _present(self, source: str) -> int:
        return sum(listed.source == source and listed.departed_at is None for listed in self._listed.values())

    def _said(
        self, server: ServerId, listed: Listed, leg: Leg, state: State, at: Instant, now: Instant, reason: str
    ) -> Observation:
        return Observation(
            witness=Witness(self._observer, listed.source),
            server=server,
            leg=leg,
            state=state,
            at=at,
            reason=reason,
            noticed_at=now,
        )

    def _legs_of(self, listed: Listed) -> tuple[Leg, ...]:
        watched = self._policy.legs.get(listed.source, frozenset())
        judged = watched if listed.sighted is None or listed.sighted.san else watched - {Leg.SAN}
        return tuple(leg for leg in ALL_LEGS if leg in (judged or watched))

    def _write(self, record: Server, now: Instant) -> Server:
        record = replace(record, recorded_at=now, recorded_by=RECORDED_BY)
        self._records[record.id] = record
        return record
