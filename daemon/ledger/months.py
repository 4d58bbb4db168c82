"""Month files: the oldest records of a ledger, out of its database, in a file a month beside it.

A month file is the lines of an export (`sla.chain.exported`), some at a time, each block of them a gzip member of its own: so
whatever reads gzip reads the file, and several of them one after the other. The ledger's table `sealed` says of each block
which records it holds, where it is, and its hash; and keeps what stands beside the chain (settled). Its chain goes on over
them: whoever asks for records gets those of blocks, then those of the database.
"""

import gzip
import os
import zlib
from array import array
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from daemon.ledger.errors import month_changed, month_gone
from daemon.ledger.schema import SELECT_RECORDS, SELECT_SEALED, Database
from daemon.ledger.sums import UNSETTLED, StoredRow, settled_bytes
from sla.chain import exported
from sla.instants import Instant

BLOCK: Final = 1_000
"""The most records of a block."""
_PROOF: Final = ',"seq":'
_CHAIN: Final = ',"chain":"'


class SealedBlock(NamedTuple):
    """Records of a month file: those up to `last`, from the first that no block before it has."""

    last: int
    file: str
    """The month file's name, in the folder of the ledger."""
    start: int
    """Where it begins there."""
    length: int
    """In bytes, as `start`."""
    sha256: bytes
    settled: bytes
    """What stands beside each record, eight bytes each, compressed."""


def month_file(ledger: Path, month: str) -> Path:
    """The file of a month (YYYY-MM) of the ledger at a path."""
    return ledger.with_name(f"{ledger.name}.{month}.jsonl.gz")


def packed_lines(rows: Sequence[StoredRow]) -> bytes:
    """What a block has in its file: the same rows give the same bytes."""
    lines = "".join(f"{exported(body, seq, chain)}\n" for seq, body, chain, _ in rows)
    return gzip.compress(lines.encode(), mtime=0)


def block_of(rows: Sequence[StoredRow], file: str, start: int, packed: bytes) -> SealedBlock:
    """What a ledger knows of a block that holds these rows."""
    return SealedBlock(
        last=rows[-1][0],
        file=file,
        start=start,
        length=len(packed),
        sha256=sha256(packed).digest(),
        settled=zlib.compress(settled_bytes(row[3] for row in rows)),
    )


def blocks_after(db: Database, after_seq: int) -> Iterator[SealedBlock]:
    """The blocks that hold records behind a number, in order."""
    while found := db.execute(SELECT_SEALED, (after_seq,)).fetchall():
        block = SealedBlock(*found[0])
        yield block
        after_seq = block.last


def rows_after(db: Database, ledger: Path, after_seq: int, limit: int) -> list[StoredRow]:
    """At most `limit` records of the ledger at a path that follow a number, wherever they are; unverified.

    Raises LedgerDamagedError and LedgerFaultError, which say of which month file, and sqlite3.Error.
    """
    rows: list[StoredRow] = []
    for block in blocks_after(db, after_seq):
        rows += (row for row in rows_in(ledger, block) if row[0] > after_seq)
        if len(rows) >= limit:
            return rows[:limit]
    last = rows[-1][0] if rows else after_seq
    return rows + db.execute(SELECT_RECORDS, (last, limit - len(rows))).fetchall()


def rows_in(ledger: Path, block: SealedBlock) -> list[StoredRow]:
    """The records of a block. Raises LedgerFaultError where its file cannot be read, LedgerDamagedError where it is another."""
    path = ledger.with_name(block.file)
    packed = _bytes_of(path, block)
    if sha256(packed).digest() != block.sha256:
        raise month_changed(path, block.start)
    try:
        lines = gzip.decompress(packed).decode().removesuffix("\n").split("\n")
        settled = array("q", zlib.decompress(block.settled))
        return [
            (*_taken_apart(line), None if at == UNSETTLED else Instant(at))
            for line, at in zip(lines, settled, strict=True)
        ]
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise month_changed(path, block.start) from error


def _bytes_of(path: Path, block: SealedBlock) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # nobody waits for a pipe
        try:
            return os.pread(fd, block.length, block.start)
        finally:
            os.close(fd)
    except OSError as error:
        raise month_gone(path, error) from error


def _taken_apart(line: str) -> tuple[int, str, bytes]:
    """The number, the body and the chain value of a line that `exported` made. Raises ValueError."""
    body, _, proof = line.rpartition(_PROOF)
    seq, _, chain = proof.partition(_CHAIN)
    return int(seq), f"{body}}}", bytes.fromhex(chain.removesuffix('"}'))
