"""The book: the evidence in memory, by server, client and solution; it grows record by record.

`Book.add` takes valid records in the order of their lines and never judges. What a book knows at an instant of
knowledge is asked with `as_of`: records with a later `recorded_at` do not exist yet (spec §1.4). Every list of records
is in the order of lines: within one ledger that of `recorded_at` too, of several that goes back and forth.
"""

from bisect import bisect_right, insort
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Final, TypeVar

from sla.instants import FOREVER, Instant
from sla.pages import (
    ExclusionPages,
    ProposalPages,
    RequestPages,
    ServerPages,
    Window,
    known,
    newest,
    window_of,
)
from sla.records import (
    Blind,
    CancellationNotice,
    Cause,
    Client,
    ClientId,
    Contract,
    Event,
    Exclusion,
    ExclusionEnded,
    ExclusionId,
    ExclusionWithdrawn,
    Issued,
    Leg,
    Lifecycle,
    Observation,
    ObservedUntil,
    ObserverRetired,
    Proposal,
    ProposalDecided,
    Record,
    RequestId,
    Server,
    ServerId,
    ServiceRequest,
    ServiceRequestClosed,
    ServiceRequestResponded,
    SolutionId,
    State,
    Withdrawable,
    Withdrawn,
    Witness,
    in_order,
)
from sla.sharing import sharing
from sla.spans import Span
from sla.timeline import Sights, Track

Declared = (
    Exclusion
    | ExclusionEnded
    | ExclusionWithdrawn
    | ServiceRequest
    | ServiceRequestResponded
    | ServiceRequestClosed
    | CancellationNotice
    | Lifecycle
    | Withdrawn
    | ProposalDecided
    | Cause
    | Issued
)
"""The records that people make; causes are slad's own, too."""

OfSolution = ServiceRequest | CancellationNotice | Lifecycle
"""What people record of a solution, and may withdraw."""
_O = TypeVar("_O", ServiceRequest, CancellationNotice, Lifecycle)

SolutionKey = tuple[SolutionId, ClientId]
"""A solution of one client (spec §6.1)."""


_same_clients: Final[Callable[[tuple[ClientId, ...]], tuple[ClientId, ...]]] = sharing()


def key_of(record: OfSolution) -> SolutionKey:
    """The solution that a record is of."""
    return record.solution, record.client


class Book:
    """All evidence, by whom it concerns."""

    def __init__(self) -> None:
        self.sights = Sights()
        self.servers: dict[ServerId, ServerPages] = {}
        self.clients: dict[ClientId, list[Client]] = {}
        self._clients_since: dict[ClientId, Instant] = {}
        """The earliest `recorded_at` of each client's records."""
        self._awaited: set[ClientId] = set()
        """Clients that servers named before they had a record: what defines them was left out, or comes later."""
        self.contracts: list[Contract] = []
        self.exclusions: dict[ExclusionId, ExclusionPages] = {}
        self.requests: dict[RequestId, RequestPages] = {}
        self.notices: dict[SolutionKey, list[CancellationNotice]] = {}
        self.lifecycles: dict[SolutionKey, list[Lifecycle]] = {}
        self.requests_of: dict[SolutionKey, list[ServiceRequest]] = {}
        self.withdrawable: dict[tuple[Withdrawable, str], OfSolution] = {}
        """Those of the three above that have an id, withdrawn or not."""
        self.withdrawn: dict[tuple[Withdrawable, str], Withdrawn] = {}
        self.causes: dict[ServerId, dict[Instant, list[Cause]]] = {}
        """By server and by when its outage began; no figure reads them."""
        self.causes_taken = 0
        """How many there are."""
        self.proposals: dict[str, ProposalPages] = {}
        self.pending: dict[str, ProposalPages] = {}
        """Those of the proposals that wait to be decided."""
        self.proposals_of: dict[ServerId, list[ProposalPages]] = {}
        """By server, in the order in which they were first made."""
        self.servers_of: dict[SolutionKey, list[ServerId]] = {}
        """Every server that a record ever gave to a solution of a client; its parts say whether and when it holds.

        Most solutions are a lone server's, so what holds one is small.
        """
        self.clients_of: dict[SolutionId, tuple[ClientId, ...]] = {}
        """The clients of which a server was ever in a solution of that name."""
        self.issued: dict[tuple[ClientId, str], list[Issued]] = {}
        """The versions of each statement that was issued, by client and month (YYYY-MM); no figure reads them."""
        self._newest_at: Instant | None = None
        self._exclusions_changed_at: list[Instant] = []
        """In order of time, whatever the order of lines."""
        self._windows: tuple[int, tuple[Window, ...]] | None = None
        """How many of those instants they were worked out for, since the last was added, and what stands then."""

    def add(self, record: Record) -> None:
        """Take the next record."""
        match record:
            case Observation():
                self.track(record.server, record.leg, record.witness).add(
                    record.at, record.state, record.reason
                )
                return
            case Blind():
                self.sights.of(record.witness).blind(record)
                self._see(record.end)
                return
            case ObservedUntil():
                self.sights.of(record.witness).observed_until(record.at)
                self._see(record.at)
                return
            case Contract():
                self.contracts.append(record)
            case Client():
                self._meet(record)
            case Server():
                self._enter(record)
            case ObserverRetired():
                self._retire(record)
            case Exclusion() | ExclusionEnded() | ExclusionWithdrawn():
                self._exclude(record)
            case ServiceRequest():
                self.requests[record.id] = RequestPages(record)
                self._note(self.requests_of, record)
            case ServiceRequestResponded():
                self.requests[record.id].responses.append(record)
            case ServiceRequestClosed():
                self.requests[record.id].closed.append(record)
            case CancellationNotice():
                self._note(self.notices, record)
            case Lifecycle():
                self._note(self.lifecycles, record)
            case Withdrawn():
                self.withdrawn[record.what, record.id] = record
            case Cause():
                self.causes.setdefault(record.server, {}).setdefault(record.start, []).append(record)
                self.causes_taken += 1
            case Issued():
                self.issued.setdefault((record.client, record.month), []).append(record)
            case Proposal():
                self._propose(record)
            case ProposalDecided():
                self.proposals[record.id].decided = record
                self.pending.pop(record.id, None)
            case Event():
                pass  # no figure reads them
        self._see(record.recorded_at)

    def supposing(self, *records: Declared) -> "Book":
        """The book as it would be with more records, to ask questions of: it shares all else with this one."""
        supposed = copy(self)
        for one_of_its_kind in {type(record): record for record in records}.values():
            supposed._part_from(one_of_its_kind)  # noqa: SLF001  a book's own
        supposed.withdrawable = dict(self.withdrawable)
        for record in records:
            supposed.add(record)
        return supposed

    def _part_from(self, record: Declared) -> None:
        """Share no more with the book that this one is a copy of what records of such a kind change."""
        match record:
            case Exclusion() | ExclusionEnded() | ExclusionWithdrawn():
                self.exclusions = {key: replace(pages) for key, pages in self.exclusions.items()}
                self._exclusions_changed_at = list(self._exclusions_changed_at)
            case ServiceRequest() | ServiceRequestResponded() | ServiceRequestClosed():
                self.requests = {
                    key: replace(pages, responses=list(pages.responses), closed=list(pages.closed))
                    for key, pages in self.requests.items()
                }
                self.requests_of = {key: list(those) for key, those in self.requests_of.items()}
            case CancellationNotice():
                self.notices = {key: list(those) for key, those in self.notices.items()}
            case Lifecycle():
                self.lifecycles = {key: list(those) for key, those in self.lifecycles.items()}
            case Withdrawn():
                self.withdrawn = dict(self.withdrawn)
            case ProposalDecided():
                self.proposals = {key: replace(pages) for key, pages in self.proposals.items()}
                self.pending = dict(self.pending)
            case Cause():
                of_server = self.causes.get(record.server, {})
                copied = {start: list(those) for start, those in of_server.items()}
                self.causes = {**self.causes, record.server: copied}
            case Issued():
                self.issued = {key: list(those) for key, those in self.issued.items()}

    def excerpt(self, client: ClientId) -> "Book":
        """What a client's figures rest on, its servers aside, in a book of its own; `take_over` adds those one by one."""
        other = Book()
        other.sights = self.sights.copy()
        other.clients = {client: list(self.clients.get(client, ()))}
        other._clients_since |= self._clients_since
        other.contracts = list(self.contracts)
        other.exclusions = {key: replace(pages) for key, pages in self.exclusions.items()}
        other._exclusions_changed_at += self._exclusions_changed_at
        for key, pages in self.requests.items():
            if pages.record.client == client:
                other.requests[key] = replace(
                    pages, responses=list(pages.responses), closed=list(pages.closed)
                )
        other.requests_of = _of_client(self.requests_of, client)
        other.notices = _of_client(self.notices, client)
        other.lifecycles = _of_client(self.lifecycles, client)
        other.withdrawable, other.withdrawn = dict(self.withdrawable), dict(self.withdrawn)
        return other

    def take_over(self, server: ServerId, other: "Book") -> None:
        """Take all that another book says of a server which this one does not know."""
        pages = other.servers[server]
        for record in pages.told:
            if isinstance(record, Server):
                self._enter(record)
            else:
                self.server(server).tell(record)
        for (leg, witness), track in pages.tracks.items():
            self.track(server, leg, witness).extend(*track.stored())
        if server in other.causes:
            self.causes[server] = {start: list(those) for start, those in other.causes[server].items()}

    def server(self, server: ServerId) -> ServerPages:
        """What the book says of a server, from its first mention on."""
        pages = self.servers.get(server)
        if pages is None:
            pages = self.servers[server] = ServerPages(self._clients_since)
        return pages

    def servers_of_clients(self, clients: Collection[ClientId]) -> set[ServerId]:
        """The servers that a record ever gave to some clients."""
        return {server for key, those in self.servers_of.items() if key[1] in clients for server in those}

    def owners(self) -> list[ClientId]:
        """The clients of whom a statement has rows, in order: those of servers, of service requests and of steps."""
        of_solutions = {client for _, client in (*self.servers_of, *self.lifecycles)}
        return sorted(of_solutions | {pages.record.client for pages in self.requests.values()})

    def track(self, server: ServerId, leg: Leg, witness: Witness) -> Track:
        """Where observations go: what they say needs no record."""
        return self.server(server).timeline.track(leg, witness, self.sights)

    @property
    def newest_at(self) -> Instant | None:
        """The newest instant of knowledge in the evidence: what `as_of` is by default. Looks at every track."""
        ends = [track.last() for pages in self.servers.values() for track in pages.tracks.values()]
        observed = [end[0] for end in ends if end is not None]
        return max(observed if self._newest_at is None else [*observed, self._newest_at], default=None)

    def client(self, client: ClientId, as_of: Instant) -> Client | None:
        """A client's newest record (spec §3.3)."""
        return newest(self.clients.get(client, ()), as_of)

    def zone_of(self, client: ClientId, as_of: Instant = FOREVER) -> str:
        """A client's time zone; UTC for one that is not on record."""
        record = self.client(client, as_of)
        return "UTC" if record is None else record.timezone

    def contract(self, client: ClientId, month: str, as_of: Instant) -> Contract | None:
        """The record whose terms a client's statement of `month` (YYYY-MM) is judged by; None: the defaults (spec §10)."""
        return contract_of(self.contracts, client, month, as_of)

    def standing(self, records: Sequence[_O], as_of: Instant) -> Sequence[_O]:
        """Those of the records that exist at `as_of` and are not withdrawn by then (spec §9.7)."""
        those = known(records, as_of)
        if not self.withdrawn:
            return those
        return [record for record in those if self.withdrawal(record, as_of) is None]

    def withdrawal(self, record: OfSolution, as_of: Instant) -> Withdrawn | None:
        """The withdrawal of a record, where it exists at `as_of`."""
        withdrawn = None if record.id is None else self.withdrawn.get((Withdrawable(record.kind), record.id))
        return None if withdrawn is None or withdrawn.recorded_at > as_of else withdrawn

    def cause(self, server: ServerId, start: Instant, as_of: Instant = FOREVER) -> Cause | None:
        """The cause of the outage of a server that began at `start`."""
        return newest(self.causes.get(server, {}).get(start, ()), as_of)

    def cause_at(self, server: ServerId, span: Span, as_of: Instant) -> Cause | None:
        """The cause of the outage in which a server is at the end of a span, and that began in it; None where none is known."""
        since, at = span
        start = max((start for start in self.causes.get(server, ()) if since <= start <= at), default=at)
        pages = self.servers[server]
        newest_of = {record.observer: record for record in pages.records}
        legs = in_order(leg for record in newest_of.values() for leg in record.legs)
        between = pages.timeline.segments(legs, start, at)
        was_up = any(segment.state is State.UP for segment in between)
        return None if was_up else self.cause(server, start, as_of)

    def outage_of(self, proposal: Proposal) -> Instant | None:
        """When the outage began that a proposal is for: the last with a cause that began by then; None where none did."""
        began = (start for server in proposal.servers for start in self.causes.get(server, ()))
        return max((start for start in began if start <= proposal.start), default=None)

    @property
    def exclusion_changes(self) -> int:
        """How many records there are of exclusions, their ends and their withdrawals."""
        return len(self._exclusions_changed_at)

    def windows(self, as_of: Instant) -> tuple[Window, ...]:
        """The exclusions as they stand at `as_of`, without those that were withdrawn (spec §4.2)."""
        changes = bisect_right(self._exclusions_changed_at, as_of)
        if self._windows is None or self._windows[0] != changes:
            self._windows = changes, tuple(self._standing(as_of))
        return self._windows[1]

    def _standing(self, as_of: Instant) -> list[Window]:
        return [
            window_of(pages, as_of)
            for pages in self.exclusions.values()
            if pages.record.recorded_at <= as_of
            and not (pages.withdrawn is not None and pages.withdrawn.recorded_at <= as_of)
        ]

    def _see(self, at: Instant) -> None:
        if self._newest_at is None or at > self._newest_at:
            self._newest_at = at

    def _meet(self, record: Client) -> None:
        self.clients.setdefault(record.id, []).append(record)
        since = self._clients_since.get(record.id)
        if since is not None and since <= record.recorded_at:
            return
        self._clients_since[record.id] = record.recorded_at
        if since is not None or record.id in self._awaited:
            for (_, client), servers in self.servers_of.items():
                if client == record.id:
                    for server in servers:
                        self.servers[server].forget_parts()

    def _enter(self, record: Server) -> None:
        pages = self.server(record.id)
        if record.client not in self._clients_since:
            self._awaited.add(record.client)
        if not any((told.key, told.client) == (record.key, record.client) for told in pages.records):
            self._assign(record)
        pages.tell(record)

    def _assign(self, record: Server) -> None:
        """Take that a server is in a solution of a client for the first time."""
        servers = self.servers_of.get((record.key, record.client))
        if servers is not None:
            servers.append(record.id)
            return
        self.servers_of[record.key, record.client] = [record.id]
        self.clients_of[record.key] = _same_clients((*self.clients_of.get(record.key, ()), record.client))

    def _retire(self, record: ObserverRetired) -> None:
        for pages in self.servers.values():
            if any(each.observer == record.observer for each in pages.records):
                pages.tell(record)

    def _note(self, of: dict[SolutionKey, list[_O]], record: _O) -> None:
        of.setdefault(key_of(record), []).append(record)
        if record.id is not None:
            self.withdrawable[Withdrawable(record.kind), record.id] = record

    def _propose(self, record: Proposal) -> None:
        pages = self.proposals.get(record.id)
        if pages is not None:
            pages.record = record
            return
        pages = self.proposals[record.id] = self.pending[record.id] = ProposalPages(record)
        for server in record.servers:
            self.proposals_of.setdefault(server, []).append(pages)

    def _exclude(self, record: Exclusion | ExclusionEnded | ExclusionWithdrawn) -> None:
        match record:
            case Exclusion():
                self.exclusions[record.id] = ExclusionPages(record)
            case ExclusionEnded():
                self.exclusions[record.id].ended = record
            case ExclusionWithdrawn():
                self.exclusions[record.id].withdrawn = record
        insort(self._exclusions_changed_at, record.recorded_at)
        self._windows = None


def contract_of(
    contracts: Sequence[Contract], client: ClientId, month: str, as_of: Instant
) -> Contract | None:
    """Which of `contracts`, in the order of their lines, a client's statement of `month` (YYYY-MM) is judged by (spec §10)."""
    of_all = None
    for record in reversed(contracts):
        if record.recorded_at > as_of or record.effective_from > month:
            continue
        if record.client == client:
            return record
        if record.client is None and of_all is None:
            of_all = record
    return of_all


def _of_client(records: Mapping[SolutionKey, Sequence[_O]], client: ClientId) -> dict[SolutionKey, list[_O]]:
    return {key: list(those) for key, those in records.items() if key[1] == client}
