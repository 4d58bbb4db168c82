"""The ledger at a start: what was lost is told where nobody may overlook it, and what was accepted is put on record."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from daemon.app.wiring import Evidence
from daemon.believed_clock import BelievedClock
from daemon.config.config import Config
from daemon.hub.states import HubError, HubState
from daemon.ledger import Accepted, Batch, Entry, Ledger, accepted_loss
from daemon.metrics.process import ProcessMetrics
from sla.instants import SECOND

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What whoever starts the daemon says is meant: a new ledger in place of one that is gone; an older one, and why."""

    new_ledger: bool = False
    older_ledger: str = ""


NOTHING_LOST: Final = Meant()


async def opened(path: Path, meant: Meant) -> Ledger:
    """The ledger. Raises LedgerError."""
    accepted = Accepted(new=meant.new_ledger, older=bool(meant.older_ledger))
    ledger = await asyncio.to_thread(Ledger.open, path, accepted)
    if ledger.is_new:
        _log.warning("ledger_begun", path=str(path), lost=ledger.lost)
    elif ledger.lost:
        _log.warning("older_ledger_accepted", lost=ledger.lost, why=meant.older_ledger)
    elif meant != NOTHING_LOST:
        _log.warning("nothing_was_lost", message="--new-ledger and --accept-older-ledger are for one start")
    return ledger


async def compare(config: Config, ledger: Ledger, meant: Meant) -> None:
    """See that a ledger is not behind what a store has of it, nor another one. A store that does not answer keeps nobody waiting.

    Raises HubError, unless an older ledger is meant, and LedgerError. Before anything else of the ledger is read.
    """
    if config.hub is None:
        return
    from daemon.hub.comparing import compare_at_start

    try:
        await compare_at_start(config.hub, config.observer, ledger)
    except HubError as error:
        if error.state in (HubState.LEDGER_WENT_BACK, HubState.DIVERGED) and not meant.older_ledger:
            raise
        _log.warning("hub_not_compared", state=error.state.value, message=str(error))


async def told(evidence: Evidence, clock: BelievedClock, metrics: ProcessMetrics, why: str) -> None:
    """Show since when there is the ledger, and put on record that an older one was accepted, and why."""
    metrics.ledger_begun.set(evidence.begun_at / SECOND)
    ledger = evidence.ledger
    if ledger.is_new or not ledger.lost:
        return
    record = accepted_loss(ledger.lost, why, ledger.head, clock.starting_now())
    head = await ledger.commit(Batch(entries=[Entry(record=record)]))
    evidence.recollection.take(head.seq, record, None)
