"""The book: the evidence in memory, by server, client and solution; it grows record by record.

`Book.add` takes valid records in the order of their lines and never judges. What a book knows at an instant of
knowledge is asked with `as_of`: records with a later `recorded_at` do not exist yet (spec §1.4). Every list of records
is in the order of lines: within one ledger that of `recorded_at` too, of several that goes back and forth.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from sla.instants import BEGINNING, FOREVER, Instant
from sla.records import (
    ALL_LEGS,
    Blind,
    CancellationNotice,
    Category,
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
    Recorded,
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
)
from sla.service import Part, parts_of
from sla.timeline import ServerTimeline, Sights, Track

_R = TypeVar("_R", bound=Recorded)

_NEVER: Final = (FOREVER, BEGINNING)
"""No instant lies between these."""

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
)
"""The records that people make."""

OfSolution = ServiceRequest | CancellationNotice | Lifecycle
"""What people record of a solution, and may withdraw."""
_O = TypeVar("_O", ServiceRequest, CancellationNotice, Lifecycle)

SolutionKey = tuple[SolutionId, ClientId]
"""A solution of one client (spec §6.1)."""


def key_of(record: OfSolution) -> SolutionKey:
    """The solution that a record is of."""
    return record.solution, record.client


def known(records: Iterable[_R], as_of: Instant) -> list[_R]:
    """Those of the records that exist at `as_of`, in their order."""
    return [record for record in records if record.recorded_at <= as_of]


def newest(records: Sequence[_R], as_of: Instant) -> _R | None:
    """The last of the records that exist at `as_of`."""
    return next((record for record in reversed(records) if record.recorded_at <= as_of), None)


class ServerPages:
    """What the book says of one server."""

    __slots__ = ("_clients_since", "_held", "_parts", "records", "timeline", "told", "tracks")

    def __init__(self, clients_since: Mapping[ClientId, Instant]) -> None:
        """`clients_since` is from when on there is a record of each client."""
        self.records: list[Server] = []
        self.told: list[Server | ObserverRetired] = []
        """Its records, and the retirements of the monitors that made those on earlier lines."""
        self.timeline = ServerTimeline()
        self.tracks: dict[tuple[Leg, Witness], Track] = {}
        self._clients_since = clients_since
        self._parts: tuple[Part, ...] = ()
        self._held = _NEVER
        """The first and the last instant of knowledge for which those are the parts."""

    def tell(self, record: Server | ObserverRetired) -> None:
        """Take a record of it, or that a monitor that made one was retired."""
        if isinstance(record, Server):
            self.records.append(record)
        self.told.append(record)
        self.forget_parts()

    def forget_parts(self) -> None:
        """Something else is known of its service."""
        self._held = _NEVER

    def parts(self, as_of: Instant) -> tuple[Part, ...]:
        """The parts of its service that are known at `as_of`."""
        first, last = self._held
        if not first <= as_of <= last:
            self._parts = parts_of(self.known(as_of))
            edges = list(self.edges())
            first = max((edge for edge in edges if edge <= as_of), default=BEGINNING)
            later = min((edge for edge in edges if edge > as_of), default=None)
            self._held = first, FOREVER if later is None else Instant(later - 1)
        return self._parts

    def known(self, as_of: Instant) -> list[Server | ObserverRetired]:
        """Those of `told` that exist at `as_of`."""
        return [record for record in self.told if self._known_from(record) <= as_of]

    def name(self, as_of: Instant) -> str:
        """What it is called: by the newest line of all that exist at `as_of` (spec §3.4)."""
        return next(record.name for record in reversed(self.records) if self._known_from(record) <= as_of)

    def edges(self) -> Iterator[Instant]:
        """When each of `told` comes to be known."""
        return map(self._known_from, self.told)

    def _known_from(self, record: Server | ObserverRetired) -> Instant:
        """From when on a record exists: that of a server not before its client's first (spec §1.4)."""
        if isinstance(record, ObserverRetired):
            return record.recorded_at
        return max(record.recorded_at, self._clients_since.get(record.client, BEGINNING))


@dataclass(slots=True)
class ExclusionPages:
    """What the book says of one exclusion."""

    record: Exclusion
    ended: ExclusionEnded | None = None
    withdrawn: ExclusionWithdrawn | None = None


@dataclass(slots=True)
class RequestPages:
    """What the book says of one service request."""

    record: ServiceRequest
    responses: list[ServiceRequestResponded] = field(default_factory=list)
    closed: list[ServiceRequestClosed] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """An exclusion as it stands at an instant of knowledge. Its end is `FOREVER` while it is open."""

    id: ExclusionId
    category: Category
    start: Instant
    end: Instant
    record: Exclusion


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
        self.servers_of: dict[SolutionKey, dict[ServerId, ServerPages]] = {}
        """Every server that a record ever gave to a solution of a client; its parts say whether and when it holds."""
        self.clients_of: dict[SolutionId, set[ClientId]] = {}
        """The clients of which a server was ever in a solution of that name."""
        self._newest_at: Instant | None = None
        self._exclusions_changed_at: list[Instant] = []
        """In order of time, whatever the order of lines."""
        self._windows: tuple[int, tuple[Window, ...]] | None = None
        """How many of those instants they were worked out for, since the last was added, and what stands then."""

    def add(self, record: Record) -> None:
        """Take the next record."""
        match record:
            case Observation():
                self.track(record.server, record.leg, record.witness).add(record.at, record.state)
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
            case Event() | Proposal() | ProposalDecided() | Issued():
                pass  # no figure reads them
        self._see(record.recorded_at)

    def supposing(self, record: Declared) -> "Book":
        """The book as it would be with one more record, to ask questions of: it shares all else with this one."""
        supposed = copy(self)
        match record:
            case Exclusion() | ExclusionEnded() | ExclusionWithdrawn():
                supposed.exclusions = {key: replace(pages) for key, pages in self.exclusions.items()}
                supposed._exclusions_changed_at = list(self._exclusions_changed_at)  # noqa: SLF001  a book's own
            case ServiceRequest() | ServiceRequestResponded() | ServiceRequestClosed():
                supposed.requests = {
                    key: replace(pages, responses=list(pages.responses), closed=list(pages.closed))
                    for key, pages in self.requests.items()
                }
                supposed.requests_of = {key: list(those) for key, those in self.requests_of.items()}
            case CancellationNotice():
                supposed.notices = {key: list(those) for key, those in self.notices.items()}
            case Lifecycle():
                supposed.lifecycles = {key: list(those) for key, those in self.lifecycles.items()}
            case Withdrawn():
                supposed.withdrawn = dict(self.withdrawn)
        supposed.withdrawable = dict(self.withdrawable)
        supposed.add(record)
        return supposed

    def server(self, server: ServerId) -> ServerPages:
        """What the book says of a server, from its first mention on."""
        pages = self.servers.get(server)
        if pages is None:
            pages = self.servers[server] = ServerPages(self._clients_since)
        return pages

    def track(self, server: ServerId, leg: Leg, witness: Witness) -> Track:
        """Where observations go: what they say needs no record."""
        pages = self.server(server)
        track = pages.tracks.get((leg, witness))
        if track is None:
            track = pages.tracks[leg, witness] = pages.timeline.track(leg, witness, self.sights)
        return track

    @property
    def newest_at(self) -> Instant | None:
        """The newest instant of knowledge in the evidence: what `as_of` is by default. Looks at every track."""
        ends = [track.last() for pages in self.servers.values() for track in pages.tracks.values()]
        observed = [end[0] for end in ends if end is not None]
        return max(observed if self._newest_at is None else [*observed, self._newest_at], default=None)

    def client(self, client: ClientId, as_of: Instant) -> Client | None:
        """A client's newest record (spec §3.3)."""
        return newest(self.clients.get(client, ()), as_of)

    def contract(self, client: ClientId, month: str, as_of: Instant) -> Contract | None:
        """The record whose terms a client's statement of `month` (YYYY-MM) is judged by; None: the defaults (spec §10)."""
        of_all = None
        for record in reversed(self.contracts):
            if record.recorded_at > as_of or record.effective_from > month:
                continue
            if record.client == client:
                return record
            if record.client is None and of_all is None:
                of_all = record
        return of_all

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

    def cause_at(self, server: ServerId, at: Instant, as_of: Instant) -> Cause | None:
        """The cause of the outage in which a server is at `at`; None where none is known of that one."""
        start = max((start for start in self.causes.get(server, ()) if start <= at), default=at)
        pages = self.servers[server]
        newest_of = {record.observer: record for record in pages.records}
        legs = tuple(leg for leg in ALL_LEGS if any(leg in record.legs for record in newest_of.values()))
        between = pages.timeline.segments(legs, start, at)
        was_up = any(segment.state is State.UP for segment in between)
        return None if was_up else self.cause(server, start, as_of)

    def windows(self, as_of: Instant) -> tuple[Window, ...]:
        """The exclusions as they stand at `as_of`, without those that were withdrawn (spec §4.2)."""
        changes = bisect_right(self._exclusions_changed_at, as_of)
        if self._windows is None or self._windows[0] != changes:
            self._windows = changes, tuple(self._standing(as_of))
        return self._windows[1]

    def _standing(self, as_of: Instant) -> list[Window]:
        return [
            _window(pages, as_of)
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
                    for pages in servers.values():
                        pages.forget_parts()

    def _enter(self, record: Server) -> None:
        pages = self.server(record.id)
        pages.tell(record)
        if record.client not in self._clients_since:
            self._awaited.add(record.client)
        self.servers_of.setdefault((record.key, record.client), {})[record.id] = pages
        self.clients_of.setdefault(record.key, set()).add(record.client)

    def _retire(self, record: ObserverRetired) -> None:
        for pages in self.servers.values():
            if any(each.observer == record.observer for each in pages.records):
                pages.tell(record)

    def _note(self, of: dict[SolutionKey, list[_O]], record: _O) -> None:
        of.setdefault(key_of(record), []).append(record)
        if record.id is not None:
            self.withdrawable[Withdrawable(record.kind), record.id] = record

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


def _window(pages: ExclusionPages, as_of: Instant) -> Window:
    record = pages.record
    end = FOREVER if record.end is None else record.end
    if pages.ended is not None and pages.ended.recorded_at <= as_of:
        end = pages.ended.at
    return Window(id=record.id, category=record.category, start=record.start, end=end, record=record)
