"""Who and what may be named: servers by id or name, clients and solutions by id; and what was meant, perhaps.

A name means what is called exactly so; where nothing is, what alone is called so but for upper and lower case. Names of
servers are looked for before the recorder's turn (`named`), for there may be many.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final, NamedTuple

from daemon.config.values import nearest, shown
from daemon.pacing import paced
from daemon.records.refusals import AmbiguousNameError, FieldFault, FieldFaults, NotFoundError
from sla.book import Book, SolutionKey
from sla.instants import Instant
from sla.records import Client, ClientId, Server, ServerId, SolutionId

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
    search = _Search(book, names)
    async for record in paced(search.records(book)):
        search.look_at(record)
    return search.found()


class _Search:
    """Looks for the servers of some names, a record at a time, and for names that are like them.

    Of a large fleet only names that begin or end like one of them are alike.
    """

    def __init__(self, book: Book, names: Collection[str], client: ClientId | None = None) -> None:
        """`client`: whose servers alone are looked at, as they belong to him now."""
        self._client = client
        self._wanted: dict[str, list[str]] = {}
        for name in names:
            if ServerId(name) not in book.servers:
                self._wanted.setdefault(name.casefold(), []).append(name)
        self._halves = [(name[: len(name) // 2], name[-(len(name) // 2) :]) for name in self._wanted]
        self._found: dict[str, dict[tuple[bool, bool], list[ServerId]]] = {}
        self._names: set[str] = set()
        self._similar: set[str] = set()

    def records(self, book: Book) -> Iterator[Server]:
        """What there is to look at: nothing where no name is wanted."""
        for pages in list(book.servers.values()) if self._wanted else ():
            if pages.records and self._client in (None, pages.records[-1].client):
                yield pages.records[-1]

    def look_at(self, record: Server) -> None:
        folded = record.name.casefold()
        for name in self._wanted.get(folded, ()):
            rank = record.name != name, record.in_service_until is not None
            self._found.setdefault(name, {}).setdefault(rank, []).append(record.id)
        if len(self._names) <= _MOST_COMPARED:
            self._names.add(record.name)
        if len(self._similar) <= _MOST_COMPARED and any(
            folded.startswith(begin) or folded.endswith(end) for begin, end in self._halves
        ):
            self._similar.add(record.name)

    def found(self) -> Named:
        few = [names for names in (self._names, self._similar) if len(names) <= _MOST_COMPARED]
        return Named({name: ranks[min(ranks)] for name, ranks in self._found.items()}, few[0] if few else ())


def find_server(book: Book, name: str, client: ClientId | None = None) -> ServerId:
    """The server of an id or a name, of all or of those that are a client's. Raises NotFoundError and AmbiguousNameError."""
    search = _Search(book, (name,), client)
    for record in search.records(book):
        search.look_at(record)
    named = search.found()
    candidates = [
        each
        for each in _candidates(book, name, named)
        if client in (None, book.servers[each].records[-1].client)
    ]
    if len(candidates) > 1:
        raise AmbiguousNameError(_several(book, name, candidates), candidates)
    if not candidates:
        raise NotFoundError(
            [FieldFault("server", f"there is no server {shown(name)}{_hint(name, named.similar)}")]
        )
    return candidates[0]


def find_client(book: Book, name: str) -> ClientId:
    """The client of an id. Raises NotFoundError."""
    faults = FieldFaults()
    found = _client(faults, "client", book, name)
    if found is None:
        raise NotFoundError(faults.found)
    return found


def client_at(book: Book, name: str, at: Instant) -> Client:
    """The record of a client at an instant of knowledge. Raises NotFoundError."""
    found = book.client(find_client(book, name), at)
    if found is None:
        raise NotFoundError([FieldFault("client", f"there is no client {shown(name)} yet")])
    return found


def unknown_id(noun: str, id_: str) -> NotFoundError:
    """What to raise for the id of a record that is not there."""
    message = f"there is no {noun} {shown(id_)}: the list of {noun}s has their ids"
    return NotFoundError([FieldFault("id", message)])


def find_solution(book: Book, name: str, client: ClientId | None) -> SolutionId:
    """The solution of an id, of a client or of any. Raises NotFoundError."""
    own = [id_ for id_, clients in book.clients_of.items() if client is None or client in clients]
    found = _called(name, ((id_, id_) for id_ in own))
    if len(found) == 1:
        return SolutionId(found[0])
    whose = "" if client is None else f" of client {shown(client)}"
    message = f"there is no solution {shown(name)}{whose}{_hint(name, own)}"
    raise NotFoundError([FieldFault("solution", message)])


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
            candidates = _candidates(self.book, name, named)
            if len(candidates) == 1:
                found += candidates
            elif candidates:
                faults.add(at_fault, _several(self.book, name, candidates))
            else:
                hint = _hint_of_few(faults, name, named.similar)
                faults.add(at_fault, f"there is no server {shown(name)}{hint}")
        return found

    def client(self, faults: FieldFaults, field: str, client: str, at: Instant) -> ClientId:
        """The client that is named; a fault where there is none such at `at`."""
        found = _client(faults, field, self.book, client)
        if found is not None and self.book.client(found, at) is None:
            faults.add(field, f"there is no client {shown(client)} yet")
        return ClientId(client) if found is None else found

    def solution_of(self, faults: FieldFaults, solution: str, client: str, at: Instant) -> SolutionKey:
        """A solution of a client: a named one, or a lone server's by its id or name; a fault where it has none such."""
        owner = self.client(faults, "client", client, at)
        own = {name for known in self._solutions() for name, of in known if of == owner}
        found = self._own_solutions(solution, own)
        if len(found) > 1:
            faults.add("solution", _several(self.book, solution, [ServerId(each) for each in found]))
        elif not found and owner in self.book.clients:
            meant = self._meant(faults, solution, own)
            faults.add("solution", f"client {shown(owner)} has no solution {shown(solution)}{meant}")
        return SolutionId(found[0] if found else solution), owner

    def solutions(self, faults: FieldFaults, solutions: Sequence[str]) -> list[SolutionId]:
        """The solutions that are named, of whichever client; a fault for each that is none."""
        known = {name for keys in self._solutions() for name, _ in keys} if solutions else set()
        found: list[SolutionId] = []
        for place, solution in enumerate(solutions):
            called = _called(solution, ((id_, id_) for id_ in known))
            if len(called) != 1:
                hint = _hint_of_few(faults, solution, known)
                faults.add(f"solutions[{place + 1}]", f"there is no solution {shown(solution)}{hint}")
            found += map(SolutionId, called)
        return found

    def _own_solutions(self, solution: str, own: Collection[SolutionId]) -> list[str]:
        """The ids of those that are called so: as a solution, or else as servers that are sold alone."""
        named = _called(solution, ((id_, id_) for id_ in own))
        lone = ((name, id_) for id_ in own if (name := name_of(self.book, id_)) is not None)
        found = named or _called(solution, lone)
        serving = [id_ for id_ in found if self._is_serving(id_)]
        return sorted(serving or found)

    def _is_serving(self, server: str) -> bool:
        pages = self.book.servers.get(ServerId(server))
        return pages is not None and pages.goes_on

    def _meant(self, faults: FieldFaults, solution: str, own: Collection[str]) -> str:
        """What to say in place of a solution that a client does not have: the nearest of its own, or the first few."""
        lone = [name for id_ in own if (name := name_of(self.book, id_)) is not None]
        hint = _hint_of_few(faults, solution, [*own, *lone])
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


def _called(name: str, known: Iterable[tuple[str, str]]) -> list[str]:
    """The ids of what is called `name`, of (what it is called, its id): exactly so, or else but for upper and lower case."""
    folded = name.casefold()
    alike = [(called, id_) for called, id_ in known if called.casefold() == folded]
    return [id_ for called, id_ in alike if called == name] or [id_ for _, id_ in alike]


def _candidates(book: Book, name: str, named: Named) -> list[ServerId]:
    is_id = name_of(book, name) is not None
    return [ServerId(name)] if is_id else sorted(named.servers.get(name, ()))


def _client(faults: FieldFaults, field: str, book: Book, name: str) -> ClientId | None:
    """The client of an id; a fault where there is none."""
    found = _called(name, ((id_, id_) for id_ in book.clients))
    if len(found) == 1:
        return ClientId(found[0])
    first = nsmallest(_MOST_SHOWN + 1, book.clients)
    hint = _hint_of_few(faults, name, book.clients) or (f": {_some(first)}" if first else "")
    faults.add(field, f"there is no client {shown(name)}{hint}")
    return None


def _several(book: Book, name: str, candidates: Sequence[ServerId]) -> str:
    """That a name is that of several servers, and what to write in its place."""
    whose = _some([f"{id_} (of {book.servers[id_].records[-1].client})" for id_ in candidates])
    return f"{len(candidates)} servers are called {shown(name)}: name one by its id, {whose}"


def _hint(name: str, known: Collection[str]) -> str:
    """What was meant, perhaps, among not too many."""
    if len(known) > _MOST_COMPARED:
        return ""
    alike = sorted(_called(name, ((each, each) for each in known)))
    if len(alike) > 1:
        return f": there are {_some(alike)}"
    near = nearest(name, known)
    return f": {near}" if near else ""


def _hint_of_few(faults: FieldFaults, name: str, known: Collection[str]) -> str:
    """The same, for the first few unknown names."""
    return "" if len(faults.found) >= _MOST_SHOWN else _hint(name, known)


def _some(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _MOST_SHOWN else ""
    return ", ".join(names[:_MOST_SHOWN]) + more
