"""What a page of a list costs: outages, incidents and servers of a large fleet, of which many were down.

`python -m bench.lists [SERVERS [OUTAGES]]` prints CPU milliseconds and the stall, the worst lateness of a 1 ms heartbeat on the event
loop: of reading the outages of a fleet once, and of pages of a hundred rows.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from bench.causes import NOON, Fleet, said
from bench.exposition import measured
from daemon.answers.fleet import FleetAnswers
from daemon.answers.outages import OutageAnswers
from daemon.clock import Clock
from daemon.control.questions import OutagesAsked, Page, ServersAsked
from daemon.control.routes import ServerOrder
from daemon.live.figures import LiveFigures
from daemon.pacing import freeze_gc, paced, tune_gc
from probes.report import Report
from sla.instants import HOUR, MINUTE, SECOND, Instant
from sla.records import CauseKind, Leg, State

ROWS = 100
AN_INCIDENT = 5_000
"""Outages that are one incident."""


class _ItsClock:
    """The time of the fleet."""

    def __init__(self, now: Instant) -> None:
        self._now = now

    def now(self) -> Instant:
        return self._now

    def monotonic_us(self) -> int:
        return self._now

    def boottime_us(self) -> int:
        return self._now


async def stormy(servers: int, outages: int) -> tuple[Fleet, LiveFigures, Clock]:
    """A fleet whose servers were down one after the other, and then many at once; its figures, and what time it is."""
    tune_gc()
    fleet = Fleet(servers)
    ups = tuple(said(each, leg, State.UP, NOON) for each in fleet.listed for leg in (Leg.RUNNING, Leg.SAN))
    await fleet.take(
        Report(source="vc", fresh=True, observed_until=NOON, listed=fleet.listed, observations=ups)
    )
    at = Instant(NOON + HOUR)
    changes = []
    for number in range(outages):
        listed = fleet.listed[number % servers]
        since = Instant(at + (number // servers) * HOUR + number % servers * SECOND // 20)
        changes += [
            said(listed, Leg.RUNNING, State.DOWN, since),
            said(listed, Leg.RUNNING, State.UP, Instant(since + 10 * MINUTE)),
        ]
    now = Instant(at + (outages // servers + 2) * HOUR)
    changes.sort(key=lambda each: each.at)
    changes += [said(each, Leg.SAN, State.DOWN, now) for each in fleet.listed[:AN_INCIDENT]]
    await fleet.take(Report(source="vc", observed_until=now, observations=tuple(changes)))
    now = Instant(now + MINUTE)
    await fleet.take(Report(source="vc", observed_until=now))
    await fleet.attribute(now)
    for cause in fleet.causes:
        incident = "storm" if cause.cause is CauseKind.STORAGE else ""
        fleet.book.take_record(replace(cause, incident=incident), None)
    figures = LiveFigures(fleet.book)
    while not await figures.catch_up(fleet.book.settled_at(), 1.0):
        pass
    freeze_gc()
    return fleet, figures, _ItsClock(now)


async def lists(servers: int, outages: int) -> None:
    """Pages of the lists of such a fleet."""
    fleet, figures, clock = await stormy(servers, outages)
    lost, standing = OutageAnswers(fleet.book, figures, clock), FleetAnswers(fleet.book, figures)
    await _told("read the index", lambda: _read(fleet))
    first = Page(None, ROWS)
    await _told("outages, newest", lambda: lost.outages(OutagesAsked(), None, first))
    await _told("outages, oldest", lambda: lost.outages(OutagesAsked(oldest_first=True), None, first))
    await _told("outages, rare cause", lambda: lost.outages(OutagesAsked(cause=CauseKind.GUEST), None, first))
    await _told("incidents", lambda: lost.incidents(OutagesAsked(), None, first))
    for order in ServerOrder:
        asked = ServersAsked(order=order)
        await _told(f"servers, {order.value}", lambda asked=asked: standing.servers(asked, first))  # type: ignore[misc]
    await _told("servers, a name", lambda: standing.servers(ServersAsked(name="*99?"), first))


async def _read(fleet: Fleet) -> None:
    async for _ in paced(fleet.book.outages.read()):
        pass


async def _told(what: str, work: Callable[[], Awaitable[Any]]) -> None:
    async def once() -> None:
        await work()

    took = await measured(once)
    print(f"{what:<20} {took[0]:8.1f} ms CPU  {took[1]:6.1f} ms stall")


def main() -> None:
    """As the module says."""
    given = list(map(int, sys.argv[1:]))
    servers, outages = (*given, *(40_000, 80_000)[len(given) :])
    asyncio.run(lists(servers, outages))


if __name__ == "__main__":
    main()
