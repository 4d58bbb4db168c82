"""The questions about the daemon and the fleet that the control API passes on (`Control`)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from daemon.control.routes import ServerOrder
from daemon.replies.clock import ClockStatus
from daemon.replies.events import EventStatus
from daemon.replies.hub import DisagreementStatus
from daemon.replies.outages import IncidentRow, OutageRow
from daemon.replies.servers import ServerStatus, ServerSummary
from daemon.replies.solutions import SolutionList, SolutionStatus
from daemon.replies.statements import IssuedList, LetterheadStatus
from daemon.replies.status import Status
from daemon.replies.users import UserList
from sla.calendars import Month
from sla.disagreements import DisagreementKind
from sla.instants import Instant
from sla.records import CauseKind, State

_Row_co = TypeVar("_Row_co", covariant=True)

PageKey = tuple[int | str, ...]
"""Where in the order of a list a row stands: whole numbers and texts."""


class Page(NamedTuple):
    """Which part of a list is wanted: so many rows at most, those behind a key; None: from its beginning."""

    after: PageKey | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[_Row_co]):
    """A page of a list, and the key behind which it goes on; None: it is the last."""

    rows: tuple[_Row_co, ...]
    next: PageKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutagesAsked:
    """Which outages are wanted, and in which order: those that share time with `[since, until)`, or with a local month.

    `server` is an id or a name.
    """

    client: str | None = None
    solution: str | None = None
    server: str | None = None
    since: Instant | None = None
    until: Instant | None = None
    month: Month | None = None
    """The local one of each client."""
    is_open: bool = False
    """Only those that last."""
    cause: CauseKind | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServersAsked:
    """Which servers are wanted, and in which order. `name` is a pattern, without regard to case."""

    client: str | None = None
    solution: str | None = None
    state: State | None = None
    name: str | None = None
    order: ServerOrder = ServerOrder.NAME


class BusyError(Exception):
    """What is asked for cannot be answered now; the message says why, and what to do."""


class Control(Protocol):
    """Who answers about the daemon and the fleet: `daemon.answers`. Who asks of a client that is none gets NotFoundError."""

    def status(self) -> Status:
        """How the daemon and the fleet are."""
        ...

    async def users(self) -> UserList:
        """The users whom vCenters' events of the last 40 days name. Raises NotFoundError at a hub."""
        ...

    def clock(self) -> ClockStatus:
        """What slad takes for the time, and what the wall clock shows."""
        ...

    async def accept_clock(self, by: str) -> ClockStatus:
        """Believe what the wall clock shows, in the name of `by`. Raises ConflictError."""
        ...

    def server(self, name: str) -> ServerStatus:
        """One server by its id or name. Raises NotFoundError and AmbiguousNameError."""
        ...

    async def servers(self, asked: ServersAsked, page: Page) -> Listed[ServerSummary]:
        """Servers in service. Raises NotFoundError for a client that there is none of."""
        ...

    async def outages(self, asked: OutagesAsked, page: Page) -> Listed[OutageRow]:
        """Outages. Raises NotFoundError for a client or server that is none, and AmbiguousNameError."""
        ...

    async def incidents(self, asked: OutagesAsked, page: Page) -> Listed[IncidentRow]:
        """The incidents of outages. Raises what `outages` raises."""
        ...

    async def events(self, server: str, page: Page) -> tuple[str, Listed[EventStatus]]:
        """The id of a server, and the events that name it. Raises what `outages` raises."""
        ...

    async def disagreements(self, kind: DisagreementKind | None, page: Page) -> Listed[DisagreementStatus]:
        """What monitors say differently, all or of a kind. Raises NotFoundError where this is no hub."""
        ...

    async def solutions(self) -> SolutionList:
        """The solutions, but for lone servers that were never down and of which nothing is on record."""
        ...

    def solution(self, client: str, name: str) -> SolutionStatus | None:
        """One solution of a client; None where there is none."""
        ...

    async def windows(self, client: str | None, start: Instant | None, until: Instant | None) -> bytes:
        """Maintenance in a span as an iCalendar file, of all or for one client."""
        ...

    async def statement(self, client: str, month: Month, as_of: Instant | None) -> bytes:
        """The statement of a client as a document, by default as known now. Raises NoDocumentError, BusyError."""
        ...

    def issued(self, client: str | None, month: Month | None) -> IssuedList:
        """The statements that were issued, or those of a client or a month."""
        ...

    async def issued_document(self, client: str, month: Month, version: int | None) -> bytes:
        """The bytes of a version, by default the newest. Raises NotFoundError, LedgerError."""
        ...

    async def difference(self, client: str, month: Month, version: int | None) -> bytes:
        """What differs between a version, by default what is known now, and the one before it.

        Raises NotFoundError, LedgerError, BusyError.
        """
        ...

    def letterhead(self, client: str) -> LetterheadStatus:
        """Whose the statements of a client are."""
        ...

    def export(self, client: str | None, start: Instant | None, until: Instant | None) -> AsyncIterator[str]:
        """The evidence as lines without their ends, for one client or all, for [start, until)."""
        ...
