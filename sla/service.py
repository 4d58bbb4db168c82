"""Whose a server is, and when: the parts of its service, folded from its records (spec §3)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from sla.instants import BEGINNING, FOREVER, Instant
from sla.records import ALL_LEGS, ClientId, Leg, Server, SolutionId
from sla.spans import NOTHING, difference, normalized, union

Watched = tuple[tuple[Instant, tuple[Leg, ...]], ...]
"""The legs that a server's records name, each from an instant on; the first from `BEGINNING`."""


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


@lru_cache(maxsize=256)
def considered(watched: tuple[Leg, ...], contract: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """The legs that both a server's record and the contract name, in the order of `Leg`."""
    return tuple(leg for leg in ALL_LEGS if leg in watched and leg in contract)


def parts_of(records: Sequence[Server]) -> tuple[Part, ...]:
    """The parts of a server's service, disjoint and in order of time, from its records in order of lines (spec §3.2)."""
    told: list[Part] = []
    for record in records:
        if not told or record.in_service_from >= told[-1].end:
            told.append(_part(record, moved_in=False))
        elif (record.client, record.solution) != (told[-1].client, told[-1].solution):
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
        watched=((BEGINNING, record.legs),),
        moved_in=moved_in,
    )


def _corrected(part: Part, record: Server) -> Part:
    correction = _part(record, moved_in=part.moved_in)
    return replace(correction, watched=(*part.watched, (record.recorded_at, record.legs)))


def _disjoint(told: Sequence[Part]) -> tuple[Part, ...]:
    """The parts as told, without the time that a later one takes: a move all after it, another period its own."""
    parts: list[Part] = []
    taken = NOTHING
    for part in reversed(told):
        own = difference(normalized([(part.start, part.end)]), taken)
        parts += [replace(part, start=start, end=end) for start, end in own]
        taken = union(taken, ((part.start, FOREVER),) if part.moved_in else own)
    return tuple(sorted(parts, key=lambda part: part.start))
