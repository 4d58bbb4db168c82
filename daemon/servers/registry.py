"""Which virtual servers there are, whose they are, and since when they are in service.

Sources tell what they list; the rules say whose it is; the registry says what that means for the evidence: a server's
service begins when it is first seen running, and ends, provisionally, when its source has not listed it for `grace`. If
it comes back within the month of its departure (the client's zone), it had been in service all along, and the gap was
down; later, a new period of service begins.

Servers are known by their instance UUID. Where two sources list the same one at a time, the first keeps it; the other's
counts as a server of its own, `UUID@SOURCE`, once both have been there for `grace` (until then it may be a server on its
way from one vCenter to another). A server that one source no longer lists and another does has moved: what it was in
between, up to `grace`, nobody saw.

Invariants: every record that comes out is recorded at the `now` that came in, so that records stand in order; a record
whose end rests on a departure alone carries `PROVISIONAL`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from probes.report import ListedServer, Report
from sla.calendars import calendar_of
from sla.instants import BEGINNING, DAY, Instant
from sla.records import (
    ALL_LEGS,
    ClientId,
    Extra,
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

INTERNET: Final = "internet"
"""The source that knows servers by their id here, and lists none."""

PROVISIONAL: Final[Extra] = (("provisional", "true"),)
"""The extra key of a record that ends a server's service because it left the inventory: its return cancels it."""

NOT_LISTED: Final = "vCenter does not list it"
ELSEWHERE: Final = "another vCenter lists it"
STARTING_UP: Final = "vCenter lists little of what it did: it may be starting up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose a server is, by the rules."""

    client: ClientId
    solution: SolutionId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the configuration says about servers. A reload brings another one.

    `assign` gives the owner of what a source lists, or None to ignore it; `legs` those that each source watches;
    `watches_internet` whether somebody watches that leg of what a source lists.
    """

    assign: Callable[[str, ListedServer], Owner | None]
    zone_of: Callable[[ClientId], str]
    legs: Mapping[str, frozenset[Leg]]
    grace_us: int
    watches_internet: Callable[[str, ListedServer], bool] = lambda _, __: False


LastSaid = Callable[[Witness, ServerId, Leg], tuple[Instant, State] | None]
"""The newest observation on record of a leg by a witness."""


@dataclass(slots=True)
class Listed:
    """A server as its source lists it.

    `sighted` is None after a restart until the source lists it again. While it is not listed, `departed_at` is set, and
    `departed_from`, the source that listed it last; `starting_up` if that came with most of the inventory. `views` are
    the newest of its main witness while no record lets the book keep them. `waits_since`: since when it contends for
    another's UUID, or, once departed, for its service to end.
    """

    source: str
    sighted: ListedServer | None
    waits_since: Instant
    views: dict[Leg, Observation] = field(default_factory=dict)
    departed_at: Instant | None = None
    departed_from: str = ""
    starting_up: bool = False


class Registry:
    """The servers of all sources. What its methods give are records for the ledger, in order."""

    def __init__(self, observer: str, policy: Policy, last_said: LastSaid) -> None:
        self._observer = observer
        self._policy = policy
        self._last_said = last_said
        self._listed: dict[ServerId, Listed] = {}
        self._contenders: dict[tuple[str, ServerId], Listed] = {}
        self._records: dict[ServerId, Server] = {}
        self._departed: dict[ServerId, Listed] = {}
        self._startups: dict[str, Instant] = {}
        self._changed: set[ServerId] = set()
        self._heard_since: dict[str, Instant] = {}

    def remember(self, record: Server, source: str, not_listed: tuple[Instant, str] | None = None) -> None:
        """Take a server from the ledger, at start: its newest record, and the source that spoke for it last.

        `not_listed`: since when that source had not listed it when the daemon ended, and the reason that is on record.
        """
        self._records[record.id] = record
        listed = self._listed[record.id] = Listed(
            source=source, sighted=None, waits_since=record.in_service_from
        )
        if record.extra == PROVISIONAL:
            listed.departed_at, listed.departed_from = record.in_service_until, source
        elif not_listed is not None:
            listed.departed_at, reason = not_listed
            listed.departed_from, listed.starting_up = source, reason == STARTING_UP
            self._departed[record.id] = listed
            if listed.starting_up:
                self._startups.setdefault(source, listed.departed_at)

    def record_of(self, server: ServerId) -> Server | None:
        """The newest record of a server."""
        return self._records.get(server)

    def source_of(self, server: ServerId) -> str:
        """The source that lists a server, or listed it last."""
        listed = self._listed.get(server)
        return listed.source if listed is not None else ""

    def id_of(self, source: str, server: ServerId) -> ServerId | None:
        """The id here of a server that a source knows by its UUID; None while no record is about it."""
        known = self._id_of(source, server)
        return known if known in self._records else None

    def in_service(self, source: str) -> Iterator[tuple[ServerId, ServerId]]:
        """The servers in service that a source lists: the id of each here, and its UUID."""
        for server, record in self._records.items():
            listed = self._listed[server]
            is_listed = listed.source == source and listed.departed_at is None
            if is_listed and record.in_service_until is None:
                yield server, ServerId(server.removesuffix(f"@{source}"))

    def sighted(self, server: ServerId) -> ListedServer | None:
        """A server as its source lists it; None while it does not, or has not yet."""
        listed = self._listed.get(server)
        return listed.sighted if listed is not None and listed.departed_at is None else None

    def is_in_service(self, server: ServerId) -> bool:
        """Whether a server's service goes on, by its newest record."""
        record = self._records.get(server)
        return record is not None and record.in_service_until is None

    def take_changed(self) -> set[ServerId]:
        """The servers of which record, listing or running changed since this was asked last."""
        changed, self._changed = self._changed, set()
        return changed

    def adopt(self, policy: Policy, now: Instant) -> Iterator[Record]:
        """Follow another configuration."""
        self._policy = policy
        self._changed.update(self._records)
        for server, listed in self._listed.items():
            if (
                listed.sighted is not None
                and listed.departed_at is None
                and self._is_configured(listed.source)
            ):
                yield from self._settle_owner(server, listed, now, now)

    def listed(self, report: Report, now: Instant) -> Iterator[Record | None]:
        """Take what a source lists and no longer lists. None: nothing to record, but some work was done."""
        at = report.observed_until or now
        self._heard_since.setdefault(report.source, at)
        here = set()
        for sighted in report.listed:
            yield from self._take_from_the_unwatched(report.source, sighted.server, now)
            here.add(self._place(report.source, sighted, at))
            yield None
        gone = [(departed.server, departed.at) for departed in report.departed]
        if report.fresh:
            self._forget_contenders(report)
            gone += [
                (server, at)
                for server, listed in self._listed.items()
                if listed.source == report.source and listed.departed_at is None and server not in here
            ]
        yield from self._depart(report.source, gone, now)
        for sighted in report.listed:
            yield from self._see(report.source, sighted, at, now)
            yield None
        self._look_for_startup_end(report.source, now)

    def observed(self, source: str, observation: Observation, now: Instant) -> Iterator[Record]:
        """Take an observation: under the server's id here, and only once it is in service."""
        main = observation.witness.source == source
        if source == INTERNET:
            if self.is_in_service(observation.server):
                yield observation
            return
        server = self._id_of(source, observation.server)
        if server is None:
            contender = self._contenders.get((source, observation.server))
            if contender is not None and main:
                contender.views[observation.leg] = observation
            return
        listed = self._listed[server]
        observation = replace(observation, server=server)
        record = self._records.get(server)
        if record is None or record.in_service_until is not None:
            if main:
                listed.views[observation.leg] = observation
                yield from self._begin_service(server, listed, BEGINNING, now)
            return
        if observation.leg is Leg.RUNNING:
            self._changed.add(server)
        yield observation

    def passed(self, now: Instant) -> Iterator[Record]:
        """Draw the conclusions that only time allows: departures after `grace`, second holders of one UUID."""
        for server, listed in list(self._departed.items()):
            if now - self._waits_since(listed) >= self._patience_us(listed):
                del self._departed[server]
                record = self._records.get(server)
                if record is not None and record.in_service_until is None:
                    ended = replace(record, in_service_until=listed.departed_at, extra=PROVISIONAL)
                    yield self._write(ended, now)
        for (source, uuid), contender in list(self._contenders.items()):
            if now - contender.waits_since < self._policy.grace_us:
                continue
            holder = self._listed[uuid]
            if holder.sighted is None:  # its source has not listed it since the start
                yield from self._now_unknown(uuid, holder, now, now, ELSEWHERE)
                yield from self._promote(uuid, source, now)
            else:
                del self._contenders[source, uuid]
                alias = ServerId(f"{uuid}@{source}")
                self._listed[alias] = contender
                yield from self._take_views(source, alias, contender, now)

    def _waits_since(self, listed: Listed) -> Instant:
        """From when the patience with a server that departed is counted."""
        assert listed.departed_at is not None
        startup_at = self._startups.get(listed.departed_from, listed.departed_at)
        return max(listed.departed_at, listed.waits_since, startup_at)

    def _patience_us(self, listed: Listed) -> int:
        """How long a server may be gone before its service ends; longer while its source was not heard yet."""
        if listed.departed_from in self._startups or listed.departed_from not in self._heard_since:
            return STARTUP_LIMIT_US
        return self._policy.grace_us

    def _is_configured(self, source: str) -> bool:
        return source in self._policy.legs

    def _place(self, source: str, sighted: ListedServer, at: Instant) -> ServerId | None:
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

    def _take_from_the_unwatched(self, source: str, server: ServerId, now: Instant) -> Iterator[Record]:
        """What a source lists that was held by one that the configuration no longer names goes on there."""
        holder = self._listed.get(server)
        if (
            holder is not None
            and holder.departed_at is None
            and not self._is_configured(holder.source)
            and self._id_of(source, server) is None
        ):
            yield from self._now_unknown(server, holder, now, now, ELSEWHERE)
            holder.source = source

    def _forget_contenders(self, report: Report) -> None:
        """Of a source that lists anew all that there is."""
        here = {sighted.server for sighted in report.listed}
        for source, uuid in list(self._contenders):
            if source == report.source and uuid not in here:
                del self._contenders[source, uuid]

    def _id_of(self, source: str, server: ServerId) -> ServerId | None:
        listed = self._listed.get(server)
        if listed is not None and listed.source == source:
            return server
        alias = ServerId(f"{server}@{source}")
        return alias if alias in self._listed else None

    def _see(self, source: str, sighted: ListedServer, at: Instant, now: Instant) -> Iterator[Record]:
        server = self._id_of(source, sighted.server)
        if server is None:
            return
        listed = self._listed[server]
        is_first_sight, listed.sighted = listed.sighted is None, sighted
        self._changed.add(server)
        if listed.departed_at is not None:
            yield from self._return(server, listed, at, now)
        if not is_first_sight or self.is_in_service(server):
            yield from self._settle_owner(server, listed, at, now)

    def _settle_owner(self, server: ServerId, listed: Listed, at: Instant, now: Instant) -> Iterator[Record]:
        """Write a record where name, owner or watched legs are since `at` no longer what the newest one says."""
        record = self._records.get(server)
        if record is None or record.in_service_until is not None:
            yield from self._begin_service(server, listed, at, now)
            return
        assert listed.sighted is not None
        since = max(at, record.in_service_from)
        owner = self._policy.assign(listed.source, listed.sighted)
        if owner is None:
            yield self._write(replace(record, in_service_until=since), now)
            return
        changed = replace(
            record,
            name=listed.sighted.name,
            client=owner.client,
            solution=owner.solution,
            legs=self._legs_of(listed),
        )
        if (changed.client, changed.solution) != (record.client, record.solution):
            yield self._write(replace(changed, in_service_from=since), now)
        elif changed != record:
            yield self._write(changed, now)

    def _begin_service(
        self, server: ServerId, listed: Listed, since: Instant, now: Instant
    ) -> Iterator[Record]:
        """Service begins when a server that has an owner, since `since`, is first seen running."""
        running = self._running(server, listed)
        if running is None or running[1] is not State.UP or listed.sighted is None:
            return
        owner = self._policy.assign(listed.source, listed.sighted)
        if owner is None:
            return
        before = self._records.get(server)
        ended_at = BEGINNING if before is None else before.in_service_until or BEGINNING
        yield self._write(
            Server(
                id=server,
                name=listed.sighted.name,
                client=owner.client,
                solution=owner.solution,
                in_service_from=max(running[0], since, ended_at),
                in_service_until=None,
                legs=self._legs_of(listed),
                recorded_at=now,
            ),
            now,
        )
        yield from listed.views.values()
        listed.views.clear()

    def _running(self, server: ServerId, listed: Listed) -> tuple[Instant, State] | None:
        """What its source says of whether it runs: kept here, or on record from before its service ended."""
        view = listed.views.get(Leg.RUNNING)
        if view is not None:
            return view.at, view.state
        return self._last_said(Witness(self._observer, listed.source), server, Leg.RUNNING)

    def _depart(
        self, source: str, gone: Iterable[tuple[ServerId, Instant]], now: Instant
    ) -> Iterator[Record]:
        leaving: dict[ServerId, Instant] = {}  # after a resync a source can name one twice
        for uuid, at in gone:
            self._contenders.pop((source, uuid), None)
            server = self._id_of(source, uuid)
            if server is not None and self._listed[server].departed_at is None:
                leaving.setdefault(server, at)
        if len(leaving) >= 2 and 2 * len(leaving) > self._present(source):
            self._startups.setdefault(source, now)
        for server, at in leaving.items():
            listed = self._listed[server]
            listed.departed_at, listed.departed_from = at, source
            listed.starting_up = source in self._startups
            listed.views.clear()
            self._departed[server] = listed
            self._changed.add(server)
            reason = STARTING_UP if listed.starting_up else NOT_LISTED
            yield from self._now_unknown(server, listed, at, now, reason)
            other = next((other for other, uuid in self._contenders if uuid == server), None)
            if other is not None:
                yield from self._promote(server, other, now)

    def _now_unknown(
        self, server: ServerId, listed: Listed, at: Instant, now: Instant, reason: str
    ) -> Iterator[Record]:
        """Whatever its source said of a server holds no longer."""
        if server not in self._records:
            return
        watched = self._policy.legs.get(listed.source, ALL_LEGS)
        for leg in (leg for leg in ALL_LEGS if leg in watched):
            yield self._said(server, listed, leg, State.UNKNOWN, at, now, reason)

    def _promote(self, server: ServerId, source: str, now: Instant) -> Iterator[Record]:
        """Another source lists a server that its source does not: it has moved there."""
        contender = self._contenders.pop((source, server))
        listed = self._listed[server]
        listed.source, listed.sighted = source, contender.sighted
        listed.departed_at, listed.starting_up = None, False
        self._departed.pop(server, None)
        self._changed.add(server)
        if self.is_in_service(server):
            yield from self._settle_owner(server, listed, now, now)
        yield from self._take_views(source, server, contender, now)

    def _take_views(self, source: str, server: ServerId, contender: Listed, now: Instant) -> Iterator[Record]:
        """What was said of a server while it contended is said of `server`."""
        views, contender.views = contender.views, {}
        for view in views.values():
            yield from self.observed(source, replace(view, server=server), now)

    def _return(self, server: ServerId, listed: Listed, at: Instant, now: Instant) -> Iterator[Record]:
        """A server is listed again: the gap was down, but for these.

        The month is over and its service had ended; its source was starting up; it moved here from another source,
        within `grace` or before this one was heard.
        """
        departed_at, listed.departed_at = listed.departed_at, None
        assert departed_at is not None
        was_starting_up, listed.starting_up = listed.starting_up, False
        self._departed.pop(server, None)
        record = self._records.get(server)
        if record is None:
            return
        if record.extra == PROVISIONAL:
            departed_at = record.in_service_until or departed_at
            calendar = calendar_of(self._policy.zone_of(record.client))
            if calendar.month_of(at) != calendar.month_of(departed_at):
                return  # another period of service begins when it runs
            yield self._write(replace(record, in_service_until=None), now)
        elif record.in_service_until is not None:
            return
        may_have_run = listed.source != listed.departed_from and (
            at - departed_at < self._policy.grace_us or departed_at < self._heard_since.get(listed.source, at)
        )
        if not (was_starting_up or may_have_run):
            yield self._said(server, listed, Leg.RUNNING, State.DOWN, departed_at, now, NOT_LISTED)

    def _look_for_startup_end(self, source: str, now: Instant) -> None:
        if source not in self._startups:
            return
        missing = [listed for listed in self._departed.values() if listed.departed_from == source]
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
        legs = judged or watched
        if listed.sighted is not None and self._policy.watches_internet(listed.source, listed.sighted):
            legs |= {Leg.INTERNET}
        return tuple(leg for leg in ALL_LEGS if leg in legs)

    def _write(self, record: Server, now: Instant) -> Server:
        extra = record.extra if record.in_service_until is not None else ()
        record = replace(record, recorded_at=now, recorded_by=RECORDED_BY, extra=extra)
        self._records[record.id] = record
        self._changed.add(record.id)
        return record
