"""Every server's month and every solution at one instant, kept up with the book.

What the book took since the last look, what comes to be known as the instant moves on, and what only held until then is
judged anew by `sla`; all else goes on by itself. `catch_up` does that in small steps and can be left and taken up again:
while it is behind, `at` stays at the last instant of which everything was known.
"""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import chain
from typing import Final

from daemon.book.changes import BookChanges
from daemon.book.live_book import LiveBook
from daemon.holidays import holidays_around
from daemon.live.accruals import Accruals
from daemon.live.servers import ServerFormulas
from daemon.live.solutions import Solutions
from daemon.pacing import TURN_S, freeze_gc, paced
from sla.book import Book, key_of
from sla.calendars import Day, Month, calendar_of, year_of
from sla.instants import BEGINNING, FOREVER, Instant
from sla.records import (
    CancellationNotice,
    Client,
    ClientId,
    Contract,
    Exclusion,
    ExclusionEnded,
    ExclusionWithdrawn,
    Lifecycle,
    ObserverRetired,
    Recorded,
    RequestId,
    ServerId,
    ServiceRequest,
    ServiceRequestClosed,
    ServiceRequestResponded,
    Withdrawable,
    Withdrawn,
)
from sla.standing import Standings, owning
from sla.statement import Judgement, SharedWork

SPARE_EVERY: Final = 500
"""How many are judged at once before the garbage collector is kept from what they left."""


class LiveFigures:
    """Owns what is worked out from the book beside its counters."""

    def __init__(self, book: LiveBook, *, turn_s: float = TURN_S) -> None:
        """Of a book that has been settled once; everything waits to be judged."""
        self._turn_s = turn_s
        self.at: Instant | None = None
        """The instant of which all was worked out last; None before the first."""
        self.is_current = False
        """Whether nothing was left over since then."""
        self.accruals = Accruals(book.evidence)
        """How time goes on of which nothing new is said, up to the instant that is being worked out."""
        self.servers = ServerFormulas(book.evidence, self.accruals)
        """The months, and the servers whose month waits to be judged."""
        self.solutions = Solutions(book.evidence, self.accruals)
        """The solutions, and those that wait to be judged."""
        self.requests: set[RequestId] = set()
        """Those that may wait for an answer."""
        self.book = book.evidence
        """What everything is judged by."""
        self._live = book
        """Whose changes tell what waits."""
        self._pending: list[tuple[Instant, int, Recorded]] = []
        """A heap of the records that are not known yet, by when they are and the order in which they were taken."""
        self._taken = 0
        """How many records were taken."""
        self._counted_from: Instant = FOREVER
        """The first instant that a deadline is counted from."""
        self._years = (0, 0)
        """The first and the last year of `_holidays`."""
        self._holidays: Collection[Day] = ()
        """The national ones."""
        self._reached = BEGINNING
        """The newest instant that was asked for; it never falls."""
        self._judging: JudgementsAt | None = None
        """The judgements of the instant that is being worked out."""
        self._shared = SharedWork()
        """What the judgements of all instants have in common."""
        self._has_begun = False
        """What the book held before it went live waits too, or has been judged."""

    async def catch_up(self, at: Instant, at_most_s: float) -> bool:
        """Go on to an instant, which never falls, for so long at most; whether everything is judged at it."""
        at = self._reached = max(at, self._reached)
        self.is_current = False
        changes = self._live.taken_changes()
        async for _ in paced(self._marked(at, changes), turn_s=self._turn_s):
            pass
        if self._judging is None or self._judging.at != at or changes.sights or changes.records:
            self._judging = await self.judging(at)
            async for _ in paced(self.servers.begin(), turn_s=self._turn_s):
                pass
        async for _ in paced(self._judged(self._judging), at_most_s=at_most_s, turn_s=self._turn_s):
            pass
        if self.servers.waiting or self.solutions.waiting:
            return False
        self.at, self.is_current = at, True
        return True

    def asked(self) -> "JudgementsAt | None":
        """The judgements of the last instant that all was worked out at; None before the first."""
        return None if self.at is None else JudgementsAt(self.book, self.at, self._holidays, self._shared)

    async def judging(self, at: Instant) -> "JudgementsAt":
        """The judgements of an instant by the book as it is."""
        years = year_of(min(at, self._counted_from)), year_of(at)
        if years != self._years:
            # The library takes its time.
            self._holidays = await asyncio.to_thread(holidays_around, (at, min(at, self._counted_from)))
            self._years = years
        return JudgementsAt(self.book, at, self._holidays, self._shared)

    # What has to be judged anew

    def _marked(self, at: Instant, changes: BookChanges) -> Iterator[None]:
        self.accruals.advance(at, changes.sights)
        for witness, since in changes.sights.items():
            yield from self.servers.resee(witness, since, self._told)
            self.solutions.resee(since)
        if not self._has_begun:
            self._has_begun = True
            yield from self._begin(at)
        for server in changes.servers:
            self._told(server)
            yield
        for record in changes.records:
            self._take(record)
        scope = _Concerned()
        while self._pending and self._pending[0][0] <= at:
            self._recorded(heappop(self._pending)[2], scope)
            yield
        yield from self._covered(scope)
        yield from self.servers.pass_to(at)
        yield from self.solutions.pass_to(at)

    def _begin(self, at: Instant) -> Iterator[None]:
        """Take all that the book held before it went live."""
        for server in self.book.servers:
            self.servers.wait(server)
            yield
        self.solutions.waiting.update(self.book.servers_of)
        everything = _Concerned()
        for record in _records_of(self.book):
            self._take(record)
            if record.recorded_at <= at:
                self._recorded(heappop(self._pending)[2], everything)
            yield

    def _take(self, record: Recorded) -> None:
        """Wait for the instant from which a record is known."""
        self._taken += 1
        heappush(self._pending, (record.recorded_at, self._taken, record))
        if isinstance(record, ServiceRequest):
            self._counted_from = min(self._counted_from, record.opened_at)
        elif isinstance(record, Lifecycle):
            self._counted_from = min(self._counted_from, record.at)

    def _told(self, server: ServerId) -> None:
        """Something was said or recorded of a server."""
        self.servers.wait(server)
        self.solutions.waiting |= self.solutions.of(server)

    def _recorded(self, record: Recorded, scope: "_Concerned") -> None:
        """A record has come to be known: add whom it concerns."""
        match record:
            case Client():
                scope.clients.add(record.id)
            case Contract() if record.client is not None:
                scope.clients.add(record.client)
            case Contract() | ObserverRetired():
                scope.is_everything = True
            case Exclusion():
                scope.add(record)
            case ExclusionEnded() | ExclusionWithdrawn():
                scope.add(self.book.exclusions[record.id].record)
            case ServiceRequest():
                self.requests.add(record.id)
                self.solutions.waiting.add(key_of(record))
            case ServiceRequestResponded() | ServiceRequestClosed():
                self.requests.discard(record.id)
            case CancellationNotice() | Lifecycle():
                self.solutions.waiting.add(key_of(record))
            case Withdrawn():
                if record.what is Withdrawable.SERVICE_REQUEST:
                    self.requests.discard(RequestId(record.id))
                self.solutions.waiting.add(key_of(self.book.withdrawable[record.what, record.id]))
            case _:
                pass  # no figure reads it

    def _covered(self, scope: "_Concerned") -> Iterator[None]:
        """Have judged anew what a scope covers, or ever covered (spec §4.2)."""
        for server in scope.servers:
            self._told(server)
        if not (scope.is_everything or scope.clients or scope.solutions):
            return
        for key, those in self.book.servers_of.items():
            if scope.is_everything or key[0] in scope.solutions or key[1] in scope.clients:
                self.solutions.waiting.add(key)
                for server in those:
                    self.servers.wait(server)
            yield

    # The judging

    def _judged(self, judging: "JudgementsAt") -> Iterator[None]:
        for number, _ in enumerate(self._each_judged(judging), 1):
            if number % SPARE_EVERY == 0:
                freeze_gc()
            yield

    def _each_judged(self, judging: "JudgementsAt") -> Iterator[None]:
        while (server := self.servers.next_waiting()) is not None:
            known_from = self.book.servers[server].known_from
            if known_from > judging.at:
                self.servers.put_off(server, known_from)
            else:
                self.servers.judge(server, judging.of_server(server), judging.at)
            yield
        while self.solutions.waiting:
            key = self.solutions.waiting.pop()
            self.solutions.judge(key, judging.of_client(key[1]), judging.at)
            yield


@dataclass(slots=True)
class _Concerned:
    """Whom records concern that came to be known."""

    is_everything: bool = False
    clients: set[ClientId] = field(default_factory=set)
    solutions: set[str] = field(default_factory=set)
    servers: set[ServerId] = field(default_factory=set)

    def add(self, record: Exclusion) -> None:
        self.is_everything |= record.is_of_all
        self.clients.update(record.clients)
        self.solutions.update(record.solutions)
        self.servers.update(record.servers)


def _records_of(book: Book) -> Iterator[Recorded]:
    """What is on record besides servers."""
    yield from chain(
        book.contracts, *book.clients.values(), *book.notices.values(), *book.lifecycles.values()
    )
    for excluded in book.exclusions.values():
        yield excluded.record
        yield from (record for record in (excluded.ended, excluded.withdrawn) if record is not None)
    for asked in book.requests.values():
        yield from (asked.record, *asked.responses, *asked.closed)
    yield from book.withdrawn.values()


class JudgementsAt:
    """The judgements of one instant, for each client that of its local month."""

    def __init__(
        self, book: Book, at: Instant, national_holidays: Collection[Day], shared: SharedWork
    ) -> None:
        self.at = at
        self._shared = shared
        self._book = book
        self._national_holidays = national_holidays
        self._of_month: dict[Month, Standings] = {}
        self._of_client: dict[ClientId, Standings] = {}

    def of_server(self, server: ServerId) -> Standings:
        """Of the client that a server belongs to, or belonged to last."""
        owner = owning(self._book.servers[server].parts(self.at), self.at)
        return (
            self._in(calendar_of("UTC").month_of(self.at)) if owner is None else self.of_client(owner.client)
        )

    def of_client(self, client: ClientId) -> Standings:
        """Of a client; of one that is not on record yet there is nothing to say."""
        standings = self._of_client.get(client)
        if standings is None:
            zone = calendar_of(self._book.zone_of(client, self.at))
            standings = self._of_client[client] = self._in(zone.month_of(self.at))
        return standings

    def of_month(self, month: Month) -> Judgement:
        """The judgement of a month."""
        return self._in(month).judgement

    def _in(self, month: Month) -> Standings:
        standings = self._of_month.get(month)
        if standings is None:
            judgement = Judgement(
                self._book,
                month=month,
                as_of=self.at,
                national_holidays=self._national_holidays,
                shared=self._shared,
            )
            standings = self._of_month[month] = Standings(judgement)
        return standings
