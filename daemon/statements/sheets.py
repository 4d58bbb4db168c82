"""A statement as two tables for a spreadsheet: RFC 4180 in UTF-8, and no cell is ever taken for a formula."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from daemon.csv_text import csv_text
from daemon.statements.view import Json
from sla.records import Category, Leg
from sla.terms import Basis

_OF_SETS: Final[Mapping[str, Sequence[str]]] = {
    "excluded_by": [category.value for category in Category],
    "by_basis": [basis.value for basis in Basis],
    "down_by_leg": [leg.value for leg in Leg],
}
"""Figures by a closed set: a column a member."""
_FIGURES: Final = (
    *("id", "name", "client", "solution", "service", "excluded", "excluded_by", "agreed", "up", "down"),
    *("unobserved", "disputed", "availability", "availability_low", "availability_high", "by_basis"),
    *("coverage", "target", "met", "conclusive", "best_possible", "budget", "budget_left", "down_by_leg"),
)
_OUTAGE: Final = (
    *("server", "name", "start", "end", "down", "excluded", "legs", "reasons", "cause", "confidence"),
    "excluded_by",
)


class _Number(str):
    """A number as the document writes it."""

    __slots__ = ()


def sheets_of(document: bytes) -> dict[str, bytes]:
    """`servers.csv` and `outages.csv`; without a server in service they have a header alone."""
    whole = json.loads(document, parse_float=_Number)
    columns = [column for key in _FIGURES for column in _columns(key)]
    return {
        "servers.csv": _sheet(columns, map(_figures, whole.get("servers", ()))),
        "outages.csv": _sheet(_OUTAGE, map(_outage, whole.get("outages", ()))),
    }


def _columns(key: str) -> list[str]:
    return [f"{key}_{each}" for each in _OF_SETS[key]] if key in _OF_SETS else [key]


def _figures(row: Json) -> Iterator[object]:
    for key in _FIGURES:
        if key in _OF_SETS:
            yield from (row[key].get(each) for each in _OF_SETS[key])
        else:
            yield row[key]


def _outage(row: Json) -> Iterator[object]:
    cause: Mapping[str, Any] = row["cause"] or {}
    yield from (row[key] for key in _OUTAGE[:6])
    yield " ".join(row["legs"])
    yield "; ".join(row["reasons"])
    yield cause.get("cause")
    yield cause.get("confidence")
    yield "; ".join(f"{each['exclusion']} ({each['category']})" for each in row["excluded_by"])


def _sheet(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    return csv_text(columns, rows).encode()
