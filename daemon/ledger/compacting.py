"""A ledger that gets smaller: its oldest records go into month files (`daemon.ledger.months`), and nothing of it is lost.

Whatever step is the last one: records are in the database until the file that holds them was written, synced and read again, and one
transaction has its blocks in and the records out. A file that no transaction names is made once more by the next attempt,
with the same bytes. What is left of the database is then copied without its free pages, and the copy takes its place.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from filecmp import cmp
from pathlib import Path
from typing import Final, NamedTuple, Self

from daemon.ledger.batch import Extent, Head, Stored
from daemon.ledger.errors import LedgerFaultError, damaged, translating, went_back
from daemon.ledger.files import connect, made
from daemon.ledger.ledger import lost_since
from daemon.ledger.lock import Lock
from daemon.ledger.months import BLOCK, SealedBlock, block_of, month_file, packed_lines, rows_in
from daemon.ledger.noted_head import noted
from daemon.ledger.store import Store
from daemon.ledger.sums import followed
from daemon.os_faults import refused
from sla.chain import GENESIS

_WORTH_IT: Final = 10
"""A copy is made where one page of so many is free."""


class SealedMonth(NamedTuple):
    """A month file that was made, and the records that are in it."""

    file: Path
    first: int
    last: int
    size_bytes: int


class Compaction:
    """A ledger that no daemon has open: `replay` it, then `seal` months in their order, and `shrink` it at the end."""

    def __init__(self, path: Path) -> None:
        """Of the ledger at `path`, verified by `replay`. Raises LedgerError."""
        self._path = path
        if not path.exists():
            raise LedgerFaultError(f"There is no ledger {path}.")
        with ExitStack() as undo:
            self._lock = Lock(path)
            undo.callback(self._lock.release)
            self._store = Store.open(path, make=False)
            undo.callback(self._store.close)
            with translating(path):
                self.sealed_until: int = self._store.sealed_until()
                """The number of the last record that is in a month file; 0 where none is."""
                lost = lost_since(self._store, noted(path))
            if lost:
                raise went_back(path, lost)
            undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()
        self._lock.release()

    def replay(self) -> Iterator[Stored]:
        """As `Ledger.replay`: every record, those of month files too."""
        return self._store.replay()

    def document(self, sha256: str) -> bytes | None:
        """As `Ledger.document`."""
        with translating(self._path):
            return self._store.document(sha256)

    def seal(self, month: str, last: int, progress: Callable[[int], None]) -> SealedMonth:
        """Have the records up to `last` be in the file of a month (YYYY-MM), and no more in the database.

        `progress` is told the number of each block's last record. Raises LedgerError: then all is as it was.
        """
        first = self.sealed_until + 1
        file = month_file(self._path, month)
        chain = GENESIS if first == 1 else self._store.chain_of(first - 1)
        assert chain is not None, "all records were read"
        before = Extent(Head(first - 1, chain), 0)
        try:
            with made(file, like=self._path) as part:
                blocks, written = self._written(part, file.name, before, last, progress)
                if file.exists() and not cmp(part, file, shallow=False):
                    raise LedgerFaultError(
                        f"{file} is there already, and does not hold the records {first} to {last} of the ledger {self._path}: it is"
                        " another ledger's, or was changed. Move it aside and keep it. The month stays in the ledger."
                    )
        except OSError as error:
            raise LedgerFaultError(
                f"The month file {file} cannot be written: {refused(error)}. The month stays in the ledger."
            ) from error
        read = before
        for block in blocks:
            read = followed(self._path, read, rows_in(self._path, block))
        if read != written:
            raise damaged(file, "it does not hold what was written into it")
        with translating(self._path):
            self._store.take_out(blocks)
        self.sealed_until = last
        return SealedMonth(file, first, last, file.stat().st_size)

    def shrink(self) -> None:
        """Give back what the database does not need any more, where that is much. Afterwards the ledger is closed.

        Raises LedgerError: then it is as large as before, and as sound.
        """
        state = self._store.state
        self._store.close()
        try:
            with translating(self._path), closing(connect(self._path, "rw")) as db:
                free, pages = (
                    db.execute(f"PRAGMA {count}").fetchone()[0] for count in ("freelist_count", "page_count")
                )
                if free * _WORTH_IT < pages:
                    return
                with made(self._path, like=self._path) as part:
                    db.execute("VACUUM INTO ?", (str(part),))
                    with closing(connect(part, "ro")) as copy:
                        store = Store(copy, part)
                        store.check_structure()
                        if store.state != state:
                            raise damaged(part, "it is not what was copied")
        except OSError as error:
            raise LedgerFaultError(f"The ledger {self._path} cannot be copied: {refused(error)}.") from error

    def _written(
        self, part: Path, name: str, before: Extent, last: int, progress: Callable[[int], None]
    ) -> tuple[list[SealedBlock], Extent]:
        """The blocks of what is written into a file that will have a name, and how far the records in them go."""
        blocks: list[SealedBlock] = []
        start = 0
        with part.open("wb") as out:
            while before.head.seq < last:
                rows = self._store.rows(before.head.seq, min(BLOCK, last - before.head.seq))
                before = followed(self._path, before, rows)
                packed = packed_lines(rows)
                out.write(packed)
                blocks.append(block_of(rows, name, start, packed))
                start += len(packed)
                progress(before.head.seq)
        return blocks, before
