"""What maintenance and exclusions have in common on the command line: their span and their scope."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from daemon.cli.options import INSTANT

_OPTIONS: Final = (
    click.option(
        "--from",
        "start",
        type=INSTANT,
        metavar="INSTANT",
        required=True,
        help="When it begins: 2026-12-01T23:30-05:00.",
    ),
    click.option(
        "--until", type=INSTANT, metavar="INSTANT", help="When it ends; the first instant after it."
    ),
    click.option(
        "--server", "servers", metavar="NAME", multiple=True, help="A server, by id or name; repeat."
    ),
    click.option("--solution", "solutions", metavar="ID", multiple=True, help="A solution; repeat."),
    click.option("--client", "clients", metavar="ID", multiple=True, help="A client; repeat."),
    click.option("--all", "everybody", is_flag=True, help="Everything: naming nothing needs this."),
    click.option(
        "--announced-at",
        type=INSTANT,
        metavar="INSTANT",
        help="When the client was told, if that was not just now.",
    ),
    click.option("--reference", metavar="TEXT", help="The ticket, or what else explains it."),
    click.option("--id", "id_", metavar="ID", help="An id of your own; else slad gives one."),
)


def options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a span and a scope."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def body(
    *,
    start: str,
    until: str | None,
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
            "--all means everything: leave out --server, --solution and --client"
            if named
            else "say whom it concerns: --server, --solution or --client, or --all for everything"
        )
    return {
        "id": id_,
        "from": start,
        "until": until,
        "servers": list(servers),
        "solutions": list(solutions),
        "clients": list(clients),
        "announced_at": announced_at,
        "reference": reference,
    }


def shown(record: dict[str, Any]) -> str:
    """The scope of a record, for a table."""
    named = [
        f"{singular} {name}"
        for plural, singular in (("servers", "server"), ("solutions", "solution"), ("clients", "client"))
        for name in record.get(plural) or ()
    ]
    return ", ".join(named) or "everything"
