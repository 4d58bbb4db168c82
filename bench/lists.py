"""What a page of a list costs: outages, incidents and servers of a large fleet, of which many were down.

`python -m bench.lists [SERVERS [OUTAGES]]` prints a table: of reading the outages of a fleet once, and of pages of a hundred rows.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

from bench.causes import NOON, Fleet, said
from bench.measuring import best_of, measured
from bench.table import Row, cpu_and_stall, show
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
RUNS = 3
PAGE_S = 0.1
STALL_S = 0.015
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
        Report(source="vc", fresh=True, observed_until=NOON, listed=fleet.listed, observations=ups), "list"
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
    await fleet.take(Report(source="vc", observed_until=now, observations=tuple(changes)), "changes")
    now = Instant(now + MINUTE)
    await fleet.take(Report(source="vc", observed_until=now), "nothing")
    await fleet.attribute(now, "causes")
    for cause in fleet.causes:
        incident = "storm" if cause.cause is CauseKind.STORAGE else ""
        fleet.book.take_record(replace(cause, incident=incident), None)
    figures = LiveFigures(fleet.book)
    while not await figures.catch_up(fleet.book.settled_at(), 1.0):
        pass
    freeze_gc()
    return fleet, figures, _ItsClock(now)


async def lists(servers: int, outages: int) -> AsyncIterator[Row]:
    """Pages of the lists of such a fleet."""
    fleet, figures, clock = await stormy(servers, outages)
    lost, standing = OutageAnswers(fleet.book, figures, clock), FleetAnswers(fleet.book, figures)
    for row in cpu_and_stall("read the index", await measured(lambda: _read(fleet)), stall=STALL_S):
        yield row
    first = Page(None, ROWS)
    asked: dict[str, Callable[[], Awaitable[Any]]] = {
        "outages, newest": lambda: lost.outages(OutagesAsked(), None, first),
        "outages, oldest": lambda: lost.outages(OutagesAsked(oldest_first=True), None, first),
        "outages, rare cause": lambda: lost.outages(OutagesAsked(cause=CauseKind.GUEST), None, first),
        "incidents": lambda: lost.incidents(OutagesAsked(), None, first),
        **{
            f"servers, {order.value}": lambda order=order: standing.servers(ServersAsked(order=order), first)  # type: ignore[misc]
            for order in ServerOrder
        },
        "servers, a name": lambda: standing.servers(ServersAsked(name="*99?"), first),
    }
    for what, work in asked.items():
        for row in cpu_and_stall(what, await best_of(RUNS, work), cpu=PAGE_S, stall=STALL_S):
            yield row


async def _read(fleet: Fleet) -> None:
    async for _ in paced(fleet.book.outages.read()):
        pass


async def table(servers: int, outages: int) -> None:
    title = f"a page of {ROWS}, {servers:,} servers, {outages:,} outages"
    show(title, [row async for row in lists(servers, outages)])


def main() -> None:
    """As the module says."""
    given = list(map(int, sys.argv[1:]))
    servers, outages = (*given, *(40_000, 80_000)[len(given) :])
    asyncio.run(table(servers, outages))


if __name__ == "__main__":
    main()
