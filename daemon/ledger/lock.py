"""One process at a time on a ledger."""

import fcntl
import os
from pathlib import Path

from daemon.ledger.errors import LedgerFaultError, LedgerLockedError
from daemon.os_faults import refused


class Lock:
    """The lock of a ledger, taken. It stands on a file of its own, which stays, and ends with the process at the latest."""

    def __init__(self, ledger: Path) -> None:
        path = ledger.with_name(ledger.name + ".lock")
        try:
            self._fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
            try:
                self._take(ledger)
            except BaseException:
                os.close(self._fd)
                raise
        except OSError as error:
            raise LedgerFaultError(f"The ledger's lock {path} cannot be taken: {refused(error)}.") from error

    def _take(self, ledger: Path) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(self._fd, 20, 0).decode(errors="replace").strip() or "unknown"
            raise LedgerLockedError(
                f"The ledger {ledger} is in use by process {pid}. Stop that process, or ask the running daemon instead."
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one in."""
        os.close(self._fd)
