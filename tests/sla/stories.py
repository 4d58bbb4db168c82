"""Evidence as tests write it: dictionaries, judged through the strict reader to the document."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from daemon.holidays import national_holidays
from daemon.timezones import use_packaged_time_zones
from sla.book import Book
from sla.calendars import parse_month
from sla.document import document
from sla.instants import Instant, parse_instant
from sla.reader import EvidenceReader
from sla.records import Record
from sla.statement import Judgement
from sla.terms import Terms, parse_terms

use_packaged_time_zones()

Line = dict[str, Any]
SPEC = Path(__file__).parents[3] / "shared" / "spec"
HOLIDAYS = national_holidays(2024, 2030)


def client(name: str = "c", /, zone: str = "America/Toronto", **keys: Any) -> Line:
    """A client's record, on record before all else."""
    line = {"kind": "client", "id": name, "name": f"Client {name}", "timezone": zone, "tech_admins": ["ann"]}
    return {**line, "recorded_at": "2026-01-01T00:00:00Z", **keys}


def server(name: str = "s", /, since: str = "2026-03-01T05:00:00Z", **keys: Any) -> Line:
    """A server's record: in service for good, watched for the Internet only."""
    line = {"kind": "server", "id": name, "name": f"Server {name}", "client": "c", "legs": ["internet"]}
    return {**line, "in_service_from": since, **keys}


def says(state: str, at: str, **keys: Any) -> Line:
    """An observation of server s."""
    line = {"kind": "observation", "observer": "o", "source": "icmp", "server": "s", "leg": "internet"}
    return {**line, "state": state, "at": at, **keys}


def blind(since: str, until: str, **keys: Any) -> Line:
    """A blind span of the same witness."""
    return {"kind": "blind", "observer": "o", "source": "icmp", "from": since, "until": until, **keys}


def seen(at: str = "2026-12-01T00:00:00Z", **keys: Any) -> Line:
    """A watermark of the same witness."""
    return {"kind": "observed_until", "observer": "o", "source": "icmp", "at": at, **keys}


def exclusion(name: str, category: str, since: str, until: str | None, /, **keys: Any) -> Line:
    """An exclusion of all, recorded with the clients and announced then."""
    line = {"kind": "exclusion", "id": name, "category": category, "from": since, "until": until}
    return {**line, "announced_at": "2026-01-01T00:00:00Z", "recorded_at": "2026-01-01T00:00:00Z", **keys}


def maintenance(name: str, since: str, until: str, /, **keys: Any) -> Line:
    """A scheduled maintenance with notice."""
    return exclusion(name, "scheduled_maintenance", since, until, **keys)


def book_of(lines: Iterable[Line]) -> Book:
    """The book of sound lines: the sightings last, the others by when they were recorded."""
    return book_as_told(in_order(lines))


def book_as_told(lines: Iterable[Line]) -> Book:
    """The book of sound lines in the order given."""
    reader, book = EvidenceReader(), Book()
    for line in lines:
        record = reader.read(json.dumps(line).encode())
        assert not reader.faults, f"{reader.faults[0].shown('story')} in {line}"
        assert record is not None
        book.add(record)
    return book


def records_of(lines: Iterable[Line]) -> list[Record]:
    """The records of sound lines, in their order."""
    reader = EvidenceReader()
    found = [reader.read(json.dumps(line).encode()) for line in lines]
    assert not reader.faults, reader.faults[0].shown("lines")
    return [record for record in found if record is not None]


def in_order(lines: Iterable[Line]) -> list[Line]:
    """The lines in an order that the reader takes; those recorded at one instant keep theirs."""
    latest = "2026-01-01T00:00:00Z"
    dated = []
    for line in lines:
        latest = line.get("recorded_at", latest)
        dated.append((line["kind"] in {"observation", "blind", "observed_until"}, latest, line))
    return [line for _, _, line in sorted(dated, key=lambda each: each[:2])]


def terms_of(tables: Mapping[str, Mapping[str, object]] | None) -> Terms | None:
    """Terms, where a test gives any."""
    return None if tables is None else parse_terms(tables, HOLIDAYS)


def judgement(
    lines: Iterable[Line],
    month: str = "2026-03",
    as_of: str = "2026-04-02T00:00:00Z",
    terms: Mapping[str, Mapping[str, object]] | None = None,
    book: Callable[[Iterable[Line]], Book] = book_of,
) -> Judgement:
    """The lines, judged."""
    return Judgement(
        book(lines),
        month=parse_month(month),
        as_of=parse_instant(as_of),
        national_holidays=HOLIDAYS,
        terms=terms_of(terms),
    )


def statement(
    lines: Iterable[Line],
    month: str = "2026-03",
    as_of: str = "2026-04-02T00:00:00Z",
    terms: Mapping[str, Mapping[str, object]] | None = None,
    book: Callable[[Iterable[Line]], Book] = book_of,
) -> Any:
    """The document of the lines."""
    return json.loads(document(judgement(lines, month, as_of, terms, book).statement()))


def row_of(lines: Iterable[Line], **keys: Any) -> Any:
    """The only row of servers."""
    (row,) = statement(lines, **keys)["servers"]
    return row


def at(text: str) -> Instant:
    """An instant."""
    return parse_instant(text)
