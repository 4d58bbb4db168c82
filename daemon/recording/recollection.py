"""What is on record goes into memory here, by one door: the book, what people asked for, what was issued, how far events
were read.

A start takes it from the ledger, and whoever commits goes on record by record, so that nothing is known of a record that the next
start would not know. The records that a start needs again are kept, in their order: all that somebody made but events of sources. Of
those it needs the positions alone, and there may be more of them than of all else.
"""

from array import array
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from daemon.book.live_book import LiveBook
from daemon.ledger import RequestKey
from daemon.recording.transitions import MOST_EVENTS, Transitions
from daemon.records.idempotency import RecordedRequests, says_who_asked
from daemon.servers.policy import Policy
from daemon.servers.registry import ServerRegistry, source_in
from daemon.statements.register import StatementRegister, is_delivery
from sla.instants import BEGINNING, Instant
from sla.reader import EvidenceReader
from sla.records import Blind, Event, Observation, Record, Recorded, ServerId

AT_ONCE: Final = 500
"""Records a slice."""


class Recollection:
    """What is known of the records of one ledger."""

    def __init__(
        self,
        observer: str,
        policy: Policy,
        keys: Mapping[int, RequestKey] | None = None,
        *,
        most_events: int = MOST_EVENTS,
        is_merged: bool = False,
        is_partial: bool = False,
    ) -> None:
        """Nothing yet; `keys`: those of requests, by the number of the first record of each. `is_merged`: of several monitors;
        `is_partial`: records of others are left out.
        """
        self.book = LiveBook(observer, counts_by_all=is_merged)
        self.registry = ServerRegistry(observer, policy, self.book.last_said, self._spoken_for)
        self.transitions = Transitions(self.book, self.registry, most_events=most_events)
        self.requests = RecordedRequests(keys)
        self.register = StatementRegister(self.book.evidence)
        self.reader = EvidenceReader(is_partial=is_partial)
        """What the records define, at a start."""
        self.begun_at: Instant | None = None
        """When the first record was made that somebody, or the daemon, made."""
        self.newest_at: Instant = BEGINNING
        """And the newest."""
        self._seqs = array("q")
        self._kept: list[Record] = []
        """The records that a start needs again; their numbers are beside them."""
        self._newest: tuple[int, Record] | None = None
        """The newest record of all that somebody made, where it is not kept: up to its instant all is known."""

    def take(self, seq: int, record: Record, settled: Instant | None) -> None:
        """The next record of the ledger, its number, and what its entry says of settled."""
        self.book.take_record(record, settled, seq)
        self.register.take(record)
        if isinstance(record, Event):
            self.transitions.remember(record)
        self._note(seq, record)

    def take_again(self, seq: int, record: Record) -> None:
        """The next of the records that were `kept`, at a start; positions and counters come by themselves."""
        if isinstance(record, Recorded):
            self.reader.take(record)
        elif isinstance(record, Blind):
            self.book.take_watermarks({}, (), [record])
        self.book.take_record(record, None, seq)
        self.register.take_again(record)
        self._note(seq, record)

    def kept(self) -> Iterator[list[tuple[int, Record]]]:
        """The records that a start needs again, in order and some at a time; the newest of all is among them."""
        numbered = zip(self._seqs, self._kept, strict=True)
        while some := list(islice(numbered, AT_ONCE)):
            yield some
        if self._newest is not None:
            yield [self._newest]

    def _spoken_for(self, server: ServerId) -> str:
        pages = self.book.evidence.servers.get(server)
        return "" if pages is None else source_in(pages)

    def _note(self, seq: int, record: Record) -> None:
        if isinstance(record, Observation):
            return  # what a start needs of most records, the book has
        is_needed = _is_needed(record)
        if isinstance(record, Recorded):
            self.begun_at = self.begun_at or record.recorded_at
            self.newest_at = max(self.newest_at, record.recorded_at)
            self.requests.take(seq, record)
            self._newest = None if is_needed else (seq, record)
        if is_needed:
            self._seqs.append(seq)
            self._kept.append(record)


def _is_needed(record: Record) -> bool:
    if isinstance(record, Event):
        return says_who_asked(record) or is_delivery(record)
    return isinstance(record, Recorded | Blind)
