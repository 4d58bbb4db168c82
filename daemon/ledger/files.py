"""A ledger's file on the disk: how it is connected to, and how a file beside it comes to be, whole or not at all."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from daemon.ledger.snapshot_file import sync_directory

OWN_BYTES: Final = "ro&immutable=1"
"""To read a file by its own bytes, whoever holds it: past locks, journals and caches. Between two transactions only."""
_BUSY_TIMEOUT_S: Final = 2.0


def connect(path: Path, mode: str) -> sqlite3.Connection:
    """A connection to the file at `path`, by SQLite's word for what may be done with it. Raises sqlite3.Error."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=_BUSY_TIMEOUT_S,
        check_same_thread=False,
    )


def identity(path: Path) -> tuple[int, int]:
    """By what a file is known again. Raises OSError."""
    found = path.stat()
    return found.st_dev, found.st_ino


@contextmanager
def made(target: Path, *, like: Path) -> Iterator[Path]:
    """An empty file to be written, under another name: it is the target once it is durable, and else is not there.

    It belongs to whom `like` belongs: who runs a command need not be who runs the daemon. Raises OSError.
    """
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    fd = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        owner = like.stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)
        yield part
        os.fsync(fd)
        part.rename(target)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    sync_directory(target.parent)


def copy_whole(db: sqlite3.Connection, path: Path, target: Path) -> None:
    """A copy of the ledger at `path`, durable under its name once this returns."""
    with made(target, like=path) as part, closing(connect(part, "rw")) as copy:
        db.backup(copy)
