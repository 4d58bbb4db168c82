"""The questions about the daemon and the fleet that the control API passes on (`Control`)."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from daemon.replies.clock import ClockStatus
from daemon.replies.servers import ServerStatus
from daemon.replies.solutions import SolutionList, SolutionStatus
from daemon.replies.statements import IssuedList, LetterheadStatus
from daemon.replies.status import Status
from sla.calendars import Month
from sla.instants import Instant


class AmbiguousNameError(LookupError):
    """Several servers answer to a name."""

    def __init__(self, candidates: Sequence[str]) -> None:
        """`candidates`: the ids that would have been unambiguous."""
        super().__init__(f"{len(candidates)} servers have this name")
        self.candidates = tuple(candidates)


class BusyError(Exception):
    """What is asked for cannot be answered now; the message says why, and what to do."""


class Control(Protocol):
    """Who answers about the daemon and the fleet: `daemon.answers`."""

    def status(self) -> Status:
        """How the daemon and the fleet are."""
        ...

    def clock(self) -> ClockStatus:
        """What slad takes for the time, and what the wall clock shows."""
        ...

    async def accept_clock(self, by: str) -> ClockStatus:
        """Believe what the wall clock shows, in the name of `by`. Raises ConflictError."""
        ...

    def server(self, name: str) -> ServerStatus | None:
        """One server by its id or name; None where there is none. Raises AmbiguousNameError."""
        ...

    async def solutions(self) -> SolutionList:
        """The solutions, but for lone servers that were never down and of which nothing is on record."""
        ...

    def solution(self, client: str, name: str) -> SolutionStatus | None:
        """One solution of a client; None where there is none."""
        ...

    async def windows(self, client: str | None, start: Instant | None, until: Instant | None) -> bytes | None:
        """Maintenance in a span as an iCalendar file, of all or for one client; None for one that is not on record."""
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
