"""Lists that the daemon gives a page at a time, as commands show them: for people, for programs, for spreadsheets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from daemon.cli.asking import ask
from daemon.cli.options import ListFormat
from daemon.cli.terminal import say, show_bytes, show_json
from daemon.control.address import ControlAddress
from daemon.control.client import ControlClient, Json
from daemon.control.routes import MOST_ROWS, ApiRoute
from daemon.csv_text import csv_text
from sla.texts import printable

Column = tuple[str, Callable[[Json], object]]
"""A heading, and what of a row stands below it."""


class WantedList(NamedTuple):
    """A list: the operation that gives it, by which key, and for which query; so many rows at most, None for all."""

    operation: ApiRoute
    key: str
    query: Mapping[str, str | None]
    most: int | None


class FoundRows(NamedTuple):
    """The rows of a list, and whether there are more."""

    rows: Sequence[Json]
    has_more: bool


def rows_of(address: ControlAddress, wanted: WantedList) -> FoundRows:
    """The rows of a list; ends the command where the daemon does not give them."""
    return ask(address, lambda daemon: _read(daemon, wanted))


def show_rows(
    format_: ListFormat,
    wanted: WantedList,
    found: FoundRows,
    columns: Sequence[Column],
    to_people: Callable[[Sequence[Json]], None],
) -> None:
    """Show rows; where there are more, that is said on the way."""
    match format_:
        case "json":
            show_json({wanted.key: found.rows, "has_more": found.has_more})
        case "csv":
            headings = [heading for heading, _ in columns]
            rows = ([_shown(of(row)) for _, of in columns] for row in found.rows)
            show_bytes(csv_text(headings, rows).encode())
        case "text":
            to_people(found.rows)
            if found.has_more:
                say("")
                say(
                    f"There are more: these are the first {len(found.rows)}. --limit says how many are shown."
                )


def _shown(cell: object) -> object:
    return printable(cell) if isinstance(cell, str) else cell


async def _read(daemon: ControlClient, wanted: WantedList) -> FoundRows:
    query = {name: value for name, value in wanted.query.items() if value is not None}
    rows: list[Json] = []
    while True:
        left = MOST_ROWS if wanted.most is None else wanted.most - len(rows)
        page = await daemon.document(wanted.operation.path(), {**query, "limit": str(min(left, MOST_ROWS))})
        rows += page[wanted.key]
        if page["next"] is None or len(rows) == wanted.most:
            return FoundRows(rows, page["next"] is not None)
        query["cursor"] = page["next"]


def of_key(name: str) -> Column:
    """The column of a key."""
    return name, lambda row: row[name]


def of_cause(name: str) -> Column:
    """The column of a key of the cause."""
    return name, lambda row: (row["cause"] or {}).get(name)


def joined(name: str) -> Column:
    """The column of a list: its texts with blanks between them."""
    return name, lambda row: " ".join(row[name])


USUAL_ROWS: Final = 100
"""How many rows people are shown unless they ask for another number."""
