"""What people record of several clients becomes one record for each (`spec/evidence.md`, Proof): whole scopes into their parts.

What several clients share, such as a solution of one name, is a record of its own: it names nothing that not each of them has.
What names nobody concerns everybody, also clients that come later; it stays one record, and tells nothing of anybody.
"""

from collections.abc import Iterator
from typing import NamedTuple

from daemon.records.naming import Known
from sla.instants import FOREVER, Instant
from sla.owners import Owners, owned_spans, owners_of_solution
from sla.records import ClientId, ServerId, SolutionId
from sla.spans import Span


class Scope(NamedTuple):
    """Whom an exclusion concerns: the union of what is named (spec §4.2)."""

    clients: tuple[ClientId, ...] = ()
    solutions: tuple[SolutionId, ...] = ()
    servers: tuple[ServerId, ...] = ()


def by_owner(scope: Scope, span: Span, known: Known, as_of: Instant) -> list[tuple[Scope, Span]]:
    """The parts of a scope over a span, each of things that belong to the same clients, and for how much of it they do."""
    parts: dict[tuple[Owners, Span], Scope] = {}
    for owners, within, part in _each(scope, span, known, as_of):
        parts[owners, within] = _joined(parts.get((owners, within), Scope()), part)
    return [(part, within) for (_, within), part in parts.items()] or [(scope, span)]


def clients_of(scope: Scope, since: Instant, known: Known, as_of: Instant) -> Owners:
    """Whom a scope concerns from an instant on."""
    if scope == Scope():
        return frozenset(known.book.clients)
    return frozenset().union(*(owners for owners, _, _ in _each(scope, (since, FOREVER), known, as_of)))


def _each(scope: Scope, span: Span, known: Known, as_of: Instant) -> Iterator[tuple[Owners, Span, Scope]]:
    """All that a scope names, whose it is, and when; a server that changes hands is named for each."""
    for client in scope.clients:
        yield frozenset({client}), span, Scope(clients=(client,))
    for solution in scope.solutions:
        planned = {client for name, client in known.configured if name == solution}
        owners = owners_of_solution(known.book, solution, *span, as_of)
        yield owners | planned, span, Scope(solutions=(solution,))
    for server in scope.servers:
        for owners, within in owned_spans(known.book, server, span, as_of):
            yield owners, within, Scope(servers=(server,))


def _joined(one: Scope, other: Scope) -> Scope:
    return Scope(
        clients=one.clients + other.clients,
        solutions=one.solutions + other.solutions,
        servers=one.servers + other.servers,
    )
