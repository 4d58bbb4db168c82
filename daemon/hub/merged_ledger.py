"""All ledgers of the store as one, in the order of arrival, as far as the hub has taken them."""

from array import array
from collections.abc import Sequence

from daemon.hub.schema import HUB
from daemon.hub.session import Arrived
from daemon.hub.tail import Tail
from daemon.ledger import Chained, Head
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
        self.watermarks: dict[Witness, Instant] = {}
        """How far the witnesses have seen."""
        self._tail = tail
        self._hub_places = array("q")
        """Of the records of the hub's own ledger, in order."""
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
        return self._hub_places[seq - 1]

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
        if line.ledger == HUB:
            self._hub_places.append(line.arrival)

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
