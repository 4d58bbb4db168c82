"""What servers' months have in common: servers that stand alike share one formula, which gives their figures at any instant.

A formula is linear in time and in its accrual, so it holds for as long as nothing is said of its servers. A fleet that is up
all month has a handful of them, and a refresh costs what differs, not what exists.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from sla.accruals import Accrual
from sla.availability import Quotients, Tally, counted_as_available, quotients_of
from sla.exclusions import IneligibleReason
from sla.instants import Instant
from sla.records import Category
from sla.spans import length
from sla.standing import ServerStanding
from sla.terms import Availability

CATEGORIES: Final = tuple(Category)
REASONS: Final = tuple(IneligibleReason)

NOBODY: Final = 0
"""The number that stands for servers without figures."""

Word = TypeVar("Word")

Running = tuple[int, int]
"""Microseconds at the epoch, and how many are added for each that passes."""


class Formula(NamedTuple):
    """A server's month as a function of the instant. What is added to by `accrual` is offset so that the sum is right."""

    terms: Availability
    accrual: Accrual | None
    up: int
    down: int
    unobserved: int
    disputed: int
    x: Running
    """How much of the excluded time counts as available (spec §5.2)."""
    whole_agreed: int
    whole_x: int
    budget: int
    """In whole microseconds, rounded down."""
    excluded: tuple[tuple[int, Running], ...]
    """By place in CATEGORIES."""
    ineligible: tuple[tuple[int, Running], ...]
    """By place in REASONS."""
    maintenance_left: int
    maintenance_runs: bool

    def tally(self) -> Tally:
        """The time by state at the instant to which the accruals were advanced."""
        if self.accrual is None:
            return Tally(self.up, self.down, self.unobserved, self.disputed)
        accrual = self.accrual.tally
        return Tally(
            self.up + accrual.up,
            self.down + accrual.down,
            self.unobserved + accrual.unobserved,
            self.disputed + accrual.disputed,
        )

    def quotients(self, at: Instant) -> Quotients:
        """The month's ratios at the instant to which the accruals were advanced."""
        return quotients_of(
            self.terms.unobserved, self.tally(), passed(self.x, at), self.whole_agreed, self.whole_x
        )

    def budget_left(self) -> int:
        """What is left of the budget there; negative once it is spent."""
        return self.budget - self.tally().down


def passed(time: Running, at: Instant) -> int:
    """How much of a time there is at an instant."""
    offset, rate = time
    return offset + rate * at


def formula_of(standing: ServerStanding, accrual: Accrual | None, at: Instant) -> Formula:
    """The formula of a server as it stands at an instant, to which `accrual` was advanced."""
    figures, moment = standing.figures, standing.moment
    basis, runs = figures.terms.basis, () if moment.excluded is None else (moment.excluded,)
    rate = counted_as_available(basis, len(runs))
    so_far = Tally() if accrual is None else accrual.tally
    return Formula(
        terms=figures.terms,
        accrual=accrual,
        up=figures.up - so_far.up,
        down=figures.down - so_far.down,
        unobserved=figures.unobserved - so_far.unobserved,
        disputed=figures.disputed - so_far.disputed,
        x=(counted_as_available(basis, figures.excluded) - rate * at, rate),
        whole_agreed=figures.whole_agreed,
        whole_x=counted_as_available(basis, figures.whole_excluded),
        budget=figures.budget // 1,
        excluded=_running(CATEGORIES, figures.excluded_by, runs, at),
        ineligible=_running(
            REASONS,
            [(part.reason, length(part.spans)) for part in standing.ineligible],
            moment.ineligible,
            at,
        ),
        maintenance_left=moment.maintenance_left,
        maintenance_runs=moment.maintenance_runs,
    )


def _running(
    words: Iterable[Word], so_far: Sequence[tuple[Word, int]], now: Sequence[Word], at: Instant
) -> tuple[tuple[int, Running], ...]:
    """The times of several words, by their places, of which some run at an instant, once for each time that they are named."""
    if not so_far and not now:
        return ()
    times: dict[Word, int] = {}
    for word, time in so_far:
        times[word] = times.get(word, 0) + time
    for word in now:
        times[word] = times.get(word, 0) - at
    return tuple((place, (times[word], now.count(word))) for place, word in enumerate(words) if word in times)


class Formulas:
    """The formulas in use, by number; a number is given again once no server uses it."""

    def __init__(self) -> None:
        self.by_number: list[Formula | None] = [None]
        self._number_of: dict[Formula, int] = {}
        self._uses: list[int] = [0]
        self._free: list[int] = []

    def take(self, formula: Formula) -> int:
        """The number of a formula, for one server more."""
        number = self._number_of.get(formula)
        if number is None:
            if self._free:
                number = self._free.pop()
                self.by_number[number] = formula
            else:
                number = len(self.by_number)
                self.by_number.append(formula)
                self._uses.append(0)
            self._number_of[formula] = number
        self._uses[number] += 1
        return number

    def release(self, number: int) -> None:
        """One server less that uses a number."""
        if number == NOBODY:
            return
        self._uses[number] -= 1
        if not self._uses[number]:
            formula = self.by_number[number]
            assert formula is not None
            del self._number_of[formula]
            self.by_number[number] = None
            self._free.append(number)
