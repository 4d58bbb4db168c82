"""What a statement shows, as the layouts share it: headings, facts and tables of texts, in the order of `spec/statement.md`.

It is made of the document's JSON alone, so that one that was issued can be laid out again from its stored bytes. Every text of
the evidence is `printable`; no layout takes one for its own syntax.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.languages import LanguageName

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A label and what it says."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A local day of a server: its state as the evidence has it, and what is said of it."""

    state: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRow:
    """The cells of a row; `tone`: how a server's month ended, where it is one; `marks`: its days.

    `parts`: the rows that it stands for, with the same columns.
    """

    cells: tuple[str, ...]
    tone: str = ""
    marks: tuple[Mark, ...] = ()
    parts: tuple["ViewRow", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewColumn:
    """A column; what is a figure is set to the right, and a verdict in the tone of its row."""

    heading: str
    is_figure: bool = False
    is_verdict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a statement: facts, or a table, or instead of an empty table the sentence `empty`."""

    key: str
    heading: str
    facts: tuple[Fact, ...] = ()
    columns: tuple[ViewColumn, ...] = ()
    rows: tuple[ViewRow, ...] = ()
    legend: tuple[Mark, ...] = ()
    """What the marks of its rows mean."""
    legend_title: str = ""
    empty: str = ""

    @property
    def flat(self) -> tuple[ViewRow, ...]:
        """Its rows, each before those that it stands for."""
        return tuple(each for row in self.rows for each in (row, *row.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A statement, laid out in no format yet."""

    locale: LanguageName
    title: str
    client: str
    month: str
    provider: str
    address: tuple[str, ...]
    facts: tuple[Fact, ...]
    note: str
    """In place of all sections: that there is nothing to tell."""
    sections: tuple[Section, ...]
    days_heading: str
    unfold: str
    """What opens the rows that another one stands for."""
    as_of: str
    """RFC 3339: what a format dates itself by."""
