"""How commands show things: plain text and JSON that nothing in a name can steer a terminal by, tables, times."""

import json
import re
from collections.abc import Callable, Iterable
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.cli.options import OutputFormat
from sla.instants import SECOND

_NOT_ASCII: Final = re.compile(r"[^\n -~]")
_COLOURS: Final = {
    "up": "green",
    "down": "red",
    "unknown": "yellow",
    "unobserved": "yellow",
    "excluded": "blue",
}


class _Console(Console):
    """One whose reader may hang up, as that of any other output."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  rich calls this while it handles the error


def console() -> Console:
    """Colours on terminals only; a pipe gets lines that nobody cut to a width."""
    out = _Console(highlight=False, soft_wrap=True)
    return out if out.is_terminal else _Console(highlight=False, width=10_000)


def print_table(out: Console, headings: Iterable[str], rows: Iterable[Iterable[str | Text]]) -> None:
    """A table, or nothing where it would have no row."""
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in row))
    if table.row_count:
        out.print()
        out.print(table)


def state(word: str) -> Text:
    """A state in its colour."""
    return plain(word, _COLOURS.get(word, ""))


def plain(text: str, style: str = "") -> Text:
    """Text as it is: no markup, and nothing in a name that could steer the terminal."""
    return Text(printable(text), style=style)


def printable(text: str) -> str:
    """Text in which nothing that a name holds could steer the terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


def say(text: str) -> None:
    """A line on stdout."""
    click.echo(printable(text))


def show_as(format_: OutputFormat, answer: object, to_people: Callable[[], object]) -> None:
    """An answer as JSON for programs, or said `to_people`."""
    if format_ == "json":
        show_json(answer)
    else:
        to_people()


def show_json(answer: object) -> None:
    """JSON on stdout; characters that could steer a terminal are escaped."""
    text = json.dumps(answer, indent=2, ensure_ascii=False)
    click.echo(_NOT_ASCII.sub(_escaped, text))


def complain(text: str) -> None:
    """A line on stderr."""
    click.echo(f"slad: {printable(text)}", err=True)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, to the microsecond; negative ones with a sign."""
    whole, fraction = divmod(round(abs(seconds) * SECOND), SECOND)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    sign = "-" if seconds < 0 else ""
    return f"{sign}{hours}:{minute:02}:{second:02}" + (f".{fraction:06}" if fraction else "")


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]
