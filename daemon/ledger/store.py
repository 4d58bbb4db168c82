"""One open handle on a ledger's file.

Invariants: the records' sequence numbers run from 1 without a gap; each record's chain value follows from the one before;
the one row of `head` says what the last record is, how many transactions there were, and the CRCs of what stands beside
the chain. A handle that failed once is of no more use. One thread at a time.
"""

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain as flattened
from pathlib import Path
from sys import intern
from typing import Final, Self

from daemon.ledger import documents
from daemon.ledger.batch import (
    NOTHING_READ,
    Batch,
    Chained,
    Entry,
    Extent,
    Head,
    Lag,
    RequestKey,
    Stored,
    Trace,
)
from daemon.ledger.errors import LedgerFaultError, damaged, translating
from daemon.ledger.files import OWN_BYTES, connect, copy_whole, identity
from daemon.ledger.gate import EntryGate, Quarantined, let_in
from daemon.ledger.months import SealedBlock, blocks_after, rows_after, rows_in
from daemon.ledger.schema import (
    BEGIN,
    BESIDE_THE_RECORDS,
    COMMIT,
    COUNT_OPENING,
    COUNT_QUARANTINE,
    DELETE_RECORDS,
    FIND_CHAIN,
    INSERT_LAG,
    INSERT_RECORDS,
    INSERT_REQUEST,
    INSERT_SEALED,
    LET_GO_OF_QUARANTINE,
    LET_GO_OF_TRACES,
    PAGE_SIZE,
    PUT_DOCUMENT,
    PUT_OBJECTS,
    PUT_TRACES,
    PUT_WATERMARK,
    QUARANTINE,
    SELECT_BODIES,
    SELECT_DOCUMENT,
    SELECT_HEAD,
    SELECT_LAGS,
    SELECT_OBJECTS,
    SELECT_REQUESTS,
    SELECT_SEALED_UNTIL,
    SELECT_TRACES,
    SELECT_WATERMARKS,
    UPDATE_HEAD,
    Database,
    migrate,
    of_rows,
    set_pragmas,
)
from daemon.ledger.snapshot_file import sync_directory
from daemon.ledger.sums import (
    StoredRow,
    Watermark,
    check_end,
    crc_of_lags,
    crc_of_settled,
    crc_of_watermarks,
    followed,
    salted_rows,
    settled_bytes,
)
from probes.report import ManagedObject
from sla.chain import GENESIS
from sla.instants import Instant
from sla.records import ObservedUntil, ServerId, Witness

SLICE: Final = 10_000
"""The most records that are read at once."""

MOST_QUARANTINED: Final = 1_000
"""How many records are kept that were not let in; the oldest go first."""
_REPLAYED_AT_ONCE: Final = 1_000
_ROWS_A_STATEMENT: Final = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePlan:
    """A batch made ready to be written, and the state after it. `quarantined`: what of it is no part of the ledger."""

    rows: Sequence[StoredRow]
    quarantined: Sequence[Quarantined]
    changed: Mapping[Witness, Watermark]
    batch: Batch
    after: "StoreState"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """What the row of `head` and the watermarks say."""

    head: Head
    commits: int
    settled_crc: int
    lag_crc: int
    watermarks: Mapping[Witness, Watermark]

    @property
    def extent(self) -> Extent:
        """All of the records."""
        return Extent(self.head, self.settled_crc)


class Store:
    """A ledger's tables on an open connection, checked. Raises LedgerDamagedError where they do not hold together."""

    def __init__(self, db: Database, path: Path, file: tuple[int, int] | None = None) -> None:
        """`file`: by what the file is known again, where it is one."""
        self._db = db
        self._path = path
        self._file = file
        for table in BESIDE_THE_RECORDS:
            self._check_structure(f"PRAGMA quick_check({table})")
        self.state = _state_in(db, path)
        self.lags: Sequence[Lag] = _lags_in(db, path, self.state)

    @classmethod
    def open(cls, path: Path, *, make: bool) -> Self:
        """Open the ledger at `path` to write, brought to the newest version where needed; `make` it where there is none."""
        try:
            with translating(path):
                if not path.exists():
                    if not make:
                        raise LedgerFaultError(_GONE.format(path=path))
                    _create(path)
                return cls._settled(path)
        except OSError as error:
            raise LedgerFaultError(
                f"The ledger {path} cannot be opened: {error.strerror or error}."
            ) from error

    @classmethod
    def _settled(cls, path: Path) -> Self:
        db = connect(path, "rw")
        try:
            set_pragmas(db)
            migrate(db, path, lambda version: _back_up(db, path, version))
            store = cls(db, path, identity(path))
            store.settle()
            return store
        except BaseException:
            db.close()
            raise

    def check_structure(self) -> None:
        """See that SQLite finds all of the file in order: it reads the whole. Raises LedgerDamagedError."""
        with translating(self._path):
            self._check_structure("PRAGMA quick_check(1)")

    def _check_structure(self, check: str) -> None:
        found = self._db.execute(check).fetchall()[0][0]
        if found != "ok":
            raise damaged(self._path, f"SQLite finds: {found}")

    def check_file(self) -> None:
        """See that the file at the path is still the one that was opened. Raises LedgerFaultError.

        What is written into a file that was moved away, removed or exchanged would be nobody's.
        """
        if self._file is None:
            return
        try:
            now = identity(self._path)
        except FileNotFoundError:
            raise LedgerFaultError(_GONE.format(path=self._path)) from None
        except OSError as error:
            raise LedgerFaultError(f"The ledger {self._path} cannot be seen: {error.strerror}.") from error
        if now != self._file:
            raise LedgerFaultError(
                f"Another file is in the place of the ledger {self._path}. Nothing is recorded any more: put the file back that was"
                " there, or stop slad."
            )

    def chain_of(self, seq: int) -> bytes | None:
        """The chain value of a record; None where there is none."""
        found = self.rows(seq - 1, 1)
        return found[0][2] if found and found[0][0] == seq else None

    def found(self, chains: Collection[bytes]) -> dict[bytes, int]:
        """The numbers of the records that have these chain values, of those that are there."""
        seqs = {
            chain: seq for chain in chains for (seq,) in self._db.execute(FIND_CHAIN, (chain,)).fetchall()
        }
        for block in blocks_after(self._db, 0):
            seqs |= {chain: seq for seq, _, chain, _ in rows_in(self._path, block) if chain in chains}
        return seqs

    def sealed_until(self) -> int:
        """The number of the last record that is in a month file; 0 where none is."""
        ((seq,),) = self._db.execute(SELECT_SEALED_UNTIL).fetchall()
        return int(seq)

    def take_out(self, blocks: Sequence[SealedBlock]) -> None:
        """Commit that the oldest records are in blocks, and no more in the database."""
        self.check_file()
        self._db.execute(BEGIN)
        for block in blocks:
            self._db.execute(INSERT_SEALED, block)
        self._db.execute(DELETE_RECORDS, (blocks[-1].last,))
        self._db.execute(COMMIT)

    def settle(self) -> None:
        """Make durable what was found, and take the file: from here on nobody else can read it.

        A commit whose last sync failed, or never came since the process was killed, is seen; but its journal may be whole on the
        disk and undo it after power loss. One more transaction, which has to change something, writes over that journal.
        """
        for statement in (BEGIN, COUNT_OPENING, COMMIT):
            self._db.execute(statement)

    def close(self) -> None:
        """Give the file back."""
        self._db.close()

    def plan(self, batch: Batch, gate: EntryGate) -> WritePlan:
        """Make a batch ready: lines that pass the gate, salt, hashes and the state after it."""
        state = self.state
        changed = {
            witness: Watermark(
                at=at, sealed=known.sealed if (known := state.watermarks.get(witness)) else None
            )
            for witness, at in batch.watermarks.items()
        }
        entries = batch.entries
        if batch.seal:
            unsealed = _unsealed({**state.watermarks, **changed})
            changed.update({witness: Watermark(at=at, sealed=at) for witness, at in unsealed})
            entries = [
                *entries,
                *(Entry(record=ObservedUntil(witness=witness, at=at)) for witness, at in unsealed),
            ]
        admitted = gate.admitted if batch.request is None else gate.admitted_whole
        lines, quarantined = admitted(entries)
        settled = [entry.settled for entry in let_in(entries, quarantined)]
        rows = salted_rows(lines, settled, state.head)
        return WritePlan(
            rows=rows,
            quarantined=quarantined,
            changed=changed,
            batch=batch,
            after=StoreState(
                head=Head(rows[-1][0], rows[-1][2]) if rows else state.head,
                commits=state.commits + 1,
                settled_crc=crc_of_settled((row[3] for row in rows), state.settled_crc),
                lag_crc=crc_of_lags(batch.lags, state.lag_crc),
                watermarks={**state.watermarks, **changed},
            ),
        )

    def write(self, plan: WritePlan) -> None:
        """Commit a plan made of the present state: when this returns, it is durable."""
        db, batch, after = self._db, plan.batch, plan.after
        self.check_file()
        db.execute(BEGIN)
        self._insert(INSERT_RECORDS, plan.rows)
        self._quarantine(plan)
        for witness, mark in plan.changed.items():
            db.execute(PUT_WATERMARK, (witness.observer, witness.source, mark.at, mark.sealed))
        for lag in batch.lags:
            db.execute(INSERT_LAG, (lag.witness.observer, lag.witness.source, lag.start, lag.end))
        self._insert(PUT_OBJECTS, [(*of, *known) for of, known in batch.objects.items()])
        self._insert(PUT_TRACES, batch.traces)
        if batch.traces_since is not None:
            db.execute(LET_GO_OF_TRACES, (batch.traces_since,))
        if batch.request is not None and plan.rows:
            db.execute(INSERT_REQUEST, (plan.rows[0][0], *batch.request))
        if batch.request is None or plan.rows:
            for document in batch.documents:
                db.execute(PUT_DOCUMENT, documents.packed(document))
        db.execute(
            UPDATE_HEAD,
            (
                *after.head,
                after.commits,
                after.settled_crc,
                crc_of_watermarks(after.watermarks, after.commits),
                after.lag_crc,
            ),
        )
        db.execute(COMMIT)
        self.check_file()
        self.state = after
        self.lags = [*self.lags, *batch.lags] if batch.lags else self.lags

    def _insert(self, insert: str, rows: Sequence[tuple[object, ...]]) -> None:
        for first in range(0, len(rows), _ROWS_A_STATEMENT):
            some = rows[first : first + _ROWS_A_STATEMENT]
            self._db.execute(of_rows(insert, len(some)), list(flattened.from_iterable(some)))

    def restore(self, lines: Sequence[Chained]) -> None:
        """Commit records that were in this ledger before, as they are. Raises LedgerDamagedError where they do not follow."""
        if not lines:
            raise damaged(self._path, f"no record follows {self.state.head.seq}")
        rows = [(line.seq, line.body, line.chain, None) for line in lines]
        extent = followed(self._path, self.state.extent, rows)
        after = replace(
            self.state, head=extent.head, settled_crc=extent.settled_crc, commits=self.state.commits + 1
        )
        self.write(WritePlan(rows=rows, quarantined=(), changed={}, batch=Batch(), after=after))

    def _quarantine(self, plan: WritePlan) -> None:
        """Keep what was not let in, the newest of it."""
        for each in plan.quarantined:
            self._db.execute(QUARANTINE, (plan.after.head.seq, each.problem, each.body))
        if plan.quarantined:
            ((count, newest),) = self._db.execute(COUNT_QUARANTINE).fetchall()
            if count > MOST_QUARANTINED:
                self._db.execute(LET_GO_OF_QUARANTINE, (newest - MOST_QUARANTINED,))

    def read(self, after_seq: int, limit: int) -> Sequence[Chained]:
        """At most `limit` records that follow `after_seq`, by the file's own bytes: this handle's cache may be sounder.

        Between two transactions only. What stands beside the chain is held against what was acknowledged.
        """
        path = self._path
        with closing(connect(path, OWN_BYTES)) as db:
            state = _state_in(db, path)
            if (state, _lags_in(db, path, state)) != (self.state, self.lags):
                raise damaged(path, "its head, watermarks or lags are not what was acknowledged")
            rows = rows_after(db, path, after_seq, limit)
        for seq, body, chain, _ in rows:
            if type(body) is not str or type(chain) is not bytes:
                raise damaged(path, f"record {seq} is none")
        return [Chained(seq, body, chain) for seq, body, chain, _ in rows]

    def replay(self, after: Extent = NOTHING_READ) -> Iterator[Stored]:
        """The records that follow, in order; each slice is verified before its first record is given, the head after the last.

        All of them are preceded by a look at the file's structure.
        """
        if after == NOTHING_READ:
            self.check_structure()
        while rows := self.rows(after.head.seq, _REPLAYED_AT_ONCE):
            after = followed(self._path, after, rows)
            for seq, body, _, settled in rows:
                yield seq, body, settled
        check_end(self._path, after, self.state.extent)

    def part(self, first: int, last: int, progress: Callable[[int], None]) -> tuple[Head, Head, bytes]:
        """Verify the records `(first, last]`: the head before them, which is taken as it is, their own, and their settled as bytes.

        `progress` is told how far it is. Raises LedgerDamagedError.
        """
        chain = GENESIS if first == 0 else self.chain_of(first)
        if type(chain) is not bytes:
            raise damaged(self._path, f"record {first} is missing, or is none")
        before = Head(first, chain)
        after, settled = Extent(before, 0), list[bytes]()
        while after.head.seq < last:
            limit = min(_REPLAYED_AT_ONCE, last - after.head.seq)
            rows = self.rows(after.head.seq, limit)
            if not rows:
                break
            after = followed(self._path, after, rows)
            settled.append(settled_bytes(row[3] for row in rows))
            progress(after.head.seq)
        return before, after.head, b"".join(settled)

    def follow(self, after: Extent, until: Extent) -> Extent:
        """Verify some more records up to an extent; how far they are verified now. By the file's own bytes, as `read`."""
        self.check_file()
        limit = min(_REPLAYED_AT_ONCE, until.head.seq - after.head.seq)
        with translating(self._path), closing(connect(self._path, OWN_BYTES)) as db:
            rows = rows_after(db, self._path, after.head.seq, limit)
        if rows:
            after = followed(self._path, after, rows)
        if len(rows) < limit or after.head.seq == until.head.seq:
            check_end(self._path, after, until)
        return after

    def document(self, sha256: str) -> bytes | None:
        """The bytes of an issued statement, by their hash; None where they are not here. Raises LedgerDamagedError."""
        rows = self._db.execute(SELECT_DOCUMENT, (sha256,)).fetchall()
        return documents.unpacked(self._path, sha256, rows[0][0]) if rows else None

    def objects(self) -> dict[tuple[str, ServerId], ManagedObject]:
        """Which object each listed server was last, by source and server as that calls it."""
        with translating(self._path):
            rows = self._db.execute(SELECT_OBJECTS).fetchall()
        named = (map(intern, row) for row in rows)  # as whoever watches and counts them calls them
        return {(source, ServerId(server)): ManagedObject(*known) for source, server, *known in named}

    def traces(self) -> list[Trace]:
        """What was seen of what servers stand on, by whom it is about and then by when it began."""
        with translating(self._path):
            return [Trace(*row) for row in self._db.execute(SELECT_TRACES).fetchall()]

    def bodies(self, beginning: str, after_seq: int) -> list[str]:
        """The bodies that begin with a text, in order, after a record; unverified."""
        with translating(self._path):
            sealed = (
                row for block in blocks_after(self._db, after_seq) for row in rows_in(self._path, block)
            )
            bodies = [body for seq, body, _, _ in sealed if seq > after_seq and body.startswith(beginning)]
            return bodies + [
                body for (body,) in self._db.execute(SELECT_BODIES, (beginning, after_seq)).fetchall()
            ]

    def requests(self) -> dict[int, RequestKey]:
        """What asked for records, by the number of the first of them."""
        with translating(self._path):
            rows = self._db.execute(SELECT_REQUESTS).fetchall()
        return {seq: RequestKey(key, digest) for seq, key, digest in rows}

    def rows(self, after_seq: int, limit: int) -> list[StoredRow]:
        """At most so many records that follow a number; unverified."""
        with translating(self._path):
            return rows_after(self._db, self._path, after_seq, limit)


def _state_in(db: Database, path: Path) -> StoreState:
    """What the tables say beside the records. Raises LedgerDamagedError where they do not hold together."""
    watermarks = {
        Witness(observer, source): Watermark(at=at, sealed=sealed)
        for observer, source, at, sealed in db.execute(SELECT_WATERMARKS).fetchall()
    }
    heads = db.execute(SELECT_HEAD).fetchall()
    if len(heads) != 1:
        raise damaged(path, "its head is missing")
    seq, chain, commits, settled_crc, watermark_crc, lag_crc = heads[0]
    if commits and crc_of_watermarks(watermarks, commits) != watermark_crc:
        raise damaged(path, "its watermarks were changed")
    return StoreState(
        head=Head(seq, chain),
        commits=commits,
        settled_crc=settled_crc,
        lag_crc=lag_crc,
        watermarks=watermarks,
    )


def _lags_in(db: Database, path: Path, state: StoreState) -> Sequence[Lag]:
    lags = [
        Lag(witness=Witness(observer, source), start=start, end=end)
        for observer, source, start, end in db.execute(SELECT_LAGS).fetchall()
    ]
    if crc_of_lags(lags, 0) != state.lag_crc:
        raise damaged(path, "its lags were changed")
    return lags


def _unsealed(watermarks: Mapping[Witness, Watermark]) -> list[tuple[Witness, Instant]]:
    return sorted((witness, mark.at) for witness, mark in watermarks.items() if mark.at != mark.sealed)


_GONE: Final = "The ledger {path} is gone: it was moved away or removed. Nothing is recorded any more: put the file back, or stop slad."


def _create(path: Path) -> None:
    """Make an empty ledger: whole under another name first, so that a crash leaves none or a sound one."""
    journal = path.with_name(path.name + "-journal")
    if journal.exists() and journal.read_bytes()[:1] not in (b"", b"\0"):
        raise damaged(path, f"it is missing, and its {journal.name} is there")
    journal.unlink(missing_ok=True)
    new = path.with_name(path.name + ".new")
    new.with_name(new.name + "-journal").unlink(missing_ok=True)
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(connect(new, "rw")) as db:
        db.execute(PAGE_SIZE)
        set_pragmas(db)
        migrate(db, new, back_up=None)
    new.rename(path)
    sync_directory(path.parent)


def _back_up(db: sqlite3.Connection, path: Path, version: int) -> None:
    """A copy of the ledger as it is before it leaves `version`."""
    copy_whole(db, path, path.with_name(f"{path.name}.before-v{version + 1}"))
