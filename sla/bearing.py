"""On whose months a record may bear, and on which time: what would have to be judged again because of it.

It may tell of more than it changes, and never of less. The chronic-outage process is as of an instant, and no figure of a month.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from sla.book import Book
from sla.calendars import calendar_of, parse_month
from sla.instants import BEGINNING, DAY, FOREVER, Instant
from sla.records import (
    Blind,
    Client,
    ClientId,
    Contract,
    Exclusion,
    ExclusionEnded,
    ExclusionWithdrawn,
    Lifecycle,
    Observation,
    Record,
    Server,
    ServerId,
    ServiceRequest,
    ServiceRequestClosed,
    ServiceRequestResponded,
    SolutionId,
    Withdrawn,
)
from sla.service import parts_of
from sla.spans import Span, Spans, difference, normalized

_WEEK: Final = 7 * DAY
"""A window bears on the others of its week: they share a cap (spec §4.4)."""


class Bearing(NamedTuple):
    """The clients, None for all, and the time, `[start, end)`."""

    clients: Collection[ClientId] | None
    start: Instant
    end: Instant = FOREVER

    def is_on(self, client: ClientId, month: Span) -> bool:
        """Whether a client's month may be another one."""
        return (
            self.start < month[1] and month[0] < self.end and (self.clients is None or client in self.clients)
        )


def bearing_of(book: Book, record: Record) -> Bearing | None:
    """Of a record that the book has taken; None for one that no figure of a month reads.

    A watermark is not told of: what it bears on begins where the one before it ended.
    """
    match record:
        case Observation():
            return Bearing(owners(book, record.server), record.at)
        case Blind():
            return Bearing(None, record.start, record.end)
        case Client():
            return Bearing((record.id,), BEGINNING)
        case Contract():
            start, _ = calendar_of("UTC").month_span(parse_month(record.effective_from))
            return Bearing(None if record.client is None else (record.client,), Instant(start - DAY))
        case Server():
            since = min(_service_differs_from(book.servers[record.id].records, record), default=None)
            return None if since is None else Bearing(owners(book, record.id), since)
        case Exclusion():
            end = FOREVER if record.end is None else record.end
            return Bearing(_whom(book, record), Instant(record.start - _WEEK), Instant(end + _WEEK))
        case ExclusionEnded() | ExclusionWithdrawn():
            return bearing_of(book, book.exclusions[record.id].record)
        case ServiceRequest():
            return Bearing((record.client,), record.opened_at)
        case ServiceRequestResponded() | ServiceRequestClosed():
            return bearing_of(book, book.requests[record.id].record)
        case Lifecycle():
            return Bearing((record.client,), record.at)
        case Withdrawn():
            return bearing_of(book, book.withdrawable[record.what, record.id])
        case _:
            return None


def owners(book: Book, server: ServerId) -> set[ClientId]:
    """The clients that a server ever was in service with."""
    return {record.client for record in book.servers[server].records}


def _whom(book: Book, scope: Exclusion) -> Collection[ClientId] | None:
    if scope.is_of_all:
        return None
    of_solutions = [
        client for name in scope.solutions for client in book.clients_of.get(SolutionId(name), ())
    ]
    named = {ServerId(name) for name in (*scope.servers, *scope.solutions)} & book.servers.keys()
    return {*scope.clients, *of_solutions, *(client for server in named for client in owners(book, server))}


def _service_differs_from(records: Sequence[Server], record: Server) -> Iterator[Instant]:
    """From when on a server's service is another since a record: whose it is, and by which legs it is judged."""
    number = records.index(record)
    then, now = _owned(records[:number]), _owned(records[: number + 1])
    for owner in then.keys() | now.keys():
        before, after = then.get(owner, ()), now.get(owner, ())
        yield from (start for start, _ in (*difference(before, after), *difference(after, before)))
    if number and records[number - 1].legs != record.legs:
        yield record.recorded_at


def _owned(records: Sequence[Server]) -> dict[tuple[ClientId, SolutionId], Spans]:
    spans: dict[tuple[ClientId, SolutionId], list[Span]] = {}
    for part in parts_of(records):
        spans.setdefault((part.client, part.key), []).append((part.start, part.end))
    return {owner: normalized(those) for owner, those in spans.items()}
