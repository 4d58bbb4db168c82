"""The examples that were worked out by hand, line by line."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli

from sla.book import Book
from sla.calendars import parse_month
from sla.document import document
from sla.instants import parse_instant
from sla.reader import EvidenceReader
from sla.statement import Judgement
from sla.terms import Terms, parse_terms
from tests.sla.stories import HOLIDAYS, SPEC

EXAMPLES = ("examples/*.expect", "examples-several/*.expect")
_STEP = re.compile(r"[^.\[\]]+|\[[^\]]*\]")


def _runs(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Each `run` line with the expectations below it."""
    run, expected = "", list[str]()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("run "):
            if expected:
                yield run, expected
            run, expected = line, []
        elif line and not line.startswith("# "):
            expected.append(line)
    yield run, expected


def _cases() -> list[Any]:
    paths = [path for pattern in EXAMPLES for path in sorted(SPEC.glob(pattern))]
    if not paths:
        reason = "the worked examples stand beside the repository, in ../shared/spec"
        return [pytest.param(None, "", [], marks=pytest.mark.skip(reason=reason))]
    return [
        pytest.param(path, run, expected, id=f"{path.stem}:{number}")
        for path in paths
        for number, (run, expected) in enumerate(_runs(path), 1)
    ]


def _terms(text: str) -> Terms | None:
    if not text:
        return None
    table, _, keys = text.partition("] ")
    tables = tomli.loads(f"{table}]\n" + keys.replace("; ", "\n"))
    return parse_terms(tables["contract"], HOLIDAYS)


def _found(document: Any, path: str) -> Any:
    if path.startswith("#"):
        return len(_found(document, path[1:]))
    for step in _STEP.findall(path):
        document = _picked(document, step[1:-1]) if step.startswith("[") else document[step]
    return document


def _picked(rows: Any, key: str) -> Any:
    if key.isdigit():
        return rows[int(key)]
    (row,) = [row for row in rows if key in {row.get("id"), *map(",".join, _pairs(row))}]
    return row


def _pairs(row: Any) -> Iterator[tuple[str, str]]:
    """The pairs of keys by which a row is named, where its id is not enough or it has none."""
    for names in (("id", "client"), ("solution", "deadline")):
        if all(name in row for name in names):
            yield row[names[0]], row[names[1]]


def _value(text: str) -> Any:
    ratio = re.fullmatch(r"(\d+)/(\d+)", text)
    return int(ratio[1]) / int(ratio[2]) if ratio else json.loads(text)


@pytest.mark.parametrize(("path", "run", "expected"), _cases())
def test_what_was_worked_out_by_hand_is_what_the_statement_says(
    path: Path, run: str, expected: list[str]
) -> None:
    _, month, as_of, *contract = run.split(" ", 3)
    reader, book = EvidenceReader(), Book()
    for line in path.with_suffix(".jsonl").read_bytes().splitlines():
        record = reader.read(line)
        assert record is not None, reader.faults
        book.add(record)
    said = json.loads(
        document(
            Judgement(
                book,
                month=parse_month(month),
                as_of=parse_instant(as_of),
                national_holidays=HOLIDAYS,
                terms=_terms("".join(contract)),
            ).statement()
        )
    )
    for expectation in expected:
        where, _, value = expectation.partition(" == ")
        assert _found(said, where) == _value(value), expectation
