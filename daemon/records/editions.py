"""What is recorded of a statement that is issued, and who makes it.

EvidenceMovedError  what an edition was made of is not all that is known any more
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from daemon.records.idempotency import Draft
from daemon.records.validator import Recording
from sla.calendars import Month
from sla.records import ClientId, Issued


class EvidenceMovedError(Exception):
    """Evidence of the month came, or a version was issued, since the edition was made: another has to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """A version of a statement that may be issued."""

    record: Issued
    """Its record; of an edition that changes nothing, that of the newest version."""
    document: bytes
    is_unchanged: bool
    """No figure of the month differs from the newest version."""
    holds: Callable[[], bool]
    """Whether it is what evidence says now."""

    def draft(self, now: Recording) -> Draft:
        """What issues it. Raises EvidenceMovedError."""
        if not self.holds():
            raise EvidenceMovedError
        record = replace(self.record, recorded_at=now.at, recorded_by=now.by)
        return Draft(record.id, (record,), document=self.document)


class Editor(Protocol):
    """Who makes editions: `daemon.statements.issuing`."""

    async def edition(self, client: ClientId, month: Month) -> Edition:
        """The statement of a month as it is known now. Raises RefusedError for one that is not to be issued, NotRecordingError."""
        ...
