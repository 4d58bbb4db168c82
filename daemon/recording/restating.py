"""What still holds of what was recorded of old, on record once more.

Of old the records of a transaction shared one salt, so an export for one client leaves out all of them where one is not the
client's (`daemon.evidence.export`). Said again, each with a salt of its own, the terms, the clients, the servers and what was
seen of these last can be shown. Nothing that holds is changed by it, and what people recorded stays as it is.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

import structlog

from daemon.ledger import Batch, Ledger, let_in
from daemon.recording.recollection import Recollection
from daemon.servers.policy import RECORDED_BY
from sla.book import Book
from sla.instants import Instant
from sla.pages import ServerPages
from sla.records import Contract, Observation, Record, ServerId, State
from sla.service import by_observer

AT_ONCE: Final = 10_000
"""Records a transaction."""

_log = structlog.get_logger()


async def restate(ledger: Ledger, recollection: Recollection, now: Instant) -> None:
    """Put it on record, before the book goes live. The clients come last: by them it is known that all is done.

    Raises LedgerFaultError.
    """
    evidence = recollection.book.evidence
    _log.info("old_records_restated", servers=len(evidence.servers))
    entries = map(recollection.transitions.entry, list(_holding(evidence, now)))
    while batch := list(islice(entries, AT_ONCE)):
        first = ledger.head.seq + 1
        await ledger.commit(Batch(entries=batch))
        for seq, entry in enumerate(let_in(batch, ledger.quarantined), first):
            recollection.take(seq, entry.record, entry.settled)


def _holding(book: Book, now: Instant) -> Iterator[Record]:
    newest: dict[tuple[str | None, str], Contract] = {}
    for contract in book.contracts:
        key = contract.client, contract.effective_from
        newest.pop(key, None)
        newest[key] = contract
    for said in newest.values():
        yield replace(said, recorded_at=now, recorded_by=RECORDED_BY)
    for server, pages in book.servers.items():
        holding = [told.newest for told in by_observer(pages.told) if told.is_open]
        for record in holding:
            yield replace(record, recorded_at=now, recorded_by=RECORDED_BY)
        if holding:
            yield from _seen(server, pages)
    for records in book.clients.values():
        yield replace(records[-1], recorded_at=now, recorded_by=RECORDED_BY)


def _seen(server: ServerId, pages: ServerPages) -> Iterator[Observation]:
    """What each witness said last, as of when it said it; why is not known any more."""
    for (leg, witness), track in pages.tracks.items():
        last = track.last()
        if last is not None and last[1] is not State.UNKNOWN:
            yield Observation(witness=witness, server=server, leg=leg, state=last[1], at=last[0])
