"""What people record of several clients becomes one record for each (`spec/evidence.md`, Proof): whole scopes into their parts.

What several clients share, such as a solution of one name, is a record of its own: it names nothing that not each of them has.
What names nobody concerns everybody, also clients that come later; it stays one record, and tells nothing of anybody.
"""

from collections.abc import Iterator
from typing import NamedTuple

from daemon.records.naming import Known
from sla.instants import Instant
from sla.owners import Owners, owners_of_server, owners_of_solution
from sla.records import ClientId, ServerId, SolutionId


class Scope(NamedTuple):
    """Whom an exclusion concerns: the union of what is named (spec §4.2)."""

    clients: tuple[ClientId, ...] = ()
    solutions: tuple[SolutionId, ...] = ()
    servers: tuple[ServerId, ...] = ()


def by_owner(scope: Scope, start: Instant, end: Instant, known: Known, as_of: Instant) -> list[Scope]:
    """The parts of a scope, each of things that belong to the same clients in `[start, end)`."""
    parts: dict[Owners, Scope] = {}
    for owners, part in _each(scope, start, end, known, as_of):
        parts[owners] = _joined(parts.get(owners, Scope()), part)
    return list(parts.values()) or [scope]


def _each(
    scope: Scope, start: Instant, end: Instant, known: Known, as_of: Instant
) -> Iterator[tuple[Owners, Scope]]:
    """All that a scope names, and whose it is."""
    for client in scope.clients:
        yield frozenset({client}), Scope(clients=(client,))
    for solution in scope.solutions:
        planned = {client for name, client in known.configured if name == solution}
        owners = owners_of_solution(known.book, solution, start, end, as_of)
        yield owners | planned, Scope(solutions=(solution,))
    for server in scope.servers:
        yield owners_of_server(known.book, server, start, end, as_of), Scope(servers=(server,))


def _joined(one: Scope, other: Scope) -> Scope:
    return Scope(
        clients=one.clients + other.clients,
        solutions=one.solutions + other.solutions,
        servers=one.servers + other.servers,
    )
