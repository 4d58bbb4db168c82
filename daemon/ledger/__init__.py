"""The ledger: an append-only, hash-chained log of evidence in one SQLite file.

Every acknowledged record survives any crash; every change after the fact shows. One process, one writer thread, one
transaction a batch. SQLite is used here and nowhere else.
"""

from daemon.ledger.acceptance import accepted_loss
from daemon.ledger.batch import (
    NOTHING_READ,
    Batch,
    Chained,
    Entry,
    Extent,
    Head,
    Lag,
    ReadableLedger,
    RequestKey,
    Stored,
    Trace,
)
from daemon.ledger.compacting import Compaction, SealedMonth
from daemon.ledger.documents import issued_in
from daemon.ledger.errors import (
    LedgerDamagedError,
    LedgerError,
    LedgerFaultError,
    LedgerLockedError,
    LedgerMissingError,
    LedgerTooNewError,
    LedgerWentBackError,
)
from daemon.ledger.gate import Quarantined, let_in
from daemon.ledger.ledger import Accepted, Ledger
from daemon.ledger.looking import read_traces, reading
from daemon.ledger.noted_head import note_of, noted
from daemon.ledger.restoring import Restoration
from daemon.ledger.snapshot_file import (
    SnapshotFile,
    SnapshotSection,
    UnsoundSnapshotError,
    forget_snapshot,
    sections_in,
    snapshot_of,
)
from daemon.ledger.store import SLICE
from daemon.ledger.verifying import Verified, verified

__all__ = [
    "NOTHING_READ",
    "SLICE",
    "Accepted",
    "Batch",
    "Chained",
    "Compaction",
    "Entry",
    "Extent",
    "Head",
    "Lag",
    "Ledger",
    "LedgerDamagedError",
    "LedgerError",
    "LedgerFaultError",
    "LedgerLockedError",
    "LedgerMissingError",
    "LedgerTooNewError",
    "LedgerWentBackError",
    "Quarantined",
    "ReadableLedger",
    "RequestKey",
    "Restoration",
    "SealedMonth",
    "SnapshotFile",
    "SnapshotSection",
    "Stored",
    "Trace",
    "UnsoundSnapshotError",
    "Verified",
    "accepted_loss",
    "forget_snapshot",
    "issued_in",
    "let_in",
    "note_of",
    "noted",
    "read_traces",
    "reading",
    "sections_in",
    "snapshot_of",
    "verified",
]
