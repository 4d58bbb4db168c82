"""Whose is what an exclusion names: the clients to whom servers and solutions belong in a span (spec §3, §4.2)."""

from itertools import pairwise

from sla.book import Book, SolutionKey
from sla.instants import FOREVER, Instant
from sla.pages import known
from sla.records import ClientId, Exclusion, ServerId, SolutionId
from sla.spans import Span, normalized

Owners = frozenset[ClientId]


def owners_of_server(book: Book, server: ServerId, start: Instant, end: Instant, as_of: Instant) -> Owners:
    """To whom a server belongs in `[start, end)`; where it is nobody's then, to whom it belonged last."""
    parts = book.servers[server].parts(as_of) if server in book.servers else ()
    within = frozenset(part.client for part in parts if part.start < end and start < part.end)
    return within or frozenset(part.client for part in parts[-1:])


def own_name(book: Book, server: ServerId, client: ClientId, as_of: Instant = FOREVER) -> str | None:
    """The newest name that a server had with a client, whatever it is called since; None where it never was the client's."""
    pages = book.servers.get(server)
    own = [] if pages is None else [each for each in known(pages.records, as_of) if each.client == client]
    return own[-1].name if own else None


def held_since(book: Book, server: ServerId, at: Instant) -> Instant:
    """Since when a server that is in service has been its present client's, without a break: what was before is another's."""
    records = book.servers[server].records
    client = records[-1].client
    if all(record.client == client for record in records):
        return records[0].in_service_from
    own = normalized(
        (part.start, part.end) for part in book.servers[server].parts(at) if part.client == client
    )
    return next((start for start, end in own if start <= at < end), records[-1].in_service_from)


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
    ever = book.clients_of.get(solution, ())
    within = frozenset(c for c in ever if _holds(book, (solution, c), start, end, as_of))
    return within or frozenset(c for c in ever if _is_known(book, (solution, c), as_of))


def is_own(book: Book, scope: Exclusion, client: ClientId, as_of: Instant) -> bool:
    """Whether all that an exclusion names was a client's in its span, by what is on record at `as_of`; a server his alone.

    So it is split when it is recorded. What names nobody concerns everybody.
    """
    start, end = scope.start, FOREVER if scope.end is None else scope.end
    return (
        all(each == client for each in scope.clients)
        and all(client in owners_of_solution(book, name, start, end, as_of) for name in scope.solutions)
        and all(owners_of_server(book, name, start, end, as_of) == {client} for name in scope.servers)
    )


def _is_known(book: Book, key: SolutionKey, as_of: Instant) -> bool:
    """Whether a record ever gave a server to a client's solution."""
    return any(
        (record.key, record.client) == key
        for server in book.servers_of[key]
        for record in known(book.servers[server].records, as_of)
    )


def _holds(book: Book, key: SolutionKey, start: Instant, end: Instant, as_of: Instant) -> bool:
    """Whether a server is in a client's solution in `[start, end)`."""
    return any(
        (part.key, part.client) == key and part.start < end and start < part.end
        for server in book.servers_of[key]
        for part in book.servers[server].parts(as_of)
    )
