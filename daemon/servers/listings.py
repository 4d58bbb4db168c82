"""Who lists which virtual server: by which id it is known here, since when it is not listed, who contends for its UUID.

Bookkeeping alone: nothing here knows a record, an owner or a rule.

Servers are known by their instance UUID. Where two sources list the same one at a time, the first keeps it; the other's
listing contends for it, and becomes a server of its own, `UUID@SOURCE`, once both said so for `grace` and it runs:
a move from one vCenter to another shows both for hours. What is ignored, such as a recovery product's placeholder, contends
for as long as it is, and gives way to what is not.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from probes.report import ListedServer, Report
from sla.instants import DAY, Instant
from sla.records import Leg, Observation, ServerId, State

STARTUP_LIMIT_US: Final = DAY
"""How long a source that lost most of its inventory at once is taken for one that is starting up."""
NO_VIEWS: Final[Mapping[Leg, Observation]] = MappingProxyType({})
"""What is kept of nearly all servers: one object for all of them."""


@dataclass(slots=True)
class Listing:
    """A virtual server in the list of a source, or as it was there last."""

    source: str
    listed: ListedServer | None
    """None after a restart until the source lists it again."""
    waits_since: Instant
    """Since when it contends for another's UUID, or, once departed, for its service to end."""
    views: Mapping[Leg, Observation] = field(default_factory=lambda: NO_VIEWS)
    """The newest observations by its source's main witness while no record lets the book keep them."""
    departed_at: Instant | None = None
    """Since when it is not listed; None while it is."""
    departed_from: str = ""
    """The source that listed it last before it departed."""
    is_ignored: bool = False
    """The rules say that it is no server; kept up for those alone that show another's UUID."""
    starting_up: bool = False
    """It departed together with most of the inventory, or may be there."""
    may_be_there: bool = False
    """It departed while its source listed something that does not say which server it is."""

    def keep(self, view: Observation) -> None:
        """Keep what is said of a leg now."""
        self.views = {**self.views, view.leg: view}

    @property
    def runs(self) -> bool:
        """Whether its source says so, of one that `views` are kept of."""
        view = self.views.get(Leg.RUNNING)
        return view is not None and view.state is State.UP


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """The time for which a server that is listed again was not."""

    since: Instant
    may_have_run: bool
    """Its source was starting up, or it moved here from another one, within `grace` or before this one was heard."""


class Listings:
    """Every source's list. Ids are those here; a UUID is what a source calls a server."""

    def __init__(self) -> None:
        self.by_id: dict[ServerId, Listing] = {}
        """Every server that was ever listed: by its UUID, or by `UUID@SOURCE` for a second holder."""
        self.contenders: dict[tuple[str, ServerId], Listing] = {}
        """By source and UUID: listings of a UUID that is another source's. None of them stands in `by_id` as an alias."""
        self._contending: dict[str, None] = {}
        """The sources that ever listed another's UUID, in the order in which they began to."""
        self._suffixed: dict[ServerId, Listing] = {}
        """Those of `by_id` that go by an id with `@`, for another had their UUID first."""
        self._departed: dict[ServerId, Listing] = {}
        """Those of `by_id` whose departure waits for its conclusion."""
        self._startups: dict[str, Instant] = {}
        """Since when sources that lost most of their inventory are taken for starting up."""
        self._heard_since: dict[str, Instant] = {}
        """Since when each source has been heard in this process."""
        self._heard_until: dict[str, Instant] = {}
        """And up to when: what it lists stands for no later time."""

    def remember(self, server: ServerId, source: str, waits_since: Instant) -> Listing:
        """A server from the ledger, at start, and the source that spoke for it last."""
        return self._enter(server, Listing(source=source, listed=None, waits_since=waits_since))

    def remember_departure(
        self, server: ServerId, at: Instant, *, starting_up: bool, may_be_there: bool
    ) -> None:
        """What is on record of a server that was not listed when the daemon ended."""
        listing = self.by_id[server]
        listing.departed_at, listing.departed_from = at, listing.source
        listing.starting_up, listing.may_be_there = starting_up or may_be_there, may_be_there
        self._departed[server] = listing
        if starting_up:
            self._startups.setdefault(listing.source, at)

    def hear(self, source: str, at: Instant) -> None:
        """Note that a source was heard."""
        self._heard_since.setdefault(source, at)
        self._heard_until[source] = max(at, self._heard_until.get(source, at))

    # Ids

    def id_of(self, source: str, uuid: ServerId) -> ServerId | None:
        """The id of a server that a source lists, or listed last; None while it contends, or was never listed."""
        listing = self.by_id.get(uuid)
        if listing is not None and listing.source == source:
            return uuid
        alias = _alias(uuid, source)
        return alias if alias in self.by_id else None

    def of_source(self, source: str) -> Iterator[tuple[ServerId, ServerId]]:
        """The servers that a source lists: the id of each, and its UUID."""
        for server, listing in self.by_id.items():
            if listing.source == source and listing.departed_at is None:
                yield server, ServerId(server.removesuffix(f"@{source}"))

    def place(
        self, source: str, listed: ListedServer, at: Instant, *, is_ignored: bool = False
    ) -> ServerId | None:
        """Enter a server that a source lists; its id, None while it contends for another source's."""
        uuid = listed.server
        server = self.id_of(source, uuid)
        if server is not None:
            return server
        holder = self.by_id.get(uuid)
        if holder is None:
            self._enter(uuid, Listing(source=source, listed=listed, waits_since=at))
            return uuid
        if holder.departed_at is not None and not is_ignored:
            holder.source = source
            contender = self.contenders.pop((source, uuid), None)
            if contender is not None:  # it was ignored so far
                holder.views = contender.views
            return uuid
        self._contending[source] = None
        contender = self.contenders.setdefault(
            (source, uuid), Listing(source=source, listed=listed, waits_since=at)
        )
        contender.listed, contender.is_ignored = listed, is_ignored
        return None

    def give_way(self, source: str, uuid: ServerId, at: Instant) -> None:
        """Give a UUID to a source; what held it contends from now on, and is ignored."""
        holder = self.by_id[uuid]
        self._contending[holder.source] = None
        self.contenders[holder.source, uuid] = Listing(
            source=holder.source, listed=holder.listed, waits_since=at, views=holder.views, is_ignored=True
        )
        holder.source, holder.views = source, NO_VIEWS

    def contender_for(self, uuid: ServerId) -> str | None:
        """A source whose listing contends for a UUID, and is not ignored."""
        for source in self._contending:  # few, where there may be thousands of contenders
            contender = self.contenders.get((source, uuid))
            if contender is not None and not contender.is_ignored:
                return source
        return None

    def sharing(self) -> Iterator[tuple[str, ServerId]]:
        """The servers that show the UUID of another one which came first: source, and id here, or as it may come to be."""
        for (source, uuid), contender in self.contenders.items():
            if not contender.is_ignored:
                yield source, _alias(uuid, source)
        for server, listing in self._suffixed.items():
            if listing.departed_at is None and listing.listed is not None and not listing.is_ignored:
                yield listing.source, server

    def ripe_contenders(self, now: Instant, grace_us: int) -> list[tuple[str, ServerId]]:
        """The contenders that have been there, and have run beside what is listed, for `grace`: by source and UUID.

        Beside it was what its source has listed all the while: one that has not answered since may have lost it.
        """
        ripe = []
        for (source, uuid), contender in self.contenders.items():
            holder = self.by_id[uuid]
            is_beside = holder.listed is not None
            if contender.is_ignored or (is_beside and not contender.runs):
                contender.waits_since = now
            until = min(now, self._heard_until.get(holder.source, now)) if is_beside else now
            if until - contender.waits_since >= grace_us:
                ripe.append((source, uuid))
        return ripe

    def promote(self, source: str, uuid: ServerId) -> Listing:
        """Give a UUID to a contender for it: the server has moved there. Gives what the contender was."""
        contender, holder = self.contenders.pop((source, uuid)), self.by_id[uuid]
        holder.source, holder.listed = source, contender.listed
        holder.departed_at, holder.starting_up = None, False
        self._departed.pop(uuid, None)
        return contender

    def separate(self, source: str, uuid: ServerId) -> tuple[ServerId, Listing]:
        """Make a contender a server of its own."""
        alias = _alias(uuid, source)
        return alias, self._enter(alias, self.contenders.pop((source, uuid)))

    def forget_contenders(self, report: Report) -> None:
        """Of a source that lists anew all that there is: those that it lists no longer."""
        here = {listed.server for listed in report.listed}
        for source, uuid in list(self.contenders):
            if source == report.source and uuid not in here:
                del self.contenders[source, uuid]

    # Departures

    def missing(self, source: str, here: set[ServerId | None], at: Instant) -> list[tuple[ServerId, Instant]]:
        """The servers of a source that lists anew all that there is, but for those that are `here`; gone since `at`."""
        return [
            (server, at)
            for server, listing in self.by_id.items()
            if listing.source == source and listing.departed_at is None and server not in here
        ]

    def depart(
        self,
        source: str,
        gone: Iterable[tuple[ServerId, Instant]],
        now: Instant,
        *,
        may_be_there: bool = False,
    ) -> Iterator[tuple[ServerId, Listing]]:
        """Take servers off a source's list, each since an instant; gives those that were on it.

        `gone` may name a server by its UUID or its id, after a resync twice. While most of the inventory vanishes at once,
        the source is taken for starting up. `may_be_there`: it lists something that does not say which server it is.
        """
        leaving: dict[ServerId, Instant] = {}
        for uuid, at in gone:
            self.contenders.pop((source, uuid), None)
            server = self.id_of(source, uuid)
            if server is not None and self.by_id[server].departed_at is None:
                leaving.setdefault(server, at)
        if not may_be_there and len(leaving) >= 2 and 2 * len(leaving) > self._present(source):
            self._startups.setdefault(source, now)
        for server, at in leaving.items():
            listing = self.by_id[server]
            listing.departed_at, listing.departed_from = at, source
            listing.starting_up = may_be_there or source in self._startups
            listing.may_be_there = may_be_there
            listing.views = NO_VIEWS
            self._departed[server] = listing
            yield server, listing

    def come_back(self, server: ServerId, at: Instant, grace_us: int) -> Absence:
        """Have a server that departed listed again, since `at`."""
        listing = self.by_id[server]
        assert listing.departed_at is not None
        since = listing.departed_at
        has_moved = listing.source != listing.departed_from
        heard_since = self._heard_since.get(listing.source, at)
        may_have_run = listing.starting_up or (has_moved and (at - since < grace_us or since < heard_since))
        listing.departed_at, listing.starting_up, listing.may_be_there = None, False, False
        self._departed.pop(server, None)
        return Absence(since=since, may_have_run=may_have_run)

    def overdue(self, now: Instant, grace_us: int) -> Iterator[tuple[ServerId, Instant]]:
        """The servers that have been gone for too long, and since when; each is told once."""
        for server, listing in list(self._departed.items()):
            assert listing.departed_at is not None
            startup_at = self._startups.get(listing.departed_from, listing.departed_at)
            waits_since = max(listing.departed_at, listing.waits_since, startup_at)
            if now - waits_since >= self._patience_us(listing, grace_us):
                del self._departed[server]
                yield server, listing.departed_at

    def look_for_startup_end(self, source: str, now: Instant) -> None:
        """Believe an inventory again once most of it is back: `grace` counts from now for what is still missing."""
        if source not in self._startups:
            return
        missing = [listing for listing in self._departed.values() if listing.departed_from == source]
        if len(missing) < self._present(source):
            del self._startups[source]
            for listing in missing:
                listing.waits_since = now

    def _patience_us(self, listing: Listing, grace_us: int) -> int:
        """How long a server may be gone before its service ends; longer while its source was not heard yet."""
        if (
            listing.may_be_there
            or listing.departed_from in self._startups
            or listing.departed_from not in self._heard_since
        ):
            return STARTUP_LIMIT_US
        return grace_us

    def _enter(self, server: ServerId, listing: Listing) -> Listing:
        self.by_id[server] = listing
        if "@" in server:
            self._suffixed[server] = listing
        return listing

    def _present(self, source: str) -> int:
        return sum(
            listing.source == source and listing.departed_at is None for listing in self.by_id.values()
        )


def _alias(uuid: ServerId, source: str) -> ServerId:
    return ServerId(f"{uuid}@{source}")
