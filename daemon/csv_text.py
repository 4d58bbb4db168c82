"""Tables as CSV (RFC 4180) that no spreadsheet takes for formulas (`spec/statement.md`, CSV)."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from sla.texts import printable

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_text(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A header and rows. None is an empty cell; a text that a spreadsheet would work out begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(headings)
    writer.writerows(map(_cell, row) for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    is_formula = text.startswith(_FORMULA) and not _NUMBER.fullmatch(text)
    return printable(f"'{text}" if is_formula else text)
