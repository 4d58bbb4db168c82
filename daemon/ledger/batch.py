"""What goes into the ledger and what comes out of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from probes.report import ManagedObject
from sla.chain import GENESIS
from sla.instants import Instant
from sla.records import Record, ServerId, Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record for the ledger.

    `settled`: how far the counters of an observation's server had been counted when it was committed. It is kept beside
    the record and is no part of the chain.
    """

    record: Record
    settled: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """A span that the counters counted as unobserved before a late answer of the witness covered it."""

    witness: Witness
    start: Instant
    end: Instant


class Trace(NamedTuple):
    """What was seen, from when until when, of what servers stand on: `about` whom it is, and what it was, as text.

    Two of one `about` that begin together are one: the later holds. It is no evidence, and no figure rests on it.
    """

    about: str
    start: Instant
    end: Instant | None
    """None: it lasts."""
    detail: str


class RequestKey(NamedTuple):
    """By what a request is known again that is sent once more: the key that was sent with it, and a digest of what it said."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one transaction commits: all of it or nothing.

    `watermarks` take the place of those that their witnesses had. `seal` appends the watermarks that the chain does not
    hold yet to it, as `observed_until` records after the entries. `objects`, by source and server as it calls it, are no
    part of the chain and no evidence: they tell a watch who its objects were. `request`: what asked for the entries, all
    or none of which enter; it is kept beside the first, and is no part of the chain. `traces` are none either; those that
    ended before `traces_since` are let go. `documents`: the bytes of statements that entries issue,
    which are kept by their hashes, as the records hold them.
    """

    entries: Sequence[Entry] = ()
    watermarks: Mapping[Witness, Instant] = field(default_factory=dict)
    lags: Sequence[Lag] = ()
    objects: Mapping[tuple[str, ServerId], ManagedObject] = field(default_factory=dict)
    traces: Sequence[Trace] = ()
    traces_since: Instant | None = None
    seal: bool = False
    request: RequestKey | None = None
    documents: Sequence[bytes] = ()


class Head(NamedTuple):
    """The last record's sequence number and chain value; 0 and `GENESIS` of an empty ledger."""

    seq: int
    chain: bytes


class Extent(NamedTuple):
    """The records up to a head, and the CRC of what is kept beside them (settled)."""

    head: Head
    settled_crc: int


NOTHING_READ: Final = Extent(Head(0, GENESIS), 0)
"""No record."""

Stored = tuple[int, str, Instant | None]
"""A record as the replay gives it: its number, its line with the salt (`sla.chain`), and what its entry said of settled.

A plain tuple: a start makes one of each record.
"""


class Chained(NamedTuple):
    """A record as an export needs it. `ledger` and `arrival`: of the store of several monitors, whose it is and its number there."""

    seq: int
    body: str
    chain: bytes
    ledger: str = ""
    arrival: int = 0

    @property
    def place(self) -> int:
        """Its number among all that are read with it."""
        return self.arrival or self.seq


class ReadableLedger(Protocol):
    """What is asked of a ledger by those who do not write it; the hub's is all ledgers of the store, by arrival."""

    @property
    def head(self) -> Head:
        """The last record; of several ledgers `seq` is its place."""
        ...

    @property
    def heads(self) -> Mapping[str, Head]:
        """The last record of each ledger; of one that has no name, by ""."""
        ...

    @property
    def is_sealed(self) -> bool:
        """See `daemon.ledger.ledger`."""
        ...

    @property
    def size_bytes(self) -> int:
        """See `daemon.ledger.ledger`."""
        ...

    async def read(self, after: int, limit: int) -> Sequence[Chained]:
        """At most so many records that follow a place. Raises LedgerError."""
        ...

    async def document(self, sha256: str) -> bytes | None:
        """See `daemon.ledger.ledger`."""
        ...
