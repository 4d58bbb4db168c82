"""The ledger as the daemon sees it: one writer thread, one transaction at a time, and what memory knows of both.

Invariants: what `head`, `watermarks` and `lags` say is durable; they change in the writer thread, after a commit and
never before. After an error of a commit, or damage, the handle is closed at once and never used again: until `reopen`,
everything else raises.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, ParamSpec, Self, TypeVar

from daemon.ledger.batch import (
    NOTHING_READ,
    Batch,
    Chained,
    Extent,
    Head,
    Lag,
    RequestKey,
    Stored,
    Trace,
)
from daemon.ledger.errors import (
    LedgerDamagedError,
    LedgerError,
    LedgerFaultError,
    damaged,
    missing,
    translating,
    went_back,
)
from daemon.ledger.gate import EntryGate, Quarantined
from daemon.ledger.lock import Lock
from daemon.ledger.noted_head import NotedHead, noted
from daemon.ledger.store import SLICE, Store, StoreState, WritePlan
from probes.report import ManagedObject
from sla.instants import Instant
from sla.reader import EvidenceReader
from sla.records import ServerId, Witness

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What somebody says is meant though it looks like a loss: a new ledger in place of one that is gone, or an older one."""

    new: bool = False
    older: bool = False


NO_LOSS: Final = Accepted()


class Ledger:
    """An open ledger. Made by `open`; `replay` comes first, before any other use but `read`, which verifies nothing.

    `is_new`: there was none. `lost`: what was acknowledged and is not in it, in words, which was accepted; "" for nothing.
    """

    def __init__(
        self, path: Path, lock: Lock, store: Store, note: NotedHead, *, is_new: bool, lost: str
    ) -> None:
        self.is_new = is_new
        self.lost = lost
        self._path = path
        self._note = note
        self._lock = lock
        self._store: Store | None = store
        self._state = store.state
        self._lags = store.lags
        self._doubtful: WritePlan | None = None
        self._gate = EntryGate()
        self._quarantined: Sequence[Quarantined] = ()
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._turn = asyncio.Lock()

    @classmethod
    def open(cls, path: Path, accepted: Accepted = NO_LOSS) -> Self:
        """The ledger at `path`, locked, made or brought to the newest version where needed, and checked.

        The chain is verified by `replay`. Raises LedgerError: LedgerMissingError and LedgerWentBackError where something
        was lost that is not `accepted`.
        """
        with ExitStack() as undo:
            lock = Lock(path)
            undo.callback(lock.release)
            before, is_new = noted(path), not path.exists()
            if is_new and before is not None and before.seq and not accepted.new:
                raise missing(path, before.seq)
            store = Store.open(path, make=True)
            undo.callback(store.close)
            lost = lost_since(store, before)
            if lost and not (is_new or accepted.older):
                raise went_back(path, lost)
            note = NotedHead(path)
            undo.callback(note.close)
            if lost or before is None:
                note.begin(store.state.head)
            undo.pop_all()
            return cls(path, lock, store, note, is_new=is_new, lost=lost)

    @property
    def path(self) -> Path:
        """Where its file is; months that were sealed are in files beside it."""
        return self._path

    @property
    def head(self) -> Head:
        """The last durable record."""
        return self._state.head

    @property
    def heads(self) -> Mapping[str, Head]:
        """The same, of a ledger without a name."""
        return {"": self.head}

    @property
    def watermarks(self) -> Mapping[Witness, Instant]:
        """How far each witness has seen."""
        return {witness: mark.at for witness, mark in self._state.watermarks.items()}

    @property
    def is_sealed(self) -> bool:
        """Whether the chain tells all of the watermarks."""
        return all(mark.at == mark.sealed for mark in self._state.watermarks.values())

    @property
    def lags(self) -> Sequence[Lag]:
        """Every lag, in the order of recording."""
        return self._lags

    @property
    def quarantined(self) -> Sequence[Quarantined]:
        """Those records of the batch made durable last that are no part of the ledger: its reader would not take them."""
        return self._quarantined

    @property
    def size_bytes(self) -> int:
        """The size of the file; 0 where it is gone."""
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    @property
    def extent(self) -> Extent:
        """All records that are durable, and no other."""
        return self._state.extent

    def lacks(self, extent: Extent) -> str:
        """What it lacks of an extent that is said to be its own, in words; "" for nothing. Before any other use."""
        return lost_since(self._opened(), extent.head)

    def replay(self, after: Extent = NOTHING_READ) -> Iterator[Stored]:
        """The records that follow, in order, verified on the way; before any other use, in the caller's thread.

        Only when it has run to its end these are known to be sound, and all are that there were without `after`. Raises
        LedgerDamagedError, which says which record does not hold, and LedgerFaultError.
        """
        return self._opened().replay(after)

    def judge_by(self, reader: EvidenceReader) -> None:
        """Let in what a reader takes that has read every record; after `replay`, in the caller's thread."""
        self._gate.judge_by(reader)

    def objects(self) -> Mapping[tuple[str, ServerId], ManagedObject]:
        """What `Batch.objects` put there, before any other use; unverified, for no figure rests on it."""
        return self._opened().objects()

    def traces(self) -> Sequence[Trace]:
        """What `Batch.traces` put there; as `objects`."""
        return self._opened().traces()

    def bodies(self, beginning: str, after_seq: int = 0) -> Sequence[str]:
        """The bodies that begin with a text, in order; unverified, so before a `replay` to its end and no other use."""
        return self._opened().bodies(beginning, after_seq)

    def requests(self) -> Mapping[int, RequestKey]:
        """What asked for records, by the number of the first of them; as `bodies`."""
        return self._opened().requests()

    async def commit(self, batch: Batch) -> Head:
        """Make a batch durable. The caller shields it: once begun it ends in the writer thread, watched or not.

        A record that the reader would not take again is no part of it: see `quarantined`.
        Raises LedgerFaultError: then `reopen`, which tells whether the batch is to be committed again.
        """
        return await self._in_turn(self._commit, batch)

    async def read(self, after_seq: int, limit: int) -> Sequence[Chained]:
        """At most `limit` (up to `SLICE`) records that follow `after_seq`; the writer waits meanwhile.

        Raises LedgerFaultError, after which it may be tried again, and LedgerDamagedError, after which nothing is written.
        """
        assert 0 < limit <= SLICE
        return await self._in_turn(self._read, after_seq, limit)

    async def document(self, sha256: str) -> bytes | None:
        """The bytes of an issued statement, by their hash; None where they are not here. Raises LedgerDamagedError."""
        return await self._in_turn(self._document, sha256)

    async def verify(self, after: Extent, until: Extent) -> Extent:
        """Verify some more of the records up to an extent, while the writer waits; how far they are verified then.

        Raises LedgerDamagedError, which says which record does not hold, and LedgerFaultError: it may be tried again.
        """
        return await self._in_turn(self._verify, after, until)

    async def reopen(self) -> bool:
        """Open the file anew after a failure; True if the batch that failed is in it after all.

        An error while the disk makes a transaction durable leaves open whether it is. Raises LedgerError: it may be
        tried again.
        """
        return await self._in_turn(self._reopen)

    async def close(self) -> None:
        """Give the file back, for good."""
        await self._in_turn(self._close)
        self._writer.shutdown()

    async def _in_turn(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        assert not kwargs
        async with self._turn:
            return await asyncio.get_running_loop().run_in_executor(self._writer, work, *args)

    # In the writer thread

    def _opened(self) -> Store:
        if self._store is None:
            raise LedgerFaultError(
                f"The ledger {self._path} failed before and is closed until it is reopened."
            )
        return self._store

    def _commit(self, batch: Batch) -> Head:
        store = self._opened()
        plan = store.plan(batch, self._gate)
        try:
            with translating(self._path):
                store.write(plan)
            if plan.rows:
                self._note.note(plan.after.head)
        except LedgerError:
            self._doubtful = plan
            self._give_up()
            raise
        self._adopt(store)
        self._landed(plan)
        return self.head

    def _read(self, after_seq: int, limit: int) -> Sequence[Chained]:
        """A fault is the reading's own, by a handle of its own: it keeps nobody from writing. Damage does."""
        try:
            with translating(self._path):
                return self._opened().read(after_seq, limit)
        except LedgerDamagedError:
            self._give_up()
            raise

    def _document(self, sha256: str) -> bytes | None:
        with translating(self._path):
            return self._opened().document(sha256)

    def _verify(self, after: Extent, until: Extent) -> Extent:
        return self._opened().follow(after, until)

    def _reopen(self) -> bool:
        self._give_up()
        store = Store.open(self._path, make=False)
        with ExitStack() as undo:
            undo.callback(store.close)
            store.check_structure()
            undo.pop_all()
        landed = self._doubtful is not None and _same(store.state, self._doubtful.after)
        if not landed and not _same(store.state, self._state):
            store.close()
            raise damaged(
                self._path,
                f"it ends with record {store.state.head.seq} where record {self._state.head.seq} was acknowledged last",
            )
        self._store = store
        doubtful, self._doubtful = self._doubtful, None
        self._adopt(store)
        if landed and doubtful is not None:
            self._landed(doubtful)
        else:
            self._gate.take_back()
        return landed

    def _landed(self, plan: WritePlan) -> None:
        self._gate.keep()
        self._quarantined = plan.quarantined

    def _close(self) -> None:
        self._give_up()
        self._note.close()
        self._lock.release()

    def _adopt(self, store: Store) -> None:
        self._state, self._lags = store.state, store.lags

    def _give_up(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(
                sqlite3.Error
            ):  # what cannot be undone now is undone from the journal by the next handle
                store.close()


def lost_since(store: Store, before: Head | None) -> str:
    """What a ledger lacks of what was noted of it `before`, in words; "" for nothing."""
    if before is None or before.seq == 0:
        return ""
    head = store.state.head
    if head.seq < before.seq:
        return f"it ends with record {head.seq}, and record {before.seq} was acknowledged: {before.seq - head.seq} are missing"
    chain = head.chain if head.seq == before.seq else store.chain_of(before.seq)
    if chain != before.chain:
        return f"its record {before.seq} is not the one that was acknowledged: it is another ledger, or was rewritten"
    return ""


def _same(one: StoreState, other: StoreState) -> bool:
    return (one.head, one.commits) == (other.head, other.commits)
