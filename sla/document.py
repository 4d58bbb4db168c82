"""The statement as JSON: keys in the order of the format, durations in seconds (`spec/evidence.md`).

The only place where an exact ratio becomes a double, the nearest one; nothing is judged by it.
"""

import json
from collections.abc import Sequence
from fractions import Fraction
from heapq import merge
from operator import itemgetter
from typing import NamedTuple

from sla.availability import Figures
from sla.calendars import Month
from sla.chronic import Chronic
from sla.instants import SECOND, Instant, format_instant
from sla.interruptions import Interruption
from sla.lifecycle import Deadline
from sla.requests import Response
from sla.spans import length
from sla.statement import ServerMonth, SolutionState, Statement
from sla.terms import Basis
from sla.texts import printable_json

Json = dict[str, object]


Sorted = list[tuple[tuple[str, str], str]]
"""Rows as JSON, each behind what it is sorted by."""


class DocumentShare(NamedTuple):
    """The rows of a statement, or of that of some clients."""

    servers: Sorted
    solutions: Sorted
    service_requests: Sorted
    deadlines: Sorted


def document(statement: Statement) -> str:
    """The statement's bytes: one line of JSON in which every character shows, and a newline."""
    return united(statement.month, statement.as_of, [rows_of(statement)])


def rows_of(statement: Statement) -> DocumentShare:
    """The rows of a statement."""
    return DocumentShare(
        servers=[((row.id, row.client), _json(server_row(row))) for row in statement.servers],
        solutions=[((row.id, row.client), _json(solution_row(row))) for row in statement.solutions],
        service_requests=[((row.id, ""), _json(request_row(row))) for row in statement.service_requests],
        deadlines=[((row.solution, row.client), _json(deadline_row(row))) for row in statement.deadlines],
    )


def united(month: Month, as_of: Instant, shares: Sequence[DocumentShare]) -> str:
    """The document of statements of the same month, each of clients of its own: that of all of them."""
    lists = (
        f'"{name}": [{", ".join(row for _, row in merge(*those, key=itemgetter(0)))}]'
        for name, those in zip(DocumentShare._fields, zip(*shares, strict=True), strict=True)
    )
    whole = ", ".join((f'"month": "{month}"', f'"as_of": "{format_instant(as_of)}"', *lists))
    return f"{{{whole}}}\n"


def _json(row: Json) -> str:
    return printable_json(json.dumps(row, ensure_ascii=False, allow_nan=False))


def server_row(row: ServerMonth) -> Json:
    """A row of `servers`."""
    return {
        "id": row.id,
        "name": row.name,
        "client": row.client,
        "solution": row.solution,
        **figures_keys(row.figures),
        "ineligible": [
            {
                "exclusion": part.exclusion,
                "reason": part.reason.value,
                "seconds": seconds(length(part.spans)),
            }
            for part in row.ineligible
        ],
    }


def figures_keys(figures: Figures) -> Json:
    """The figures of a server's month."""
    ratios = figures.quotients()
    return {
        "service": seconds(figures.service),
        "excluded": seconds(figures.excluded),
        "excluded_by": {category.value: seconds(time) for category, time in figures.excluded_by},
        "agreed": seconds(figures.agreed),
        "up": seconds(figures.up),
        "down": seconds(figures.down),
        "unobserved": seconds(figures.unobserved),
        "disputed": seconds(figures.disputed),
        "availability": divided(*ratios.availability),
        "availability_low": divided(*ratios.low),
        "availability_high": divided(*ratios.high),
        "by_basis": {basis.value: divided(*figures.quotients(basis).availability) for basis in Basis},
        "coverage": divided(*ratios.coverage),
        "target": ratio(figures.terms.target),
        "met": figures.met,
        "conclusive": figures.conclusive,
        "best_possible": divided(*ratios.best_possible),
        "budget": seconds(figures.budget),
        "budget_left": seconds(figures.budget_left),
        "down_by_leg": {leg.value: seconds(time) for leg, time in figures.down_by_leg.items()},
    }


def solution_row(row: SolutionState) -> Json:
    """A row of `solutions`."""
    return {
        "id": row.id,
        "client": row.client,
        "accepted_from": instant(row.accepted_from),
        "interruptions": [interruption_row(each) for each in row.interruptions],
        "observed": chronic_keys(row.observed),
        "documented": chronic_keys(row.documented),
    }


def request_row(row: Response) -> Json:
    """A row of `service_requests`."""
    return {
        "id": row.id,
        "due_at": instant(row.due_at),
        "response": row.response.value,
        "elapsed_business": seconds(row.elapsed_business),
    }


def deadline_row(row: Deadline) -> Json:
    """A row of `deadlines`."""
    return {
        "client": row.client,
        "solution": row.solution,
        "deadline": row.deadline.value,
        "due_at": instant(row.due_at),
        "outcome": row.outcome.value,
    }


def interruption_row(each: Interruption) -> Json:
    """A row of a solution's `interruptions`."""
    return {
        "start": instant(each.start),
        "end": instant(each.end),
        "counted": seconds(each.counted),
        "qualified_at": instant(each.qualified_at),
        "documented_at": instant(each.documented_at),
    }


def chronic_keys(chronic: Chronic) -> Json:
    """The chronic-outage process on one basis."""
    return {
        "count": chronic.count,
        "stage": chronic.stage.value,
        "chronic_at": instant(chronic.chronic_at),
        "notice_closes_at": instant(chronic.notice_closes_at),
        "notice_given_at": instant(chronic.notice_given_at),
        "resolution_until": instant(chronic.resolution_until),
        "evaluation_until": instant(chronic.evaluation_until),
        "evaluation_count": chronic.evaluation_count,
    }


def instant(at: Instant | None) -> str | None:
    """An instant, or null."""
    return None if at is None else format_instant(at)


def ratio(value: Fraction | None) -> float | None:
    """The nearest double, or null."""
    return None if value is None else divided(value.numerator, value.denominator)


def divided(part: int, whole: int) -> float | None:
    """The same of a part of a whole, in lowest terms or not; null for one of nothing."""
    return part / whole if whole else None


def seconds(microseconds: int | Fraction) -> int | float:
    """Microseconds as seconds: an integer where they are whole, else the nearest double."""
    if isinstance(microseconds, int):
        whole, rest = divmod(microseconds, SECOND)
        return microseconds / SECOND if rest else whole
    exact = microseconds / SECOND
    return exact.numerator if exact.denominator == 1 else exact.numerator / exact.denominator
