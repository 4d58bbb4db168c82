"""A state over time, as far as it is decided."""

from bisect import bisect_right

from probes.internet.verdict import Verdict
from sla.instants import BEGINNING, Instant
from sla.records import State


class StateHistory:
    """What holds from which instant on; unknown at first. Instants are inclusive: at `at` the new state holds already."""

    __slots__ = ("_ats", "_verdicts", "turned_at")

    def __init__(self, first: Verdict) -> None:
        """`first` holds from the beginning of time."""
        self.turned_at = BEGINNING
        """When what holds began to, however much was let go of since; the beginning of time for the first."""
        self._ats = [BEGINNING]
        self._verdicts = [first]

    @property
    def newest(self) -> Verdict:
        return self._verdicts[-1]

    @property
    def since(self) -> Instant:
        """From when on it holds."""
        return self._ats[-1]

    def turn(self, at: Instant, verdict: Verdict) -> None:
        """Let `verdict`, of another state than the one before, hold from `at` on."""
        assert at > self._ats[-1]
        assert verdict.state is not self._verdicts[-1].state
        self.turned_at = at
        self._ats.append(at)
        self._verdicts.append(verdict)

    def at(self, at: Instant) -> Verdict:
        """What holds at an instant."""
        return self._verdicts[bisect_right(self._ats, at) - 1]

    def changes(self, after: Instant, until: Instant) -> list[Instant]:
        """When something else begins to hold, in `(after, until]`."""
        return self._ats[bisect_right(self._ats, after) : bisect_right(self._ats, until)]

    def lost_within(self, after: Instant, until: Instant) -> Instant | None:
        """The first instant in `(after, until]` at which it is not up."""
        first = Instant(after + 1)
        place = bisect_right(self._ats, first)
        if self._verdicts[place - 1].state is not State.UP:
            return first
        if place < len(self._ats) and self._ats[place] <= until:
            return self._ats[place]  # what follows up is not up
        return None

    def forget(self, before: Instant) -> None:
        """Let go of what nobody asks for: everything before `before`."""
        keep = bisect_right(self._ats, before) - 1
        if keep > 0:
            del self._ats[:keep], self._verdicts[:keep]
            self._ats[0] = BEGINNING
