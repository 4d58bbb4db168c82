"""The details of reasons, which evidence does not hold: told in the log, once for all the servers that share one."""

from collections.abc import Sequence
from itertools import islice
from typing import Final

import structlog

from daemon.ledger import Entry
from daemon.pacing import paced
from daemon.readable import first_of
from sla.reasons import DetailedReason
from sla.records import Observation, ServerId

MOST_TOLD: Final = 20
"""How many reasons of one batch the log tells."""
NAMED: Final = 3
"""And how many servers of each it names."""

_log = structlog.get_logger()


async def tell_details(entries: Sequence[Entry]) -> None:
    """Tell why legs are no longer up, in the operator's words."""
    told: dict[tuple[str, str, str, str], list[ServerId]] = {}
    async for entry in paced(entries):
        said = entry.record
        if isinstance(said, Observation) and isinstance(said.reason, DetailedReason):
            told.setdefault((said.witness.source, said.leg, said.state.word, said.reason), []).append(
                said.server
            )
    for (source, leg, state, because), servers in islice(told.items(), MOST_TOLD):
        _log.info(
            "leg_changed",
            source=source,
            leg=leg,
            state=state,
            because=str(because),
            count=len(servers),
            servers=first_of(servers, NAMED),
        )
    if len(told) > MOST_TOLD:
        _log.info("more_legs_changed", reasons=len(told) - MOST_TOLD)
