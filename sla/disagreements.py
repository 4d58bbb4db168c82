"""Where monitors that watch the same do not say the same of a server or a client, at an instant.

What they saw may differ, and is merged (spec §2.4); this is about what they were told of whom they watch: it is decided by
the order of lines (spec §3.3, §3.4, §10), so that somebody has to look.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from sla.book import Book
from sla.calendars import Month
from sla.instants import Instant
from sla.pages import ServerPages
from sla.records import ClientId, ServerId
from sla.service import by_observer
from sla.terms import parse_terms_text

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One thing of which monitors say different things."""

    kind: DisagreementKind
    about: ServerId | ClientId
    said: Said


def disagreements_of_server(server: ServerId, pages: ServerPages, as_of: Instant) -> Iterator[Disagreement]:
    """What the observers say that have a server in service at `as_of`; of the others none has a say (spec §3.4)."""
    here = [
        (told.newest, part)
        for told in by_observer(pages.known(as_of))
        for part in told.parts
        if part.start <= as_of < part.end
    ]
    about: dict[DisagreementKind, Said] = {
        DisagreementKind.OWNER: {
            record.observer: (part.client, *(() if part.solution is None else (part.solution,)))
            for record, part in here
        },
        DisagreementKind.IDENTITY: {record.observer: (record.name,) for record, _ in here},
        DisagreementKind.CONFIGURATION: {record.observer: part.watched_at(as_of) for record, part in here},
    }
    for kind, said in about.items():
        yield from _disagreement(kind, server, said)


def disagreements_of_client(
    client: ClientId, ledgers: Mapping[str, Book], month: Month, as_of: Instant
) -> Iterator[Disagreement]:
    """What ledgers say of a client and of the terms of its statement of `month`; one without a record of it says nothing.

    A book holds what its ledger alone does: clients and contracts are enough.
    """
    records = {
        name: record for name, book in ledgers.items() if (record := book.client(client, as_of)) is not None
    }
    terms = {name: _terms_in(ledgers[name], client, month, as_of) for name in records}
    about: list[tuple[DisagreementKind, Said]] = [
        (DisagreementKind.IDENTITY, {name: (each.name,) for name, each in records.items()}),
        (
            DisagreementKind.CONFIGURATION,
            {name: tuple(sorted(each.tech_admins)) for name, each in records.items()},
        ),
        (DisagreementKind.CLOCK, {name: (each.timezone,) for name, each in records.items()}),
    ]
    for kind, said in about:
        yield from _disagreement(kind, client, said)
    if len({parse_terms_text(text, frozenset()) for text in terms.values()}) > 1:
        yield Disagreement(
            kind=DisagreementKind.CONFIGURATION,
            about=client,
            said={name: (text,) for name, text in terms.items()},
        )


def _terms_in(book: Book, client: ClientId, month: Month, as_of: Instant) -> str:
    contract = book.contract(client, str(month), as_of)
    return "{}" if contract is None else contract.terms


def _disagreement(kind: DisagreementKind, about: ServerId | ClientId, said: Said) -> Iterator[Disagreement]:
    if len(set(said.values())) > 1:
        yield Disagreement(kind=kind, about=about, said=said)
