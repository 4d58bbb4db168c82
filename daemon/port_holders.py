"""Which process listens on a port, as far as /proc tells: of one's own processes, or to root of all."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_LISTENING: Final = "0A"
"""As the kernel tells the state (`net/tcp_states.h`)."""
_LOCAL, _STATE, _INODE = 1, 3, 9
"""Columns of /proc/net/tcp."""


def holder_of(port: int) -> str:
    """The name and number of a process that listens on a TCP port; empty where that cannot be known."""
    sockets = {f"socket:[{inode}]" for inode in _listeners(port)}
    for process in _PROC.glob("[0-9]*") if sockets else ():
        with suppress(OSError):
            if any(descriptor.readlink().name in sockets for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text(errors='replace').strip()} (process {process.name})"
    return ""


def _listeners(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                columns = line.split()
                if columns[_STATE] == _LISTENING and int(columns[_LOCAL].rpartition(":")[2], 16) == port:
                    yield columns[_INODE]
