"""The ledger's records back into the book, the registry and the transitions: how the daemon goes on where it ended."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import structlog

from daemon.book.live_book import LiveBook
from daemon.ledger import NOTHING_READ, Extent, Ledger, LedgerDamagedError
from daemon.recording.recollection import Recollection
from probes.report import RECOVERED
from sla.chain import has_own_salt
from sla.instants import BEGINNING, MINUTE, SECOND, Instant, parse_instant
from sla.pages import ServerPages
from sla.reader import EvidenceReader
from sla.reasons import PlainReason
from sla.records import Blind, Client, Leg, ServerId, State, Witness

_log = structlog.get_logger()

_WHILE_NOT_LISTED: Final = (PlainReason.NOT_LISTED, PlainReason.STARTING_UP, PlainReason.MAY_BE_LISTED)
_BLIND: Final = '{"kind":"blind",'


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
    # When the witnesses saw has to be known before what was counted by it.
    book.take_watermarks(
        ledger.watermarks,
        ((lag.witness, lag.start, lag.end) for lag in ledger.lags),
        _blind(ledger.bodies(_BLIND, after.head.seq)),
    )
    is_of_old = False
    observations = UsualObservations()
    for seq, body, settled in ledger.replay(after):
        said = observations.read(body)
        if said is not None:
            book.take_observation(*said, BEGINNING if settled is None else settled)
            recollection.register.observe(said[0], said[4])
            continue
        record = reader.read(body.encode())
        if record is None:
            raise LedgerDamagedError(f"record {seq} is no valid evidence: {reader.faults[-1].problem}")
        if isinstance(record, Client):
            is_of_old = not has_own_salt(body)
        recollection.take(seq, record, settled)
    recollection.register.see(ledger.watermarks)
    ledger.judge_by(reader)
    recollection.transitions.remember_objects(ledger.objects())
    for pages in book.evidence.servers.values():
        server = pages.records[-1]
        source = _source_of(pages, book.observer)
        recollection.registry.remember(server, source, _not_listed(book, server.id, source))
    _log.info(
        "ledger_replayed",
        records=ledger.head.seq - after.head.seq,
        after=after.head.seq,
        servers=len(book.places),
    )
    return Replayed(max((recollection.newest_at, *ledger.watermarks.values())), is_of_old)


def _blind(bodies: Iterable[str]) -> Iterator[Blind]:
    reader = EvidenceReader()
    for body in bodies:
        record = reader.read(body.encode())
        if isinstance(record, Blind):
            yield record


class UsualObservations:
    """Reads observations as slad itself writes them, five times as fast as the reader that must expect anything."""

    def __init__(self) -> None:
        self._witnesses: dict[tuple[str, str], Witness] = {}
        self._hours: dict[str, int] = {}

    def read(self, body: str) -> tuple[ServerId, Leg, Witness, State, Instant, str] | None:
        """What an observation says; None for another record, or one in another form."""
        found = _OBSERVATION.fullmatch(body)
        if found is None:
            return None
        observer, source, server, leg, state, hour, minute, second, fraction, reason = found.groups()
        witness = self._witnesses.get((observer, source))
        if witness is None:
            witness = self._witnesses[observer, source] = Witness(observer, source)
        began = self._hours.get(hour)
        if began is None:
            began = self._hours[hour] = parse_instant(f"{hour}:00:00Z")
        at = began + int(minute) * MINUTE + int(second) * SECOND + int(fraction or 0)
        return ServerId(server), _LEGS[leg], witness, _STATES[state], Instant(at), reason or ""


_LEGS: Final = {leg.value: leg for leg in Leg}
_STATES: Final = {state.word: state for state in State}
_TEXT: Final = r'"([^"\\]*)"'
_OBSERVATION: Final = re.compile(
    rf'\{{"kind":"observation","observer":{_TEXT},"source":{_TEXT},"server":{_TEXT}'
    r',"leg":"(running|san|internet)","state":"(up|down|unknown)"'
    r',"at":"(\d{4}-\d\d-\d\dT\d\d):(\d\d):(\d\d)(?:\.(\d{6}))?Z"'
    rf'(?:,"reason":{_TEXT})?(?:,"noticed_at":"[^"]*")?,"salt":"[^"]*"\}}',
    re.ASCII,
)


def _source_of(pages: ServerPages, observer: str) -> str:
    """The source of this monitor that knew of a server last: what it left says unknown of it."""
    said = [
        (last[1] is not State.UNKNOWN, last[0], witness.source)
        for (_, witness), track in pages.tracks.items()
        if witness.observer == observer and not witness.source.endswith(RECOVERED)
        for last in [track.last()]
        if last is not None
    ]
    return max(said, default=(False, BEGINNING, ""))[2]


def _not_listed(book: LiveBook, server: ServerId, source: str) -> tuple[Instant, str] | None:
    """Since when a source did not list a server when the daemon ended, and the reason on record."""
    last = book.last_said(Witness(book.observer, source), server, Leg.RUNNING)
    reason = book.reasons.get((server, Leg.RUNNING), "")
    if last is None or last[1] is not State.UNKNOWN or reason not in _WHILE_NOT_LISTED:
        return None
    return last[0], reason
