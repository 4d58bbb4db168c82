"""What maintenance and exclusions have in common on the command line: span and scope, and how they are listed and withdrawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from daemon.cli import completing
from daemon.cli.asking import ask
from daemon.cli.options import INSTANT, OutputFormat, control_address, example, output_format
from daemon.cli.terminal import console, print_table, show_as
from daemon.cli.withdrawing import add_withdraw, why_withdrawn
from daemon.cli.words import local
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import ApiRoute

_SHOWN: Final = 3
"""Names of a kind that a table shows."""
_SPAN: Final = (
    click.option(
        "--from",
        "start",
        type=INSTANT,
        metavar="INSTANT",
        required=True,
        help="When it begins, with a zone: 2026-12-01T23:30-05:00.",
    ),
    click.option(
        "--until",
        type=INSTANT,
        metavar="INSTANT",
        help="When it ends; this instant is not part of it any more.",
    ),
)
_OPTIONS: Final = (
    click.option(
        "--server",
        "servers",
        metavar="NAME",
        shell_complete=completing.servers,
        multiple=True,
        help="A server that it concerns, by name or id. Repeat it for more.",
    ),
    click.option(
        "--solution",
        "solutions",
        metavar="ID",
        shell_complete=completing.solutions,
        multiple=True,
        help="A solution. Repeat it for more.",
    ),
    click.option(
        "--client",
        "clients",
        metavar="ID",
        shell_complete=completing.clients,
        multiple=True,
        help="A client. Repeat it for more.",
    ),
    click.option(
        "--all", "everybody", is_flag=True, help="It concerns everybody, in place of the three above."
    ),
    click.option(
        "--announced-at",
        type=INSTANT,
        metavar="INSTANT",
        help="When the client was told, if that was not just now.",
    ),
    click.option(
        "--reference",
        metavar="TEXT",
        help="The ticket, or what else explains it; each client that it concerns reads it.",
    ),
    click.option("--id", "id_", metavar="ID", help="An id of your own; left out: slad gives one."),
)


def span(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a span."""
    for option in reversed(_SPAN):
        command = option(command)
    return command


def options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a scope, and of what else is said with it."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def body(
    *,
    servers: Sequence[str],
    solutions: Sequence[str],
    clients: Sequence[str],
    everybody: bool,
    announced_at: str | None,
    reference: str | None,
    id_: str | None,
) -> dict[str, Any]:
    """What the door is told of them. Raises click.UsageError for a scope that nobody can have meant."""
    named = bool(servers or solutions or clients)
    if named == everybody:
        raise click.UsageError(
            "--all means everybody: leave out --server, --solution and --client"
            if named
            else "say whom it concerns: --server, --solution or --client, or --all for everybody"
        )
    return {
        "id": id_,
        "servers": list(servers),
        "solutions": list(solutions),
        "clients": list(clients),
        "announced_at": announced_at,
        "reference": reference,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """What the commands `list` and `withdraw` of maintenance windows and of other exclusions differ in.

    `key`: of the list in what `listing` answers.
    """

    noun: str
    key: str
    listing: ApiRoute
    list_example: str
    withdrawal: ApiRoute
    withdraw_help: str
    withdraw_example: str


def add_list_and_withdraw(group: click.Group, windows: Windows) -> None:
    """Give a group of commands its `list` and its `withdraw`."""
    group.add_command(_list_command(windows))
    add_withdraw(group, windows.withdrawal, help_=windows.withdraw_help, example_=windows.withdraw_example)


def _list_command(windows: Windows) -> click.Command:
    @click.command(
        "list",
        help=f"List the {windows.noun}s that run or lie ahead.",
        epilog=example(windows.list_example),
    )
    @click.option("--past", is_flag=True, help="Those that are over or withdrawn, too.")
    @control_address
    @output_format
    def list_(address: ControlAddress, past: bool, format_: OutputFormat) -> None:
        query = {"past": "true"} if past else None
        answer = ask(address, lambda daemon: daemon.document(windows.listing.path(), query))
        none = f"No {windows.noun} {'is on record' if past else 'runs or lies ahead'}."
        show_as(format_, answer, lambda: _print(answer[windows.key], past=past, none=none))

    return list_


def _print(records: Sequence[Json], *, past: bool, none: str) -> None:
    """A table; `none` is said where there are none, `past`: what was withdrawn is among them."""
    print_table(
        console(),
        (
            "id",
            "state",
            "from",
            "until",
            "category",
            "concerns",
            "announced",
            "reference",
            "recorded by",
            *(("withdrawn, because",) if past else ()),
        ),
        (
            (
                record["id"],
                record["state"],
                local(record["from"]),
                local((record["ended"] or {}).get("at") or record["until"]) or "open",
                record["category"].replace("_", " "),
                concerned(record),
                local(record["announced_at"]),
                record["reference"] or "",
                record["recorded_by"],
                *((why_withdrawn(record),) if past else ()),
            )
            for record in records
        ),
        prose=("concerns", "reference", "withdrawn, because"),
        none=none,
    )


def concerned(record: Json) -> str:
    """The scope of a record, the first of each kind; servers by their names."""
    named = []
    for plural, singular in (("clients", "client"), ("solutions", "solution"), ("servers", "server")):
        names = record[plural]
        named += [f"{singular} {record['names'].get(name, name)}" for name in names[:_SHOWN]]
        if len(names) > _SHOWN:
            named.append(f"{len(names) - _SHOWN} more {plural}")
    return ", ".join(named) or "everybody"
