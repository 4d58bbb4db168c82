"""The per-server families of `/metrics`, taken from the book at one instant.

Taken in steps, because 40,000 servers times a dozen columns would hold the loop for too long; the caller sees to it
that the book does not change meanwhile.
"""

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import chain
from operator import attrgetter
from typing import Final, Literal, TypeVar

from daemon.book.counting import Group
from daemon.book.live_book import LiveBook
from daemon.book.patterns import LEG_DOWN, Counter, Pattern
from daemon.exposition.families import ABSENT, Column, LabelledFamily, ServerFamily, Snapshot, label, sample
from daemon.exposition.lines import INFO
from daemon.live.facts import ServerFacts
from daemon.live.figures import LiveFigures
from daemon.live.formulas import NOBODY
from daemon.live.labelled import labelled_families
from daemon.live.months import ROWS, month_families
from daemon.live.outages import OpenIncidents, cause_family
from daemon.pacing import paced
from sla.records import ALL_LEGS, Leg, State

_GAUGES: Final = {State.UP: 1, State.DOWN: 0, State.UNKNOWN: ABSENT}


KEEP_UP_S: Final = 0.25
"""How long the figures of months and solutions are worked on in one tick; what is left waits for the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Months:
    """The families of an instant that all was judged at, for the servers of one generation."""

    generation: int
    servers: Sequence[str]
    families: tuple[ServerFamily, ...]
    labelled: tuple[LabelledFamily, ...]


class Snapshots:
    """Makes snapshots of a book and its live figures. Labels are rendered only when servers came, went or changed."""

    def __init__(
        self, book: LiveBook, figures: LiveFigures, facts: ServerFacts, *, left_out: Collection[str] = ()
    ) -> None:
        """`left_out`: families of servers that nobody wants; they are not worked out."""
        self._left_out = frozenset(left_out)
        self._book = book
        self._figures = figures
        self._facts = facts
        self._membership = -1
        self._servers: Sequence[str] = ()
        self._info: Sequence[str] = ()
        self._months: _Months | None = None

    @property
    def are_whole(self) -> bool:
        """Whether months and solutions were worked out since the start."""
        return self._figures.at is not None

    async def keep_up(self) -> bool:
        """Work on the figures of months and solutions; whether they are those of the settled instant."""
        return await self._figures.catch_up(self._book.settled_at(), KEEP_UP_S)

    async def snapshot(self) -> Snapshot:
        """All per-server families at the settled instant of each server."""
        groups = list(self._book.groups.values())
        if self._membership != self._book.membership:
            await self._name(groups)
        families = [await each.of(groups) for each in _FAMILIES if each.name not in self._left_out]
        months = await self._of_months(groups)
        labelled = (
            *months.labelled,
            *await self._outages(groups),
            await self._proposals(),
            *cause_family(self._book),
            *await self._facts.labelled(),
        )
        return Snapshot(
            generation=self._membership,
            servers=self._servers,
            info=() if INFO in self._left_out else self._info,
            families=(*families, *months.families),
            labelled=tuple([family for family in labelled if family.name not in self._left_out]),
        )

    async def _of_months(self, groups: Sequence[Group]) -> _Months:
        """Months and solutions; where they are behind, of the last instant at which it was not."""
        figures, months = self._figures, self._months
        if figures.is_current and figures.at is not None:
            numbers: array[int] = array("I")
            number_of = figures.servers.numbers.get
            for group in groups:
                for rows in _sliced(group.rows):
                    numbers.extend([NOBODY if row is None else number_of(row.server, NOBODY) for row in rows])
                    await asyncio.sleep(0)
            families = await month_families(
                figures.servers.formulas, numbers, figures.at, left_out=self._left_out
            )
            listed = await labelled_families(figures, figures.at)
        elif months is None:
            return _Months(generation=self._membership, servers=self._servers, families=(), labelled=())
        elif months.generation == self._membership:
            return months
        else:
            families, listed = await _moved(months, self._servers), months.labelled
        self._months = _Months(
            generation=self._membership, servers=self._servers, families=families, labelled=listed
        )
        return self._months

    async def _outages(self, groups: Sequence[Group]) -> tuple[LabelledFamily, ...]:
        """Who is down, where it runs, and what brought that about."""
        samples, incidents = [], OpenIncidents(self._facts.source_of)
        first = 0
        for group in groups:
            async for index, server, began_at in paced(group.ongoing_outages()):
                info = self._info[first + index]
                if info:
                    host, datastore = self._facts.placement_of(server)
                    cause = self._book.cause_of_outage(server, began_at)
                    incidents.add(cause)
                    named = (
                        info,
                        label("host", host),
                        label("datastore", datastore),
                        label("cause", "" if cause is None else cause.cause.value),
                        label("confidence", "" if cause is None else cause.confidence.value),
                        label("incident", "" if cause is None else cause.incident),
                    )
                    samples.append(sample(",".join(named), "1"))
            first += len(group.rows)
        if not samples:
            return ()
        text = "Always 1: an outage of the virtual server is under way; by who and where it is, and by its cause."
        lost = LabelledFamily(name="slad_server_outage_info", help=text, kind="info", samples=samples)
        return lost, *incidents.families(self._book)

    async def _proposals(self) -> LabelledFamily:
        """How many proposals of each client wait to be decided."""
        book = self._book.evidence
        pending = dict.fromkeys(book.clients, 0)
        async for pages in paced(list(book.pending.values())):
            for client in {self._book.record_of(server).client for server in pages.record.servers}:
                pending[client] = pending.get(client, 0) + 1
        return LabelledFamily(
            name="slad_proposals_pending",
            help="Exclusions that causes of outages suggest, and that wait to be decided; by whose the server is now.",
            kind="gauge",
            samples=[sample(label("client", client), str(count)) for client, count in pending.items()],
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
                        _of_many("client", record.client),
                        _of_many("solution", record.solution or ""),
                        _of_many("vcenter", self._facts.source_of(record.id)),
                        _of_many("uplink", self._facts.uplink_of(record.id)),
                    )
                )
            )
        self._servers, self._info, self._membership = servers, info, self._book.membership


_of_many: Final = lru_cache(maxsize=4096)(label)
"""A label that many servers share."""


async def _moved(months: _Months, servers: Sequence[str]) -> tuple[ServerFamily, ...]:
    """The families with the same figures for other rows: those of servers that are new are absent."""
    row_of = {server: row for row, server in enumerate(months.servers)}
    rows = [row_of.get(server, -1) for server in servers]
    families = []
    for family in months.families:
        columns = []
        for column in family.columns:
            values = [ABSENT if row < 0 else column.values[row] for row in rows]
            columns.append(replace(column, values=array("q", values)))
            await asyncio.sleep(0)
        families.append(replace(family, columns=tuple(columns)))
    return tuple(families)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    """A family that the book's counters tell: what it says of itself, and by its columns' labels how each is made."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    decimals: int = 0
    columns: Mapping[str, Callable[[Sequence[Group]], Awaitable["array[int]"]]]

    async def of(self, groups: Sequence[Group]) -> ServerFamily:
        """The family as the counters are now."""
        return ServerFamily(
            name=self.name,
            help=self.help,
            kind=self.kind,
            decimals=self.decimals,
            columns=tuple(
                [
                    Column(labels=labels, values=await column(groups))
                    for labels, column in self.columns.items()
                ]
            ),
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
        for numbers in _sliced(group.numbers):
            values.extend(array("q", [by_number[number] for number in numbers]))
            await asyncio.sleep(0)
    return values


async def _counter(groups: Sequence[Group], counter: Counter) -> "array[int]":
    values: array[int] = array("q")
    for group in groups:
        sums = group.sums()
        by_number = [sums[pattern.runs[counter]] for pattern in group.patterns]
        references = group.references[counter]
        for part, numbers in zip(_sliced(references), _sliced(group.numbers), strict=True):
            counted = [so_far + by_number[number] for so_far, number in zip(part, numbers, strict=True)]
            values.extend(array("q", counted))
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
        references = group.references[LEG_DOWN[leg]]
        for part, numbers in zip(_sliced(references), _sliced(group.numbers), strict=True):
            counted = zip(part, map(by_number.__getitem__, numbers), strict=True)
            values.extend(
                array("q", [ABSENT if lasted is None else so_far + lasted for so_far, lasted in counted])
            )
            await asyncio.sleep(0)
    return values


_Rows = TypeVar("_Rows", bound=Sequence[object])


def _sliced(rows: _Rows) -> Iterator[_Rows]:
    """The rows in parts that hold the loop for a few milliseconds."""
    for start in range(0, len(rows), ROWS):
        yield rows[start : start + ROWS]  # type: ignore[misc]  # a slice of a sequence is of its type


async def _joined(groups: Sequence[Group], column: Callable[[Group], "array[int]"]) -> "array[int]":
    values: array[int] = array("q")
    for group in groups:
        values.extend(column(group))
    return values


_FAMILIES: Final = (
    _Family(
        name="slad_server_up",
        kind="gauge",
        help="Whether the virtual server is available; absent while unknown.",
        columns={"": partial(_column, value=_up)},
    ),
    _Family(
        name="slad_server_leg_up",
        kind="gauge",
        help="Whether a leg of the virtual server is up; absent while unknown.",
        columns={label("leg", leg.value): partial(_column, value=_leg_up(leg)) for leg in ALL_LEGS},
    ),
    *[
        _Family(
            name=name,
            kind="counter",
            help=text,
            decimals=6,
            columns={"": partial(_counter, counter=counter)},
        )
        for name, text, counter in (
            (
                "slad_server_uptime_seconds_total",
                "Settled time in service in which the virtual server was up.",
                Counter.UP,
            ),
            (
                "slad_server_downtime_seconds_total",
                "Settled time in service in which it was down.",
                Counter.DOWN,
            ),
            (
                "slad_server_unobserved_seconds_total",
                "Settled time in service in which nobody could say.",
                Counter.UNOBSERVED,
            ),
        )
    ],
    _Family(
        name="slad_server_leg_downtime_seconds_total",
        kind="counter",
        help="Settled time in service in which a leg of the virtual server was down.",
        decimals=6,
        columns={label("leg", leg.value): partial(_leg_counter, leg=leg) for leg in ALL_LEGS},
    ),
    _Family(
        name="slad_server_outages_total",
        kind="counter",
        help="Outages of the virtual server that have begun.",
        columns={"": partial(_joined, column=attrgetter("outages"))},
    ),
    _Family(
        name="slad_server_outage_start_timestamp_seconds",
        kind="gauge",
        help="When the outage under way began; it stays while the virtual server is unknown.",
        decimals=6,
        columns={"": partial(_joined, column=attrgetter("outage_at"))},
    ),
)
