"""The ledger's records back into the book, the registry and the transitions: how the daemon goes on where it ended."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import structlog

from daemon.book.live_book import CountedTrack, LiveBook, Told
from daemon.ledger import NOTHING_READ, Extent, Ledger, LedgerDamagedError
from daemon.recording.reading_ahead import read_ahead
from daemon.recording.recollection import Recollection
from daemon.recording.sorting import RECORD, RUN, Step
from daemon.servers.registry import source_in
from sla.chain import has_own_salt
from sla.instants import Instant
from sla.reader import EvidenceReader
from sla.reasons import PlainReason
from sla.records import Blind, Client, Leg, ServerId, State, Witness

_log = structlog.get_logger()

_WHILE_NOT_LISTED: Final = (PlainReason.NOT_LISTED, PlainReason.STARTING_UP, PlainReason.MAY_BE_LISTED)
BLIND: Final = '{"kind":"blind",'
"""What the bodies begin with that tell of a span in which a witness did not see."""


class Replayed(NamedTuple):
    """The newest instant in the ledger, before which the clock may not go back; and whether what it holds was recorded of old
    (`daemon.recording.restating`).
    """

    newest: Instant
    is_of_old: bool


def replay(ledger: Ledger, recollection: Recollection, after: Extent = NOTHING_READ) -> Replayed:
    """Take every record of the ledger that follows those that were recollected already, `after` them.

    From then on the ledger lets in only what its reader, which goes on from here, would take at the next start.
    Raises LedgerDamagedError for a record that is no valid evidence, or does not follow from the one before it.
    """
    book, reader = recollection.book, recollection.reader
    taking = _Taking(recollection)
    with read_ahead(ledger, after) as read:
        # When the witnesses saw has to be known before what was counted by it.
        book.take_watermarks(
            ledger.watermarks,
            ((lag.witness, lag.start, lag.end) for lag in ledger.lags),
            blind_in(ledger.bodies(BLIND, after.head.seq)),
        )
        for some in read:
            taking.take(some.steps)
    recollection.register.see(ledger.watermarks)
    ledger.judge_by(reader)
    recollection.transitions.remember_objects(ledger.objects())
    for pages in book.evidence.servers.values():
        server = pages.records[-1]
        source = source_in(pages, book.observer)
        recollection.registry.remember(server, source, _not_listed(book, server.id, source))
    _log.info(
        "ledger_replayed",
        records=ledger.head.seq - after.head.seq,
        after=after.head.seq,
        servers=len(book.places),
    )
    return Replayed(max((recollection.newest_at, *ledger.watermarks.values())), taking.is_of_old)


class _Taking:
    """Takes the ledger's records into a recollection, step by step."""

    def __init__(self, recollection: Recollection) -> None:
        self.is_of_old = False
        self._recollection = recollection
        self._tracks: list[CountedTrack] = []

    def take(self, steps: Iterable[Step]) -> None:
        for step in steps:
            if step[0] == RUN:
                _, oldest, run = step
                self._take_run(oldest, run)
            elif step[0] == RECORD:
                _, seq, body, settled = step
                self._take_record(seq, body, settled)
            else:
                _, server, leg, observer, source = step
                track = self._recollection.book.track(ServerId(server), Leg(leg), Witness(observer, source))
                self._tracks.append(track)

    def _take_run(self, oldest: Instant, run: Sequence[Told]) -> None:
        recollection = self._recollection
        server = recollection.book.take_run(self._tracks, run)
        if recollection.register.is_about(oldest):
            for _, at, *_ in run:
                recollection.register.observe(server, at)

    def _take_record(self, seq: int, body: str, settled: Instant | None) -> None:
        reader = self._recollection.reader
        record = reader.read(body.encode())
        if record is None:
            raise LedgerDamagedError(f"record {seq} is no valid evidence: {reader.faults[-1].problem}")
        if isinstance(record, Client):
            self.is_of_old = not has_own_salt(body)
        self._recollection.take(seq, record, settled)


def blind_in(bodies: Iterable[str]) -> Iterator[Blind]:
    """Those that such bodies tell of."""
    reader = EvidenceReader()
    for body in bodies:
        record = reader.read(body.encode())
        if isinstance(record, Blind):
            yield record


def _not_listed(book: LiveBook, server: ServerId, source: str) -> tuple[Instant, str] | None:
    """Since when a source did not list a server when the daemon ended, and the reason on record."""
    last = book.last_said(Witness(book.observer, source), server, Leg.RUNNING)
    reason = book.reasons.get((server, Leg.RUNNING), "")
    if last is None or last[1] is not State.UNKNOWN or reason not in _WHILE_NOT_LISTED:
        return None
    return last[0], reason
