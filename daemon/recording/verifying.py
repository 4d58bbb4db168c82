"""What a start took from a snapshot is verified behind its back, record by record, while the daemon already watches."""

import asyncio
from pathlib import Path
from typing import Final, Never

import structlog

from daemon.ledger import (
    NOTHING_READ,
    Extent,
    Ledger,
    LedgerDamagedError,
    LedgerError,
    forget_snapshot,
)

PAUSE_S: Final = 0.025
"""Between two thousand records, which take a third of it: a fourth of a core at most."""
RETRY_S: Final = 2.0
MOST_FAILURES: Final = 30
"""How often in a row the disk may refuse: about as long as a commit is tried."""

_log = structlog.get_logger()


class Verifier:
    """Verifies the records that a start did not read. One that does not hold ends the process, and the next start reads all."""

    def __init__(self, path: Path, ledger: Ledger, unread: Extent) -> None:
        """`path`: the ledger's; `unread`: the records that the start did not read."""
        self._path = path
        self._ledger = ledger
        self._unread = unread
        self._verified = NOTHING_READ

    def until_seq(self) -> int:
        """The number of the record up to which all were verified by this process, or written by it."""
        return self._ledger.head.seq if self._verified == self._unread else self._verified.head.seq

    async def run(self) -> Never:
        """Verify them, then wait for ever. Raises LedgerError."""
        failures = 0
        while self._verified != self._unread:
            await asyncio.sleep(RETRY_S if failures else PAUSE_S)
            try:
                self._verified = await self._ledger.verify(self._verified, self._unread)
                failures = 0
                if self._verified == self._unread:
                    _log.info("ledger_verified", records=self._unread.head.seq)
            except LedgerError as error:
                failures += 1
                if isinstance(error, LedgerDamagedError) or failures == MOST_FAILURES:
                    _log.critical("ledger_not_verified", message=str(error))
                    await asyncio.to_thread(forget_snapshot, self._path)
                    raise
        while True:
            await asyncio.Event().wait()
