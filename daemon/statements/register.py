"""The register of issued statements: which months they are of, and of which of those evidence came since that may change a figure.

It is fed with every record at a start and after each commit, and compares instants alone: evidence of what goes on now lies after
the end of every month that is issued, and costs one comparison.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

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
        self.last_issued: dict[ClientId, Issued] = {}
        """What was issued last to each client, whichever month it is of."""
        self._book = book
        self._months: dict[ClientId, dict[StatementKey, Span]] = {}
        """The months that are watched."""
        self._end: Instant = BEGINNING
        """The last end of any of them."""
        self._news: Counter[StatementKey] = Counter()
        self._delivered: set[tuple[str, str]] = set()
        """The hashes of versions, and the places where they were brought."""
        self._seen: dict[Witness, Instant] = {}
        self._sealed: dict[Witness, Instant] = {}
        """How far witnesses have seen as the chain tells it."""
        self._changed: set[StatementKey] = set()
        """The issued months of which records came since, whether looked at or not: the suspects of the next start."""

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

    def is_as_issued(self, key: StatementKey) -> bool:
        """Whether no evidence came that may change a month since its newest version was issued: also where nothing can be compared."""
        return key not in self._changed

    def is_delivered(self, record: Issued, place: str) -> bool:
        """Whether it is on record that a version was brought to a place."""
        return (record.sha256, place) in self._delivered

    def take(self, record: Record) -> None:
        """A record that the book has taken."""
        if isinstance(record, Observation):
            self.observe(record.server, record.at)
            return
        self.take_again(record)
        match record:
            case ObservedUntil():
                self.see({record.witness: record.at})
                self._seal(record.witness, record.at)
            case Issued():
                key = StatementKey(record.client, record.month)
                self.settle(key, 0)
                self._changed.discard(key)
            case _:
                bearing = bearing_of(self._book, record) if self._months else None
                if bearing is not None:
                    self._touch(bearing)

    def take_again(self, record: Record) -> None:
        """The same, at a start that knows what records changed: `restore` says it."""
        match record:
            case Event() if is_delivery(record):
                self._delivered.add((record.key, record.text))
            case Issued():
                self.watch(record.client, parse_month(record.month))
                self.last_issued[record.client] = record
            case Client():
                for key in list(self._months.get(record.id, ())):
                    self.watch(key.client, parse_month(key.month))
            case _:
                pass

    def stored(self) -> dict[str, Any]:
        """What does not follow from the records that are taken again, as JSON has it."""
        return {
            "changed": sorted(self._changed),
            "sealed": [(*witness, at) for witness, at in self._sealed.items()],
        }

    def restore(
        self, changed: Iterable[tuple[ClientId, str]], sealed: Iterable[tuple[str, str, int]]
    ) -> None:
        """Go on from what was stored, after the records were taken again."""
        self._changed = {StatementKey(*key) for key in changed}
        self.suspects = dict.fromkeys(sorted(self._changed))
        self._sealed = {Witness(observer, source): Instant(at) for observer, source, at in sealed}
        self._seen = dict(self._sealed)

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

    def is_about(self, oldest: Instant) -> bool:
        """Whether what was observed may be of a month that is watched; `oldest`: the first of it."""
        return oldest < self._end

    def see(self, watermarks: Mapping[Witness, Instant]) -> None:
        """Witnesses have seen so far."""
        for witness, at in watermarks.items():
            for key in self._passed(self._seen, witness, at):
                self._suspect(key)

    def seal(self) -> None:
        """The chain tells now how far witnesses have seen."""
        for witness, at in self._seen.items():
            self._seal(witness, at)

    def _seal(self, witness: Witness, at: Instant) -> None:
        self._changed.update(
            key for key in self._passed(self._sealed, witness, at) if key in self._book.issued
        )

    def _passed(self, marks: dict[Witness, Instant], witness: Witness, at: Instant) -> Iterator[StatementKey]:
        """The months of which a witness saw some between its mark and an instant, which becomes its mark."""
        before = marks.get(witness, at)
        marks[witness] = max(before, at)
        if before < at:
            yield from self._borne_on(Bearing(None, before, at))

    def _touch(self, bearing: Bearing) -> None:
        for key in self._borne_on(bearing):
            self._suspect(key)
            if key in self._book.issued:
                self._changed.add(key)

    def _suspect(self, key: StatementKey) -> None:
        self._news[key] += 1
        if key in self._book.issued:
            self.suspects[key] = None

    def _borne_on(self, bearing: Bearing) -> Iterator[StatementKey]:
        if bearing.start >= self._end:
            return
        for client in self._months if bearing.clients is None else bearing.clients:
            for key, span in self._months.get(client, {}).items():
                if bearing.is_on(client, span):
                    yield key


def is_delivery(event: Event) -> bool:
    """Whether an event says that a version was brought to a place."""
    return (event.source, event.type) == (RECORDED_BY, DELIVERED)
