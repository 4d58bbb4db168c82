"""Whose a server is, and when: the parts of its service, folded from its records (spec §3)."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from sla.instants import BEGINNING, FOREVER, Instant
from sla.records import ClientId, Leg, ObserverRetired, Server, SolutionId, in_order
from sla.spans import NOTHING, difference, normalized, union

Watched = tuple[tuple[Instant, tuple[Leg, ...]], ...]
"""The legs that a server's records name, each from an instant on, in order of time; the first from `BEGINNING`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a server's service, `[start, end)`, in which it belongs to one client and one solution."""

    client: ClientId
    solution: SolutionId | None
    key: SolutionId
    """The solution's name; a lone server's own id (spec §6.1)."""
    start: Instant
    end: Instant
    watched: Watched
    moved_in: bool
    """The server belonged to somebody, or something, else before."""

    @property
    def owner(self) -> tuple[ClientId, SolutionId | None]:
        """Whose the server is in it: a part ends where that is somebody else."""
        return self.client, self.solution

    def watched_at(self, at: Instant) -> tuple[Leg, ...]:
        """The legs that are named at an instant."""
        return next(legs for since, legs in reversed(self.watched) if since <= at)

    def legs(
        self, contract: tuple[Leg, ...], start: Instant, end: Instant
    ) -> Iterator[tuple[Instant, Instant, tuple[Leg, ...]]]:
        """The legs considered in each stretch of `[start, end)` (spec §2.1)."""
        if len(self.watched) == 1:
            yield start, end, considered(self.watched[0][1], contract)
            return
        for (since, legs), (until, _) in pairwise((*self.watched, (FOREVER, ()))):
            if max(since, start) < min(until, end):
                yield max(since, start), min(until, end), considered(legs, contract)


class Told(NamedTuple):
    """What one observer tells of a server: its newest record, and the parts of its service that all its records make."""

    newest: Server
    parts: tuple[Part, ...]

    @property
    def is_open(self) -> bool:
        """Whether it has the server in service without an end."""
        return bool(self.parts) and self.parts[-1].end == FOREVER


@lru_cache(maxsize=256)
def _throughout(legs: tuple[Leg, ...]) -> Watched:
    """The same legs all the time; one object for all servers."""
    return ((BEGINNING, legs),)


@lru_cache(maxsize=256)
def considered(watched: tuple[Leg, ...], contract: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """The legs that both a server's record and the contract name, in the order of `Leg`."""
    return in_order({*watched} & {*contract})


def parts_of(records: Sequence[Server | ObserverRetired]) -> tuple[Part, ...]:
    """The parts of a server's service, disjoint and in order of time (spec §3.2, §3.4).

    `records` are those about the server and the retirements of the monitors that made them, in the order of lines.
    """
    first = records[0] if len(records) == 1 else None
    if isinstance(first, Server):  # as of most servers
        return _of_one_observer([first])
    told = by_observer(records)
    return told[0].parts if len(told) == 1 else _united([each.parts for each in told])


def by_observer(records: Iterable[Server | ObserverRetired]) -> list[Told]:
    """What each observer tells, in the order of their newest lines. After its retirement one counts as another."""
    retired: dict[str, list[Instant]] = {}
    told: dict[tuple[str, int], list[Server]] = {}
    for record in records:
        before = retired.setdefault(record.observer, [])
        if isinstance(record, ObserverRetired):
            before.append(record.at)
        else:
            observer = record.observer, len(before)
            those = told[observer] = told.pop(observer, [])
            those.append(record)
    return [
        Told(
            newest=those[-1],
            parts=_until(min(retired[name][number:], default=FOREVER), _of_one_observer(those)),
        )
        for (name, number), those in told.items()
    ]


def _until(end: Instant, parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(part if part.end <= end else replace(part, end=end) for part in parts if part.start < end)


def _of_one_observer(records: Iterable[Server]) -> tuple[Part, ...]:
    told: list[Part] = []
    for record in records:
        if not told or record.in_service_from >= told[-1].end:
            told.append(_part(record, moved_in=False))
        elif (record.client, record.solution) != told[-1].owner:
            told.append(_part(record, moved_in=True))
        else:
            told[-1] = _corrected(told[-1], record)
    return _disjoint(told)


def _part(record: Server, *, moved_in: bool) -> Part:
    return Part(
        client=record.client,
        solution=record.solution,
        key=record.key,
        start=record.in_service_from,
        end=FOREVER if record.in_service_until is None else record.in_service_until,
        watched=_throughout(in_order(record.legs)),
        moved_in=moved_in,
    )


def _corrected(part: Part, record: Server) -> Part:
    watched = _named(part.watched, record.recorded_at, in_order(record.legs))
    return replace(_part(record, moved_in=part.moved_in), watched=watched)


def _disjoint(told: Sequence[Part]) -> tuple[Part, ...]:
    """The parts as told, without the time that a later one takes: a move all after it, another period its own."""
    if len(told) == 1:
        return tuple(part for part in told if part.start < part.end)
    parts: list[Part] = []
    taken = NOTHING
    for part in reversed(told):
        own = difference(normalized([(part.start, part.end)]), taken)
        parts += [replace(part, start=start, end=end) for start, end in own]
        taken = union(taken, ((part.start, FOREVER),) if part.moved_in else own)
    return tuple(sorted(parts, key=lambda part: part.start))


def _united(told: Sequence[Sequence[Part]]) -> tuple[Part, ...]:
    """The parts of all observers as one: of different owners that of the last of them holds, the legs are those of all."""
    edges = {at for parts in told for part in parts for at in (part.start, part.end, *_changes(part))}
    stretches = []
    for start, end in pairwise(sorted(edges)):
        here = [part for parts in told for part in _at(parts, start)]
        if here:
            legs = in_order(leg for part in here for leg in part.watched_at(start))
            stretches.append(replace(here[-1], start=start, end=end, watched=_throughout(legs)))
    return joined(stretches)


def joined(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Parts in order of time, those of one owner that touch as one, each with the legs that are watched within it."""
    whole: list[Part] = []
    for part in parts:
        is_next = bool(whole) and whole[-1].end == part.start and whole[-1].owner == part.owner
        before = whole.pop() if is_next else replace(part, watched=())
        watched = _named(before.watched, part.start if is_next else BEGINNING, part.watched_at(part.start))
        for since in _changes(part):
            watched = _named(watched, since, part.watched_at(since))
        whole.append(replace(before, end=part.end, watched=watched))
    return tuple(whole)


def _named(watched: Watched, since: Instant, legs: tuple[Leg, ...]) -> Watched:
    """What is watched, with these legs from an instant on."""
    before = tuple(each for each in watched if each[0] < since)
    return before if before and before[-1][1] == legs else (*before, (since, legs))


def _changes(part: Part) -> Iterator[Instant]:
    """Where other legs are watched within a part."""
    return (since for since, _ in part.watched if part.start < since < part.end)


def _at(parts: Sequence[Part], at: Instant) -> Sequence[Part]:
    """The part at an instant, where there is one."""
    place = bisect_right(parts, at, key=attrgetter("start"))
    return [part for part in parts[max(place - 1, 0) : place] if at < part.end]
