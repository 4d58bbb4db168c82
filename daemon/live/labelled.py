"""The families of solutions, service requests, deadlines and contracts, at the instant of the live figures."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from daemon.exposition.families import LabelledFamily, label, sample
from daemon.live.figures import JudgementsAt, LiveFigures
from daemon.live.samples import FAMILIES, INFO, labels_of, seconds
from daemon.pacing import paced
from sla.instants import Instant
from sla.records import ClientId
from sla.statement import Judgement
from sla.terms import Terms, format_decimal


async def labelled_families(figures: LiveFigures, at: Instant) -> tuple[LabelledFamily, ...]:
    """The families at an instant that the live figures have caught up to."""
    judging = await figures.judging(at)
    families = [
        _family(
            "slad_figures_timestamp_seconds",
            "The instant of which the month's figures and the solutions' speak.",
            [sample("", seconds(at))],
        )
    ]
    for name, text in FAMILIES.items():
        families.append(
            LabelledFamily(
                name=name,
                help=text,
                kind="info" if name == INFO else "gauge",
                samples=list(figures.solutions.listed[name].values()),
            )
        )
        await asyncio.sleep(0)
    families += [
        _family(
            "slad_solution_interruption_counted_seconds",
            "The counted time of the interruption that goes on.",
            [each async for each in paced(_counted(figures))],
        ),
        _family(
            "slad_service_request_due_timestamp_seconds",
            "By when an open service request has to be answered.",
            [each async for each in paced(_requests(figures, judging))],
        ),
        *[
            _family(name, text, [each async for each in paced(_of_contracts(figures, judging, value))])
            for name, text, value in _OF_CONTRACTS
        ],
        _family(
            "slad_client_month_end_timestamp_seconds",
            "When the month ends of which the figures of a client's servers speak: in its own time zone, and by its name.",
            [each async for each in paced(_month_ends(figures, judging))],
        ),
    ]
    return tuple(family for family in families if family.samples)


def _family(name: str, text: str, samples: list[str]) -> LabelledFamily:
    return LabelledFamily(name=name, help=text, kind="gauge", samples=samples)


def _counted(figures: LiveFigures) -> Iterator[str]:
    for key, row in figures.solutions.ongoing.items():
        yield sample(labels_of(key), seconds(figures.solutions.counted(row)))


def _requests(figures: LiveFigures, judging: JudgementsAt) -> Iterator[str]:
    for request in sorted(figures.requests):
        record = figures.book.requests[request].record
        due_at = judging.of_client(record.client).judgement.response(request).due_at
        named = f"{label('request', request)},{labels_of((record.solution, record.client))}"
        yield sample(named, seconds(due_at))


_OF_CONTRACTS: Final[Sequence[tuple[str, str, Callable[[Terms], str]]]] = (
    (
        "slad_contract_target_ratio",
        "The availability that a client's contract promises.",
        lambda terms: format_decimal(terms.availability.target),
    ),
    (
        "slad_contract_qualifying_interruption_seconds",
        "How long an interruption has to last to count towards a chronic outage.",
        lambda terms: seconds(terms.chronic_outages.lasting),
    ),
    (
        "slad_contract_evaluation_max_interruptions",
        "How many interruptions the evaluation period bears before the client may cancel without penalty.",
        lambda terms: str(terms.chronic_outages.evaluation_max),
    ),
)


def _of_contracts(
    figures: LiveFigures, judging: JudgementsAt, value: Callable[[Terms], str]
) -> Iterator[str]:
    for client, judgement in _by_client(figures, judging):
        yield sample(label("client", client), value(judgement.terms(client)))


def _month_ends(figures: LiveFigures, judging: JudgementsAt) -> Iterator[str]:
    for client, judgement in _by_client(figures, judging):
        rules = judgement.rules(client)
        assert rules is not None, "a client on record has rules"
        named = f"{label('client', client)},{label('month', str(judgement.month))}"
        yield sample(named, seconds(rules.month[1]))


def _by_client(figures: LiveFigures, judging: JudgementsAt) -> Iterator[tuple[ClientId, Judgement]]:
    """The clients on record, each with the judgement of its month."""
    for client in figures.book.clients:
        if figures.book.client(client, judging.at) is not None:
            yield client, judging.of_client(client).judgement
