"""Where monitors that watch the same do not say the same of a server or a client, at an instant.

What they saw may differ, and is merged (spec §2.4); this is about what they were told of whom they watch: it is decided by
the order of lines (spec §3.3, §3.4, §10), so that somebody has to look.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, assert_never

from sla.book import Book
from sla.calendars import Month
from sla.instants import Instant
from sla.pages import ServerPages
from sla.records import Client, ClientId, Contract, Server, ServerId, SolutionId
from sla.service import by_observer
from sla.terms import parse_terms_text

MOST_TURNS: Final = 100
"""How far back is looked for the beginning of a disagreement: so many turns of what is said."""

Said = Mapping[str, tuple[str, ...]]
"""What each says, by its name."""


class DisagreementKind(Enum):
    """What monitors disagree about."""

    OWNER = "owner"
    """Whose a server is: client and solution."""
    IDENTITY = "identity"
    """What a server or a client is called."""
    CONFIGURATION = "configuration"
    """Which legs of a server are watched, who may open requests for a client, and by which terms it is judged."""
    CLOCK = "clock"
    """In which time zone a client is."""


class Point(Enum):
    """What of a server or a client it is that they say differently."""

    OWNER = "owner"
    """The client, and the solution where there is one."""
    SERVER_NAME = "server_name"
    LEGS = "legs"
    CLIENT_NAME = "client_name"
    TECH_ADMINS = "tech_admins"
    TERMS = "terms"
    """Those of the present month's statement, as JSON."""
    TIMEZONE = "timezone"

    @property
    def kind(self) -> DisagreementKind:
        """Of which kind a disagreement about it is."""
        match self:
            case Point.OWNER:
                return DisagreementKind.OWNER
            case Point.SERVER_NAME | Point.CLIENT_NAME:
                return DisagreementKind.IDENTITY
            case Point.LEGS | Point.TECH_ADMINS | Point.TERMS:
                return DisagreementKind.CONFIGURATION
            case Point.TIMEZONE:
                return DisagreementKind.CLOCK
            case _:
                assert_never(self)

    @property
    def is_of_server(self) -> bool:
        """Whether it is a server's and not a client's."""
        return self in (Point.OWNER, Point.SERVER_NAME, Point.LEGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One thing of which monitors say different things.

    `holds`: what figures go by meanwhile. `since`: from when on they said different things, whichever those were; where that is
    more than `MOST_TURNS` turns ago, a later instant.
    """

    point: Point
    about: ServerId | ClientId
    said: Said
    holds: tuple[str, ...]
    since: Instant


def disagreements_of_server(server: ServerId, pages: ServerPages, as_of: Instant) -> Iterator[Disagreement]:
    """What the observers say that have a server in service at `as_of`; of the others none has a say (spec §3.4)."""

    def differing_at(at: Instant) -> dict[Point, Said]:
        return _differing(_said_of_server(pages, at))

    differing = differing_at(as_of)
    if not differing:
        return
    part = next(part for part in pages.parts(as_of) if part.start <= as_of < part.end)
    holding = {
        Point.OWNER: _owner(part.owner),
        Point.SERVER_NAME: (pages.name(as_of),),
        Point.LEGS: part.watched_at(as_of),
    }
    since = _since(differing, turns_of_server(pages), as_of, differing_at)
    for point, said in differing.items():
        yield Disagreement(point=point, about=server, said=said, holds=holding[point], since=since[point])


def has_one_word(pages: ServerPages) -> bool:
    """Whether all that was ever told of a server is the same: then there is no disagreement, at whatever instant."""
    return len({(record.client, record.solution, record.name, record.legs) for record in pages.records}) <= 1


def turns_of_server(pages: ServerPages) -> Iterator[Instant]:
    """When what is said of a server may become another: in between it stays."""
    yield from pages.edges()
    for record in pages.told:
        if isinstance(record, Server):
            yield record.in_service_from
            if record.in_service_until is not None:
                yield record.in_service_until
        else:
            yield record.at


def _said_of_server(pages: ServerPages, as_of: Instant) -> dict[Point, Said]:
    here = [
        (told.newest, part)
        for told in by_observer(pages.known(as_of))
        for part in told.parts
        if part.start <= as_of < part.end
    ]
    return {
        Point.OWNER: {record.observer: _owner(part.owner) for record, part in here},
        Point.SERVER_NAME: {record.observer: (record.name,) for record, _ in here},
        Point.LEGS: {record.observer: part.watched_at(as_of) for record, part in here},
    }


def _owner(owner: tuple[ClientId, SolutionId | None]) -> tuple[str, ...]:
    client, solution = owner
    return (client,) if solution is None else (client, solution)


def disagreements_of_client(
    client: ClientId,
    ledgers: Mapping[str, Book],
    whole: Book,
    month: Month,
    as_of: Instant,
    ended: Collection[str] = (),
) -> Iterator[Disagreement]:
    """What ledgers say of a client and of the terms of its statement of `month`, held against what holds by the book of all of them.

    A ledger has a say that has a record of the client, unless its monitor has `ended`; and one whose record is what holds.
    A ledger's book holds what that ledger alone does: clients and contracts are enough.
    """

    def differing_at(at: Instant) -> dict[Point, Said]:
        return _differing(_said_of_client(client, ledgers, whole, month, at, ended))

    differing = differing_at(as_of)
    if not differing:
        return
    record, contract = whole.client(client, as_of), whole.contract(client, str(month), as_of)
    assert record is not None, "a ledger has one"
    holding = {**_words_of(record), Point.TERMS: _terms_of(contract)}
    since = _since(differing, turns_of_client(client, ledgers.values()), as_of, differing_at)
    for point, said in differing.items():
        yield Disagreement(point=point, about=client, said=said, holds=holding[point], since=since[point])


def turns_of_client(client: ClientId, ledgers: Iterable[Book]) -> Iterator[Instant]:
    """When what ledgers say of a client and of one month's terms may become another: in between it stays."""
    for book in ledgers:
        yield from (record.recorded_at for record in book.clients.get(client, ()))
        yield from (record.recorded_at for record in book.contracts if record.client in (client, None))


def _said_of_client(
    client: ClientId,
    ledgers: Mapping[str, Book],
    whole: Book,
    month: Month,
    as_of: Instant,
    ended: Collection[str],
) -> dict[Point, Said]:
    held, held_terms = whole.client(client, as_of), whole.contract(client, str(month), as_of)
    found: dict[Point, dict[str, tuple[str, ...]]] = {}
    terms: dict[str, tuple[str, ...]] = {}
    for name, book in ledgers.items():
        record, contract = book.client(client, as_of), book.contract(client, str(month), as_of)
        is_asked = record is not None and name not in ended
        if record is not None and (is_asked or record is held):
            for point, words in _words_of(record).items():
                found.setdefault(point, {})[name] = words
        if is_asked or (contract is not None and contract is held_terms):
            terms[name] = _terms_of(contract)
    if _differs(terms) and len({parse_terms_text(text, frozenset()) for (text,) in terms.values()}) == 1:
        terms = {}
    return {**found, Point.TERMS: terms}


def _words_of(record: Client) -> dict[Point, tuple[str, ...]]:
    return {
        Point.CLIENT_NAME: (record.name,),
        Point.TECH_ADMINS: tuple(sorted(record.tech_admins)),
        Point.TIMEZONE: (record.timezone,),
    }


def _terms_of(contract: Contract | None) -> tuple[str, ...]:
    return ("{}" if contract is None else contract.terms,)


def _differing(said: Mapping[Point, Said]) -> dict[Point, Said]:
    return {point: words for point, words in said.items() if _differs(words)}


def _differs(said: Said) -> bool:
    return len(set(said.values())) > 1


def _since(
    points: Iterable[Point],
    turns: Iterable[Instant],
    as_of: Instant,
    differing_at: Callable[[Instant], Mapping[Point, Said]],
) -> dict[Point, Instant]:
    """From when on each of the points, of which all differ at `as_of`, has differed without a break."""
    since = dict.fromkeys(points, as_of)
    lasting = set(since)
    for at in sorted({turn for turn in turns if turn <= as_of}, reverse=True)[:MOST_TURNS]:
        lasting &= differing_at(at).keys()
        if not lasting:
            break
        since |= dict.fromkeys(lasting, at)
    return since
