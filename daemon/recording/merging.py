"""What arrived in the store goes into the hub's memory: the lines of all ledgers as one evidence, in their order (spec §3.4)."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import structlog

from daemon.book.disagreements import Disagreements
from daemon.book.live_book import CountedTrack
from daemon.config.hub import WHOLE, Shard
from daemon.hub.merged_ledger import MergedLedger
from daemon.hub.schema import HUB
from daemon.hub.session import Arrived
from daemon.hub.tail import Arrivals, Seen
from daemon.metrics.hub import TailMetrics
from daemon.pacing import freeze_gc, paced
from daemon.recording.committing import TOLD_BYTES
from daemon.recording.recollection import Recollection
from daemon.recording.replay import BLIND, blind_in
from daemon.recording.sharing import OwnShare
from daemon.recording.sorting import AT_ONCE
from sla.chain import exported
from sla.evidence import decoded
from sla.instants import BEGINNING, SECOND, Instant
from sla.records import Issued, Observation, ObservedUntil, ObserverRetired, Record, Server, Witness
from sla.texts import cleaned
from sla.usual_lines import Stems, decoded_each, said_in

_log = structlog.get_logger()


class StoreRecollection(NamedTuple):
    """What a hub has taken of the store's lines."""

    ledger: MergedLedger
    recollection: Recollection
    disagreements: Disagreements


class Merging:
    """Takes arrivals into a recollection. Invariant: between two `take` the book is what the ledger has taken."""

    def __init__(self, told: StoreRecollection, metrics: TailMetrics, shard: Shard = WHOLE) -> None:
        ledger, recollection, self._disagreements = told
        self.has_caught_up = False
        """Whether all that had arrived was taken once: from then on time is counted."""
        self.known: frozenset[str] = frozenset()
        """All monitors of the store, also those that have shipped nothing yet."""
        self.seen: dict[str, Instant] = {}
        """How far each monitor has seen that is not retired, by its name."""
        self._ledger = ledger
        self._recollection = recollection
        self._metrics = metrics
        self._tracks = Stems(self._track)
        self._share = None if shard.is_whole else OwnShare(shard, recollection.book.evidence)
        self._goes_on = ledger.head.seq > 0
        """Whether counters stand somewhere already, as after a snapshot: what they counted stays."""
        self._issued = {
            record.id for versions in recollection.book.evidence.issued.values() for record in versions
        }
        """The versions of statements that were taken: of one that two monitors issued, the one that arrived first."""

    @property
    def retired(self) -> Collection[str]:
        """The monitors that are."""
        return self._ledger.retired

    async def take(self, arrivals: Arrivals, *, is_sealing: bool = False) -> None:
        """Take what arrived. While `is_sealing` how far witnesses have seen stays as it is: it is on its way into the chain."""
        watermarks = {} if arrivals.seen is None or is_sealing else _watermarks(arrivals.seen)
        # When the witnesses saw has to be known before what was counted by it.
        blind = (line.body for line in arrivals.lines if line.body.startswith(BLIND))
        self._recollection.book.take_watermarks(watermarks, (), blind_in(blind))
        self._recollection.register.see(watermarks)
        self._ledger.requests.update(arrivals.keys)
        for place, key in arrivals.keys.items():
            self._recollection.requests.keep(place, key)
        async for _ in paced(self._taking(arrivals.lines, arrivals.earlier)):
            pass
        self._ledger.reach(arrivals.heads)
        self._ledger.watermarks.update(watermarks)
        if arrivals.seen is not None:
            self._note_seen(arrivals.seen)
            if not self.has_caught_up:
                self.has_caught_up = self._goes_on = True
                freeze_gc()
                _log.info(
                    "hub_caught_up",
                    arrival=self._ledger.head.seq,
                    servers=len(self._recollection.book.places),
                )

    def _taking(self, lines: Sequence[Arrived], earlier: Mapping[int, Sequence[Arrived]]) -> Iterator[None]:
        """Take lines, one a step. Nearly all are usual, and go straight on their tracks (`sla.usual_lines`)."""
        book, observe = self._recollection.book, self._recollection.register.observe
        for first in range(0, len(lines), AT_ONCE):
            some = lines[first : first + AT_ONCE]
            usual = decoded_each([line.body for line in some], self._tracks)
            for line, said in zip(some, usual, strict=True):
                self._ledger.take(line)
                if said is None:
                    self._take_unusual(line, earlier.get(line.arrival, ()))
                else:
                    track, at, state, reason = said
                    settled = book.settled(track.server, track.witness) if self._goes_on else BEGINNING
                    book.take_observation(track, at, state, reason, settled)
                    observe(track.server, at)
                yield

    def _track(self, stem: bytes) -> CountedTrack | None:
        """Where observations of a stem go; None while no record defines the server."""
        said = said_in(stem)
        book = self._recollection.book
        knows = (
            self._recollection.reader.knows_server
            if self._share is None
            else book.evidence.servers.__contains__
        )
        return book.track(*said) if said is not None and knows(said.server) else None

    def _take_unusual(self, line: Arrived, earlier: Sequence[Arrived]) -> None:
        """Take a line by the strict reader; what it cannot read is left out, and told. `earlier`: what a server brings along."""
        reader = self._recollection.reader
        # As an export shows it, for so it is judged by whoever evaluates one.
        record = reader.read(exported(line.body, line.seq, line.chain, line.ledger).encode())
        if record is None:
            fault = reader.faults[-1] if reader.faults else None
            if (
                self._share is None or fault is None or fault.key != "id"
            ):  # else it is of something of another shard's
                self._leave_out(line, "it says nothing" if fault is None else fault.problem)
            reader.faults.clear()
            return
        if isinstance(record, Issued):
            if record.id in self._issued:
                self._leave_out(line, f"another monitor issued {record.id} before")
                return
            self._issued.add(record.id)
        if isinstance(record, ObservedUntil):
            self._ledger.seal(record.witness, record.at)
        elif isinstance(record, ObserverRetired):
            self._ledger.retired.add(record.observer)
        elif isinstance(record, Server) and line.ledger != HUB:
            self._ledger.retired.discard(record.observer)
        own = record if self._share is None else self._share.of(record)
        if own is None:
            return
        brings = isinstance(own, Server) and own.id not in self._recollection.book.evidence.servers
        self._disagreements.take(line.ledger, own)
        self._recollection.take(line.arrival, own, self._settled(own))
        for before in earlier if brings else ():
            # The owners before are others', and what is no evidence the shards leave out that had it in its turn.
            with suppress(ValueError):
                said = decoded(before.body)
                if not isinstance(said, Server):
                    self._recollection.take(before.arrival, said, None)

    def _leave_out(self, line: Arrived, problem: str) -> None:
        self._metrics.unread.inc()
        _log.error(
            "record_left_out",
            ledger=line.ledger,
            seq=line.seq,
            problem=problem,
            record=cleaned(line.body, TOLD_BYTES),
        )

    def _settled(self, record: Record) -> Instant | None:
        """How far what a record changes is counted already: news of that is late."""
        book = self._recollection.book
        if not self._goes_on:
            return None
        if isinstance(record, Observation):
            return book.settled(record.server, record.witness)
        if isinstance(record, Server) and record.id in book.places:
            return book.places[record.id].group.settled
        return book.horizon

    def _note_seen(self, seen: Seen) -> None:
        self.known = frozenset(seen) - {HUB}
        self.seen = {
            name: max(marks.values())
            for name, marks in seen.items()
            if marks and name != HUB and name not in self._ledger.retired
        }
        self._metrics.show_seen({name: at / SECOND for name, at in self.seen.items()})


def _watermarks(seen: Seen) -> dict[Witness, Instant]:
    """Those of all ledgers; of a witness of whom two tell, the farther."""
    found: dict[Witness, Instant] = {}
    for marks in seen.values():
        for witness, at in marks.items():
            found[witness] = max(at, found.get(witness, at))
    return found
