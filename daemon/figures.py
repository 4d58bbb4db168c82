"""The per-server families of `/metrics`, taken from the book at one instant.

Taken in steps, because 40,000 servers times a dozen columns would hold the loop for too long; the caller sees to it
that the book does not change meanwhile.
"""

import asyncio
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import add
from typing import Final, Literal

from daemon.counting import LEG_DOWN, Counter, Group, Pattern
from daemon.exposition import ABSENT, Column, Family, Snapshot, label
from daemon.live_book import LiveBook
from daemon.pacing import paced
from sla.records import ALL_LEGS, Leg, ServerId, State

_GAUGES: Final = {State.UP: 1, State.DOWN: 0, State.UNKNOWN: ABSENT}


class Figures:
    """Makes snapshots of a book. Labels are rendered only when servers came, went or changed."""

    def __init__(self, book: LiveBook, source_of: Callable[[ServerId], str]) -> None:
        self._book = book
        self._source_of = source_of
        self._membership = -1
        self._servers: Sequence[str] = ()
        self._info: Sequence[str] = ()

    async def snapshot(self) -> Snapshot:
        """All per-server families at the settled instant of each server."""
        groups = list(self._book.groups.values())
        if self._membership != self._book.membership:
            await self._name(groups)
        families = [
            _family(
                "slad_server_up",
                "gauge",
                "Whether the virtual server is available; absent while unknown.",
                [("", await _column(groups, _up))],
            ),
            _family(
                "slad_server_leg_up",
                "gauge",
                "Whether a leg of the virtual server is up; absent while unknown.",
                [(label("leg", leg.value), await _column(groups, _leg_up(leg))) for leg in ALL_LEGS],
            ),
            *[
                _family(name, "counter", text, [("", await _counter(groups, counter))], microseconds=True)
                for name, text, counter in _COUNTERS
            ],
            _family(
                "slad_server_leg_downtime_seconds_total",
                "counter",
                "Settled time in service in which a leg of the virtual server was down.",
                [(label("leg", leg.value), await _leg_counter(groups, leg)) for leg in ALL_LEGS],
                microseconds=True,
            ),
            _family(
                "slad_server_outages_total",
                "counter",
                "Outages of the virtual server that have begun.",
                [("", _joined(group.outages for group in groups))],
            ),
            _family(
                "slad_server_outage_start_timestamp_seconds",
                "gauge",
                "When the outage under way began; it stays while the virtual server is unknown.",
                [("", _joined(group.outage_at for group in groups))],
                microseconds=True,
            ),
        ]
        return Snapshot(
            generation=self._membership, servers=self._servers, info=self._info, families=tuple(families)
        )

    async def _name(self, groups: Sequence[Group]) -> None:
        servers: list[str] = []
        info: list[str] = []
        async for row in paced(chain.from_iterable(group.rows for group in groups)):
            record = self._book.record_of(row.server) if row is not None else None
            if record is None or record.in_service_until is not None:
                servers.append("")
                info.append("")
                continue
            servers.append(label("server", record.id))
            info.append(
                ",".join(
                    (
                        servers[-1],
                        label("name", record.name),
                        label("client", record.client),
                        label("solution", record.solution or ""),
                        label("vcenter", self._source_of(record.id)),
                    )
                )
            )
        self._servers, self._info, self._membership = servers, info, self._book.membership


_COUNTERS: Final = (
    (
        "slad_server_uptime_seconds_total",
        "Settled time in service in which the virtual server was up.",
        Counter.UP,
    ),
    ("slad_server_downtime_seconds_total", "Settled time in service in which it was down.", Counter.DOWN),
    (
        "slad_server_unobserved_seconds_total",
        "Settled time in service in which nobody could say.",
        Counter.UNOBSERVED,
    ),
)


def _family(
    name: str,
    kind: Literal["gauge", "counter"],
    text: str,
    columns: Sequence[tuple[str, "array[int]"]],
    *,
    microseconds: bool = False,
) -> Family:

    return Family(
        name=name,
        help=text,
        kind=kind,
        microseconds=microseconds,
        columns=tuple(Column(labels=labels, values=values) for labels, values in columns),
    )


def _up(pattern: Pattern, combination: int) -> int:
    return _GAUGES[pattern.states[combination]]


def _leg_up(leg: Leg) -> Callable[[Pattern, int], int]:
    place = ALL_LEGS.index(leg)

    def value(pattern: Pattern, combination: int) -> int:
        if pattern.leg_up[place] >> combination & 1:
            return 1
        return 0 if pattern.runs[LEG_DOWN[leg]] >> combination & 1 else ABSENT

    return value


async def _column(groups: Sequence[Group], value: Callable[[Pattern, int], int]) -> "array[int]":
    values: array[int] = array("q")
    for group in groups:
        combination = group.combination()
        by_number = [value(pattern, combination) for pattern in group.patterns]
        values.extend(map(by_number.__getitem__, group.numbers))
    await asyncio.sleep(0)
    return values


async def _counter(groups: Sequence[Group], counter: Counter) -> "array[int]":
    values: array[int] = array("q")
    for group in groups:
        sums = group.sums()
        by_number = [sums[pattern.runs[counter]] for pattern in group.patterns]
        values.extend(map(add, group.references[counter], map(by_number.__getitem__, group.numbers)))
    await asyncio.sleep(0)
    return values


async def _leg_counter(groups: Sequence[Group], leg: Leg) -> "array[int]":
    """A leg's downtime; absent for servers of which the leg is not considered."""
    values: array[int] = array("q")
    for group in groups:
        sums = group.sums()
        by_number = [
            sums[pattern.runs[LEG_DOWN[leg]]] if leg in pattern.legs else None for pattern in group.patterns
        ]
        counted = zip(group.references[LEG_DOWN[leg]], map(by_number.__getitem__, group.numbers), strict=True)
        values.extend([ABSENT if lasted is None else reference + lasted for reference, lasted in counted])
    await asyncio.sleep(0)
    return values


def _joined(columns: "Iterable[array[int]]") -> "array[int]":
    values: array[int] = array("q")
    for column in columns:
        values.extend(column)
    return values
