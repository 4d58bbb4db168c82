"""How long witnesses saw, alone and together: the time from which counters are read, whoever they are about."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sla.instants import BEGINNING, FOREVER, Instant


@dataclass(slots=True)
class WitnessSight:
    """When a witness saw: up to `until`, but for the `dark` spans, which are in order and do not overlap."""

    until: Instant = BEGINNING
    dark: list[tuple[Instant, Instant]] = field(default_factory=list)

    def darken(self, start: Instant, end: Instant) -> None:
        """Add a span in which the witness saw nothing."""
        insort(self.dark, (start, end))


class SightSpan(NamedTuple):
    """A span in which the same witnesses see: `[start, end)`."""

    start: Instant
    end: Instant
    combination: int
    """Which, as a bit set."""
    lasted: Sequence[int]
    """The microseconds of each combination from the epoch to the start; from then on this one's alone grow."""


NO_SPAN: Final = SightSpan(FOREVER, BEGINNING, 0, ())


class Elapsed:
    """How long each combination of seeing witnesses has lasted by an instant."""

    def __init__(self, sights: Sequence[WitnessSight]) -> None:
        self._sights = sights
        self._edges: list[Instant] = []
        self._combinations: list[int] = []
        self._sums: list[tuple[int, ...]] = []
        self.rebuild()

    def rebuild(self) -> None:
        """Take the sights' dark spans anew, after one was added."""
        flips: dict[Instant, int] = {}
        for bit, sight in enumerate(self._sights):
            for start, end in sight.dark:
                flips[start] = flips.get(start, 0) ^ (1 << bit)
                flips[end] = flips.get(end, 0) ^ (1 << bit)
        combination = (1 << len(self._sights)) - 1
        sums = [0] * (combination + 1)
        before = Instant(0)
        self._edges, self._combinations, self._sums = [before], [combination], [tuple(sums)]
        for edge in sorted(flips):
            sums[combination] += edge - before
            combination ^= flips[edge]
            before = edge
            self._edges.append(edge)
            self._combinations.append(combination)
            self._sums.append(tuple(sums))

    def combination(self, at: Instant) -> int:
        """Which witnesses see at `at`, as a bit set."""
        combination = self._combinations[bisect_right(self._edges, at) - 1]
        for bit, sight in enumerate(self._sights):
            if at >= sight.until:
                combination &= ~(1 << bit)
        return combination

    def combinations(self, start: Instant, end: Instant) -> Iterator[tuple[Instant, int]]:
        """The combinations in `[start, end)`, each with the instant from which it holds."""
        if start >= end:
            return
        yield start, self.combination(start)
        first, last = bisect_right(self._edges, start), bisect_left(self._edges, end)
        ends = (sight.until for sight in self._sights)
        for at in sorted({*self._edges[first:last], *(at for at in ends if start < at < end)}):
            yield at, self.combination(at)

    def around(self, at: Instant) -> "SightSpan":
        """The span around an instant in which the same witnesses see."""
        index = max(0, bisect_right(self._edges, at) - 1)
        start = self._edges[index]
        end = self._edges[index + 1] if index + 1 < len(self._edges) else FOREVER
        is_seen = True
        for sight in self._sights:
            if at < sight.until:
                end = min(end, sight.until)
            else:
                start, is_seen = max(start, sight.until), False
        if is_seen:  # the sums hold up to the oldest watermark
            return SightSpan(start, end, self._combinations[index], self._sums[index])
        return SightSpan(start, end, self.combination(start), self.by(start))

    def by(self, at: Instant) -> list[int]:
        """The microseconds of each combination from the epoch to `at`."""
        # The sums know only dark spans: they hold up to the oldest watermark, and what comes after it is added here.
        oldest = min([sight.until for sight in self._sights], default=at)
        index = max(0, bisect_right(self._edges, min(at, oldest)) - 1)
        sums, start = list(self._sums[index]), self._edges[index]
        if at <= oldest:
            sums[self._combinations[index]] += at - start
            return sums
        for end, _ in self.combinations(start, at):
            sums[self.combination(start)] += end - start
            start = end
        sums[self.combination(start)] += at - start
        return sums
