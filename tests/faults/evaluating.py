"""What evidence comes to: the statement of the month of `virtual_daemon.START`, from lines alone."""

import json
from collections.abc import Iterable
from typing import Any

from daemon.holidays import holidays_around
from sla.book import Book
from sla.calendars import Month
from sla.document import document
from sla.instants import Instant
from sla.reader import EvidenceReader
from sla.statement import Judgement


def statement_of(lines: Iterable[str], as_of: Instant) -> str:
    """The statement as JSON."""
    book, reader = Book(), EvidenceReader()
    for line in lines:
        record = reader.read(line.encode())
        assert record is not None, reader.faults
        book.add(record)
    holidays = holidays_around((as_of,))
    judgement = Judgement(book, month=Month(2026, 3), as_of=as_of, national_holidays=holidays)
    return document(judgement.statement(None))


def months_of(statement: str) -> dict[str, dict[str, Any]]:
    """Its rows of servers, by id."""
    return {row["id"]: row for row in json.loads(statement)["servers"]}
