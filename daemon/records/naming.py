"""Who and what may be named: servers by id or name, clients and solutions by id; and what was meant, perhaps.

Names of servers are looked for before the recorder's turn (`named`), for there may be many.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final, NamedTuple

from daemon.config.values import nearest, shown
from daemon.pacing import paced
from daemon.records.refusals import FieldFaults
from sla.book import Book, SolutionKey
from sla.instants import Instant
from sla.records import ClientId, Server, ServerId, SolutionId

_MOST_COMPARED: Final = 500
"""Names to look for a similar one in: among more it would hold up the recorder."""
_MOST_SHOWN: Final = 5
"""Names that a message lists where several are possible; unknown names that similar ones are looked for to."""


class Named(NamedTuple):
    """The servers of each name that was asked for; and names to suggest, where there are few."""

    servers: Mapping[str, Collection[ServerId]]
    similar: Collection[str]


NOBODY: Final = Named({}, ())


async def named(book: Book, names: Collection[str]) -> Named:
    """The servers in service of each name; where none is, all that had it. Ids are no names."""
    wanted = {name for name in names if ServerId(name) not in book.servers}
    if not wanted:
        return NOBODY
    serving: dict[str, list[ServerId]] = {}
    gone: dict[str, list[ServerId]] = {}
    similar: set[str] = set()
    async for record in paced(_records(book)):
        if len(similar) <= _MOST_COMPARED:
            similar.add(record.name)
        if record.name in wanted:
            those = serving if record.in_service_until is None else gone
            those.setdefault(record.name, []).append(record.id)
    return Named({**gone, **serving}, similar if len(similar) <= _MOST_COMPARED else ())


def name_of(book: Book, server: str) -> str | None:
    """The newest name of a server; None for what is no server's id."""
    pages = book.servers.get(ServerId(server))
    return pages.records[-1].name if pages is not None and pages.records else None


@dataclass(frozen=True, slots=True)
class Known:
    """What may be named: what is in a book, and the solutions that only the configuration names."""

    book: Book
    configured: Collection[SolutionKey]

    def servers(
        self, faults: FieldFaults, names: Iterable[str], named: Named, field: str = ""
    ) -> list[ServerId]:
        """The ids of servers that are named by id or by name; `field`: what names them, if that is no list."""
        found: list[ServerId] = []
        for place, name in enumerate(names):
            at_fault = field or f"servers[{place + 1}]"
            is_id = name_of(self.book, name) is not None
            candidates = [ServerId(name)] if is_id else sorted(named.servers.get(name, ()))
            if len(candidates) == 1:
                found += candidates
            elif candidates:
                faults.add(
                    at_fault,
                    f"{len(candidates)} servers are called {shown(name)}: name one by its id,"
                    f" {_some(candidates)}",
                )
            else:
                hint = _hint(faults, name, named.similar)
                faults.add(at_fault, f"there is no server {shown(name)}{hint}")
        return found

    def check_client(self, faults: FieldFaults, field: str, client: str, at: Instant) -> bool:
        """Whether there is such a client at `at`; a fault where there is none."""
        if self.book.client(ClientId(client), at) is not None:
            return True
        known = self.book.clients
        hint = _hint(faults, client, known) or f": {_some(nsmallest(_MOST_SHOWN + 1, known))}"
        faults.add(field, f"there is no client {shown(client)}{hint}")
        return False

    def solution_of(self, faults: FieldFaults, solution: str, client: str, at: Instant) -> SolutionKey:
        """A solution of a client: a named one, or a lone server's id; a fault where it has none such."""
        key = SolutionId(solution), ClientId(client)
        known_client = self.check_client(faults, "client", client, at)
        if known_client and not any(key in known for known in self._solutions()):
            own = {name for known in self._solutions() for name, of in known if of == client}
            meant = self._meant(faults, solution, own)
            faults.add("solution", f"client {shown(client)} has no solution {shown(solution)}{meant}")
        return key

    def check_solutions(self, faults: FieldFaults, solutions: Sequence[str]) -> None:
        """A fault for each that is no client's solution."""
        known = {name for keys in self._solutions() for name, _ in keys} if solutions else set()
        for place, solution in enumerate(solutions):
            if solution not in known:
                hint = _hint(faults, solution, known)
                faults.add(f"solutions[{place + 1}]", f"there is no solution {shown(solution)}{hint}")

    def _meant(self, faults: FieldFaults, solution: str, own: Collection[str]) -> str:
        """What to say in place of a solution that a client does not have: the nearest of its own, or the first few."""
        lone = {name: id_ for id_ in own if (name := name_of(self.book, id_)) is not None}
        if solution in lone:
            return f": that is a server's name; it is sold alone, and named by its id, {lone[solution]}"
        hint = _hint(faults, solution, [*own, *lone])
        if hint or not own:
            return hint
        first = nsmallest(_MOST_SHOWN + 1, own, key=lambda id_: (name_of(self.book, id_) is not None, id_))
        return f": it has {_some([self._told(id_) for id_ in first])}"

    def _told(self, solution: str) -> str:
        """A solution for people: a lone server's with its name."""
        name = name_of(self.book, solution)
        return solution if name is None else f"{solution} ({name})"

    def _solutions(self) -> Sequence[Collection[SolutionKey]]:
        """The solutions that are known, by how they are; lone servers are among them."""
        return self.book.servers_of.keys(), self.book.lifecycles.keys(), self.configured


def _records(book: Book) -> Iterator[Server]:
    for pages in list(book.servers.values()):
        if pages.records:
            yield pages.records[-1]


def _hint(faults: FieldFaults, name: str, known: Collection[str]) -> str:
    """What was meant, perhaps: for the first few unknown names, among not too many."""
    if len(known) > _MOST_COMPARED or len(faults.found) >= _MOST_SHOWN:
        return ""
    near = nearest(name, known)
    return f": {near}" if near else ""


def _some(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more
