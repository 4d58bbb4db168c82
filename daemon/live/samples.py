"""What a solution says on `/metrics`, rendered when it was judged: it holds until it is judged again."""

from collections.abc import Iterator
from typing import Final

from daemon.exposition.families import decimal_text, label
from sla.book import SolutionKey
from sla.chronic import Chronic, Stage
from sla.instants import Instant
from sla.lifecycle import first_open
from sla.standing import SolutionStanding

Sample = tuple[str, str]
"""Rendered labels, and a value as text."""

INFO: Final = "slad_solution_info"
QUALIFYING: Final = "slad_solution_qualifying_interruptions"
STAGE: Final = "slad_solution_chronic_stage"
EVALUATION: Final = "slad_solution_evaluation_interruptions"
NOTICE: Final = "slad_solution_notice_closes_timestamp_seconds"
DEADLINE: Final = "slad_deadline_due_timestamp_seconds"

FAMILIES: Final = {
    INFO: "A solution of a client, and whether it is accepted; a lone virtual server once it was down or is on record.",
    QUALIFYING: "Interruptions that count in the consecutive days that end today.",
    STAGE: "Always 1: the stage of the chronic-outage process; none while clear.",
    EVALUATION: "Interruptions that count in the evaluation period, once a notice was given.",
    NOTICE: "When the notice period of the newest trigger closes, or closed.",
    DEADLINE: "By when what is open in a solution's life is due: of several of a kind the first.",
}
"""The families and their help texts, in the order in which they are exposed."""


def labels_of(key: SolutionKey) -> str:
    """The labels of a solution."""
    solution, client = key
    return f"{label('solution', solution)},{label('client', client)}"


def samples_of(standing: SolutionStanding) -> Iterator[tuple[str, Sample]]:
    """What a solution says, by family; the interruption that goes on aside."""
    labels, state = labels_of(standing.key), standing.state
    if state is not None:
        accepted = "false" if state.accepted_from is None else "true"
        yield INFO, (f"{labels},{label('accepted', accepted)}", "1")
        yield from _chronic(f'{labels},basis="observed"', state.observed)
        yield from _chronic(f'{labels},basis="documented"', state.documented)
    for deadline in first_open(standing.deadlines):
        yield DEADLINE, (f"{labels},{label('deadline', deadline.deadline.value)}", seconds(deadline.due_at))


def seconds(us: int | Instant) -> str:
    return decimal_text(us, 6)


def _chronic(labels: str, chronic: Chronic) -> Iterator[tuple[str, Sample]]:
    yield QUALIFYING, (labels, str(chronic.count))
    if chronic.stage is not Stage.CLEAR:
        yield STAGE, (f"{labels},{label('stage', chronic.stage.value)}", "1")
    if chronic.notice_given_at is not None:
        yield EVALUATION, (labels, str(chronic.evaluation_count))
    if chronic.notice_closes_at is not None:
        yield NOTICE, (labels, seconds(chronic.notice_closes_at))
