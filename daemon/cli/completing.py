"""What a shell offers for the names of clients, servers and solutions: those that the running daemon knows.

It is asked at the door that the command line names so far. A daemon that does not answer at once has no names: nothing is said of it.
"""

import asyncio
from asyncio import timeout
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from daemon.control.routes import LIST_CLIENTS, LIST_SERVERS, LIST_SOLUTIONS
from sla.texts import printable

if TYPE_CHECKING:
    from daemon.control.address import ControlAddress
    from daemon.control.client import Json

PATIENCE_S: Final = 1.0
"""Nobody waits longer for a tab."""
MOST: Final = 200
"""So many names at most; more would not be read."""


def clients(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """The ids of clients."""
    rows = _rows(context, LIST_CLIENTS.path(), "clients", {})
    return _offered((row["id"] for row in rows), begun)


def servers(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """The names of servers."""
    rows = _rows(context, LIST_SERVERS.path(), "servers", {"name": f"{begun}*", "limit": str(MOST)})
    return _offered((row["name"] for row in rows), begun)


def solutions(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """The ids of solutions, of the client that was named before where one was."""
    rows = _rows(context, LIST_SOLUTIONS.path(), "solutions", {})
    client = context.params.get("client")
    return _offered((row["id"] for row in rows if client in (None, row["client"])), begun)


def _offered(names: Iterable[str], begun: str) -> list[str]:
    """Those that continue what is begun, and can stand on a line of a terminal."""
    return sorted({name for name in names if name.startswith(begun) and printable(name) == name})[:MOST]


def _rows(context: click.Context, path: str, key: str, query: Mapping[str, str]) -> "Sequence[Json]":
    """The rows that an operation of the daemon gives, or none."""
    from daemon.cli.options import address_of
    from daemon.control.client import ControlClient, ControlError

    async def asked(address: "ControlAddress") -> "Sequence[Json]":
        async with timeout(PATIENCE_S), ControlClient(address) as daemon:
            rows: Sequence[Json] = (await daemon.document(path, query))[key]
            return rows

    try:
        with context:
            return asyncio.run(asked(address_of(context.params)))
    except (ControlError, TimeoutError, click.UsageError, KeyError):
        return ()
