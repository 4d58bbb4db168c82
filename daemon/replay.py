"""The ledger's records back into the book, the registry and the keeper: how the daemon goes on where it ended."""

from typing import Final

import structlog

from daemon.keeper import Keeper
from daemon.ledger import Ledger, LedgerDamagedError
from daemon.live_book import RECOVERED, LiveBook
from daemon.registry import Registry
from sla.book import ServerPages
from sla.instants import BEGINNING, Instant
from sla.reader import EvidenceReader
from sla.records import Blind, Event, Recorded

_log = structlog.get_logger()

_BLIND: Final = '{"kind":"blind",'


def replay(ledger: Ledger, book: LiveBook, registry: Registry, keeper: Keeper) -> Instant:
    """Take every record of the ledger; gives the newest instant in it, before which the clock may not go back.

    Raises LedgerDamagedError for a record that is no valid evidence, or does not follow from the one before it.
    """
    # When the witnesses saw has to be known before what was counted by it.
    reader = EvidenceReader()
    blind = [
        record for body in ledger.bodies(_BLIND) if isinstance(record := reader.read(body.encode()), Blind)
    ]
    book.saw(ledger.watermarks, ((lag.witness, lag.start, lag.end) for lag in ledger.lags), blind)
    newest = max(ledger.watermarks.values(), default=BEGINNING)
    reader = EvidenceReader()
    for seq, body, settled in ledger.replay():
        record = reader.read(body.encode())
        if record is None:
            raise LedgerDamagedError(f"record {seq} is no valid evidence: {reader.faults[-1].problem}")
        if isinstance(record, Recorded):
            newest = max(newest, record.recorded_at)
            if isinstance(record, Event):
                keeper.remember(record)
        book.take(record, settled)
    for pages in book.evidence.servers.values():
        registry.remember(pages.records[-1], _source_of(pages, book.observer))
    _log.info("ledger_replayed", records=ledger.head.seq, servers=len(book.places))
    return newest


def _source_of(pages: ServerPages, observer: str) -> str:
    """The source of this monitor that spoke of a server last."""
    said = (
        (track.last(), witness.source)
        for (_, witness), track in pages.tracks.items()
        if witness.observer == observer and not witness.source.endswith(RECOVERED)
    )
    return max((at_and_source for at_and_source in said if at_and_source[0] is not None), default=(None, ""))[
        1
    ]
