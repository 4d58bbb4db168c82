"""A control door over a book that the test writes, without disk and clock: what is recorded is read back strictly."""

import json
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from daemon.control.api import LIMITS, control_api
from daemon.control.questions import Listed, OutagesAsked, Page, ServersAsked
from daemon.control.routing import routes_of
from daemon.records.editions import Edition
from daemon.records.idempotency import AskedDraft, NumberedDraft, RecordedRequests
from daemon.records.refusals import FieldFault, NotFoundError
from daemon.records.service import RecordService
from daemon.replies.clock import ClockStatus
from daemon.replies.events import EventStatus
from daemon.replies.hub import DisagreementStatus
from daemon.replies.outages import IncidentRow, OutageRow
from daemon.replies.servers import ServerStatus, ServerSummary
from daemon.replies.solutions import SolutionList, SolutionStatus
from daemon.replies.statements import IssuedList, LetterheadStatus
from daemon.replies.status import Status
from daemon.replies.users import UserList
from daemon.web.door import Limits
from sla.book import Book
from sla.calendars import Month
from sla.cause_events import CauseEvent
from sla.disagreements import DisagreementKind
from sla.evidence import encode
from sla.instants import Instant, parse_instant
from sla.reader import EvidenceReader
from sla.records import ClientId, Issued, Record, Recorded, ServerId
from tests.sla.stories import Line, client, in_order, server

NOW = "2026-03-10T15:00:00Z"
"""A Tuesday, 11:00 in Toronto."""
_NOW = parse_instant(NOW)

WINDOW = {"from": "2026-03-17T03:00:00Z", "until": "2026-03-17T04:00:00Z"}
"""From 23:00 in Toronto, seven days ahead."""
MAINTENANCE = {**WINDOW, "clients": ["c"]}
EXCLUSION = {**WINDOW, "category": "force_majeure"}
REQUEST = {"client": "c", "solution": "shop", "opened_by": "ann", "channel": "phone"}


def fleet() -> list[Line]:
    """Client c, in Toronto, with the solution shop of two servers and the lone server s; client d with server t."""
    return [
        client("c", tech_admins=["ann", "bob"]),
        client("d", zone="Europe/London"),
        server("w1", solution="shop", name="web"),
        server("w2", solution="shop", name="db"),
        server("s", name="lone"),
        server("t", client="d", name="web"),
    ]


class NoControl:
    """Nothing but records is asked of this daemon."""

    def status(self) -> Status:
        raise NotImplementedError

    async def users(self) -> UserList:
        raise NotImplementedError

    def clock(self) -> ClockStatus:
        raise NotImplementedError

    async def accept_clock(self, by: str) -> ClockStatus:
        raise NotImplementedError

    def server(self, name: str) -> ServerStatus:
        raise NotImplementedError

    async def servers(self, asked: ServersAsked, page: Page) -> Listed[ServerSummary]:
        raise NotImplementedError

    async def outages(self, asked: OutagesAsked, page: Page) -> Listed[OutageRow]:
        raise NotImplementedError

    async def incidents(self, asked: OutagesAsked, page: Page) -> Listed[IncidentRow]:
        raise NotImplementedError

    async def events(self, server: str, page: Page) -> tuple[str, Listed[EventStatus]]:
        raise NotImplementedError

    async def disagreements(self, kind: DisagreementKind | None, page: Page) -> Listed[DisagreementStatus]:
        raise NotImplementedError

    async def solutions(self) -> SolutionList:
        raise NotImplementedError

    def solution(self, client: str, name: str) -> SolutionStatus | None:
        raise NotImplementedError

    async def windows(self, client: str | None, start: Instant | None, until: Instant | None) -> bytes:
        raise NotImplementedError

    async def statement(self, client: str, month: Month, as_of: Instant | None) -> bytes:
        raise NotImplementedError

    def issued(self, client: str | None, month: Month | None) -> IssuedList:
        raise NotImplementedError

    async def issued_document(self, client: str, month: Month, version: int | None) -> bytes:
        raise NotImplementedError

    async def difference(self, client: str, month: Month, version: int | None) -> bytes:
        raise NotImplementedError

    def letterhead(self, client: str) -> LetterheadStatus:
        raise NotImplementedError

    def export(self, client: str | None, start: Instant | None, until: Instant | None) -> AsyncIterator[str]:
        raise NotImplementedError


class Said(NamedTuple):
    """An answer."""

    status: int
    json: Any
    headers: Mapping[str, str]


@dataclass
class Office:
    """What the recorder and the ledger do for the service, in memory. It is its clock, too."""

    lines: Iterable[Line] = field(default_factory=fleet)
    at: Instant = _NOW
    recorded: list[Record] = field(default_factory=list)
    failing: Exception | None = None
    """What the next commits fail with."""
    moved: list[str] = field(default_factory=list)
    """So often evidence comes while a statement is made."""

    def __post_init__(self) -> None:
        self.book, self.recorded_requests, self.reader, self.seq = (
            Book(),
            RecordedRequests(),
            EvidenceReader(),
            0,
        )
        self.learn(self.lines)
        self.records = RecordService(
            clock=self,
            book=self.book,
            recorded_requests=self.recorded_requests,
            record=self.record,
            events_of=self.events_of,
            editor=self,
        )

    async def edition(self, client: ClientId, month: Month) -> Edition:
        """See `daemon.statements.issuing`: here another version each time, but for a month that nobody has."""
        if client not in self.book.clients:
            raise NotFoundError([FieldFault("client", f"there is no client {client!r}")])
        before = self.book.issued.get((client, str(month)), [])
        record = Issued(
            client=client,
            month=str(month),
            as_of=self.at,
            version=len(before) + 1,
            sha256=sha256(str(month).encode()).hexdigest(),
            recorded_at=self.at,
        )
        return Edition(
            record=record,
            document=str(month).encode(),
            is_unchanged=False,
            holds=lambda: self.moved.pop() is None if self.moved else True,
        )

    def events_of(self, server: ServerId, start: Instant, keys: Collection[str]) -> list[CauseEvent]:
        """See `daemon.causes.traces`: one event a key."""
        return [
            CauseEvent(key=key, type="VmPoweredOffEvent", at=start, server=server) for key in sorted(keys)
        ]

    def now(self) -> Instant:
        return self.at

    def monotonic_us(self) -> int:
        return self.at

    def boottime_us(self) -> int:
        return self.at

    def learn(self, lines: Iterable[Line]) -> None:
        """Have lines on record that nobody asked for."""
        for line in in_order(lines):
            self._take(json.dumps(line))

    def set(self, at: str) -> None:
        """Let it be later."""
        self.at = parse_instant(at)

    async def record(self, make: Callable[[Instant], AskedDraft]) -> NumberedDraft:
        """See `daemon.recording.committing`."""
        asked = make(self.at)
        if self.failing is not None:
            raise self.failing
        self.recorded_requests.keep(self.seq + 1, asked.key)
        event = asked.event(self.at)
        assert self._take(encode(event)) == event
        numbered = asked.numbered(self.seq)
        for record in asked.draft.records:
            assert self._take(encode(record)) == record
            self.recorded.append(record)
        return numbered

    def _take(self, line: str) -> Record:
        record = self.reader.read(line.encode())
        assert not self.reader.faults, f"{self.reader.faults[0].shown('office')} in {line}"
        assert record is not None
        self.seq += 1
        self.book.add(record)
        if isinstance(record, Recorded):
            self.recorded_requests.take(self.seq, record)
        return record


@dataclass
class Caller:
    """Somebody at the door. Each request has a key of its own unless the test gives one."""

    session: aiohttp.ClientSession
    keys: int = 0

    async def get(self, path: str) -> Said:
        async with self.session.get(f"http://slad{path}") as response:
            return Said(response.status, await response.json(), response.headers)

    async def post(
        self,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        self.keys += 1
        said = {"Idempotency-Key": key or f"key-{self.keys}", "Content-Type": "application/json"}
        sent = json.dumps(body) if data is None and body is not None else data
        async with self.session.post(
            f"http://slad{path}", data=sent, headers={**said, **(headers or {})}
        ) as response:
            return Said(response.status, await response.json(), response.headers)


@asynccontextmanager
async def at_the_door(office: Office, path: Path, limits: Limits = LIMITS) -> AsyncIterator[Caller]:
    """The door open on a Unix socket, and somebody at it."""
    async with (
        control_api(partial(routes_of, NoControl(), office.records), path, limits=limits),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
    ):
        yield Caller(session)
