"""How far the wall clock was ahead of the boot clock when it was believed last, in a file beside the ledger: `ledger.db.clock`.

So a clock is in doubt too that was set while slad did not run, or before it was started anew; until the machine is booted. It
is a help and no evidence: what cannot be read is as if nothing was noted, and what cannot be written is told and left.
"""

import re
from pathlib import Path
from typing import Final

import structlog

from daemon.os_faults import refused

_NOTE: Final = re.compile(rb"slad clock (\S+) (-?\d{1,18})\n")
_MOST_BYTES: Final = 200

_log = structlog.get_logger()


class ClockNote:
    """The note of one ledger."""

    def __init__(self, ledger: Path, boot: str) -> None:
        """`boot`: which boot of the machine this is; empty: not known, and nothing is noted."""
        self._path = ledger.with_name(ledger.name + ".clock")
        self._boot = boot
        self._has_failed = False

    def read(self) -> int | None:
        """What was noted in this boot, in microseconds; None where nothing was."""
        try:
            with self._path.open("rb") as file:
                found = _NOTE.fullmatch(file.read(_MOST_BYTES))
        except OSError:
            return None
        return int(found[2]) if found and self._boot and found[1] == self._boot.encode() else None

    def write(self, ahead_us: int) -> None:
        """Note it, in place of what was noted."""
        if not self._boot:
            return
        new = self._path.with_name(self._path.name + ".new")
        try:
            new.write_bytes(f"slad clock {self._boot} {ahead_us}\n".encode())
            new.replace(self._path)
        except OSError as error:
            if not self._has_failed:
                _log.warning("clock_not_noted", path=str(self._path), message=refused(error))
            self._has_failed = True
        else:
            self._has_failed = False
