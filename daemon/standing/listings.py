"""The families of solutions, service requests, deadlines and contracts, at the instant of the standing."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from daemon.exposition.families import LabelledFamily, label, sample
from daemon.pacing import paced
from daemon.standing.samples import FAMILIES, INFO, labels_of, seconds
from daemon.standing.standing import Judging, Standing
from sla.instants import Instant
from sla.terms import Terms, format_decimal


async def listings(standing: Standing, at: Instant) -> tuple[LabelledFamily, ...]:
    """The families at an instant that the standing has caught up to."""
    judging = await standing.judging(at)
    families = [
        _listing(
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
                samples=list(standing.solutions.listed[name].values()),
            )
        )
        await asyncio.sleep(0)
    families += [
        _listing(
            "slad_solution_interruption_counted_seconds",
            "The counted time of the interruption that goes on.",
            [each async for each in paced(_counted(standing))],
        ),
        _listing(
            "slad_service_request_due_timestamp_seconds",
            "By when an open service request has to be answered.",
            [each async for each in paced(_requests(standing, judging))],
        ),
        *[
            _listing(name, text, [each async for each in paced(_of_contracts(standing, judging, value))])
            for name, text, value in _OF_CONTRACTS
        ],
    ]
    return tuple(family for family in families if family.samples)


def _listing(name: str, text: str, samples: list[str]) -> LabelledFamily:
    return LabelledFamily(name=name, help=text, kind="gauge", samples=samples)


def _counted(standing: Standing) -> Iterator[str]:
    for key, row in standing.solutions.ongoing.items():
        yield sample(labels_of(key), seconds(standing.solutions.counted(row)))


def _requests(standing: Standing, judging: Judging) -> Iterator[str]:
    for request in sorted(standing.requests):
        record = standing.book.requests[request].record
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


def _of_contracts(standing: Standing, judging: Judging, value: Callable[[Terms], str]) -> Iterator[str]:
    for client, records in standing.book.clients.items():
        if records[0].recorded_at <= judging.at:
            yield sample(label("client", client), value(judging.of_client(client).judgement.terms(client)))
