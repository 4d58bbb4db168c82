"""A ledger that gets back what somebody else has of it: a copy beside it, which takes its place once it is whole.

Until then the ledger, and the note of its head, are as they were: an attempt that fails, or is killed, changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from daemon.ledger import documents
from daemon.ledger.batch import Batch, Chained, Head, Stored
from daemon.ledger.errors import LedgerDamagedError, translating
from daemon.ledger.files import connect, copy_whole
from daemon.ledger.gate import EntryGate
from daemon.ledger.lock import Lock
from daemon.ledger.noted_head import NotedHead, noted
from daemon.ledger.schema import check_identity
from daemon.ledger.snapshot_file import sync_directory
from daemon.ledger.store import Store
from sla.instants import Instant
from sla.records import Witness


class Restoration:
    """The copy of the ledger at a path, of none an empty one. `finish` it, or `abandon` it. Raises LedgerError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._copy = path.with_name(f"{path.name}.importing")
        self._lock = Lock(path)
        try:
            self._remove_copy()
            if path.exists():
                with translating(path), closing(connect(path, "rw")) as db:
                    check_identity(db, path)
                    copy_whole(db, path, self._copy)
            self._store = Store.open(self._copy, make=True)
        except BaseException:
            self._lock.release()
            raise

    @property
    def head(self) -> Head:
        """The last record that it has so far."""
        return self._store.state.head

    def replay(self) -> Iterator[Stored]:
        """As `Ledger.replay`: what was there."""
        return self._store.replay()

    def chain_of(self, seq: int) -> bytes | None:
        """The chain value of a record; None where there is none."""
        return self._store.chain_of(seq)

    def add(self, lines: Sequence[Chained]) -> None:
        """Records that follow, as they were. Raises LedgerDamagedError where they do not follow."""
        with translating(self._copy):
            self._store.restore(lines)

    def bare(self) -> dict[str, str]:
        """The issued statements of which it has no bytes, or others, by their hashes, as people name them."""
        with translating(self._copy):
            return documents.bare(self._store.bodies, self._document)

    def keep(self, document: bytes) -> None:
        """The bytes of an issued statement."""
        with translating(self._copy):
            self._store.write(self._store.plan(Batch(documents=(document,)), EntryGate()))

    def finish(self, watermarks: Mapping[Witness, Instant]) -> str:
        """Have it take the ledger's place, its witnesses as far as they are known to have seen.

        What it lacks of what was acknowledged here, in words; "" for nothing. The note keeps that, for the next start to ask.
        """
        known = self._store.state.watermarks
        risen = {
            witness: at
            for witness, at in watermarks.items()
            if witness not in known or known[witness].at < at
        }
        before = noted(self._path)
        with translating(self._copy):
            self._store.write(self._store.plan(Batch(watermarks=risen), EntryGate()))
            lost = before is not None and before.seq > 0 and self.chain_of(before.seq) != before.chain
        self._store.close()
        self._copy.rename(self._path)
        sync_directory(self._path.parent)
        if not lost:
            with closing(NotedHead(self._path)) as note:
                note.begin(self.head)
        self._lock.release()
        return f"record {before.seq}, which was acknowledged here" if lost and before is not None else ""

    def abandon(self) -> None:
        """Leave the ledger as it was."""
        self._store.close()
        self._remove_copy()
        self._lock.release()

    def _document(self, sha256: str) -> bytes | None:
        try:
            return self._store.document(sha256)
        except LedgerDamagedError:
            return None

    def _remove_copy(self) -> None:
        for suffix in ("", "-journal", ".head", ".part"):
            self._copy.with_name(self._copy.name + suffix).unlink(missing_ok=True)
