"""The ledger: an append-only, hash-chained log of evidence in one SQLite file.

Every acknowledged record survives any crash; every change after the fact shows. One process, one writer thread, one
transaction a batch. SQLite is used here and nowhere else.
"""

from daemon.ledger.acceptance import accepted_loss
from daemon.ledger.batch import Batch, Chained, Entry, Head, Lag, RequestKey, Stored, Trace
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
from daemon.ledger.looking import read_traces
from daemon.ledger.noted_head import note_of, noted
from daemon.ledger.store import SLICE
from daemon.ledger.verifying import Verified, verified

__all__ = [
    "SLICE",
    "Accepted",
    "Batch",
    "Chained",
    "Entry",
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
    "RequestKey",
    "Stored",
    "Trace",
    "Verified",
    "accepted_loss",
    "let_in",
    "note_of",
    "noted",
    "read_traces",
    "verified",
]
