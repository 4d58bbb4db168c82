"""The monitor's own way out: when it was there, so that what failed beyond it proves something.

Rounds of different checks do not run at the same instant, so an uplink can fail a moment before the vantage is next
tried. Therefore a vantage that failed for `confirm` rounds is unknown since its last good round, and a failure beyond
it counts only between two good rounds of the vantage with none between them that was not good. It confirms an earlier
one only if the vantage was good in between: else both may be one fault of the monitor, too short for the vantage to see.
"""

from bisect import bisect_left, bisect_right
from typing import Final

from probes.internet.check import Check, Round, gap_us, missed
from probes.internet.state_history import StateHistory
from probes.internet.verdict import Verdict
from sla.instants import Instant
from sla.reasons import PlainReason
from sla.records import State

_UP: Final = Verdict(State.UP)


class Vantage:
    """The history of the vantage; not up, it is unknown where rounds could not tell. Without a check it counts as up."""

    def __init__(self, check: Check | None, at: Instant) -> None:
        """Watched from `at` on."""
        self.history = StateHistory(
            Verdict(State.UNKNOWN, PlainReason.NOT_TRIED_YET) if check is not None else _UP
        )
        self._check = check
        self._gap_us = check.interval_us if check is not None else 0
        self._good_at = self._last_at = at
        self._failing = 0
        self._unclear = False
        self._good: list[Instant] = []
        self._doubts: list[tuple[Instant, Instant]] = []

    def settled_until(self, now: Instant) -> Instant:
        """The last instant of which it is decided whether it was up."""
        if self._check is None:
            return Instant(now - 1)
        return self._good_at if self.history.newest.state is State.UP else self._last_at

    def adjust(self, check: Check | None, at: Instant) -> None:
        """Go on by other terms from `at` on, which is now: also with no check any more, or the first."""
        if check is None and self._check is not None:
            if self._failing and self.history.newest.state is State.UP:
                self._fail()
            if self.history.newest.state is not State.UP:
                self.history.turn(max(at, Instant(self.history.since + 1)), _UP)
            self._doubt(self.history.since)
        elif check is not None and self._check is None:
            at = max(at, Instant(self.history.since + 1))
            self.history.turn(at, Verdict(State.UNKNOWN, PlainReason.NOT_TRIED_YET))
            self._good_at = self._last_at = at
            self._failing, self._unclear = 0, False
            self._gap_us = check.interval_us
        elif check is not None and self._check is not None:
            self._gap_us = gap_us(self._check, check)
        self._check = check

    def take(self, last: Round) -> None:
        """Take a round, which is later than every one before, or else has no time of its own and tells nothing."""
        if self._check is None or last.at <= self._last_at:
            return
        left_out = missed(self._gap_us, self._last_at, last.at)
        self._failing += left_out + (last.state is not State.UP)
        self._unclear |= left_out > 0 or last.state is State.UNKNOWN
        if self._failing >= self._check.confirm and self.history.newest.state is State.UP:
            self._fail()
        self._last_at = last.at
        self._gap_us = self._check.interval_us
        if last.state is State.UP:
            self._doubt(last.at)
            if self.history.newest.state is not State.UP:
                self.history.turn(last.at, _UP)
            self._good_at = last.at
            self._good.append(last.at)
            self._failing, self._unclear = 0, False

    def proves(self, at: Instant) -> bool:
        """Whether a failure beyond it, at a settled instant at which it was up, is the far side's."""
        place = bisect_right(self._doubts, at, key=lambda doubt: doubt[1])
        return place == len(self._doubts) or at <= self._doubts[place][0]

    def was_good(self, since: Instant, until: Instant) -> bool:
        """Whether a round in `[since, until]` was good."""
        if self._check is None:
            return True
        place = bisect_left(self._good, since)
        return place < len(self._good) and self._good[place] <= until

    def forget(self, before: Instant) -> None:
        """Let go of what nobody asks for: everything before `before`."""
        self.history.forget(before)
        del self._good[: bisect_left(self._good, before)]
        while self._doubts and self._doubts[0][1] < before:
            del self._doubts[0]

    def _fail(self) -> None:
        state = State.UNKNOWN if self._unclear else State.DOWN
        self.history.turn(Instant(self._good_at + 1), Verdict(state, PlainReason.OWN_WAY_FAILED))

    def _doubt(self, until: Instant) -> None:
        """Remember the time since the last good round, if one since then was not good."""
        if self._failing:
            self._doubts.append((self._good_at, until))
