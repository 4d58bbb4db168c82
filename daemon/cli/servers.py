"""`slad servers`: the servers in service, those in trouble first if that is asked for."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import click

from daemon.cli import completing, options
from daemon.cli.listing import USUAL_ROWS, Column, WantedList, of_cause, of_key, rows_of, show_rows
from daemon.cli.options import ListFormat
from daemon.cli.terminal import console, print_table, stacked, state
from daemon.cli.words import lasted, local
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import LIST_SERVERS, ServerOrder
from daemon.readable import percent
from daemon.timezones import use_packaged_time_zones
from sla.records import State

_COLUMNS: Final[tuple[Column, ...]] = (
    *map(of_key, ("server", "name", "client", "solution", "state", "since")),
    of_cause("cause"),
    of_cause("confidence"),
    *map(of_key, ("availability", "budget_left_seconds")),
)


@click.command(
    "servers",
    epilog=options.example("slad servers --sort worst --limit 20"),
)
@click.option("--client", metavar="ID", shell_complete=completing.clients, help="Only those of a client.")
@click.option(
    "--solution",
    metavar="ID",
    shell_complete=completing.solutions,
    help="Only those of a solution; a lone server's id is one.",
)
@click.option(
    "--state",
    "state_",
    type=click.Choice([each.word for each in State]),
    metavar="STATE",
    help="Only those that are up, down or unknown.",
)
@click.option(
    "--name", metavar="GLOB", help="Only those whose name fits: '*' is any text, '?' one character."
)
@click.option(
    "--sort",
    type=click.Choice([order.value for order in ServerOrder]),
    default=ServerOrder.NAME.value,
    show_default=True,
    metavar="ORDER",
    help="worst: down the longest first, then with the least budget left; name; since: changed last first.",
)
@click.option(
    "--limit",
    type=options.NumberType(min=1),
    metavar="N",
    help=f"So many at most. Left out: {USUAL_ROWS} for people, and else all.",
)
@options.control_address
@options.list_format
def servers(
    address: ControlAddress,
    client: str | None,
    solution: str | None,
    state_: str | None,
    name: str | None,
    sort: str,
    limit: int | None,
    format_: ListFormat,
) -> None:
    """List the virtual servers in service: how each stands, since when, and how its month is so far.

    `since` is when something else was last said of it; of one that is down, when that began. `slad server NAME` shows one
    server whole.

    Exits with 0 also where none fits; with 1 when there is no such client or solution; with 3 when the daemon cannot be
    reached or gave no proper answer.
    """
    query = {"client": client, "solution": solution, "state": state_, "name": name, "sort": sort}
    wanted = WantedList(LIST_SERVERS, "servers", query, limit or (USUAL_ROWS if format_ == "text" else None))
    found = rows_of(address, wanted)
    use_packaged_time_zones()
    show_rows(format_, wanted, found, _COLUMNS, _print)


def _print(rows: Sequence[Json]) -> None:
    print_table(
        console(),
        ("server, id", "state, month", "since, whose, cause"),
        (
            (
                stacked(row["name"], row["server"], ""),
                stacked(state(row["state"]), *_month(row)),
                stacked(*filter(None, (_since(row), row["client"], row["solution"], _cause(row)))),
            )
            for row in rows
        ),
        none="No such server is in service.",
    )


def _month(row: Json) -> tuple[str, str]:
    left, ratio = row["budget_left_seconds"], row["availability"]
    return percent(None if ratio is None else Fraction(ratio)), "" if left is None else lasted(left)


def _since(row: Json) -> str:
    return local(row["since"], row["timezone"]) if row["since"] else "not seen yet"


def _cause(row: Json) -> str:
    return "" if row["cause"] is None else str(row["cause"]["cause"]).replace("_", " ")
