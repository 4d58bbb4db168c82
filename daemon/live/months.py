"""The month's figures of all servers as columns: worked out once for each formula, then spread over the servers."""

import asyncio
from array import array
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from daemon.exposition.families import ABSENT, RATIO_ONE, Column, ServerFamily, label
from daemon.live.formulas import CATEGORIES, REASONS, Formula, Formulas, Running
from sla.availability import Quotient
from sla.instants import Instant

FORMULAS: Final = 256
ROWS: Final = 4096
"""How many are worked on between two turns of the event loop."""

_RATIO: Final = 9
_SECONDS: Final = 6
_PLAIN: Final = 0

_FAMILIES: Final = (
    ("slad_server_month_availability_ratio", "Availability this month, on the contract's basis.", _RATIO),
    (
        "slad_server_month_availability_low_ratio",
        "Availability this month if all that nobody saw, or that is disputed, was down.",
        _RATIO,
    ),
    (
        "slad_server_month_availability_high_ratio",
        "Availability this month if all that nobody saw was up.",
        _RATIO,
    ),
    (
        "slad_server_month_coverage_ratio",
        "The share of the month's agreed time so far that was observed.",
        _RATIO,
    ),
    (
        "slad_server_month_best_possible_ratio",
        "Availability of the whole month if the rest of it is up and observed.",
        _RATIO,
    ),
    ("slad_server_month_budget_seconds", "How long the virtual server may be down this month.", _SECONDS),
    (
        "slad_server_month_budget_remaining_seconds",
        "What is left of the budget of this month; negative once it is spent.",
        _SECONDS,
    ),
    (
        "slad_server_maintenance_remaining_seconds",
        "What the cap of this local week leaves for maintenance that is not on record yet.",
        _SECONDS,
    ),
    (
        "slad_server_maintenance_active",
        "Always 1: a maintenance window on record runs, eligible or not.",
        _PLAIN,
    ),
)
_EXCLUDED: Final = (
    "slad_server_month_excluded_seconds",
    "Time of this month that is excluded, by the category under which it is booked.",
)
_INELIGIBLE: Final = (
    "slad_maintenance_ineligible_seconds",
    "Time of this month that was recorded as maintenance and is not excluded, by the first reason that applies.",
)
_ABSENT: Final = (ABSENT,) * len(_FAMILIES)


class _Values:
    """A value of each formula for each family; of the times of some only, by place and number."""

    def __init__(self) -> None:
        self.columns: tuple[list[int], ...] = tuple([] for _ in _FAMILIES)
        self.excluded: list[dict[int, int]] = [{} for _ in CATEGORIES]
        self.ineligible: list[dict[int, int]] = [{} for _ in REASONS]

    def add(self, first: int, formulas: Sequence[Formula | None], at: Instant) -> None:
        """Work out the formulas of the next numbers."""
        rows = []
        for number, formula in enumerate(formulas, first):
            rows.append(_ABSENT if formula is None else _worked_out(formula, at))
            if formula is not None:
                _note(self.excluded, number, formula.excluded, at)
                _note(self.ineligible, number, formula.ineligible, at)
        for column, values in zip(self.columns, zip(*rows, strict=True), strict=True):
            column.extend(values)


def _worked_out(formula: Formula, at: Instant) -> tuple[int, ...]:
    """The values for `_FAMILIES`."""
    of = formula.quotients(at)
    return (
        _billionths(of.availability),
        _billionths(of.low),
        _billionths(of.high),
        _billionths(of.coverage),
        _billionths(of.best_possible),
        formula.budget,
        formula.budget_left(),
        formula.maintenance_left,
        1 if formula.maintenance_runs else ABSENT,
    )


def _billionths(quotient: Quotient) -> int:
    """A ratio, rounded down (spec §1.3)."""
    part, whole = quotient
    return part * RATIO_ONE // whole if whole else ABSENT


def _note(
    columns: Sequence[dict[int, int]], number: int, times: Iterable[tuple[int, Running]], at: Instant
) -> None:
    for place, (offset, rate) in times:
        us = offset + rate * at
        if us:
            columns[place][number] = us


async def month_families(
    formulas: Formulas, numbers: "array[int]", at: Instant, *, left_out: Collection[str] = ()
) -> tuple[ServerFamily, ...]:
    """The families of the month, for servers by the numbers of their formulas. Accruals were advanced to `at`."""
    by_number, values = formulas.by_number, _Values()
    for start in range(0, len(by_number), FORMULAS):
        values.add(start, by_number[start : start + FORMULAS], at)
        await asyncio.sleep(0)
    families = []
    for (name, text, decimals), column in zip(_FAMILIES, values.columns, strict=True):
        if name in left_out:
            continue
        families.append(
            _family(name, text, decimals, [Column(labels="", values=await _spread(column, numbers))])
        )
    for (name, text), word, places, columns in (
        (_EXCLUDED, "category", CATEGORIES, values.excluded),
        (_INELIGIBLE, "reason", REASONS, values.ineligible),
    ):
        shown = [
            Column(labels=label(word, place.value), values=await _spread(column, numbers))
            for place, column in zip(places, columns, strict=True)
            if column and name not in left_out
        ]
        if shown:
            families.append(_family(name, text, _SECONDS, shown))
    return tuple(families)


async def _spread(values: list[int] | dict[int, int], numbers: "array[int]") -> "array[int]":
    column: array[int] = array("q")
    for start in range(0, len(numbers), ROWS):
        column.extend(array("q", _picked(values, numbers[start : start + ROWS])))
        await asyncio.sleep(0)
    values.clear()  # freed one by one: all columns at once would hold the loop
    return column


def _picked(values: list[int] | dict[int, int], numbers: "array[int]") -> list[int]:
    if isinstance(values, dict):
        return [values.get(number, ABSENT) for number in numbers]
    return [values[number] for number in numbers]


def _family(name: str, text: str, decimals: int, columns: Sequence[Column]) -> ServerFamily:
    return ServerFamily(name=name, help=text, kind="gauge", decimals=decimals, columns=tuple(columns))
