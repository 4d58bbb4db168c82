"""What holds a ledger together, worked out: chain values of its records, and the CRCs of what is kept beside them."""

import os
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from itertools import count
from pathlib import Path
from types import NoneType
from typing import Final
from zlib import crc32

from daemon.ledger.batch import Extent, Head, Lag
from daemon.ledger.errors import damaged
from sla.chain import SALT_BYTES, salted
from sla.instants import Instant
from sla.records import Witness

UNSETTLED: Final = -(2**63)
"""Stands for None where settled is bytes."""

StoredRow = tuple[int, str, bytes, Instant | None]
"""A record in its table: number, body, chain value and settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """How far a witness has seen, and how far the chain says so."""

    at: Instant
    sealed: Instant | None


def chained(before: bytes, bodies: Iterable[str]) -> Iterator[bytes]:
    """The chain values: as `linked(before, digest_of(body))` one after the other, without the calls' cost."""
    for body in bodies:
        before = sha256(before + sha256(body.encode()).digest()).digest()
        yield before


def salted_rows(lines: Sequence[str], settled: Sequence[Instant | None], head: Head) -> Sequence[StoredRow]:
    """Lines as the rows that follow a head, each with a salt of its own, and what is kept beside it."""
    bodies = [salted(line, salt) for line, salt in zip(lines, _salts(len(lines)), strict=True)]
    return list(zip(count(head.seq + 1), bodies, chained(head.chain, bodies), settled, strict=False))


def _salts(records: int) -> list[str]:
    """So many salts of which none tells of another. Random ones, asked for together: to derive them would save
    their bytes, and make one secret that tells all of them.
    """
    return os.urandom(records * SALT_BYTES).hex(" ", SALT_BYTES).split()


def followed(path: Path, after: Extent, rows: Sequence[StoredRow]) -> Extent:
    """How far a ledger is verified once these rows follow. Raises LedgerDamagedError where they do not."""
    before = after.head
    seqs, bodies, chains, settled = zip(*rows, strict=True)
    if {*map(type, bodies)} != {str} or not {*map(type, settled)} <= {int, NoneType}:
        raise damaged(path, f"of the {len(rows)} records after {before.seq} one is none")
    values = tuple(chained(before.chain, bodies))
    if values != chains or seqs != tuple(range(before.seq + 1, before.seq + 1 + len(rows))):
        raise damaged(path, _first_fault(before.seq, seqs, chains, values))
    return Extent(Head(seqs[-1], chains[-1]), crc_of_settled(settled, after.settled_crc))


def check_end(path: Path, found: Extent, expected: Extent) -> None:
    """See that what was verified is what was acknowledged. Raises LedgerDamagedError."""
    seq = expected.head.seq
    if found.head.seq != seq:
        raise damaged(path, f"it ends with record {found.head.seq}, and should end with record {seq}")
    if found.head != expected.head:
        raise damaged(path, f"record {seq}, its last, is not the one that was acknowledged")
    if found.settled_crc != expected.settled_crc:
        raise damaged(path, "what it keeps beside the records (settled) was changed")


def crc_of_settled(settled: Iterable[int | None], before: int) -> int:
    return crc32(settled_bytes(settled), before)


def settled_bytes(settled: Iterable[int | None]) -> bytes:
    """What the CRC is taken of."""
    return array("q", (UNSETTLED if at is None else at for at in settled)).tobytes()


def crc_of_parts(parts: Iterable[bytes]) -> int:
    """The CRC of all that is settled, of its parts as bytes."""
    return reduce(lambda before, part: crc32(part, before), parts, 0)


def crc_of_lags(lags: Iterable[Lag], before: int) -> int:
    text = "".join(f"{lag.witness.observer}\0{lag.witness.source}\0{lag.start}\0{lag.end}\n" for lag in lags)
    return crc32(text.encode(), before)


def crc_of_watermarks(watermarks: Mapping[Witness, Watermark], commits: int) -> int:
    text = "".join(
        f"{witness.observer}\0{witness.source}\0{mark.at}\0{mark.sealed}\n"
        for witness, mark in sorted(watermarks.items())
    )
    return crc32(text.encode(), commits & 0xFFFFFFFF)


def _first_fault(before: int, seqs: Sequence[int], chains: Sequence[bytes], values: Sequence[bytes]) -> str:
    for expected, seq, chain, value in zip(count(before + 1), seqs, chains, values, strict=False):
        if seq != expected:
            return f"record {expected} is missing: record {seq} follows {expected - 1}"
        if chain != value:
            return f"record {seq} was changed: it does not hash to its chain value"
    raise AssertionError("every record holds")
