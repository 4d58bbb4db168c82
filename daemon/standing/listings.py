"""The families of solutions, service requests, deadlines and contracts, at the instant of the standing."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Final

from daemon.exposition import Listing, decimal_text, label
from daemon.standing.solutions import Row
from daemon.standing.standing import Judging, Standing
from sla.chronic import Chronic, Stage
from sla.instants import Instant
from sla.lifecycle import Deadline, DeadlineKind
from sla.records import ClientId
from sla.statement import SolutionState
from sla.terms import format_decimal

SLICE: Final = 500
"""Solutions listed between two turns of the event loop."""

Sample = tuple[str, str]
"""Rendered labels, and a value as text."""

_SOLUTION_FAMILIES: Final = (
    (
        "slad_solution_info",
        "info",
        "A solution of a client, and whether it is accepted; a lone virtual server once it was down or is on record.",
    ),
    (
        "slad_solution_interruption_counted_seconds",
        "gauge",
        "The counted time of the interruption that goes on.",
    ),
    (
        "slad_solution_qualifying_interruptions",
        "gauge",
        "Interruptions that count in the consecutive days that end today.",
    ),
    (
        "slad_solution_chronic_stage",
        "gauge",
        "Always 1: the stage of the chronic-outage process; none while clear.",
    ),
    (
        "slad_solution_evaluation_interruptions",
        "gauge",
        "Interruptions that count in the evaluation period, once a notice was given.",
    ),
    (
        "slad_solution_notice_closes_timestamp_seconds",
        "gauge",
        "When the notice period of the newest trigger closes, or closed.",
    ),
    (
        "slad_deadline_due_timestamp_seconds",
        "gauge",
        "By when what is open in a solution's life is due: of several of a kind the first.",
    ),
)


async def listings(standing: Standing, at: Instant) -> tuple[Listing, ...]:
    """The families at an instant that the standing has caught up to."""
    families: dict[str, list[Sample]] = {name: [] for name, _, _ in _SOLUTION_FAMILIES}
    rows = sorted(standing.solutions.rows.items())
    for start in range(0, len(rows), SLICE):
        for (solution, client), row in rows[start : start + SLICE]:
            labels = f"{label('solution', solution)},{label('client', client)}"
            for name, sample in _samples(labels, row, standing.solutions.counted):
                families[name].append(sample)
        await asyncio.sleep(0)
    judging = standing.judging(at)
    return (
        Listing(
            name="slad_figures_timestamp_seconds",
            help="The instant of which the month's figures and the solutions' speak.",
            kind="gauge",
            samples=[("", _seconds(at))],
        ),
        *(
            Listing(name=name, help=text, kind="info" if kind == "info" else "gauge", samples=families[name])
            for name, kind, text in _SOLUTION_FAMILIES
            if families[name]
        ),
        *_requests(standing, judging),
        *_targets(standing, judging),
    )


def _samples(labels: str, row: Row, counted: Callable[[Row], int]) -> Iterator[tuple[str, Sample]]:
    state = row.standing.state
    if state is not None:
        accepted = "false" if state.accepted_from is None else "true"
        yield "slad_solution_info", (f"{labels},{label('accepted', accepted)}", "1")
        if row.standing.ongoing is not None:
            yield "slad_solution_interruption_counted_seconds", (labels, _seconds(counted(row)))
        for basis, chronic in _bases(state):
            yield from _chronic(f"{labels},{label('basis', basis)}", chronic)
    for deadline in _first_of_each_kind(row.standing.deadlines):
        named = f"{labels},{label('deadline', deadline.deadline.value)}"
        yield "slad_deadline_due_timestamp_seconds", (named, _seconds(deadline.due_at))


def _bases(state: SolutionState) -> Iterable[tuple[str, Chronic]]:
    return ("observed", state.observed), ("documented", state.documented)


def _chronic(labels: str, chronic: Chronic) -> Iterator[tuple[str, Sample]]:
    yield "slad_solution_qualifying_interruptions", (labels, str(chronic.count))
    if chronic.stage is not Stage.CLEAR:
        yield "slad_solution_chronic_stage", (f"{labels},{label('stage', chronic.stage.value)}", "1")
    if chronic.notice_given_at is not None:
        yield "slad_solution_evaluation_interruptions", (labels, str(chronic.evaluation_count))
    if chronic.notice_closes_at is not None:
        yield "slad_solution_notice_closes_timestamp_seconds", (labels, _seconds(chronic.notice_closes_at))


def _first_of_each_kind(deadlines: Iterable[Deadline]) -> Iterable[Deadline]:
    first: dict[DeadlineKind, Deadline] = {}
    for deadline in deadlines:
        if deadline.is_open and (
            deadline.deadline not in first or deadline.due_at < first[deadline.deadline].due_at
        ):
            first[deadline.deadline] = deadline
    return first.values()


def _requests(standing: Standing, judging: Judging) -> Iterator[Listing]:
    samples = []
    for request in sorted(standing.requests):
        record = standing.book.requests[request].record
        due_at = judging.of_client(record.client).judgement.response(request).due_at
        labels = (
            label("request", request),
            label("solution", record.solution),
            label("client", record.client),
        )
        samples.append((",".join(labels), _seconds(due_at)))
    if samples:
        yield Listing(
            name="slad_service_request_due_timestamp_seconds",
            help="By when an open service request has to be answered.",
            kind="gauge",
            samples=samples,
        )


def _targets(standing: Standing, judging: Judging) -> Iterator[Listing]:
    samples = [
        (label("client", client), format_decimal(_target(client, judging)))
        for client, records in sorted(standing.book.clients.items())
        if records[0].recorded_at <= judging.at
    ]
    if samples:
        yield Listing(
            name="slad_contract_target_ratio",
            help="The availability that a client's contract promises.",
            kind="gauge",
            samples=samples,
        )


def _target(client: ClientId, judging: Judging) -> Fraction:
    return judging.of_client(client).judgement.terms(client).availability.target


def _seconds(us: int) -> str:
    return decimal_text(us, 6)
