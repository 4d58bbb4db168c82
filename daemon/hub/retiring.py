"""`slad hub retire`: the end of a monitor, as a record in the hub's own ledger (spec §3.4).

It needs no hub that runs, and not the lock of one that does: it is appended after the last record that there is, or not at all;
then after the next. The active hub does the same.
"""

from typing import Final

from daemon.config.hub import HubTable
from daemon.hub.schema import HUB
from daemon.hub.session import HubSession, next_lines
from daemon.hub.states import HubError, HubState, instance_name
from sla.decoding import parse_line
from sla.evidence import encode
from sla.instants import MINUTE, SECOND, Instant, format_instant, parse_instant
from sla.records import ObserverRetired

STILL_SEES_US: Final = 10 * MINUTE
"""A monitor that has seen so lately is not at its end."""
CLOCKS_APART_US: Final = 10 * SECOND
"""How far this clock may be ahead of PostgreSQL's: hubs record nothing with an earlier instant than the last record's."""
_ATTEMPTS: Final = 5
"""The active hub may append to the same ledger meanwhile."""


async def retire(table: HubTable, observer: str, at: Instant | None, by: str, now: Instant) -> Instant:
    """Put on record that a monitor ended at an instant, by default where its witnesses saw last; that instant.

    Raises HubError: for a monitor that the store does not know, that still sees, or that would end after `now`; and where `now`
    is later than the store's clock has it.
    """
    store = await HubSession.open(table, HUB, instance_name())
    try:
        ahead_us = now - await store.now()
        if ahead_us > CLOCKS_APART_US:
            raise _refused(
                f"This clock is {ahead_us // SECOND} s ahead of PostgreSQL's, and hubs could record nothing for so long: set it right."
            )
        seen_until = await _seen_until(store, observer, now)
        end = seen_until if at is None else at
        if end is None:
            raise _refused(f"{observer} never said how far it has seen: say --at.")
        if end > now:
            raise _refused(f"{format_instant(end)} is not over yet: a monitor is retired once it has ended.")
        record = ObserverRetired(observer=observer, at=end, recorded_at=now, recorded_by=by)
        for _ in range(_ATTEMPTS):
            if await _is_appended(store, record):
                return end
        raise HubError(HubState.FAILED, "The hub records faster than this could be added: try again.")
    finally:
        await store.close()


async def _seen_until(store: HubSession, observer: str, now: Instant) -> Instant | None:
    """How far a monitor's witnesses have seen, the one that saw farthest; None where it never said. Raises HubError."""
    known = await store.seen()
    monitors = sorted(known.keys() - {HUB})
    if observer not in monitors:
        raise _refused(
            f"The store knows no monitor {observer}; it knows {', '.join(monitors) if monitors else 'none'}."
        )
    seen_until = max(known[observer].values(), default=None)
    if seen_until is not None and now - seen_until < STILL_SEES_US:
        raise _refused(f"{observer} saw at {format_instant(seen_until)}, so it still runs: stop it first.")
    return seen_until


async def _is_appended(store: HubSession, record: ObserverRetired) -> bool:
    """Append a record after the last that there is; False where another came between."""
    head = await store.head()
    for line in await store.lines(head.seq - 1, 1):
        newest = parse_instant(str(parse_line(line.body.encode())["recorded_at"]))
        if newest > record.recorded_at:
            raise _refused(
                f"The hub's last record is of {format_instant(newest)}, which is not over here: set this clock right."
            )
    outcome, _ = await store.append(next_lines(head, [encode(record)]))
    return outcome == "appended"


def _refused(message: str) -> HubError:
    return HubError(HubState.NOT_ALLOWED, message)
