"""The chronic-outage process of a solution: triggers, notice, resolution, evaluation (spec §7).

`chronic_of` is worked out anew from all that is known at `as_of`; it keeps nothing between two instants.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from sla.calendars import Calendar, Day
from sla.instants import FOREVER, Instant
from sla.interruptions import Interruption
from sla.sharing import sharing
from sla.terms import ChronicOutages


class Stage(Enum):
    """Where the process stands (spec §7.5)."""

    CLEAR = "clear"
    AT_RISK = "at_risk"
    CHRONIC = "chronic"
    LAPSED = "lapsed"
    RESOLUTION = "resolution"
    EVALUATION = "evaluation"
    UNRESOLVED = "unresolved"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronic:
    """The process at `as_of`. What a cycle has not reached is None; the two `until` are ends of their last days."""

    count: int
    stage: Stage
    chronic_at: Instant | None = None
    notice_closes_at: Instant | None = None
    notice_given_at: Instant | None = None
    resolution_until: Instant | None = None
    evaluation_until: Instant | None = None
    evaluation_count: int = 0


_same: Final[Callable[[Chronic], Chronic]] = sharing()
"""Most solutions that were ever down are at one and the same point."""


class Counting(NamedTuple):
    """An interruption that counts."""

    date: Day
    """The local date of its start."""
    counts_at: Instant
    closes_at: Instant
    """When its notice period would close; `FOREVER` while it is ongoing (spec §7.3)."""


class Cycle(NamedTuple):
    """What may make a trigger: interruptions dated after `looks_back_to`, itself dated after `opens_after` (spec §7.5)."""

    looks_back_to: Day
    opens_after: Day


_FIRST_CYCLE = Cycle(Day(-FOREVER), Day(-FOREVER))


def chronic_of(
    interruptions: Sequence[Interruption],
    *,
    documented: bool,
    notices: Sequence[Instant],
    calendar: Calendar,
    terms: ChronicOutages,
    as_of: Instant,
) -> Chronic:
    """The process on one basis, from the interruptions after acceptance and the notices, both in order of time."""
    counting: list[Counting] = []
    waiting: list[Day] = []
    for interruption in interruptions:
        since = counts_at(interruption, documented=documented)
        if since is not None:
            counting.append(_counting(interruption, since, calendar, terms))
        elif interruption.end is None:
            waiting.append(calendar.day_of(interruption.start))
    process = _Process(
        counting=counting, waiting=waiting, notices=notices, calendar=calendar, terms=terms, as_of=as_of
    )
    return process.at_as_of()


def counts_at(interruption: Interruption, *, documented: bool) -> Instant | None:
    """When an interruption began to count on a basis; None: it does not (spec §7)."""
    if not documented or interruption.qualified_at is None:
        return interruption.qualified_at
    if interruption.documented_at is None:
        return None
    return max(interruption.qualified_at, interruption.documented_at)


def _counting(
    interruption: Interruption, since: Instant, calendar: Calendar, terms: ChronicOutages
) -> Counting:
    closes_at = FOREVER
    if interruption.end is not None:
        closes_at = calendar.day_start(Day(calendar.day_of(interruption.end) + terms.notice_days + 1))
    return Counting(calendar.day_of(interruption.start), since, closes_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    counting: Sequence[Counting]
    waiting: Sequence[Day]
    """The dates of ongoing interruptions that do not count yet."""
    notices: Sequence[Instant]
    calendar: Calendar
    terms: ChronicOutages
    as_of: Instant

    def at_as_of(self) -> Chronic:
        cycle = _FIRST_CYCLE
        resolved: Chronic | None = None
        while triggers := self._triggers(cycle):
            notice_at = self._valid_notice(triggers)
            if notice_at is None:
                return self._without_notice(triggers)
            now = self._after_notice(triggers, notice_at)
            if now.stage is not Stage.RESOLVED:
                return now
            resolved = now
            notice_day = self.calendar.day_of(notice_at)
            cycle = Cycle(notice_day, self._evaluation_days(notice_day)[1])
        return resolved or self._quiet()

    def _triggers(self, cycle: Cycle) -> list[Counting]:
        """Spec §7.2, within a cycle."""
        pool = [each for each in self.counting if each.date > cycle.looks_back_to]
        before = self.terms.interruptions - 1
        return [
            each
            for place, each in enumerate(pool[before:])
            if each.date - pool[place].date < self.terms.within_days and each.date > cycle.opens_after
        ]

    def _valid_notice(self, triggers: Sequence[Counting]) -> Instant | None:
        """The first notice inside the notice period of any trigger (spec §7.4)."""
        return next((at for at in self.notices if any(_is_open(each, at) for each in triggers)), None)

    def _without_notice(self, triggers: Sequence[Counting]) -> Chronic:
        newest = triggers[-1]
        if any(_is_open(each, self.as_of) for each in triggers):
            stage = Stage.CHRONIC
        elif self._stayed_near_since(newest.closes_at):
            stage = Stage.LAPSED
        else:
            stage = self._quiet().stage
        return Chronic(
            count=self._count(self.as_of),
            stage=stage,
            chronic_at=newest.counts_at,
            notice_closes_at=_closes_at(newest),
        )

    def _after_notice(self, triggers: Sequence[Counting], notice_at: Instant) -> Chronic:
        deciding = [each for each in triggers if _is_open(each, notice_at)][-1]
        first, last = self._evaluation_days(self.calendar.day_of(notice_at))
        resolution_until = self.calendar.day_start(first)
        evaluation_until = self.calendar.day_start(Day(last + 1))
        in_evaluation = sum(first <= each.date <= last for each in self.counting)
        if in_evaluation > self.terms.evaluation_max:
            stage = Stage.UNRESOLVED
        elif self.as_of < resolution_until:
            stage = Stage.RESOLUTION
        elif self.as_of < evaluation_until or any(first <= date <= last for date in self.waiting):
            stage = Stage.EVALUATION
        else:
            stage = Stage.RESOLVED
        return Chronic(
            count=self._count(self.as_of),
            stage=stage,
            chronic_at=deciding.counts_at,
            notice_closes_at=_closes_at(deciding),
            notice_given_at=notice_at,
            resolution_until=resolution_until,
            evaluation_until=evaluation_until,
            evaluation_count=in_evaluation,
        )

    def _quiet(self) -> Chronic:
        count = self._count(self.as_of)
        near = count >= self.terms.interruptions - 1
        return _same(Chronic(count=count, stage=Stage.AT_RISK if near else Stage.CLEAR))

    def _evaluation_days(self, notice_day: Day) -> tuple[Day, Day]:
        """The first and the last date of the evaluation period (spec §7.4)."""
        resolution_last = notice_day + self.terms.resolution_days
        return Day(resolution_last + 1), Day(resolution_last + self.terms.evaluation_days)

    def _count(self, at: Instant) -> int:
        """Spec §7.1, at an instant."""
        if not self.counting:
            return 0
        today = self.calendar.day_of(at)
        return sum(
            each.counts_at <= at and today - self.terms.within_days < each.date <= today
            for each in self.counting
        )

    def _stayed_near_since(self, closed_at: Instant) -> bool:
        """Whether the count was one below the limit, or above, from an instant to `as_of`.

        It only falls where a date leaves the window, at a midnight.
        """
        falls = (self.calendar.day_start(Day(each.date + self.terms.within_days)) for each in self.counting)
        moments = (closed_at, *(at for at in falls if closed_at < at <= self.as_of))
        return all(self._count(at) >= self.terms.interruptions - 1 for at in moments)


def _is_open(trigger: Counting, at: Instant) -> bool:
    return trigger.counts_at <= at < trigger.closes_at


def _closes_at(trigger: Counting) -> Instant | None:
    return None if trigger.closes_at == FOREVER else trigger.closes_at
