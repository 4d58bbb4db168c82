"""A check of targets, and what its rounds come to.

A round tries all targets at once. Rounds are confirmed before they count:

- Below quorum for `confirm` rounds: down from the first of them; the first good round: up from it.
- Fewer failed rounds than that, then a good one: up throughout.
- A round that could not tell (a fault of ours, or one that was due and did not run) could have been either: what
  follows whichever it was, holds; everything else is unknown.

What is decided ends before the first round that is not decided, and no later round can change it.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.internet.state_history import StateHistory
from probes.internet.verdict import Verdict
from probes.targets.result import Result
from probes.targets.target import Target
from sla.instants import Instant
from sla.reasons import DetailedReason, PlainReason, Reason
from sla.records import State

Prober = Callable[[Target, float], Awaitable[Result]]
"""Tries a target once, within so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Targets that are tried together every `interval_us`, of which `quorum` must answer.

    `untried`: what is said while nothing is known, before the first round that tells.
    """

    targets: tuple[Target, ...]
    quorum: int = 1
    interval_us: int
    timeout_us: int
    confirm: int
    untried: Reason = PlainReason.NOT_TRIED_YET
    probe: Prober = field(compare=False, repr=False)

    def __post_init__(self) -> None:
        assert 1 <= self.quorum <= len(self.targets)
        assert self.interval_us > 0
        assert self.confirm > 0


class Round(NamedTuple):
    """What a round came to; `at` is when it was started, on the wall clock."""

    at: Instant
    state: State
    reason: Reason = PlainReason.NONE


def round_of(at: Instant, quorum: int, states: Sequence[State], name: str) -> Round:
    """A round of the check called `name`: down only if the targets that could not be tried would not save it."""
    up, unknown = states.count(State.UP), states.count(State.UNKNOWN)
    if up >= quorum:
        return Round(at, State.UP)
    if up + unknown < quorum:
        text = f"{name}: {up} of {len(states)} targets answer, {quorum} needed"
        return Round(at, State.DOWN, DetailedReason(PlainReason.TOO_FEW_ANSWER, text))
    text = f"{name}: {unknown} of {len(states)} targets could not be tried"
    return Round(at, State.UNKNOWN, DetailedReason(PlainReason.TOO_FEW_TRIED, text))


def missed(gap_us: int, last_at: Instant, at: Instant) -> int:
    """How many rounds were due between two that ran, and did not run: `gap_us` apart they should be."""
    return max(0, (at - last_at + gap_us // 2) // gap_us - 1)


def gap_us(before: Check, after: Check) -> int:
    """How far apart two rounds may be between which the terms changed: the next one is due at another time then."""
    if before.interval_us == after.interval_us:
        return after.interval_us
    return before.interval_us + after.interval_us


class Confirmation:
    """What the rounds of one check come to, taken in order of time."""

    __slots__ = ("_check", "_gap_us", "_streak", "history", "last_at")

    def __init__(self, check: Check, at: Instant) -> None:
        """Unknown, until a round that begins after `at` tells."""
        self._check = check
        self._gap_us = check.interval_us
        self.history = StateHistory(Verdict(State.UNKNOWN, check.untried))
        self.last_at = at
        self._streak: list[Round] = []

    def adjust(self, check: Check) -> None:
        """Go on by other terms."""
        self._gap_us = gap_us(self._check, check)
        self._check = check

    @property
    def settled_until(self) -> Instant:
        """The last instant of which the state is decided."""
        return Instant(self._streak[0].at - 1) if self._streak else self.last_at

    def take(self, last: Round, confirms: Callable[[Instant, Instant], bool]) -> None:
        """Take a round, which is later than every one before.

        `confirms`: whether a failure at an instant confirms one at an earlier instant; one that does not counts for
        nothing beside it.
        """
        self._pass(last.at, last.at)
        streak = self._streak
        if not (
            last.state is State.DOWN
            and streak
            and streak[-1].state is State.DOWN
            and not confirms(streak[-1].at, last.at)
        ):
            self._judge(last)
        self.last_at = last.at
        self._gap_us = self._check.interval_us

    def lose(self, at: Instant, next_at: Instant, reason: Reason) -> None:
        """From `at` on what was known does not hold, nor what was about to be confirmed.

        `at` lies after every round that was taken, and not after `next_at`, when the next one was.
        """
        self._pass(next_at, at)
        if self.history.newest.state is not State.UNKNOWN:
            self.history.turn(self._streak[0].at if self._streak else at, Verdict(State.UNKNOWN, reason))
        self._streak.clear()

    def _pass(self, next_at: Instant, before: Instant) -> None:
        """Take it that rounds which were due before `before`, and did not run until `next_at`, could not tell."""
        for number in range(missed(self._gap_us, self.last_at, next_at)):
            due_at = Instant(self.last_at + (number + 1) * self._gap_us)
            if due_at >= before or (self.history.newest.state is State.UNKNOWN and not self._streak):
                return
            self._judge(Round(due_at, State.UNKNOWN, PlainReason.NOT_TRIED))

    def _judge(self, last: Round) -> None:
        known = self.history.newest.state
        if last.state is State.UP:
            self._streak.clear()
            if known is not State.UP:
                self._turn(last)
        elif last.state is State.DOWN:
            if known is not State.DOWN:
                self._streak.append(last)
                self._confirm_streak()
        elif known is State.UP:
            self._streak.append(last)
            self._confirm_streak()
        else:
            self._streak.clear()
            if known is State.DOWN:
                self._turn(last)

    def _confirm_streak(self) -> None:
        """Decide, once as many rounds in a row were not good as are asked for.

        In the streak are the rounds since the last good one; while the state is unknown, only the failed ones at its end.
        """
        if len(self._streak) < self._check.confirm:
            return
        first = self._streak[0]
        unknown = [place for place, each in enumerate(self._streak) if each.state is State.UNKNOWN]
        if not unknown:
            self._turn(first)
            self._streak.clear()
        else:
            self.history.turn(first.at, Verdict(State.UNKNOWN, self._streak[unknown[0]].reason))
            del self._streak[: unknown[-1] + 1]

    def _turn(self, to: Round) -> None:
        self.history.turn(to.at, Verdict(to.state, to.reason))
