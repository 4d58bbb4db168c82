"""The cause of an outage (`spec/causes.md`)."""

from typing import Self

from pydantic import Field

from daemon.replies.common import At, Receipt, Reply
from sla.records import Cause, CauseKind, Confidence


class CauseStatus(Reply):
    """Who or what brought about an outage, how sure that is, and the keys of the events that prove it."""

    cause: CauseKind
    confidence: Confidence
    user: str | None = Field(description="Who did it, where an event names somebody.")
    because: tuple[str, ...]
    text: str
    recorded_by: str = Field(
        default="slad", description="`slad`, or `provider`: a person said so, which nothing overwrites."
    )

    @classmethod
    def of(cls, record: Cause | None) -> Self | None:
        """As it is on record; null where nothing is."""
        if record is None:
            return None
        return cls(
            cause=record.cause,
            confidence=record.confidence,
            user=record.user,
            because=record.because,
            text=record.text,
            recorded_by=record.recorded_by,
        )


class CauseReceipt(Receipt):
    """The cause that holds from now on, and that which held before."""

    server: str
    name: str
    start: At = Field(serialization_alias="from", description="When the outage began.")
    cause: CauseStatus
    before: CauseStatus | None
