"""A page of `docs/` as a man page. Of a table each row becomes a term and what there is to say of it."""

import re
from collections.abc import Iterator
from typing import Final

from deploy.manual.roff import Page, escaped, filled

_TERMS: Final = {"table", "key", "condition", "outcome"}
"""Headings of the columns that name something."""
_SAID_LAST: Final = ("default", "limits")
"""Headings of columns that are said with the heading."""
_NAME: Final = '.SH "NAME"'
_CELL: Final = re.compile(r"(?<!\\)\|")


def write(page: Page, text: str) -> None:
    """Append what a document says below its title."""
    for block in _blocks(text):
        first = block[0]
        if first.startswith("# "):
            continue  # what NAME says too
        if first.startswith("## "):
            page.heading(first.removeprefix("## "))
        elif first.startswith("    "):
            page.verbatim(line.removeprefix("    ") for line in block)
        elif first.startswith("|"):
            _write_table(page, rows(block))
        elif first.startswith("- "):
            for point in re.split(r"^- ", "\n".join(block), flags=re.MULTILINE)[1:]:
                page.bullet(point)
        elif page.lines[-1] == _NAME:
            name, _, what = first.partition(" - ")
            page.lines.append(rf"{escaped(name)} \- {filled(what)}")
        else:
            page.paragraph(" ".join(block))


def rows(lines: list[str]) -> list[dict[str, str]]:
    """The rows of a table, each by its headings; a term that is left out is that of the row before."""
    headings, _, *below = ([cell.strip() for cell in _CELL.split(line)[1:-1]] for line in lines)
    found: list[dict[str, str]] = []
    for cells in below:
        row = dict(zip(headings, cells, strict=True))
        if found and not row[headings[0]]:
            row[headings[0]] = found[-1][headings[0]]
        found.append(row)
    return found


def _write_table(page: Page, table: list[dict[str, str]]) -> None:
    for row in table:
        tag = filled(", ".join(cell for heading, cell in row.items() if heading in _TERMS))
        said = [cell for heading, cell in row.items() if heading not in {*_TERMS, *_SAID_LAST}]
        said += [f"{heading}: {row[heading]}" for heading in _SAID_LAST if row.get(heading)]
        page.item(tag, " ".join(map(_sentence, filter(None, said))))


def _sentence(text: str) -> str:
    """What a cell says, as a sentence of its own."""
    text = "Needed" if text == "default: needed" else text
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _blocks(text: str) -> Iterator[list[str]]:
    """What blank lines part; a list ends the paragraph before it."""
    block: list[str] = []
    for line in [*text.splitlines(), ""]:
        begins_list = line.startswith("- ") and block and not block[0].startswith("- ")
        if block and (not line.strip() or begins_list):
            yield block
            block = []
        if line.strip():
            block.append(line)
