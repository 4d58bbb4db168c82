"""The service of every virtual server: whose it is, since when, and which legs are watched; as records for the ledger.

A server's service begins when it is first seen running, and has an owner. An end that rests on a departure alone is
provisional, and says so: its return within the month (the client's zone) cancels it.

Invariant: every record that comes out is recorded at the `now` that came in, so that records stand in order.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from daemon.servers.listings import Listing
from daemon.servers.policy import RECORDED_BY, Policy
from sla.calendars import calendar_of
from sla.instants import BEGINNING, Instant
from sla.records import ALL_LEGS, Extra, Leg, Observation, Record, Server, ServerId, State, Witness

PROVISIONAL: Final[Extra] = (("provisional", "true"),)
"""The extra key of a record that ends a server's service because it left the inventory."""

LastSaid = Callable[[Witness, ServerId, Leg], tuple[Instant, State] | None]
"""The newest observation on record of a leg by a witness."""


class Services:
    """The newest record of each server, and what follows when its listing, its owner or its policy changes."""

    def __init__(self, observer: str, policy: Policy, last_said: LastSaid) -> None:
        self.policy = policy
        self.changed: set[ServerId] = set()
        """The servers of which a record was written since somebody cleared this."""
        self._observer = observer
        self._last_said = last_said
        self._records: dict[ServerId, Server] = {}
        """The newest record of each server that was ever in service."""

    def remember(self, record: Server) -> None:
        """Take a server's newest record from the ledger, at start."""
        self._records[record.id] = record

    def __contains__(self, server: ServerId) -> bool:
        """Whether a record is about a server."""
        return server in self._records

    def record_of(self, server: ServerId) -> Server | None:
        """The newest record of a server."""
        return self._records.get(server)

    def is_in_service(self, server: ServerId) -> bool:
        """Whether a server's service goes on, by its newest record."""
        record = self._records.get(server)
        return record is not None and record.in_service_until is None

    def settle(self, server: ServerId, listing: Listing, at: Instant, now: Instant) -> Iterator[Record]:
        """Write a record where name, owner or watched legs are since `at` no longer what the newest one says."""
        record = self._records.get(server)
        if record is None or record.in_service_until is not None:
            yield from self.begin(server, listing, at, now)
            return
        assert listing.listed is not None
        since = max(at, record.in_service_from)
        owner = self.policy.assign(listing.source, listing.listed)
        if owner is None:
            yield self._written(replace(record, in_service_until=since), now)
            return
        changed = replace(
            record,
            name=listing.listed.name,
            client=owner.client,
            solution=owner.solution,
            legs=self._legs_of(listing),
        )
        if (changed.client, changed.solution) != (record.client, record.solution):
            yield self._written(replace(changed, in_service_from=since), now)
        elif changed != record:
            yield self._written(changed, now)

    def begin(self, server: ServerId, listing: Listing, since: Instant, now: Instant) -> Iterator[Record]:
        """Begin the service of a server that has an owner, since `since`, if it is seen running; then what was said of it."""
        running = self._running(server, listing)
        if running is None or running[1] is not State.UP or listing.listed is None:
            return
        owner = self.policy.assign(listing.source, listing.listed)
        if owner is None:
            return
        before = self._records.get(server)
        ended_at = BEGINNING if before is None else before.in_service_until or BEGINNING
        yield self._written(
            Server(
                id=server,
                name=listing.listed.name,
                client=owner.client,
                solution=owner.solution,
                in_service_from=max(running[0], since, ended_at),
                in_service_until=None,
                legs=self._legs_of(listing),
                recorded_at=now,
            ),
            now,
        )
        yield from listing.views.values()
        listing.views.clear()

    def end_provisionally(self, server: ServerId, at: Instant, now: Instant) -> Iterator[Record]:
        """End the service of a server that left the inventory at `at`, if it goes on."""
        record = self._records.get(server)
        if record is not None and record.in_service_until is None:
            yield self._written(replace(record, in_service_until=at, extra=PROVISIONAL), now)

    def resume(self, server: ServerId, at: Instant, now: Instant) -> Iterator[Record]:
        """Cancel a provisional end where a server is back within the month in which it ended."""
        record = self._records.get(server)
        if record is None or record.extra != PROVISIONAL or record.in_service_until is None:
            return
        calendar = calendar_of(self.policy.zone_of(record.client))
        if calendar.month_of(at) == calendar.month_of(record.in_service_until):
            yield self._written(replace(record, in_service_until=None), now)

    def unknown(
        self, server: ServerId, listing: Listing, at: Instant, now: Instant, reason: str
    ) -> Iterator[Record]:
        """Whatever its source said of a server that is on record holds no longer."""
        if server not in self._records:
            return
        watched = self.policy.legs.get(listing.source, ALL_LEGS)
        for leg in (leg for leg in ALL_LEGS if leg in watched):
            yield self.said(server, listing, leg, State.UNKNOWN, at, now, reason)

    def said(
        self,
        server: ServerId,
        listing: Listing,
        leg: Leg,
        state: State,
        at: Instant,
        now: Instant,
        reason: str,
    ) -> Observation:
        """An observation by the witness of the source that lists a server."""
        return Observation(
            witness=Witness(self._observer, listing.source),
            server=server,
            leg=leg,
            state=state,
            at=at,
            reason=reason,
            noticed_at=now,
        )

    def _running(self, server: ServerId, listing: Listing) -> tuple[Instant, State] | None:
        """What its source says of whether it runs: kept here, or on record from before its service ended."""
        view = listing.views.get(Leg.RUNNING)
        if view is not None:
            return view.at, view.state
        return self._last_said(Witness(self._observer, listing.source), server, Leg.RUNNING)

    def _legs_of(self, listing: Listing) -> tuple[Leg, ...]:
        watched = self.policy.legs.get(listing.source, frozenset())
        judged = watched if listing.listed is None or listing.listed.san else watched - {Leg.SAN}
        legs = judged or watched
        if listing.listed is not None and self.policy.watches_internet(listing.source, listing.listed):
            legs |= {Leg.INTERNET}
        return tuple(leg for leg in ALL_LEGS if leg in legs)

    def _written(self, record: Server, now: Instant) -> Server:
        extra = record.extra if record.in_service_until is not None else ()
        record = replace(record, recorded_at=now, recorded_by=RECORDED_BY, extra=extra)
        self._records[record.id] = record
        self.changed.add(record.id)
        return record
