"""The newest acknowledged head, noted in a file beside the ledger: `ledger.db.head`.

A chain proves an order, and not that nothing was cut off its end. By the note a start knows a ledger that is gone, an older
copy that was put back, and another ledger in its place. It is written after each commit that adds records and before
anybody is told: so it may be behind the ledger, after a crash, and never ahead of it.

Two lines of one length are written in turn, each with a checksum, so that one of them is whole whatever happens.
"""

import os
from pathlib import Path
from typing import Final
from zlib import crc32

from daemon.ledger.batch import Head
from daemon.ledger.errors import LedgerFaultError
from daemon.os_faults import refused

_LINE_BYTES: Final = 128
_MARK: Final = "slad ledger head"


def note_of(ledger: Path) -> Path:
    """The file that notes the head of the ledger at a path."""
    return ledger.with_name(ledger.name + ".head")


def noted(ledger: Path) -> Head | None:
    """What was noted last of the ledger at a path; None where nothing was, or nothing can be read. Raises LedgerFaultError."""
    try:
        lines = note_of(ledger).read_bytes()[: 2 * _LINE_BYTES]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _fault(ledger, error) from error
    found = [_head(lines[start : start + _LINE_BYTES]) for start in (0, _LINE_BYTES)]
    return max((head for head in found if head is not None), key=lambda head: head.seq, default=None)


class NotedHead:
    """Writes the note of one ledger, for as long as it is open."""

    def __init__(self, ledger: Path) -> None:
        """Raises LedgerFaultError."""
        self._ledger = ledger
        self._turn = 0
        try:
            self._fd = os.open(note_of(ledger), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _fault(ledger, error) from error

    def note(self, head: Head) -> None:
        """Have this be the newest head. Raises LedgerFaultError."""
        told = f"{_MARK} {head.seq} {head.chain.hex()}"
        line = f"{told} {crc32(told.encode()):08x}".ljust(_LINE_BYTES - 1) + "\n"
        try:
            os.pwrite(self._fd, line.encode(), self._turn * _LINE_BYTES)
        except OSError as error:
            raise _fault(self._ledger, error) from error
        self._turn = 1 - self._turn

    def begin(self, head: Head) -> None:
        """Have this be the head whatever was noted before. Raises LedgerFaultError."""
        for _ in range(2):
            self.note(head)

    def close(self) -> None:
        """Nothing more is noted."""
        os.close(self._fd)


def _head(line: bytes) -> Head | None:
    told, _, crc = line.decode(errors="replace").strip().rpartition(" ")
    if crc != f"{crc32(told.encode()):08x}" or not told.startswith(f"{_MARK} "):
        return None
    seq, chain = told.removeprefix(f"{_MARK} ").split(" ")
    return Head(int(seq), bytes.fromhex(chain))


def _fault(ledger: Path, error: OSError) -> LedgerFaultError:
    return LedgerFaultError(
        f"The note of the ledger's head {note_of(ledger)} cannot be read or written: {refused(error)}."
    )
