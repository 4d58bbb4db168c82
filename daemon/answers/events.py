"""What vCenter reported of a server, as the ledger has it: a page reads so many records, and no others."""

from collections.abc import Awaitable, Callable, Sequence

from daemon.control.questions import Listed, Page
from daemon.ledger import Chained
from daemon.replies.events import EventStatus
from sla.evidence import decoded
from sla.records import Event

ReadRecords = Callable[[int, int], Awaitable[Sequence[Chained]]]
"""At most so many records that follow a number: `Ledger.read`."""


async def events_of(numbers: Sequence[int], read: ReadRecords, page: Page) -> Listed[EventStatus]:
    """The events that have some numbers in the ledger, which are in order; those that were recorded last first."""
    (before,) = (None,) if page.after is None else page.after
    wanted = [number for number in reversed(numbers) if before is None or number < int(before)]
    rows = [await _event(number, read) for number in wanted[: page.limit]]
    more = len(wanted) > page.limit
    return Listed(rows=tuple(rows), next=(rows[-1].seq,) if more else None)


async def _event(number: int, read: ReadRecords) -> EventStatus:
    (row,) = await read(number - 1, 1)
    event = decoded(row.body)
    assert isinstance(event, Event), f"record {number} was an event"
    return EventStatus(
        seq=number,
        source=event.source,
        key=event.key,
        type=event.type,
        at=event.at,
        user=event.user,
        text=event.text,
        recorded_at=event.recorded_at,
    )
