"""The register of issued statements: which months they are of, and of which of those evidence came since that may change a figure.

It is fed with every record by the replay of the ledger and after each commit, and compares instants alone: evidence of what goes
on now lies after the end of every month that is issued, and costs one comparison.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from daemon.servers.policy import RECORDED_BY
from sla.bearing import Bearing, bearing_of, owners
from sla.book import Book
from sla.calendars import Month, calendar_of, parse_month
from sla.instants import BEGINNING, FOREVER, Instant
from sla.records import Client, ClientId, Event, Issued, Observation, ObservedUntil, Record, ServerId, Witness
from sla.spans import Span

DELIVERED: Final = "slad.StatementDelivered"
"""The type of the event that says so: its key is the hash, its text the place."""


class StatementKey(NamedTuple):
    """Whose statement, and of which month (YYYY-MM)."""

    client: ClientId
    month: str


class StatementRegister:
    """Invariant: a month that is issued and no suspect has the figures that its newest version says."""

    def __init__(self, book: Book) -> None:
        """`book`: what it holds is of the ledger up to the record that was taken last."""
        self.suspects: dict[StatementKey, None] = {}
        """The issued months of which evidence came since, in the order in which it did."""
        self.outdated: dict[StatementKey, int] = {}
        """How many figures of an issued month are others now than its newest version says; those of which any is."""
        self._book = book
        self._months: dict[ClientId, dict[StatementKey, Span]] = {}
        """The months that are watched."""
        self._end: Instant = BEGINNING
        """The last end of any of them."""
        self._news: Counter[StatementKey] = Counter()
        self._delivered: set[tuple[str, str]] = set()
        """The hashes of versions, and the places where they were brought."""
        self._seen: dict[Witness, Instant] = {}

    def watch(self, client: ClientId, month: Month) -> StatementKey:
        """Count what comes of a month, whose statement may be issued; the client has to be on record."""
        key = StatementKey(client, str(month))
        record = self._book.client(client, FOREVER)
        assert record is not None
        span = calendar_of(record.timezone).month_span(month)
        self._months.setdefault(client, {})[key] = span
        self._end = max(self._end, span[1])
        return key

    def news(self, key: StatementKey) -> int:
        """How often evidence came that may change a month that is watched."""
        return self._news[key]

    def newest(self, key: StatementKey) -> Issued | None:
        """The newest version of a statement; None where it is not issued."""
        return self._book.issued[key][-1] if key in self._book.issued else None

    def is_delivered(self, record: Issued, place: str) -> bool:
        """Whether it is on record that a version was brought to a place."""
        return (record.sha256, place) in self._delivered

    def take(self, record: Record) -> None:
        """A record that the book has taken."""
        match record:
            case Observation():
                self.observe(record.server, record.at)
                return
            case Event(source=source, type=type_) if (source, type_) == (RECORDED_BY, DELIVERED):
                self._delivered.add((record.key, record.text))
                return
            case Issued():
                self.settle(self.watch(record.client, parse_month(record.month)), 0)
                return
            case ObservedUntil():
                self.see({record.witness: record.at})
                return
            case Client():
                for key in list(self._months.get(record.id, ())):
                    self.watch(key.client, parse_month(key.month))
            case _:
                pass
        bearing = bearing_of(self._book, record) if self._months else None
        if bearing is not None:
            self._touch(bearing)

    def settle(self, key: StatementKey, differing: int) -> None:
        """So many figures of a month are others than its newest version says, by all that has come."""
        self.suspects.pop(key, None)
        if differing:
            self.outdated[key] = differing
        else:
            self.outdated.pop(key, None)

    def observe(self, server: ServerId, at: Instant) -> None:
        """Something was observed of a server: `take` in its parts, for a replay of a million."""
        if at < self._end:
            self._touch(Bearing(owners(self._book, server), at))

    def see(self, watermarks: Mapping[Witness, Instant]) -> None:
        """Witnesses have seen so far."""
        for witness, at in watermarks.items():
            before = self._seen.get(witness, at)
            self._seen[witness] = max(before, at)
            if before < min(self._end, at):
                self._touch(Bearing(None, before, at))

    def _touch(self, bearing: Bearing) -> None:
        if bearing.start >= self._end:
            return
        for client in self._months if bearing.clients is None else bearing.clients:
            for key, span in self._months.get(client, {}).items():
                if bearing.is_on(client, span):
                    self._news[key] += 1
                    if key in self._book.issued:
                        self.suspects[key] = None
