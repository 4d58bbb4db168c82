"""The service of every virtual server: whose it is, since when, and which legs are watched; as records for the ledger.

A server's service begins when it is first seen running, and has an owner. An end that rests on a departure alone is
provisional, and says so: its return within the month (the client's zone) cancels it. An owner that the rules could not
decide on in time is provisional too: once they can, the record is corrected from its beginning, or that of the month.

Invariant: every record that comes out is recorded at the `now` that came in, so that records stand in order.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from daemon.servers.decisions import Decisions
from daemon.servers.listings import NO_VIEWS, Listing
from daemon.servers.policy import NOBODY, RECORDED_BY, Owner, Policy
from daemon.servers.rules import Undecided
from probes.facts import NOT_KNOWN
from probes.report import ListedServer
from sla.calendars import calendar_of
from sla.instants import BEGINNING, Instant
from sla.reasons import Reason
from sla.records import ALL_LEGS, Leg, Observation, Record, Server, ServerId, State, Witness, in_order

PROVISIONAL: Final = ("provisional", "true")
"""The extra key of a record that ends a server's service because it left the inventory."""
PROVISIONAL_OWNER: Final = ("provisional_owner", "true")
"""The extra key of a record of a server that is nobody's because it could not be told whose it is."""

LastSaid = Callable[[Witness, ServerId, Leg], tuple[Instant, State] | None]
"""The newest observation on record of a leg by a witness."""


class Services:
    """The newest record of each server, and what follows when its listing, its owner or its policy changes."""

    def __init__(self, observer: str, policy: Policy, last_said: LastSaid) -> None:
        self.policy = policy
        self.changed: set[ServerId] = set()
        """The servers of which a record was written since somebody cleared this."""
        self.decisions = Decisions()
        """What the rules say of those that were asked of."""
        self._observer = observer
        self._last_said = last_said
        self._records: dict[ServerId, Server] = {}
        """The newest record of each server that was ever in service."""
        self._ended_before: set[ServerId] = set()
        """The servers of which the ledger said, at start, that their service had ended: what they did since is nowhere."""

    def remember(self, record: Server) -> None:
        """Take a server's newest record from the ledger, at start."""
        self._records[record.id] = record
        if record.in_service_until is not None:
            self._ended_before.add(record.id)

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

    def ignores(self, source: str, listed: ListedServer | None, *, before: bool = False) -> bool:
        """Whether the rules say of what a source lists that it is no server; `before` holds while they cannot tell."""
        if listed is None:
            return False
        owner = self.policy.assign(source, listed)
        return before if isinstance(owner, Undecided) else owner is None

    def gives_up(self, server: ServerId, listing: Listing) -> bool:
        """Whether the rules say of a server that a source holds that it is none."""
        return listing.listed is not None and self.ignores(
            listing.source, self._as_it_is(server, listing.listed)
        )

    def settle(self, server: ServerId, listing: Listing, at: Instant, now: Instant) -> Iterator[Record]:
        """Write a record where name, owner or watched legs are since `at` no longer what the newest one says."""
        record = self._records.get(server)
        if record is None or record.in_service_until is not None:
            yield from self.begin(server, listing, at, now)
            return
        owner = self._decided(server, listing)
        if isinstance(owner, Undecided):
            changed = self._described(record, listing)
            if changed != record:
                yield self._written(changed, now)
            return
        since = self._holds_from(record, owner, at)
        if owner is None:
            yield self._written(replace(record, in_service_until=since, extra=()), now)
            return
        changed = replace(
            self._described(record, listing), client=owner.client, solution=owner.solution, extra=()
        )
        if changed.client != record.client:
            # An end and a beginning: each record is one client's, and tells nothing of the other (spec/evidence.md, Proof).
            yield self._written(replace(record, in_service_until=since, extra=()), now)
            yield self._written(replace(changed, in_service_from=since), now)
        elif changed.solution != record.solution:
            yield self._written(replace(changed, in_service_from=since), now)
        elif changed != record:
            yield self._written(changed, now)

    def begin(
        self, server: ServerId, listing: Listing, since: Instant, now: Instant, *, waits: bool = True
    ) -> Iterator[Record]:
        """Begin the service of a server that has an owner, since `since`, if it is seen running; then what was said of it.

        `waits`: while its owner cannot be told, a new server waits for it; otherwise it is nobody's, provisionally.
        """
        running = self._running(server, listing)
        if running is None or running[1] is not State.UP or listing.listed is None:
            return
        owner = self._decided(server, listing)
        if owner is None:
            return
        before = self._records.get(server)
        ended_at = BEGINNING if before is None else before.in_service_until or BEGINNING
        service_from = max(running[0], since, ended_at)
        is_provisional = False
        if isinstance(owner, Undecided):
            if before is not None and PROVISIONAL not in before.extra:
                return  # it was ignored, and stays so
            if before is None and waits:
                self.decisions.wait(server, service_from, now)
                return
            owner, is_provisional = _owner_of(before), before is None or PROVISIONAL_OWNER in before.extra
        yield self._kept(
            Server(
                id=server,
                name=_name_of(listing.listed, server if before is None else before.name),
                client=owner.client,
                solution=owner.solution,
                in_service_from=self.decisions.waited(server, service_from),
                in_service_until=None,
                legs=self._legs_of(server, ALL_LEGS, listing),
                observer=self._observer,
                recorded_at=now,
                recorded_by=RECORDED_BY,
                extra=(PROVISIONAL_OWNER,) if is_provisional else (),
            )
        )
        yield from listing.views.values()
        listing.views = NO_VIEWS

    def end_provisionally(self, server: ServerId, at: Instant, now: Instant) -> Iterator[Record]:
        """End the service of a server that left the inventory at `at`, if it goes on."""
        record = self._records.get(server)
        if record is not None and record.in_service_until is None:
            yield self._written(replace(record, in_service_until=at, extra=(*record.extra, PROVISIONAL)), now)

    def resume(self, server: ServerId, at: Instant, now: Instant) -> Iterator[Record]:
        """Cancel a provisional end where a server is back within the month in which it ended."""
        record = self._records.get(server)
        if record is None or PROVISIONAL not in record.extra or record.in_service_until is None:
            return
        calendar = calendar_of(self.policy.zone_of(record.client))
        if calendar.month_of(at) == calendar.month_of(record.in_service_until):
            yield self._written(replace(record, in_service_until=None), now)

    def unknown(
        self, server: ServerId, listing: Listing, at: Instant, now: Instant, reason: Reason
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
        reason: Reason,
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
        """What its source says of whether it runs: kept here, or on record from before its service ended here."""
        view = listing.views.get(Leg.RUNNING)
        if view is not None:
            return view.at, view.state
        if server in self._ended_before:
            return None
        return self._last_said(Witness(self._observer, listing.source), server, Leg.RUNNING)

    def _decided(self, server: ServerId, listing: Listing) -> Owner | Undecided | None:
        assert listing.listed is not None
        return self.decisions.take(
            server, self.policy.assign(listing.source, self._as_it_is(server, listing.listed))
        )

    def _as_it_is(self, server: ServerId, listed: ListedServer) -> ListedServer:
        """What is listed, with what is on record: a server that was in service ran, and so is no placeholder.

        A watch knows of that only since its session began.
        """
        return replace(listed, placeholder=None) if server in self._records and listed.placeholder else listed

    def _holds_from(self, record: Server, owner: Owner | None, at: Instant) -> Instant:
        """From when a decision since `at` holds: a provisional owner is corrected as far as the month goes back."""
        if PROVISIONAL_OWNER in record.extra:
            zone = self.policy.zone_of(record.client if owner is None else owner.client)
            calendar = calendar_of(zone)
            at = calendar.month_span(calendar.month_of(at))[0]
        return max(at, record.in_service_from)

    def _described(self, record: Server, listing: Listing) -> Server:
        """A record with the name and the legs that a listing gives, so far as they are known."""
        assert listing.listed is not None
        return replace(
            record,
            name=_name_of(listing.listed, record.name),
            legs=self._legs_of(record.id, record.legs, listing),
        )

    def _legs_of(self, server: ServerId, before: tuple[Leg, ...], listing: Listing) -> tuple[Leg, ...]:
        """The legs that are watched of a server: `before`, as far as that cannot be told."""
        watched = self.policy.legs.get(listing.source, frozenset())
        assert listing.listed is not None
        internet = self.policy.watches_internet(listing.source, listing.listed)
        if isinstance(internet, Undecided):
            internet = server in self._records and Leg.INTERNET in before
        return _legs(watched, san=listing.listed.san, internet=internet)

    def _written(self, record: Server, now: Instant) -> Server:
        extra = tuple(
            each for each in record.extra if each != PROVISIONAL or record.in_service_until is not None
        )
        return self._kept(replace(record, recorded_at=now, recorded_by=RECORDED_BY, extra=extra))

    def _kept(self, record: Server) -> Server:
        """A record that is about to be in the ledger."""
        self._records[record.id] = record
        self._ended_before.discard(record.id)
        self.changed.add(record.id)
        return record


def _name_of(listed: ListedServer, before: str) -> str:
    """What a server is called: `before`, where its source does not say."""
    return before if listed.name is NOT_KNOWN else listed.name


@lru_cache(maxsize=64)
def _legs(watched: frozenset[Leg], *, san: bool, internet: bool) -> tuple[Leg, ...]:
    """The legs of a server of a source that watches some, which may have a SAN, and may be watched from the Internet."""
    legs = (watched if san else watched - {Leg.SAN}) or watched
    return in_order(legs | {Leg.INTERNET} if internet else legs)


def _owner_of(record: Server | None) -> Owner:
    return NOBODY if record is None else Owner(client=record.client, solution=record.solution)
