"""What can go wrong with the ledger, in sentences for the operator."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final


class LedgerError(Exception):
    """Something is wrong with the ledger; the message says what, and what to do."""


class LedgerLockedError(LedgerError):
    """Another process holds the ledger."""


class LedgerDamagedError(LedgerError):
    """The file is not what was written: a record, the chain or the database's structure does not hold."""


class LedgerMissingError(LedgerError):
    """Where a ledger was there is none."""


class LedgerWentBackError(LedgerError):
    """The ledger lacks what was acknowledged: an older copy, another ledger, or records that were rewritten."""


class LedgerTooNewError(LedgerError):
    """A newer slad wrote the file."""


class LedgerFaultError(LedgerError):
    """The disk or the file system refused. Of a batch that failed so nothing counts as recorded (see Ledger.reopen)."""


_LOCKED: Final = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_FAULTS: Final = {
    sqlite3.SQLITE_FULL: "the disk, or its quota, is full; free space",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write; look into the kernel's log (journalctl -k)",
    sqlite3.SQLITE_READONLY: "it cannot be written; check its permissions and whether the file system is mounted read-only",
    sqlite3.SQLITE_CANTOPEN: "it, or a file beside it, cannot be opened; check the permissions of the directory",
    sqlite3.SQLITE_PERM: "it may not be opened; check its permissions",
    sqlite3.SQLITE_NOMEM: "memory ran out; look at the service's memory limit",
    sqlite3.SQLITE_NOLFS: "the file system cannot hold a file as large",
}


def damaged(path: Path, what: str) -> LedgerDamagedError:
    """The ledger is damaged: `what` continues the sentence."""
    return LedgerDamagedError(
        f"The ledger {path} is damaged: {what}. Move the file and any {path.name}-journal aside and "
        f"keep them; put the newest copy that 'slad verify --ledger COPY' finds sound in their place (a backup, or "
        f"{path.name}.before-v* from an upgrade), or start a new ledger and import the newest export with 'slad import'."
    )


def month_gone(file: Path, error: OSError) -> LedgerFaultError:
    """A month file cannot be read."""
    return LedgerFaultError(
        f"The month file {file} cannot be read: {error.strerror or error}. Records of the ledger are in it alone: put it back"
        " where it was, or a copy of it, readable for slad."
    )


def month_changed(file: Path, start: int) -> LedgerDamagedError:
    """A month file is not what was sealed."""
    return LedgerDamagedError(
        f"The month file {file} was changed, was cut off, or is another ledger's: what it has at byte {start:,} is not what was"
        " sealed. Move it aside and keep it, and put a copy of the right one in its place."
    )


def missing(path: Path, records: int) -> LedgerMissingError:
    """The ledger is missing that held so many records."""
    return LedgerMissingError(
        f"The ledger {path} is gone: {records:,} records were acknowledged in it ({path.name}.head remembers). Mount its file system,"
        f" or put the file back, or a copy of it, or import its newest export: 'slad import EXPORT --ledger {path}'. If a new"
        " ledger is meant: 'slad run --new-ledger', once."
    )


def went_back(path: Path, lost: str) -> LedgerWentBackError:
    """The ledger is not what was acknowledged: `lost` says what of it is missing."""
    return LedgerWentBackError(
        f"The ledger {path} went back: {lost} ({path.name}.head remembers). Put the newest copy in its place, or move it aside and"
        f" import its newest export: 'slad import EXPORT --ledger {path}'. If there is none, go on with what there is:"
        " 'slad run --accept-older-ledger \"WHY\"', once; why is put on record."
    )


@contextmanager
def translating(path: Path) -> Iterator[None]:
    """Errors of SQLite as errors of the ledger at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _translated(error, path) from error
    except UnicodeDecodeError as error:  # an error whose message quotes what is damaged
        raise damaged(path, f"SQLite's own words of it cannot be read: {error}") from error


def _translated(error: sqlite3.Error, path: Path) -> LedgerError:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    name: str = getattr(error, "sqlite_errorname", type(error).__name__)
    primary = None if code is None else code & 0xFF
    if primary in _LOCKED:
        return LedgerLockedError(
            f"Another program has the ledger {path} open: {error} ({name}). Close it; ask the running daemon for an export instead."
        )
    if primary in _FAULTS:
        return LedgerFaultError(f"The ledger {path} failed: {error} ({name}): {_FAULTS[primary]}.")
    return damaged(path, f"SQLite says: {error} ({name})")
