"""All ledgers of the store as one, in the order of arrival, as far as the hub has taken them."""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any

from daemon.hub.schema import HUB
from daemon.hub.session import Arrived, LastLine
from daemon.hub.tail import Tail
from daemon.ledger import Chained, Head, RequestKey
from sla.chain import GENESIS
from sla.instants import BEGINNING, Instant
from sla.records import Witness

_NOTHING = Head(0, GENESIS)


class MergedLedger:
    """A `ReadableLedger`, to be told what the book takes. The lines themselves are in the store."""

    def __init__(self, tail: Tail) -> None:
        self.head = _NOTHING
        """The last line by its arrival."""
        self.heads: dict[str, Head] = {}
        self.last_lines: dict[str, LastLine] = {}
        """Of each ledger, as the tail is to find it again."""
        self.watermarks: dict[Witness, Instant] = {}
        """How far the witnesses have seen."""
        self.requests: dict[int, RequestKey] = {}
        """By what requests are known again, by the arrival of the first record of each."""
        self.retired: set[str] = set()
        """The monitors that ended, and recorded nothing since."""
        self._tail = tail
        self._hub_seqs, self._hub_places = array("q"), array("q")
        """Of the records of the hub's own ledger, in order: a shard has not all of them."""
        self._sealed: dict[Witness, Instant] = {}
        """How far the chains tell it."""

    @property
    def hub_head(self) -> Head:
        """The last record of the hub's own ledger."""
        return self.head_of(HUB)

    def head_of(self, name: str) -> Head:
        """The last record of a ledger."""
        return self.heads.get(name, _NOTHING)

    def hub_place(self, seq: int) -> int:
        """The place of a record of that."""
        place = bisect_left(self._hub_seqs, seq)
        assert self._hub_seqs[place] == seq, "it was taken"
        return self._hub_places[place]

    @property
    def size_bytes(self) -> int:
        """Nothing of it is in a file here."""
        return 0

    @property
    def is_sealed(self) -> bool:
        """Whether the chains tell all of the watermarks."""
        return not self.unsealed()

    def unsealed(self) -> dict[Witness, Instant]:
        """The watermarks that no chain tells yet."""
        return {
            witness: at
            for witness, at in self.watermarks.items()
            if self._sealed.get(witness, BEGINNING) < at
        }

    def take(self, line: Arrived) -> None:
        """The next line is in the book, or left out of it."""
        self.head = Head(line.arrival, line.chain)
        self.heads[line.ledger] = Head(line.seq, line.chain)
        self.last_lines[line.ledger] = LastLine(line.arrival, line.seq, line.chain)
        if line.ledger == HUB:
            self._hub_seqs.append(line.seq)
            self._hub_places.append(line.arrival)

    def reach(self, heads: Mapping[str, Head]) -> None:
        """All up to these last records of the store is in the book, as far as it is to be there: the rest is other shards', and may have
        been lost by the store since, or replaced.
        """
        for name, head in heads.items():
            last = self.last_lines.get(name)
            newest = head if last is None or head.seq > last.seq else Head(last.seq, last.chain)
            if newest.seq:
                self.heads[name] = newest
            else:
                self.heads.pop(name, None)

    def seal(self, witness: Witness, at: Instant) -> None:
        """A line told how far a witness had seen."""
        self._sealed[witness] = max(at, self._sealed.get(witness, BEGINNING))

    async def read(self, after: int, limit: int) -> Sequence[Chained]:
        """At most so many lines that arrived after a number, of those that were taken. Raises LedgerFaultError."""
        most = min(limit, self.head.seq - after)
        return await self._tail.read(after, most) if most > 0 else ()

    async def document(self, sha256: str) -> bytes | None:
        """The bytes of an issued statement, whoever issued it. Raises LedgerFaultError, LedgerDamagedError."""
        return await self._tail.document(sha256)

    def stored(self) -> dict[str, Any]:
        """All that is known of it, as JSON that `restore` takes."""
        return {
            "last_lines": {
                name: [arrival, seq, chain.hex()] for name, (arrival, seq, chain) in self.last_lines.items()
            },
            "watermarks": _listed(self.watermarks),
            "sealed": _listed(self._sealed),
            "requests": [[place, *key] for place, key in self.requests.items()],
            "retired": sorted(self.retired),
            "hub": [list(self._hub_seqs), list(self._hub_places)],
        }

    def restore(self, told: Mapping[str, Any]) -> None:
        """Go on where one was that was stored; before anything is taken."""
        for name, (arrival, seq, chain) in told["last_lines"].items():
            last = self.last_lines[name] = LastLine(int(arrival), int(seq), bytes.fromhex(chain))
            self.heads[name] = Head(last.seq, last.chain)
            if last.arrival > self.head.seq:
                self.head = Head(last.arrival, last.chain)
        self.watermarks.update(_read(told["watermarks"]))
        self._sealed.update(_read(told["sealed"]))
        self.requests.update({place: RequestKey(key, digest) for place, key, digest in told["requests"]})
        self.retired.update(told["retired"])
        seqs, places = told["hub"]
        self._hub_seqs.extend(seqs)
        self._hub_places.extend(places)


def _listed(marks: Mapping[Witness, Instant]) -> list[tuple[str, str, int]]:
    return [(*witness, at) for witness, at in marks.items()]


def _read(listed: Sequence[tuple[str, str, int]]) -> dict[Witness, Instant]:
    return {Witness(observer, source): Instant(int(at)) for observer, source, at in listed}
