"""A statement on a terminal: facts and tables in plain characters, the days of a server as a line of marks."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from daemon.statements.view import Fact, Section, View, ViewRow
from sla.accounts import DayState

_WIDEST: Final = 160
"""A table that is wider stands as one fact a line."""
_MARKS: Final = {
    DayState.DOWN: "#",
    DayState.UNOBSERVED: "?",
    DayState.EXCLUDED: "x",
    DayState.UP: ".",
    DayState.NOT_IN_SERVICE: "-",
}


def text_of(view: View) -> str:
    """The statement as lines."""
    return "".join(f"{line.rstrip()}\n" for line in _lines(view))


def _lines(view: View) -> Iterator[str]:
    if view.provider:
        yield from (view.provider, *view.address, "")
    yield f"{view.title}, {view.month}"
    yield from _facts(view.facts)
    if view.note:
        yield from ("", view.note)
    for section in view.sections:
        yield from ("", section.heading, "─" * len(section.heading))
        yield from _facts(section.facts)
        yield from _table(section)


def _facts(facts: Sequence[Fact], indent: str = "  ") -> Iterator[str]:
    widest = max((len(fact.label) for fact in facts), default=0)
    for fact in facts:
        yield f"{indent}{fact.label:<{widest}}  {fact.text}"


def _table(section: Section) -> Iterator[str]:
    if section.columns and not section.rows:
        yield f"  {section.empty}"
        return
    if section.legend:
        meant = (f"{_mark(each.state)} {each.text}" for each in section.legend)
        yield from (f"  {section.legend_title} {', '.join(meant)}", "")
    told = [
        place
        for place, column in enumerate(section.columns)
        if any(row.cells[place] for row in section.flat) or column.is_figure
    ]
    headings = [section.columns[place].heading for place in told]
    widths = [
        max(len(heading), *(len(row.cells[place]) for row in section.flat))
        for place, heading in zip(told, headings, strict=True)
    ]
    if sum(widths) + 2 * len(widths) > _WIDEST:
        for row in section.flat:
            yield from _record(section, row)
        return
    figures = [section.columns[place].is_figure for place in told]
    if section.columns:
        yield _line(headings, widths, figures)
    for row in section.flat:
        yield _line((row.cells[place] for place in told), widths, figures)
        yield from _days(row)


def _line(cells: Iterable[str], widths: Sequence[int], figures: Sequence[bool]) -> str:
    set_ = (
        f"{cell:>{width}}" if is_figure else f"{cell:<{width}}"
        for cell, width, is_figure in zip(cells, widths, figures, strict=True)
    )
    return f"  {'  '.join(set_)}"


def _record(section: Section, row: ViewRow) -> Iterator[str]:
    facts = [
        Fact(label=column.heading, text=cell)
        for column, cell in zip(section.columns, row.cells, strict=True)
        if cell
    ]
    yield from _facts(facts)
    yield from _days(row)
    yield ""


def _days(row: ViewRow) -> Iterator[str]:
    if row.marks:
        yield f"    {''.join(_mark(mark.state) for mark in row.marks)}"


def _mark(state: str) -> str:
    return _MARKS[DayState(state)]
