"""What monitors say differently of servers and clients now, kept up as lines arrive.

Only what was told anew is looked at, and what may have become another since time passed: a fleet of whom nobody says anything new
costs nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from daemon.due_queue import DueQueue
from daemon.pacing import paced
from sla.book import Book
from sla.calendars import calendar_of
from sla.disagreements import (
    Disagreement,
    DisagreementKind,
    Point,
    disagreements_of_client,
    disagreements_of_server,
    has_one_word,
    turns_of_client,
    turns_of_server,
)
from sla.instants import Instant
from sla.records import Client, ClientId, Contract, ObserverRetired, Record, Server, ServerId

LOOK_S: Final = 0.25
"""How long one tick's look goes on; what is left waits for the next."""

DisagreementKey = tuple[int, str]
"""Where one stands among all: by its point, then by whom it is about."""

_ORDER: Final[Mapping[Point, int]] = {point: place for place, point in enumerate(Point)}
_SERVER, _CLIENT = "server", "client"


class Disagreements:
    """All that there are, by the book of all ledgers."""

    def __init__(self, book: Book) -> None:
        """`book`: which takes every record that this is told of before `keep_up` is asked the next time."""
        self.counts: Counter[DisagreementKind] = Counter()
        """How many there are of each kind."""
        self._book = book
        self._ledgers: defaultdict[str, Book] = defaultdict(Book)
        """What each ledger says of clients and contracts, by its name."""
        self._found: dict[DisagreementKey, Disagreement] = {}
        self._points: dict[tuple[str, str], tuple[Point, ...]] = {}
        """Of which points of each server or client there is one."""
        self._due: DueQueue[tuple[str, str]] = DueQueue()
        self._ended: frozenset[str] = frozenset()
        self._is_of_all = True
        """Nothing was looked at yet. Then whether something came that bears on many: the end of a monitor, terms for every client, an earlier first record of one."""
        self._by_kind: dict[DisagreementKind, tuple[int, Instant]] | None = None
        """What `by_kind` gives; None once it is another."""

    def take(self, ledger: str, record: Record) -> None:
        """Be told of a record and of the ledger that it is in."""
        match record:
            case Server():
                self._due.add((_SERVER, record.id))
            case Client():
                self._ledgers[ledger].add(record)
                self._due.add((_CLIENT, record.id))
                # Servers' records exist from their client's first on (spec §1.4), which this is now.
                known = self._book.clients.get(record.id)
                if known and record.recorded_at < min(each.recorded_at for each in known):
                    self._is_of_all = True
            case Contract():
                self._ledgers[ledger].add(record)
                if record.client is None:
                    self._is_of_all = True
                else:
                    self._due.add((_CLIENT, record.client))
            case ObserverRetired():
                self._is_of_all = True
            case _:
                pass  # of whom nobody says what he is

    def told(self) -> Iterator[tuple[str, Sequence[Record]]]:
        """What each ledger says of clients and contracts, by its name: for another to be told of it."""
        for name, book in self._ledgers.items():
            yield name, [*chain.from_iterable(book.clients.values()), *book.contracts]

    async def keep_up(self, now: Instant, ended: Collection[str]) -> bool:
        """Look at what may be another by `now`; whether that was all. `ended`: the monitors that are retired."""
        if self._is_of_all or self._ended != ended:
            self._is_of_all, self._ended = False, frozenset(ended)
            async for key in paced(self._all()):
                self._due.add(key)
        self._due.pass_to(now)
        async for _ in paced(self._look(now), at_most_s=LOOK_S):
            pass
        return not self._due

    def candidates(
        self, kind: DisagreementKind | None
    ) -> Iterator[tuple[DisagreementKey, Disagreement] | None]:
        """All of a kind, in no order; None for each that is of another."""
        for key, each in list(self._found.items()):
            yield (key, each) if kind in (None, each.point.kind) else None

    def by_kind(self) -> Mapping[DisagreementKind, tuple[int, Instant]]:
        """Of each kind of which there is one: how many there are, and since when the oldest lasts."""
        if self._by_kind is None:
            self._by_kind = {}
            for each in self._found.values():
                kind = each.point.kind
                _, oldest = self._by_kind.get(kind, (0, each.since))
                self._by_kind[kind] = self.counts[kind], min(each.since, oldest)
        return self._by_kind

    def _all(self) -> Iterator[tuple[str, str]]:
        """Whatever more than one can disagree about."""
        for client in list(self._book.clients):
            yield _CLIENT, client
        for server, pages in list(self._book.servers.items()):
            if not has_one_word(pages):
                yield _SERVER, server

    def _look(self, now: Instant) -> Iterator[None]:
        while self._due:
            key = self._due.take()
            what, name = key
            found = list(self._of_server(key, now) if what == _SERVER else self._of_client(key, now))
            for point in self._points.pop(key, ()):
                self._count(self._found.pop((_ORDER[point], name)), -1)
            for each in found:
                self._found[_ORDER[each.point], name] = each
                self._count(each, 1)
            if found:
                self._points[key] = tuple(each.point for each in found)
            yield

    def _count(self, disagreement: Disagreement, by: int) -> None:
        self.counts[disagreement.point.kind] += by
        self._by_kind = None

    def _of_server(self, key: tuple[str, str], now: Instant) -> Iterator[Disagreement]:
        server = ServerId(key[1])
        pages = self._book.servers[server]
        if has_one_word(pages):
            return
        self._look_again(key, now, turns_of_server(pages))
        yield from disagreements_of_server(server, pages, now)

    def _of_client(self, key: tuple[str, str], now: Instant) -> Iterator[Disagreement]:
        client = ClientId(key[1])
        if len(self._ledgers) == 1:
            return
        calendar = calendar_of(self._book.zone_of(client, now))
        month = calendar.month_of(now)
        turns = turns_of_client(client, self._ledgers.values())
        self._look_again(key, now, (*turns, calendar.month_span(month)[1]))
        yield from disagreements_of_client(client, self._ledgers, self._book, month, now, self._ended)

    def _look_again(self, key: tuple[str, str], now: Instant, turns: Iterable[Instant]) -> None:
        """Once the next of the turns has come."""
        later = min((turn for turn in turns if turn > now), default=None)
        if later is not None:
            self._due.add_at(later, key)
