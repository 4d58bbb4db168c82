"""Statements that are issued: which may be, what is stored of them, what differs between their versions, and which are outdated."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol

import structlog

from daemon.clock import Clock
from daemon.config.config import Config
from daemon.config.values import shown
from daemon.ledger import Chained, LedgerDamagedError
from daemon.pacing import paced
from daemon.records.editions import Edition
from daemon.records.idempotency import RecordedRequests
from daemon.records.refusals import (
    NOTHING_RECORDED,
    FieldFault,
    NotFoundError,
    NotRecordingError,
    RefusedError,
)
from daemon.replies.statements import IssuedList, IssuedStatus, version_keys
from daemon.replies.status import OutdatedStatus
from daemon.replies.words import NO_SERVICE
from daemon.statements.documents import Documents, MovingError
from daemon.statements.recomputing import records_of
from daemon.statements.register import StatementKey, StatementRegister
from sla.bearing import Bearing, bearing_of
from sla.book import Book
from sla.calendars import Month, calendar_of, parse_month
from sla.client_document import NoDocumentError
from sla.corrections import FigureChange, changes
from sla.evidence import decoded
from sla.instants import Instant, format_instant, parse_instant
from sla.records import ClientId, Issued, ObservedUntil, Record, Witness
from sla.spans import Span
from sla.texts import printable_json

_LEFT_TO_HUB: Final = "this monitor ships to a store from which a hub issues: ask the hub"
_AT_ONCE: Final = 1_000
"""Records that are read of the ledger at a time."""
_WATERMARK: Final = '{"kind":"observed_until",'

_log = structlog.get_logger()


class IssuedLedger(Protocol):
    """What is asked of the ledger."""

    async def document(self, sha256: str) -> bytes | None:
        """See `daemon.ledger`."""
        ...

    async def read(self, after_seq: int, limit: int) -> Sequence[Chained]:
        """See `daemon.ledger`."""
        ...


class _Compared(NamedTuple):
    """A document, as far as is asked of it, and what in it differs from an earlier version."""

    head: Mapping[str, Any]
    servers: int
    differing: Sequence[FigureChange] | None
    """None: they cannot be compared."""


class Issuing:
    """Whatever people and slad itself ask of issued statements."""

    def __init__(
        self,
        *,
        clock: Clock,
        book: Book,
        ledger: IssuedLedger,
        register: StatementRegister,
        documents: Documents,
        recorded_requests: RecordedRequests,
    ) -> None:
        """`book` and `register`: those that the ledger's records are taken into."""
        self._clock = clock
        self._book = book
        self._ledger = ledger
        self._register = register
        self._documents = documents
        self._recorded_requests = recorded_requests
        self._is_left_to_hub = False

    def adopt(self, config: Config) -> None:
        self._is_left_to_hub = config.leaves_issuing_to_hub

    async def edition(self, client: ClientId, month: Month) -> Edition:
        """The statement of a month as it is known now. Raises RefusedError for one that is not to be issued, NotRecordingError."""
        if self._is_left_to_hub:
            raise RefusedError([FieldFault("", _LEFT_TO_HUB)])
        self._check_over(client, month)
        key = self._register.watch(client, month)
        holds = self._standing(key)
        newest = self._register.newest(key)
        version = 1 if newest is None else newest.version + 1
        try:
            document = await self._document(client, month, version)
        except MovingError as error:
            raise NotRecordingError(f"{NOTHING_RECORDED}: {error}") from None
        before, is_gone = (None, False) if newest is None else await self._kept(newest)
        found = await asyncio.to_thread(_compared, before, document)
        if not found.servers:
            raise RefusedError([FieldFault("month", f"{NO_SERVICE} with client {shown(client)} in {month}")])
        is_unchanged = found.differing is not None and not found.differing
        if is_gone:  # as after a restore without the files of what was issued
            is_unchanged = self._register.is_as_issued(key)
        return Edition(
            record=newest
            if newest is not None and is_unchanged
            else Issued(
                client=client,
                month=str(month),
                as_of=parse_instant(found.head["as_of"]),
                version=version,
                sha256=sha256(document).hexdigest(),
                recorded_at=self._clock.now(),
            ),
            document=document,
            is_unchanged=is_unchanged,
            holds=holds,
        )

    async def recheck(self, key: StatementKey) -> None:
        """See whether an issued month has the figures still that its newest version says. Raises MovingError."""
        newest, holds = self._register.newest(key), self._standing(key)
        assert newest is not None, "only what is issued is a suspect"
        before, _ = await self._kept(newest)
        differing = 0
        if before is not None:
            document = await self._document(key.client, parse_month(key.month), None, for_figures=True)
            differing = len((await asyncio.to_thread(_compared, before, document)).differing or ())
        if holds():
            self._register.settle(key, differing)

    def listed(self, client: str | None, month: Month | None) -> IssuedList:
        """All versions that are on record, or those of a client or a month."""
        return IssuedList(
            statements=tuple(
                IssuedStatus(
                    **version_keys(record),
                    issued_at=record.recorded_at,
                    issued_by=self._recorded_requests.who(record),
                    is_newest=record is records[-1],
                    outdated=self._register.outdated.get(StatementKey(*key), 0)
                    if record is records[-1]
                    else 0,
                )
                for key in sorted(self._issued_keys(client, month))
                for records in [self._book.issued[key]]
                for record in records
            )
        )

    def _issued_keys(self, client: str | None, month: Month | None) -> Iterator[tuple[ClientId, str]]:
        for key in self._book.issued:
            if client in (None, key[0]) and (month is None or str(month) == key[1]):
                yield key

    def outdated(self) -> tuple[OutdatedStatus, ...]:
        """The issued statements of which figures are others now, as far as was looked."""
        return tuple(
            OutdatedStatus(client=client, month=month, figures=figures)
            for (client, month), figures in sorted(self._register.outdated.items())
        )

    async def document(self, client: str, month: Month, version: int | None) -> bytes:
        """The bytes of a version, by default of the newest. Raises NotFoundError, LedgerDamagedError."""
        return await self._bytes_of(self._versions(client, month, version)[-1])

    async def difference(self, client: str, month: Month, version: int | None) -> bytes:
        """What differs between a version and the one before it; by default between what is known now and the newest.

        It has every figure that differs, and the records that came in between and bear on the month: null, where the
        earlier document was made of another ledger. Raises NotFoundError, LedgerDamagedError, MovingError.
        """
        versions = self._versions(client, month, version)
        if version is None:
            before = await self._bytes_of(versions[-1])
            after = await self._document(ClientId(client), month, None)
        elif len(versions) == 1:
            raise NotFoundError(
                [FieldFault("version", f"version {version} is the first: there is none before it")]
            )
        else:
            before, after = [await self._bytes_of(each) for each in versions[-2:]]
        differing = (await asyncio.to_thread(_compared, before, after)).differing
        if differing is None:
            raise NotFoundError(
                [FieldFault("", f"what was issued of {month} cannot be compared: slad did not make it")]
            )
        then, now = json.loads(before)["statement"], json.loads(after)["statement"]
        records = await self._records_between(then, now)
        whole = {
            "difference": {
                "client": client,
                "month": str(month),
                "timezone": now["timezone"],
                "before": _side(then),
                "after": _side(now),
            },
            "figures": [asdict(each) for each in differing],
            "records": records,
        }
        return printable_json(json.dumps(whole, ensure_ascii=False)).encode() + b"\n"

    # What may be issued

    def _check_over(self, client: ClientId, month: Month) -> None:
        now = self._clock.now()
        record = self._book.client(client, now)
        if record is None:
            raise NotFoundError([FieldFault("client", f"there is no client {shown(client)}")])
        _, end = calendar_of(record.timezone).month_span(month)
        if now < end:
            raise RefusedError(
                [FieldFault("month", f"{month} is not over: it ends at {format_instant(end)}")]
            )

    def _standing(self, key: StatementKey) -> Callable[[], bool]:
        """Whether nothing came of a month since now that may change a figure, and no version of it was issued."""
        news, newest = self._register.news(key), self._register.newest(key)
        return lambda: self._register.news(key) == news and self._register.newest(key) is newest

    async def _document(
        self, client: ClientId, month: Month, version: int | None, *, for_figures: bool = False
    ) -> bytes:
        """As it is known now. Raises NotFoundError, MovingError."""
        try:
            return await self._documents.document(
                client, month, None, version=version, for_figures=for_figures
            )
        except NoDocumentError as error:
            raise NotFoundError([FieldFault("", str(error))]) from None

    # What is stored

    def _versions(self, client: str, month: Month, version: int | None) -> Sequence[Issued]:
        """The versions of a statement in the order in which they were issued, up to one of them. Raises NotFoundError."""
        records = self._book.issued.get((ClientId(client), str(month)), ())
        places = [place for place, each in enumerate(records, 1) if version in (None, each.version)]
        if not places:
            which = "is not issued" if not records else f"has no version {version}"
            raise NotFoundError(
                [FieldFault("", f"the statement of client {shown(client)} of {month} {which}")]
            )
        return records[: places[-1]]

    async def _bytes_of(self, record: Issued) -> bytes:
        document = await self._ledger.document(record.sha256)
        if document is None:
            raise NotFoundError(
                [FieldFault("", f"the bytes of {record.id} are not in this ledger, only their hash")]
            )
        return document

    async def _kept(self, record: Issued) -> tuple[bytes | None, bool]:
        """The same, or None where nothing can be compared with it; and whether that is because they are not in this ledger."""
        try:
            document = await self._ledger.document(record.sha256)
        except LedgerDamagedError as error:
            _log.error("issued_statement_damaged", statement=record.id, message=str(error))
            return None, False
        return document, document is None

    # What made the difference

    async def _records_between(
        self, then: Mapping[str, Any], now: Mapping[str, Any]
    ) -> list[dict[str, Any]] | None:
        """None where the earlier document was not made of this ledger: one that was imported has a chain of its own."""
        client, month = then["client"], (parse_instant(then["from"]), parse_instant(then["until"]))
        found = _BearingRecords(self._book, client, month)
        heads: dict[str, tuple[int, str]] = {}
        first = records_of(then)
        async for row in _rows(self._ledger, 0, first):
            heads[row.ledger] = row.seq, row.chain.hex()
            found.pass_by(row)
        if not heads or heads != {each["ledger"]: (each["seq"], each["head"]) for each in then["ledgers"]}:
            return None
        async for row in _rows(self._ledger, first, records_of(now)):
            found.take(row)
        return found.records


class _BearingRecords:
    """Gathers the records that bear on a client's month."""

    def __init__(self, book: Book, client: ClientId, month: Span) -> None:
        self.records: list[dict[str, Any]] = []
        self._book = book
        self._is_on = partial(Bearing.is_on, client=client, month=month)
        self._seen: dict[Witness, Instant] = {}

    def pass_by(self, row: Chained) -> None:
        """A record before those that are wanted: it may tell how far was seen by then."""
        if row.body.startswith(_WATERMARK):
            self._bearing(decoded(row.body))

    def take(self, row: Chained) -> None:
        record = decoded(row.body)
        bearing = self._bearing(record)
        if bearing is not None and self._is_on(bearing):
            self.records.append({"ledger": row.ledger, "seq": row.seq, "kind": record.kind})

    def _bearing(self, record: Record) -> Bearing | None:
        if not isinstance(record, ObservedUntil):
            return bearing_of(self._book, record)
        before = self._seen.get(record.witness, record.at)
        self._seen[record.witness] = max(before, record.at)
        return Bearing(None, before, record.at)


async def _rows(ledger: IssuedLedger, place: int, last: int) -> AsyncIterator[Chained]:
    """The records of a ledger after a place, up to another, with turns for the event loop."""
    while place < last and (rows := await ledger.read(place, min(_AT_ONCE, last - place))):
        async for row in paced(rows):
            yield row
        place = rows[-1].place


def _compared(before: bytes | None, document: bytes) -> _Compared:
    """`before` None: there is nothing to compare with; of a ledger that was imported it may be anything."""
    said = json.loads(document)
    differing = None
    if before is not None:
        with suppress(ValueError, LookupError, TypeError, AttributeError):
            differing = changes(json.loads(before), said)
    return _Compared(said["statement"], said["summary"]["servers"], differing)


def _side(head: Mapping[str, Any]) -> dict[str, Any]:
    """One of the documents that are compared; without a version it is what was known then."""
    return {"version": head["version"], "as_of": head["as_of"], "seq": records_of(head)}
