"""`slad status` and `slad server`: what the running daemon says of itself and of one server."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.cli import options
from daemon.cli.options import Format
from daemon.control import ServerStatus, Status
from daemon.control_client import ControlClient, ControlError, NotFoundError

EXIT_NOT_FOUND = 1
EXIT_UNREACHABLE = 3

_COLOURS = {"up": "green", "down": "red", "unknown": "yellow", "unobserved": "yellow", "excluded": "blue"}

_Answer = TypeVar("_Answer")


@click.command("status")
@options.socket
@options.output_format
def status(socket: Path, format_: Format) -> None:
    """Show how the daemon is, and who is down since when.

    Exits with 0 when the daemon answered, whatever it said, and with 3 when it cannot be reached or gave no proper answer.
    """
    answer = _ask(socket, lambda daemon: daemon.status())
    if format_ == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        _show_status(_console(), answer)


@click.command("server")
@click.argument("name")
@options.socket
@options.output_format
def server(name: str, socket: Path, format_: Format) -> None:
    """Show one virtual server, by its id or its name: legs, outages, counted times.

    Exits with 0 when it was found, with 1 when no server or more than one has that name, and with 3 when the daemon
    cannot be reached or gave no proper answer.
    """
    answer = _ask(socket, lambda daemon: daemon.server(name))
    if format_ == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        _show_server(_console(), answer)


def _ask(socket: Path, question: Callable[[ControlClient], Awaitable[_Answer]]) -> _Answer:
    async def ask() -> _Answer:
        async with ControlClient(socket) as daemon:
            return await question(daemon)

    try:
        return asyncio.run(ask())
    except ControlError as error:
        click.echo(f"slad: {error}", err=True)
        sys.exit(EXIT_NOT_FOUND if isinstance(error, NotFoundError) else EXIT_UNREACHABLE)


def _console() -> Console:
    """Colours on terminals only; a pipe gets lines that nobody cut to a width."""
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, width=10_000)


def _show_status(console: Console, answer: Status) -> None:
    settled = answer["settled_at"] or "nothing yet"
    console.print(_text(f"slad {answer['version']} at {answer['at']}, settled up to {settled}"))
    for reason in answer["not_ready"]:
        console.print(_text(f"not ready: {reason}", "red"))
    ledger = answer["ledger"]
    console.print(
        _text(
            f"ledger: {ledger['records']} records, {ledger['size_bytes']} bytes, "
            f"last commit {ledger['last_commit_at'] or 'never'}, head {ledger['head'] or 'none'}"
        )
    )
    states = ", ".join(f"{count} {state}" for state, count in answer["states"].items())
    console.print(_text(f"servers: {states or 'none'}"))
    _print_table(
        console,
        ("source", "state", "last contact", "note"),
        (
            (
                source["name"],
                _state("up" if source["up"] else "down"),
                source["last_contact_at"] or "never",
                source["note"],
            )
            for source in answer["sources"]
        ),
    )
    _print_table(
        console,
        ("down", "client", "since", "legs", "id"),
        (
            (row["name"], row["client"], row["since"], ", ".join(row["legs"]), row["server"])
            for row in answer["down"]
        ),
    )


def _show_server(console: Console, answer: ServerStatus) -> None:
    console.print(_text(f"{answer['name']} ({answer['server']})"))
    console.print(
        _text(
            f"client {answer['client'] or 'none'}, solution {answer['solution'] or 'none'}, on {answer['vcenter']}"
        )
    )
    since = f" since {answer['since']}" if answer["since"] else ""
    console.print(
        _state(answer["state"]) + _text(f"{since}, settled up to {answer['settled_at'] or 'nothing yet'}")
    )
    _print_table(
        console,
        ("leg", "state", "since", "source", "reason"),
        (
            (leg["leg"], _state(leg["state"]), leg["since"] or "", leg["source"], leg["reason"])
            for leg in answer["legs"]
        ),
    )
    _print_table(
        console,
        ("outage from", "until", "legs", "cause", "note"),
        (
            (
                outage["start"],
                outage["until"] or "now",
                ", ".join(outage["legs"]),
                outage["cause"],
                outage["note"],
            )
            for outage in answer["outages"]
        ),
    )
    _print_table(
        console,
        ("counted in service", "time"),
        ((counted, _duration(us)) for counted, us in answer["counters_us"].items()),
    )


def _print_table(console: Console, headings: Iterable[str], rows: Iterable[Iterable[str | Text]]) -> None:
    """A table, or nothing where it would have no row."""
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else _text(cell) for cell in row))
    if table.row_count:
        console.print()
        console.print(table)


def _state(state: str) -> Text:
    return _text(state, _COLOURS.get(state, ""))


def _text(text: str, style: str = "") -> Text:
    """Text as it is: no markup, and nothing in a name that could steer the terminal."""
    return Text("".join(character if character.isprintable() else "�" for character in text), style=style)


def _duration(microseconds: int) -> str:
    """Hours, minutes and seconds, exactly."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" + (f".{fraction:06}" if fraction else "")
