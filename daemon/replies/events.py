"""What vCenter reported about a server."""

from pydantic import Field

from daemon.replies.common import At, Reply


class EventStatus(Reply):
    """An event on record: no figure reads it. `key`: what causes name it by."""

    seq: int = Field(description="Its number in the ledger.")
    source: str
    key: str
    type: str
    at: At
    user: str
    text: str
    recorded_at: At


class EventList(Reply):
    """The events that name a server, those that were recorded last first."""

    server: str
    events: tuple[EventStatus, ...]
    next: str | None = Field(description="What `cursor` is for the next page; null after the last.")
