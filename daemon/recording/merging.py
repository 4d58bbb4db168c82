"""What arrived in the store goes into the hub's memory: the lines of all ledgers as one evidence, in their order (spec §3.4)."""

from collections.abc import Iterator, Sequence

import structlog

from daemon.book.disagreements import Disagreements
from daemon.hub.merged_ledger import MergedLedger
from daemon.hub.schema import HUB
from daemon.hub.session import Arrived
from daemon.hub.tail import TOLD_BYTES, Arrivals, Seen
from daemon.metrics.hub import TailMetrics
from daemon.pacing import freeze_gc, paced
from daemon.recording.recollection import Recollection
from sla.chain import exported
from sla.instants import SECOND, Instant
from sla.records import Blind, Issued, Observation, ObservedUntil, ObserverRetired, Record, Server, Witness
from sla.texts import cleaned
from sla.usual_lines import Stems, decoded_each, said_in

_log = structlog.get_logger()


class Merging:
    """Takes arrivals into a recollection. Invariant: between two `take` the book is what the ledger has taken."""

    def __init__(
        self,
        ledger: MergedLedger,
        recollection: Recollection,
        disagreements: Disagreements,
        metrics: TailMetrics,
    ) -> None:
        self.has_caught_up = False
        """Whether all that had arrived was taken once: from then on time is counted."""
        self.known: frozenset[str] = frozenset()
        """All monitors of the store, also those that have shipped nothing yet."""
        self.seen: dict[str, Instant] = {}
        """How far each monitor has seen that is not retired, by its name."""
        self.retired: set[str] = set()
        """The monitors that are."""
        self._ledger = ledger
        self._recollection = recollection
        self._disagreements = disagreements
        self._metrics = metrics
        self._stems = Stems(said_in)
        self._issued = {
            record.id for versions in recollection.book.evidence.issued.values() for record in versions
        }
        """The versions of statements that were taken: of one that two monitors issued, the one that arrived first."""

    async def take(self, arrivals: Arrivals, *, is_sealing: bool = False) -> None:
        """Take what arrived. While `is_sealing` how far witnesses have seen stays as it is: it is on its way into the chain."""
        book = self._recollection.book
        records = [pair async for pair in paced(self._read(arrivals.lines))]
        watermarks = {} if arrivals.seen is None or is_sealing else _watermarks(arrivals.seen)
        blind = [record for _, record in records if isinstance(record, Blind)]
        book.take_watermarks(watermarks, (), blind)
        self._recollection.register.see(watermarks)
        for place, key in arrivals.keys.items():
            self._recollection.requests.keep(place, key)
        async for place, record in paced(records):
            self._recollection.take(place, record, self._settled(record))
        self._ledger.watermarks.update(watermarks)
        if arrivals.seen is not None:
            self._note_seen(arrivals.seen)
            if not self.has_caught_up:
                self.has_caught_up = True
                freeze_gc()
                _log.info("hub_caught_up", arrival=self._ledger.head.seq, servers=len(book.places))

    def _read(self, lines: Sequence[Arrived]) -> Iterator[tuple[int, Record]]:
        """The records of lines, each with its place; what cannot be read is left out, and told."""
        reader = self._recollection.reader
        usual = decoded_each([line.body for line in lines], self._stems)
        for line, said in zip(lines, usual, strict=True):
            self._ledger.take(line)
            if said is not None and reader.knows_server(said[0].server):
                (server, leg, witness), at, state, reason = said
                yield (
                    line.arrival,
                    Observation(
                        witness=witness,
                        server=server,
                        leg=leg,
                        state=state,
                        at=at,
                        noticed_at=at,
                        reason=reason,
                    ),
                )
                continue
            # As an export shows it, for so it is judged by whoever evaluates one.
            record = reader.read(exported(line.body, line.seq, line.chain, line.ledger).encode())
            if record is None:
                self._leave_out(line, reader.faults[-1].problem if reader.faults else "it says nothing")
                reader.faults.clear()
                continue
            if isinstance(record, Issued):
                if record.id in self._issued:
                    self._leave_out(line, f"another monitor issued {record.id} before")
                    continue
                self._issued.add(record.id)
            if isinstance(record, ObservedUntil):
                self._ledger.seal(record.witness, record.at)
            elif isinstance(record, ObserverRetired):
                self.retired.add(record.observer)
            elif isinstance(record, Server) and line.ledger != HUB:
                self.retired.discard(record.observer)
            self._disagreements.take(line.ledger, record)
            yield line.arrival, record

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
        if not self.has_caught_up:
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
            if marks and name != HUB and name not in self.retired
        }
        self._metrics.show_seen({name: at / SECOND for name, at in self.seen.items()})


def _watermarks(seen: Seen) -> dict[Witness, Instant]:
    """Those of all ledgers; of a witness of whom two tell, the farther."""
    found: dict[Witness, Instant] = {}
    for marks in seen.values():
        for witness, at in marks.items():
            found[witness] = max(at, found.get(witness, at))
    return found
