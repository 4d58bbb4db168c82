"""Which months of a ledger are closed: older than any dispute, every statement issued, and every figure as it was issued.

A month of a ledger is the records that were made in it, by UTC: those up to the first that is dated behind it. What is recorded late
of a month stands among the records of a later one.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from daemon.config.config import UNASSIGNED
from daemon.config.letterhead import Letterhead
from daemon.ledger import LedgerDamagedError, Stored
from daemon.readable import counted
from daemon.statements.judging import imprint_of, judged
from daemon.statements.register import StatementKey, StatementRegister
from sla.book import Book
from sla.calendars import Month, calendar_of
from sla.client_document import client_document
from sla.corrections import changes
from sla.instants import BEGINNING, FOREVER, Instant
from sla.reader import EvidenceReader
from sla.records import Blind, ClientId, Issued, Observation, ObservedUntil, Record
from sla.spans import Span

_UTC: Final = calendar_of("UTC")

DocumentOf = Callable[[str], bytes | None]
"""The bytes of an issued statement, by their hash: `Ledger.document`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMonth:
    """A month that is over by the records of a ledger. `open`: why it is not closed; "" where it is."""

    month: Month
    last: int
    """Its last record."""
    open: str


def months_of(
    records: Iterable[Stored], document: DocumentOf, *, keep: int, now: Instant
) -> list[LedgerMonth]:
    """The months of a ledger in order: those that are closed, and then those that are not.

    `keep`: how many whole months before the present one are kept, whatever is issued. The present is `now`, or the newest instant
    in the evidence where that is before. Raises LedgerDamagedError.
    """
    book, reader, ended = Book(), EvidenceReader(), _EndedMonths()
    register = StatementRegister(book)
    for seq, body, _ in records:
        record = reader.read(body.encode())
        if record is None:
            raise LedgerDamagedError(f"record {seq} is no valid evidence: {reader.faults[-1].problem}")
        book.add(record)
        register.take(record)
        ended.take(seq, record)
    present = min(now, BEGINNING if book.newest_at is None else book.newest_at)
    judge = _ClosedMonths(book, register, document, present, keep)
    found: list[LedgerMonth] = []
    waits = ""
    for month, last in ended.found:
        why = judge.why_kept(month) or waits or judge.why_open(month)
        found.append(LedgerMonth(month=month, last=last, open=why))
        if why and not waits:
            waits = f"comes after {month}"
    return found


class _EndedMonths:
    """Finds where months end in the records of a ledger."""

    def __init__(self) -> None:
        self.found: list[tuple[Month, int]] = []
        """Each month with records, and the last of them."""
        self._month: Month | None = None
        """The present one."""
        self._end: Instant = BEGINNING
        self._first = 1

    def take(self, seq: int, record: Record) -> None:
        at = _dated(record)
        if at < self._end:
            return
        if self._month is not None and seq > self._first:
            self.found.append((self._month, seq - 1))
            self._first = seq
        self._month = _UTC.month_of(at)
        _, self._end = _UTC.month_span(self._month)


def _dated(record: Record) -> Instant:
    match record:
        case Observation() | ObservedUntil():
            return record.at
        case Blind():
            return record.end
        case _:
            return record.recorded_at


class _ClosedMonths:
    """Judges months by all that a ledger holds."""

    def __init__(
        self, book: Book, register: StatementRegister, document: DocumentOf, present: Instant, keep: int
    ) -> None:
        self._book = book
        self._register = register
        self._document = document
        self._present = present
        self._keep = keep

    def why_kept(self, month: Month) -> str:
        """Why a month is kept whatever is issued; "" where it is old enough."""
        is_old = _months_between(month, _UTC.month_of(self._present)) > self._keep
        return "" if is_old else f"is kept: it is no more than {counted(self._keep, 'month')} old"

    def why_open(self, month: Month) -> str:
        """Why a month is not closed by what is issued; "" where it is."""
        return next(filter(None, self._open_statements(month)), "")

    def _open_statements(self, month: Month) -> Iterator[str]:
        """Of each client why its statement is open, or "" where it is not."""
        for client in sorted(self._book.clients):
            record = self._book.client(client, FOREVER)
            if client != UNASSIGNED and record is not None:
                key = StatementKey(client, str(month))
                newest = self._register.newest(key)
                if newest is not None:
                    yield self._differs(key, month, newest)
                elif self._is_served(client, calendar_of(record.timezone).month_span(month)):
                    yield f"its statement for client {client} is not issued: slad statement issue {client} --month {month}"

    def _is_served(self, client: ClientId, span: Span) -> bool:
        start, end = span
        return any(
            part.client == client and part.start < end and start < part.end
            for server in self._book.servers_of_clients((client,))
            for part in self._book.servers[server].parts(self._present)
        )

    def _differs(self, key: StatementKey, month: Month, newest: Issued) -> str:
        """Whether figures of a month are others than its newest version says, where evidence of it came since."""
        if key not in self._register.suspects:
            return ""
        version = f"version {newest.version} of its statement for client {key.client}"
        before = self._document(newest.sha256)
        if before is None:
            return (
                f"evidence came since {version} was issued, whose bytes are not in the ledger to compare with"
            )
        now = client_document(
            judged(self._book, month=month, as_of=self._present),
            key.client,
            imprint_of(Letterhead(), ()),
        )
        try:
            differing = len(changes(json.loads(before), json.loads(now)))
        except (ValueError, LookupError, TypeError, AttributeError):
            return f"{version} cannot be compared: slad did not make it"
        if not differing:
            return ""
        return f"{differing} figures are others than {version} says: slad statement issue {key.client} --month {month}"


def _months_between(month: Month, later: Month) -> int:
    return (later.year - month.year) * 12 + later.number - month.number
