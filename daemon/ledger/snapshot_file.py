"""A file of sections beside the ledger, `ledger.db.snapshot`: whole, or not there, or known to be unsound.

It is written under another name, synced, and then renamed; its last bytes are the SHA-256 of all before them, which is looked at
before anything else of it is.
"""

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Final, NamedTuple

_MARK: Final = b"slad snapshot\n"
_LENGTHS: Final = struct.Struct("<HQ")
"""Of a section's name and of its content, before both."""
_DIGEST_BYTES: Final = 32
_CHUNK: Final = 1_048_576


class SnapshotSection(NamedTuple):
    """A part of a snapshot: of what, and the bytes."""

    name: str
    content: bytes


class UnsoundSnapshotError(Exception):
    """It cannot be used; the message says why, and continues "the snapshot"."""


def snapshot_of(ledger: Path) -> Path:
    """The snapshot's file beside the ledger at a path."""
    return ledger.with_name(ledger.name + ".snapshot")


class SnapshotFile:
    """A snapshot being written. `finish` puts it in place; unless it comes to that, `abandon` it. Raises OSError."""

    def __init__(self, ledger: Path) -> None:
        self._path = snapshot_of(ledger)
        self._part = self._path.with_name(self._path.name + ".part")
        self._part.unlink(missing_ok=True)
        self._file = os.fdopen(os.open(self._part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")
        self._digest = sha256()
        self._put(_MARK)

    def write(self, section: SnapshotSection) -> None:
        name = section.name.encode()
        self._put(_LENGTHS.pack(len(name), len(section.content)) + name)
        self._put(section.content)

    def finish(self) -> None:
        """Make it durable, and have it take the place of the one before."""
        self._file.write(self._digest.digest())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._path)
        sync_directory(self._path.parent)

    def abandon(self) -> None:
        """Leave the one before as it is."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    def _put(self, some: bytes) -> None:
        self._digest.update(some)
        self._file.write(some)


def sections_in(ledger: Path) -> Iterator[SnapshotSection]:
    """The sections of the snapshot beside a ledger, none where there is no snapshot.

    Raises UnsoundSnapshotError, before the first of them.
    """
    try:
        with open(snapshot_of(ledger), "rb", opener=_at_once) as file:
            end = _sound_end(file)
            while file.tell() < end:
                name_bytes, content_bytes = _LENGTHS.unpack(file.read(_LENGTHS.size))
                yield SnapshotSection(file.read(name_bytes).decode(), file.read(content_bytes))
    except FileNotFoundError:
        return
    except OSError as error:
        raise UnsoundSnapshotError(f"cannot be read: {error.strerror}") from error


def forget_snapshot(ledger: Path) -> None:
    """Have the next start read the whole ledger. Raises OSError."""
    snapshot_of(ledger).unlink(missing_ok=True)
    sync_directory(ledger.parent)


def sync_directory(directory: Path) -> None:
    """Make names in a directory durable. Raises OSError."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would keep whoever opens it waiting


def _sound_end(file: IO[bytes]) -> int:
    """Where the sections of a sound file end; `file` stands at the first of them afterwards."""
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        raise UnsoundSnapshotError("is no file")
    end = found.st_size - _DIGEST_BYTES
    digest = sha256()
    for start in range(0, end, _CHUNK):
        digest.update(file.read(min(_CHUNK, end - start)))
    if file.read() != digest.digest():
        raise UnsoundSnapshotError("was changed, or cut off: it does not hash to its own digest")
    file.seek(0)
    if file.read(len(_MARK)) != _MARK:
        raise UnsoundSnapshotError("is none of slad's")
    return end
