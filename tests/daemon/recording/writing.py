"""A program that starts from a ledger as the daemon does, and then writes a snapshot: `python -m … LEDGER`."""

import asyncio
import sys
from pathlib import Path

from daemon.recording.start_snapshot import StartSnapshots, sections_of
from tests.daemon.monitor import START
from tests.daemon.recording.lives import started


async def write(path: Path) -> None:
    ledger, known, _ = started(path, START)
    snapshots = StartSnapshots(path, lambda: ledger.head.seq, lambda: sections_of(known, ledger.extent), 0)
    snapshots.want()
    await snapshots.write_if_due(0, is_last=True)
    await ledger.close()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1])))
