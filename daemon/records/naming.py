"""Servers by their names: found before the recorder's turn, for there may be many."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from daemon.pacing import paced
from sla.book import Book
from sla.records import Server, ServerId

_MOST_COMPARED: Final = 500
"""Names to look for a similar one in."""


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


def _records(book: Book) -> Iterator[Server]:
    for pages in list(book.servers.values()):
        if pages.records:
            yield pages.records[-1]
