"""When the rounds of many checks are due: spread over their intervals, without drift.

Each check has its own place in its interval, by a hash of its name. So the rounds of many are spread evenly, a late
round does not shift the next, and adding and removing checks leaves the cadence of the others as it is.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple
from zlib import crc32

from sla.instants import SECOND


@dataclass(slots=True, eq=False)
class _Queued:
    name: str
    interval_us: int
    phase_us: int
    live: bool = True

    def next_after(self, at_us: int) -> int:
        """The first of its instants after one."""
        return at_us + self.interval_us - (at_us - self.phase_us) % self.interval_us


class DueRound(NamedTuple):
    """A check whose round is due; `runs` is False where it is too late for it: then the next one is near.

    `skipped`: how many rounds were due since the last time and are left out.
    """

    name: str
    runs: bool
    skipped: int


class Schedule:
    """Which checks are due when, on a clock that never steps (microseconds)."""

    def __init__(self) -> None:
        self._entries: dict[str, _Queued] = {}
        self._heap: list[tuple[int, int, _Queued]] = []
        self._pushed = 0

    def __len__(self) -> int:
        """How many checks there are."""
        return len(self._entries)

    def add(self, name: str, interval_us: int, now_us: int, *, at_once: bool = False) -> None:
        """Have a check's rounds come due; one that is there with the same interval keeps its cadence.

        `at_once`: the first now, and the others in their places.
        """
        known = self._entries.get(name)
        if known is not None:
            if known.interval_us == interval_us:
                return
            known.live = False
        phase_us = crc32(name.encode()) * interval_us >> 32
        entry = self._entries[name] = _Queued(name, interval_us, phase_us)
        self._push(now_us if at_once else entry.next_after(now_us), entry)

    def remove(self, name: str) -> None:
        """Have no more of its rounds come due."""
        self._entries.pop(name).live = False

    def due(self, now_us: int) -> list[DueRound]:
        """The checks whose time has come, each once. Rounds that are late by more than half an interval are left out."""
        found = []
        while self._heap and self._heap[0][0] <= now_us:
            due_us, _, entry = heappop(self._heap)
            if not entry.live:
                continue
            passed, late_us = divmod(now_us - due_us, entry.interval_us)
            runs = late_us <= entry.interval_us // 2
            found.append(DueRound(entry.name, runs, passed if runs else passed + 1))
            self._push(entry.next_after(now_us - late_us + entry.interval_us // 2), entry)
        return found

    def wait_s(self, now_us: int) -> float | None:
        """How long until the next is due; None where there is none."""
        while self._heap and not self._heap[0][2].live:
            heappop(self._heap)
        return max(0, self._heap[0][0] - now_us) / SECOND if self._heap else None

    def _push(self, due_us: int, entry: _Queued) -> None:
        self._pushed += 1
        heappush(self._heap, (due_us, self._pushed, entry))
