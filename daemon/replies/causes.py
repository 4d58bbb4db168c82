"""The cause of an outage (`spec/causes.md`)."""

from pydantic import Field

from daemon.replies.common import Reply
from sla.records import CauseKind, Confidence


class CauseStatus(Reply):
    """Who or what brought about an outage, how sure that is, and the keys of the events that prove it."""

    cause: CauseKind
    confidence: Confidence
    user: str | None = Field(description="Who did it, where an event names somebody.")
    because: tuple[str, ...]
    text: str
