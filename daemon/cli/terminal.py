"""How commands show things: text and JSON that nothing in a name can steer a terminal by, tables, times.

Whatever a command shows goes through here, and nothing else in `daemon.cli` may print (the linter sees to it): a text becomes
`printable` on its way out, and is no markup.
"""

import json
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, NamedTuple

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon.cli.options import OutputFormat
from sla.texts import printable, printable_json

_PROGRESS_CHARACTERS: Final = 78
_TOLD_EVERY: Final = 50_000
_GAP: Final = 2
"""Blanks between the columns of a table."""
_LEAST_PROSE: Final = 20
"""Characters that prose has in a line, however narrow a terminal is."""
_COLOURS: Final = {
    "up": "green",
    "down": "red",
    "unknown": "yellow",
    "unobserved": "yellow",
    "excluded": "blue",
}

Cell = str | Text
"""What stands in a table."""


class Printer(Console):
    """A console that shows a text as it is, wherever it stands."""

    def render_str(self, text: str, **_: Any) -> Text:
        """See rich: it makes of each text what is shown."""
        return plain(text)

    def on_broken_pipe(self) -> None:
        """See rich: it would end the process without a word. Raises what it is called for."""
        raise  # noqa: PLE0704  rich calls it while it handles a BrokenPipeError


def console() -> Printer:
    """Colours on terminals only; a pipe gets lines that nobody cut to a width."""
    out = Printer(highlight=False, soft_wrap=True)
    return out if out.is_terminal else Printer(highlight=False, width=10_000)


def print_table(
    out: Printer,
    headings: Iterable[str],
    rows: Iterable[Iterable[Cell]],
    *,
    prose: Collection[str] = (),
    none: str = "",
) -> None:
    """A table; where it has no room each row becomes a paragraph, a line a cell. Where it would have no row `none` is said.

    What stands in it is never cut nor broken, so that it can be copied; only columns of `prose`, named by their headings, go
    on in the next line, between two words.
    """
    columns = [_TableColumn(plain(heading, "bold"), [], is_prose=heading in prose) for heading in headings]
    for row in rows:
        for column, cell in zip(columns, row, strict=True):
            column.cells.append(cell if isinstance(cell, Text) else plain(cell))
    if not columns[0].cells:
        if none:
            say(none)
        return
    out.print()
    widths = _widths(out, columns)
    if widths is None:
        _print_paragraphs(out, columns)
        return
    table = Table(box=None, pad_edge=False)
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column.heading, width=width, no_wrap=not column.is_prose)
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    out.print(table, soft_wrap=False)


class _TableColumn(NamedTuple):
    heading: Text
    cells: list[Text]
    is_prose: bool

    def measure(self, out: Printer) -> tuple[int, int]:
        """How wide it has to be, and how wide it would be."""
        measured = [text.__rich_measure__(out, out.options) for text in (self.heading, *self.cells)]
        widest = max(each.maximum for each in measured)
        return max(each.minimum for each in measured) if self.is_prose else widest, widest


def _widths(out: Printer, columns: Sequence[_TableColumn]) -> Sequence[int] | None:
    """How wide each column is, None where they have no room beside each other; prose shares what the others leave."""
    measured = [column.measure(out) for column in columns]
    spare = out.width - sum(needed for needed, _ in measured) - _GAP * (len(columns) - 1)
    if spare < 0:
        return None
    widths = []
    sharing = sum(column.is_prose for column in columns)
    for column, (needed, wanted) in zip(columns, measured, strict=True):
        more = min(wanted - needed, spare // max(sharing, 1))
        widths.append(needed + more)
        spare -= more
        sharing -= column.is_prose
    return widths


def _print_paragraphs(out: Printer, columns: Sequence[_TableColumn]) -> None:
    """A paragraph a row, in which an empty cell has no line."""
    indent = max(column.heading.cell_len for column in columns) + _GAP
    room = max(out.width - indent, _LEAST_PROSE)
    for number, cells in enumerate(zip(*(column.cells for column in columns), strict=True)):
        if number:
            out.print()
        for column, cell in zip(columns, cells, strict=True):
            lines = cell.wrap(out, room) if column.is_prose else cell.split()
            for place, line in enumerate(lines if cell.plain else ()):
                title = plain("") if place else column.heading.copy()
                title.pad_right(indent - title.cell_len)
                out.print(Text.assemble(title, line), soft_wrap=True)


def state(word: str) -> Text:
    """A state in its colour."""
    return plain(word, _COLOURS.get(word, ""))


def plain(text: str, style: str = "") -> Text:
    """Text as it is: no markup, and nothing in a name that could steer the terminal."""
    return Text(printable(text), style=style)


def stacked(*cells: Cell) -> Text:
    """A cell of several lines."""
    return Text("\n").join(plain(cell) if isinstance(cell, str) else cell for cell in cells)


def say(text: str, *, style: str | None = None) -> None:
    """A line on stdout; `style` is the colour of its first word on a terminal."""
    word, blank, rest = printable(text).partition(" ")
    click.echo((click.style(word, fg=style) if style else word) + blank + rest)


def show_as(format_: OutputFormat, answer: object, to_people: Callable[[], object]) -> None:
    """An answer as JSON for programs, or said `to_people`."""
    if format_ == "json":
        show_json(answer)
    else:
        to_people()


def show_json(answer: object) -> None:
    """JSON on stdout."""
    click.echo(printable_json(json.dumps(answer, indent=2, ensure_ascii=False)))


def show_bytes(content: bytes) -> None:
    """A document on stdout, the same bytes everywhere; whoever made it has seen to it that all of it shows."""
    click.echo(content, nl=False)


def is_watched() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def complain(text: str) -> None:
    """A line on stderr, that is of slad."""
    tell(f"slad: {text}")


def tell(text: str) -> None:
    """A line on stderr, of the work or of what it is about."""
    click.echo(printable(text), err=True)


def confirm(question: str) -> bool:
    """Whether somebody says yes; who interrupts it, or ends his input, says no."""
    try:
        return click.confirm(printable(question), err=True)
    except click.Abort:
        return False


def progress(what: str, *, every: int = _TOLD_EVERY) -> Callable[[int], None]:
    """What is told how many are done: it shows some numbers, with `what` behind, where somebody is watching stderr."""
    shown = 0

    def show(done: int) -> None:
        nonlocal shown
        if done >= shown + every:
            shown = done - done % every
            tell_progress(f"{shown:,} {what}")

    return show


def tell_progress(text: str = "") -> None:
    """In place of what was told of the progress before, where somebody is watching stderr."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{printable(text)[:_PROGRESS_CHARACTERS]}", err=True, nl=False)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds, rounded; negative ones with a sign."""
    rounded = round(seconds)
    minutes, second = divmod(abs(rounded), 60)
    hours, minute = divmod(minutes, 60)
    return f"{'-' if rounded < 0 else ''}{hours}:{minute:02}:{second:02}"
