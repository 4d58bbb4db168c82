"""Whose is what an exclusion names: the clients to whom servers and solutions belong in a span (spec §3, §4.2)."""

from itertools import pairwise

from sla.book import Book, SolutionKey
from sla.instants import Instant
from sla.records import ClientId, ServerId, SolutionId
from sla.spans import Span

Owners = frozenset[ClientId]


def owners_of_server(book: Book, server: ServerId, start: Instant, end: Instant, as_of: Instant) -> Owners:
    """To whom a server belongs in `[start, end)`; where it is nobody's then, to whom it belonged last."""
    parts = book.servers[server].parts(as_of) if server in book.servers else ()
    within = frozenset(part.client for part in parts if part.start < end and start < part.end)
    return within or frozenset(part.client for part in parts[-1:])


def owned_spans(book: Book, server: ServerId, span: Span, as_of: Instant) -> list[tuple[Owners, Span]]:
    """To whom a server belongs within a span: a stretch of it for each, from where it came to him. Together they are the span."""
    start, end = span
    parts = book.servers[server].parts(as_of) if server in book.servers else ()
    within = [part for part in parts if part.start < end and start < part.end]
    moves = [after for before, after in pairwise(within) if after.client != before.client]
    if not moves:
        return [(owners_of_server(book, server, start, end, as_of), span)]
    starts = [start, *(part.start for part in moves)]
    clients = [within[0].client, *(part.client for part in moves)]
    spans = zip(starts, [*starts[1:], end], strict=True)
    return [(frozenset({client}), each) for client, each in zip(clients, spans, strict=True)]


def owners_of_solution(
    book: Book, solution: SolutionId, start: Instant, end: Instant, as_of: Instant
) -> Owners:
    """The clients that have servers in a solution in `[start, end)`; where none has then, those that ever had."""
    ever = book.clients_of.get(solution, set())
    return frozenset(c for c in ever if _holds(book, (solution, c), start, end, as_of)) or frozenset(ever)


def _holds(book: Book, key: SolutionKey, start: Instant, end: Instant, as_of: Instant) -> bool:
    """Whether a server is in a client's solution in `[start, end)`."""
    return any(
        (part.key, part.client) == key and part.start < end and start < part.end
        for pages in book.servers_of[key].values()
        for part in pages.parts(as_of)
    )
