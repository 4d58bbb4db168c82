"""Which virtual servers there are, whose they are, and since when they are in service, as sources tell it.

Sources tell what they list and observe; `listings` know who is meant, `services` what follows for the evidence. When a
source has not listed a server for `grace`, its service ends, provisionally. If it comes back within the month of its
departure (the client's zone), it had been in service all along, and the gap was down; later, a new period of service
begins. A server that one source no longer lists and another does has moved: what it was in between, up to `grace`,
nobody saw.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from daemon.servers.listings import NO_VIEWS, Listing, Listings
from daemon.servers.policy import Policy
from daemon.servers.rules import Undecided
from daemon.servers.services import PROVISIONAL, LastSaid, Services
from probes.report import INTERNET, RECOVERED, ListedServer, Report
from sla.instants import BEGINNING, Instant
from sla.pages import ServerPages
from sla.reasons import PlainReason
from sla.records import Leg, Observation, Record, Server, ServerId, State


def source_in(pages: ServerPages, observer: str | None = None) -> str:
    """The vCenter that knew of a server last, by the evidence of one monitor or of all: what it left says unknown of it.

    "" where none has spoken of it.
    """
    said = [
        (last[1] is not State.UNKNOWN, last[0], witness.source)
        for (_, witness), track in pages.tracks.items()
        if observer in (None, witness.observer)
        if witness.source != INTERNET and not witness.source.endswith(RECOVERED)
        for last in [track.last()]
        if last is not None
    ]
    return max(said, default=(False, BEGINNING, ""))[2]


class ServerRegistry:
    """The servers of all sources. What its methods give are records for the ledger, in order."""

    def __init__(
        self,
        observer: str,
        policy: Policy,
        last_said: LastSaid,
        spoken_for: Callable[[ServerId], str] = lambda _: "",
    ) -> None:
        """`spoken_for`: which source spoke of a server, for one that none lists here, as at a hub."""
        self._spoken_for = spoken_for
        self._listings = Listings()
        self._services = Services(observer, policy, last_said)
        self._changed: set[ServerId] = set()
        """The servers of which listing or running changed since somebody asked; records are `Services.changed`."""

    def remember(self, record: Server, source: str, not_listed: tuple[Instant, str] | None = None) -> None:
        """Take a server from the ledger, at start: its newest record, and the source that spoke for it last.

        `not_listed`: since when that source had not listed it when the daemon ended, and the reason that is on record.
        """
        self._services.remember(record)
        listing = self._listings.remember(record.id, source, record.in_service_from)
        if PROVISIONAL in record.extra:
            listing.departed_at, listing.departed_from = record.in_service_until, source
        elif not_listed is not None:
            at, reason = not_listed
            self._listings.remember_departure(
                record.id,
                at,
                starting_up=reason == PlainReason.STARTING_UP,
                may_be_there=reason == PlainReason.MAY_BE_LISTED,
            )

    # What is asked of it

    def record_of(self, server: ServerId) -> Server | None:
        """The newest record of a server."""
        return self._services.record_of(server)

    def is_in_service(self, server: ServerId) -> bool:
        """Whether a server's service goes on, by its newest record."""
        return self._services.is_in_service(server)

    def source_of(self, server: ServerId) -> str:
        """The source that lists a server, or listed it last; "" for one that none ever did."""
        listing = self._listings.by_id.get(server)
        return listing.source if listing is not None else self._spoken_for(server)

    def listed(self, server: ServerId) -> ListedServer | None:
        """A server as its source lists it; None while it does not, or has not yet."""
        listing = self._listings.by_id.get(server)
        return listing.listed if listing is not None and listing.departed_at is None else None

    def id_of(self, source: str, uuid: ServerId) -> ServerId | None:
        """The id here of a server that a source knows by its UUID; None while no record is about it."""
        known = self._listings.id_of(source, uuid)
        return known if known is not None and known in self._services else None

    def in_service(self, source: str) -> Iterator[tuple[ServerId, ServerId]]:
        """The servers in service that a source lists: the id of each here, and its UUID."""
        for server, uuid in self._listings.of_source(source):
            if self._services.is_in_service(server):
                yield server, uuid

    def twins(self, source: str) -> Iterator[ServerId]:
        """The servers that go by `UUID@MOID` at a source, as it calls them."""
        for _, uuid in self._listings.of_source(source):
            if "@" in uuid:
                yield uuid

    def sharing(self) -> Iterator[tuple[str, ServerId]]:
        """The servers that show another's instance UUID, and are accounted for: source, and id here (or what may become it)."""
        yield from self._listings.sharing()

    def same_uuid(self, server: ServerId) -> list[ServerId]:
        """The other servers that show a server's instance UUID: the first of all without `@` in its id."""
        uuid = server.partition("@")[0]
        found = {other for _, other in self._listings.sharing() if other.partition("@")[0] == uuid}
        if found and self.listed(ServerId(uuid)) is not None:
            found.add(ServerId(uuid))
        return sorted(found - {server})

    def take_changed(self) -> set[ServerId]:
        """The servers of which record, listing or running changed since this was asked last."""
        changed = self._changed | self._services.changed
        self._changed, self._services.changed = set(), set()
        return changed

    def undecided(self) -> Iterator[tuple[str, ServerId, Undecided]]:
        """The servers of which the rules cannot tell whose they are: their sources, their ids here, and why."""
        for server, undecided in self._services.decisions.undecided.items():
            yield self.source_of(server), server, undecided

    def undecided_of(self, server: ServerId) -> Undecided | None:
        """Why the rules cannot tell whose a server is; None where they can, or nobody asked."""
        return self._services.decisions.undecided.get(server)

    # What sources tell

    def follow(self, policy: Policy, now: Instant) -> Iterator[Record]:
        """Have another policy in force."""
        self._services.policy = policy
        for (source, _), contender in self._listings.contenders.items():
            contender.is_ignored = self._services.ignores(
                source, contender.listed, before=contender.is_ignored
            )
        for (source, uuid), contender in list(self._listings.contenders.items()):
            holder = self._listings.by_id[uuid]
            if not (contender.is_ignored or self._is_configured(holder.source)):
                yield from self._services.unknown(uuid, holder, now, now, PlainReason.LISTED_ELSEWHERE)
                yield from self._moved(source, uuid, now)
        for server, listing in self._listings.by_id.items():
            if server in self._services:
                self._changed.add(server)
            if (
                listing.listed is not None
                and listing.departed_at is None
                and self._is_configured(listing.source)
            ):
                yield from self._services.settle(server, listing, now, now)
                yield from self._given_up(server, listing, now)

    def take_list(self, report: Report, now: Instant) -> Iterator[Record | None]:
        """Take what a source lists and no longer lists. None: nothing to record, but some work was done."""
        at = report.observed_until or now
        self._listings.hear(report.source, at)
        here: set[ServerId | None] = set()
        for listed in report.listed:
            yield from self._take_from_the_uncounted(report.source, listed, now)
            here.add(self._place(report.source, listed, at))
            yield None
        gone = [(departed.server, departed.at) for departed in report.departed]
        if report.fresh and not report.partial:
            self._listings.forget_contenders(report)
            gone += self._listings.missing(report.source, here, at)
        for server, listing in self._listings.depart(report.source, gone, now):
            yield from self._departed(server, listing, now)
        if report.fresh and report.partial:
            hidden = self._listings.missing(report.source, here, at)
            for server, listing in self._listings.depart(report.source, hidden, now, may_be_there=True):
                yield from self._departed(server, listing, now)
        for listed in report.listed:
            yield from self._seen(report, listed, at, now)
            yield None
        self._listings.look_for_startup_end(report.source, now)

    def take_observation(self, source: str, observation: Observation, now: Instant) -> Iterator[Record]:
        """Take an observation: under the server's id here, and only once it is in service."""
        if source == INTERNET:  # which knows servers by their id here, and lists none
            if self.is_in_service(observation.server):
                yield observation
            return
        by_main_witness = observation.witness.source == source
        server = self._listings.id_of(source, observation.server)
        if server is None:
            contender = self._listings.contenders.get((source, observation.server))
            if contender is not None and by_main_witness:
                contender.keep(observation)
            return
        if server != observation.server:
            observation = replace(observation, server=server)
        if not self.is_in_service(server):
            if not by_main_witness:
                return
            listing = self._listings.by_id[server]
            before = listing.views.get(observation.leg)
            if (
                before is not None
                and before.state is not observation.state
                and self._services.decisions.waits(server)
            ):
                # What changes has to be on record, whosever it is.
                yield from self._services.begin(server, listing, BEGINNING, now, waits=False)
                yield observation
                return
            listing.keep(observation)
            yield from self._services.begin(server, listing, BEGINNING, now)
            return
        if observation.leg is Leg.RUNNING:
            self._changed.add(server)
        yield observation

    def pass_to(self, now: Instant) -> Iterator[Record]:
        """Draw the conclusions that only time allows: departures after `grace`, second holders of one UUID."""
        grace_us = self._services.policy.grace_us
        for server, departed_at in self._listings.overdue(now, grace_us):
            yield from self._services.end_provisionally(server, departed_at, now)
        for server in self._services.decisions.overdue(now, grace_us):
            yield from self._services.begin(server, self._listings.by_id[server], BEGINNING, now, waits=False)
        for source, uuid in self._listings.ripe_contenders(now, grace_us):
            holder = self._listings.by_id[uuid]
            if holder.listed is None:  # its source has not listed it since the start
                yield from self._services.unknown(uuid, holder, now, now, PlainReason.LISTED_ELSEWHERE)
                yield from self._moved(source, uuid, now)
            else:
                yield from self._heard_as(source, *self._listings.separate(source, uuid), now)

    # What follows

    def _is_configured(self, source: str) -> bool:
        return source in self._services.policy.legs

    def _place(self, source: str, listed: ListedServer, at: Instant) -> ServerId | None:
        uuid = listed.server
        contends = uuid in self._listings.by_id and self._listings.id_of(source, uuid) is None
        is_ignored = contends and self._services.ignores(
            source, listed, before=self._was_ignored(source, uuid)
        )
        return self._listings.place(source, listed, at, is_ignored=is_ignored)

    def _was_ignored(self, source: str, uuid: ServerId) -> bool:
        """Whether the rules said last of what contends for a UUID that it is no server."""
        contender = self._listings.contenders.get((source, uuid))
        return contender is not None and contender.is_ignored

    def _take_from_the_uncounted(self, source: str, listed: ListedServer, now: Instant) -> Iterator[Record]:
        """What a source lists that was held by one that the configuration no longer names, or ignores, goes on there."""
        uuid = listed.server
        holder = self._listings.by_id.get(uuid)
        if (
            holder is None
            or holder.departed_at is not None
            or self._listings.id_of(source, uuid) is not None
            or self._services.ignores(source, listed, before=self._was_ignored(source, uuid))
        ):
            return
        if not self._is_configured(holder.source):
            yield from self._services.unknown(uuid, holder, now, now, PlainReason.LISTED_ELSEWHERE)
            holder.source = source
        elif self._services.gives_up(uuid, holder):
            yield from self._services.unknown(uuid, holder, now, now, PlainReason.LISTED_ELSEWHERE)
            self._listings.give_way(source, uuid, now)

    def _given_up(self, server: ServerId, listing: Listing, now: Instant) -> Iterator[Record]:
        """What the rules ignore from now on gives way to another source's that contends for its UUID."""
        listing.is_ignored = "@" in server and self._services.ignores(
            listing.source, listing.listed, before=listing.is_ignored
        )
        other = self._listings.contender_for(server)
        if other is None or not self._services.gives_up(server, listing):
            return
        yield from self._services.unknown(server, listing, now, now, PlainReason.LISTED_ELSEWHERE)
        source, given_up = listing.source, listing.listed
        listing.views = NO_VIEWS
        yield from self._moved(other, server, now)
        assert given_up is not None
        self._listings.place(source, given_up, now, is_ignored=True)

    def _seen(self, report: Report, listed: ListedServer, at: Instant, now: Instant) -> Iterator[Record]:
        source = report.source
        server = self._listings.id_of(source, listed.server)
        if server is None:
            return
        listing = self._listings.by_id[server]
        is_first_sight, listing.listed = listing.listed is None, listed
        self._changed.add(server)
        if listing.departed_at is not None:
            yield from self._returned(server, listing, at, now)
        if not is_first_sight or self.is_in_service(server):
            yield from self._services.settle(server, listing, at, now)
        if listing.views and self.is_in_service(server):
            # Seen while it was ignored; what it was before it was back is said already, and what it is now the report says.
            told = {each.leg for each in report.observations if each.server == listed.server}
            listing.views = {
                leg: replace(view, at=max(view.at, at))
                for leg, view in listing.views.items()
                if leg not in told
            }
            yield from self._heard_as(source, server, listing, now)
        yield from self._given_up(server, listing, now)

    def _departed(self, server: ServerId, listing: Listing, now: Instant) -> Iterator[Record]:
        """Nothing is known of a server that its source lists no longer; where another one lists it, it has moved there."""
        assert listing.departed_at is not None
        self._changed.add(server)
        self._services.decisions.forget(server)
        reason = PlainReason.NOT_LISTED
        if listing.starting_up:
            reason = PlainReason.MAY_BE_LISTED if listing.may_be_there else PlainReason.STARTING_UP
        yield from self._services.unknown(server, listing, listing.departed_at, now, reason)
        other = self._listings.contender_for(server)
        if other is not None:
            yield from self._moved(other, server, now)

    def _returned(self, server: ServerId, listing: Listing, at: Instant, now: Instant) -> Iterator[Record]:
        """A server is listed again: the gap was down, unless it may have run; of another month, it was no service.

        Of an object that was only hidden, as rights come and go, nothing is known of the time.
        """
        absence = self._listings.come_back(server, at, self._services.policy.grace_us)
        record, since = self._services.record_of(server), absence.since
        if record is not None and PROVISIONAL in record.extra:
            since = record.in_service_until or since
            yield from self._services.resume(server, at, now)
        was_hidden = listing.listed is not None and listing.listed.returned
        if self.is_in_service(server) and not (absence.may_have_run or was_hidden):
            yield self._services.said(
                server, listing, Leg.RUNNING, State.DOWN, since, now, PlainReason.NOT_LISTED
            )

    def _moved(self, source: str, uuid: ServerId, now: Instant) -> Iterator[Record]:
        """Another source lists a server that its source does not: it goes on there."""
        contender = self._listings.promote(source, uuid)
        self._changed.add(uuid)
        if self.is_in_service(uuid):
            yield from self._services.settle(uuid, self._listings.by_id[uuid], now, now)
        yield from self._heard_as(source, uuid, contender, now)

    def _heard_as(self, source: str, server: ServerId, contender: Listing, now: Instant) -> Iterator[Record]:
        """What was said of a server while it contended is said of `server`."""
        views, contender.views = contender.views, NO_VIEWS
        for view in views.values():
            yield from self.take_observation(source, replace(view, server=server), now)
