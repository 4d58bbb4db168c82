"""Each figure of a server's month in one sentence with its numbers (spec §5)."""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from daemon.statements.speech import Speech
from sla.availability import Figures
from sla.client_document import MonthVerdict, verdict_of
from sla.terms import Basis, Unobserved

_SPEECH = Speech("en", "UTC")
_WHY = {
    MonthVerdict.MET: "The availability is not below the target, whatever happened in time that nobody saw.",
    MonthVerdict.MISSED: "The availability is below the target, whatever happened in time that nobody saw.",
    MonthVerdict.EITHER: "The target lies between the bounds: what nobody saw, or is disputed, would decide.",
    MonthVerdict.NOTHING: "No agreed time has passed yet.",
}


class Explained(NamedTuple):
    """A figure: what it is called, what it is, and how it comes about."""

    label: str
    value: str
    sentence: str


def explained(figures: Figures) -> Iterator[Explained]:
    """The figures of a month so far, in the order in which one leads to the next."""
    lasting, percent, terms = _SPEECH.duration, _SPEECH.percent, figures.terms
    verdict = verdict_of(figures.met, figures.conclusive)
    target = percent(terms.target)
    yield Explained(
        "Agreed time",
        lasting(figures.agreed),
        f"{lasting(figures.service)} in service so far, less {lasting(figures.excluded)} excluded.",
    )
    yield Explained("Availability", percent(figures.availability()), _availability(figures))
    yield Explained("If the month ended now", _SPEECH.say(f"verdict.{verdict.value}"), _WHY[verdict])
    yield Explained(
        "Bounds",
        f"{percent(figures.availability_low)} to {percent(figures.availability_high)}",
        f"As if the {lasting(figures.unobserved)} that nobody saw, and the {lasting(figures.disputed)} that is disputed,"
        f" had all been down; and as if the {lasting(figures.unobserved)} had all been up.",
    )
    yield Explained(
        "Coverage",
        percent(figures.coverage),
        f"{lasting(figures.up + figures.down)} of {lasting(figures.agreed)} of agreed time was observed.",
    )
    budget, left = figures.budget // 1, figures.budget_left // 1
    yield Explained(
        "Budget",
        lasting(budget),
        f"A target of {target} lets {percent(1 - terms.target)} of the whole month's {lasting(figures.whole_agreed)}"
        " be down.",
    )
    yield Explained(
        "Left of the budget" if left >= 0 else "Over the budget",
        lasting(abs(left)),
        f"{lasting(budget)}, of which {lasting(figures.down)} is spent.",
    )
    yield Explained(
        "Best possible",
        percent(figures.best_possible),
        "The availability of the whole month, if the rest of it is up and observed.",
    )


def _availability(figures: Figures) -> str:
    """The quotient of spec §5.2, spelt out."""
    lasting, terms = _SPEECH.duration, figures.terms
    up, whole = [f"{lasting(figures.up)} up"], [f"{lasting(figures.down)} down"]
    if terms.unobserved is Unobserved.UP:
        up.append(f"{lasting(figures.unobserved)} unobserved")
    elif terms.unobserved is Unobserved.DOWN:
        whole.append(f"{lasting(figures.unobserved)} unobserved")
    if terms.basis is Basis.SERVICE:
        up.append(f"{lasting(figures.excluded)} excluded")
    left_out = (
        f"; {lasting(figures.unobserved)} that nobody saw is left out"
        if terms.unobserved is Unobserved.EXCLUDE and figures.unobserved
        else ""
    )
    available = " and ".join(up)
    return f"{available}, divided by the sum of that and {' and '.join(whole)}{left_out}. The target is {_SPEECH.percent(Fraction(terms.target))}."
