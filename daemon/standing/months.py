"""The month's figures of all servers as columns: worked out once for each formula, then spread over the servers."""

import asyncio
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from daemon.exposition import ABSENT, RATIO_ONE, Column, Family, label
from daemon.standing.kinds import Formula, Kinds, passed
from sla.availability import (
    Share,
    available,
    available_at_least,
    available_at_most,
    budget_of,
    covered,
    up_at_best,
)
from sla.exclusions import Reason
from sla.instants import Instant
from sla.records import Category
from sla.terms import Basis

SLICE: Final = 400
"""Formulas worked out between two turns of the event loop."""


@dataclass(slots=True)
class _Columns:
    """A value for each formula, by number. Ratios are billionths, rounded down; times are microseconds."""

    availability: list[int] = field(default_factory=list)
    low: list[int] = field(default_factory=list)
    high: list[int] = field(default_factory=list)
    coverage: list[int] = field(default_factory=list)
    best_possible: list[int] = field(default_factory=list)
    budget: list[int] = field(default_factory=list)
    budget_left: list[int] = field(default_factory=list)
    maintenance_left: list[int] = field(default_factory=list)
    maintenance_runs: list[int] = field(default_factory=list)

    def add(self, formula: Formula | None, at: Instant) -> None:
        """Work out the next formula."""
        if formula is None:
            for column in self._all():
                column.append(ABSENT)
            return
        terms, tail = formula.terms, formula.tail
        up, down, unobserved, disputed = formula.up, formula.down, formula.unobserved, formula.disputed
        if tail is not None:
            so_far = tail.tally
            up += so_far.up
            down += so_far.down
            unobserved += so_far.unobserved
            disputed += so_far.disputed
        agreed = up + down + unobserved
        x = whole_x = 0
        if terms.basis is Basis.SERVICE:
            x = sum(passed(time, at) for _, time in formula.excluded)
            whole_x = formula.whole_excluded
        term = terms.unobserved
        self.availability.append(_billionths(available(term, up, down, unobserved, x)))
        self.low.append(_billionths(available_at_least(up, disputed, agreed, x)))
        self.high.append(_billionths(available_at_most(up, unobserved, agreed, x)))
        self.coverage.append(_billionths(covered(up, down, agreed)))
        best = up_at_best(up, agreed, formula.whole_agreed)
        self.best_possible.append(_billionths(available(term, best, down, unobserved, whole_x)))
        budget, per = budget_of(terms.target, formula.whole_agreed, whole_x)
        self.budget.append(budget // per)
        self.budget_left.append(budget // per - down)
        self.maintenance_left.append(formula.maintenance_left)
        self.maintenance_runs.append(1 if formula.maintenance_runs else ABSENT)

    def _all(self) -> Iterator[list[int]]:
        yield from (self.availability, self.low, self.high, self.coverage, self.best_possible)
        yield from (self.budget, self.budget_left, self.maintenance_left, self.maintenance_runs)


def _billionths(share: Share) -> int:
    part, whole = share
    return part * RATIO_ONE // whole if whole else ABSENT


async def month_families(kinds: Kinds, numbers: "array[int]", at: Instant) -> tuple[Family, ...]:
    """The families of the month, for servers by the numbers of their formulas. Tails were advanced to `at`."""
    formulas = kinds.formulas
    columns = _Columns()
    for start in range(0, len(formulas), SLICE):
        for formula in formulas[start : start + SLICE]:
            columns.add(formula, at)
        await asyncio.sleep(0)
    families = []
    for name, text, decimals, values in (
        ("availability_ratio", "Availability this month, on the contract's basis.", 9, columns.availability),
        (
            "availability_low_ratio",
            "Availability this month if all that nobody saw, or that is disputed, was down.",
            9,
            columns.low,
        ),
        (
            "availability_high_ratio",
            "Availability this month if all that nobody saw was up.",
            9,
            columns.high,
        ),
        ("coverage_ratio", "The share of this month's agreed time that was observed.", 9, columns.coverage),
        (
            "best_possible_ratio",
            "Availability of the whole month if the rest of it is up and observed.",
            9,
            columns.best_possible,
        ),
        ("budget_seconds", "How long the virtual server may be down this month.", 6, columns.budget),
        (
            "budget_remaining_seconds",
            "What is left of the budget of this month; negative once it is spent.",
            6,
            columns.budget_left,
        ),
    ):
        families.append(
            _family(f"slad_server_month_{name}", text, decimals, [("", _spread(values, numbers))])
        )
        await asyncio.sleep(0)
    families += [
        _family(
            "slad_server_maintenance_remaining_seconds",
            "What this local week's cap leaves for maintenance that is not on record yet.",
            6,
            [("", _spread(columns.maintenance_left, numbers))],
        ),
        _family(
            "slad_server_maintenance_active",
            "Always 1: a maintenance window on record runs, eligible or not.",
            0,
            [("", _spread(columns.maintenance_runs, numbers))],
        ),
        _family(
            "slad_server_month_excluded_seconds",
            "Time of this month that is excluded, by the category under which it is booked.",
            6,
            list(_by_word(formulas, numbers, at, "category", tuple(Category), lambda f: f.excluded)),
        ),
        _family(
            "slad_maintenance_ineligible_seconds",
            "Time of this month that was recorded as maintenance and is not excluded, by the first reason that applies.",
            6,
            list(_by_word(formulas, numbers, at, "reason", tuple(Reason), lambda f: f.ineligible)),
        ),
    ]
    return tuple(family for family in families if family.columns)


def _by_word(
    formulas: Sequence[Formula | None],
    numbers: "array[int]",
    at: Instant,
    name: str,
    words: Sequence[Category | Reason],
    times_of: Callable[[Formula], Sequence[tuple[Category | Reason, tuple[int, int]]]],
) -> Iterator[tuple[str, "array[int]"]]:
    """A column for each word of which any server has time."""
    by_word: dict[Category | Reason, dict[int, int]] = {}
    for number, formula in enumerate(formulas):
        for word, time in times_of(formula) if formula is not None else ():
            by_word.setdefault(word, {})[number] = passed(time, at)
    for word in words:
        if word in by_word:
            values = [ABSENT] * len(formulas)
            for number, us in by_word[word].items():
                values[number] = us or ABSENT
            yield label(name, word.value), _spread(values, numbers)


def _spread(values: Sequence[int], numbers: "array[int]") -> "array[int]":
    return array("q", map(values.__getitem__, numbers))


def _family(name: str, text: str, decimals: int, columns: "Sequence[tuple[str, array[int]]]") -> Family:
    return Family(
        name=name,
        help=text,
        kind="gauge",
        decimals=decimals,
        columns=tuple(Column(labels=labels, values=values) for labels, values in columns),
    )
