"""A long ledger read for a start by a process beside it: it verifies and decodes what comes next while this one counts.

That process only reads, by the file's own bytes. Whatever ends it, what it gave was verified, and this one reads the rest itself.
"""

import marshal
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

import structlog

from daemon.cores import forbid_core_dumps
from daemon.jobs import cores
from daemon.ledger import Extent, Head, Ledger, LedgerError, reading
from daemon.recording.sorting import TRACK, Slice, slices

_log = structlog.get_logger()

WORTH_IT: Final = 100_000
"""Records: a process for fewer would cost more than it saves."""
_LENGTH_BYTES: Final = 8
_LONGEST: Final = 2**30
"""Bytes: no slice is as long."""


def read_ahead(ledger: Ledger, after: Extent) -> Generator[Slice, None, None]:
    """The records that follow, verified as by `Ledger.replay`, in steps. Raises LedgerError, as that does."""
    taken = tracks = 0
    if cores() > 1 and ledger.head.seq - after.head.seq >= WORTH_IT:
        try:
            for read in _read_beside(ledger, after):
                taken += read.records
                tracks += sum(step[0] == TRACK for step in read.steps)
                yield read
        except (EOFError, OSError, ValueError) as error:
            _log.warning("reader_lost", after=after.head.seq + taken, message=str(error))
        else:
            return
    yield from slices(islice(ledger.replay(after), taken, None), tracks=tracks)


def _read_beside(ledger: Ledger, after: Extent) -> Iterator[Slice]:
    """What a process of its own reads. Raises EOFError, OSError and ValueError where it ends before its time."""
    code = f"from {__name__} import main; main()"
    command = [sys.executable, "-P", "-c", code, str(ledger.path), *_words(after)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(  # noqa: S603  this very interpreter
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            while read := _received(process.stdout):
                yield Slice(*read)
            if _received(process.stdout) != _words(ledger.extent):
                raise EOFError("it read up to another record")
        finally:
            process.kill()


def main() -> None:
    """Send what follows in the ledger at a path, and up to where that is: what `read_ahead` starts.

    Where anything does not hold it ends without a word: whoever asked finds it too, and says what it is.
    """
    forbid_core_dumps()
    path, seq, chain, settled_crc = sys.argv[1:]
    after = Extent(Head(int(seq), bytes.fromhex(chain)), int(settled_crc))
    try:
        with reading(Path(path)) as store:
            for read in slices(store.replay(after)):
                _send(sys.stdout.buffer, tuple(read))
            _send(sys.stdout.buffer, ())
            _send(sys.stdout.buffer, _words(store.state.extent))
    except (LedgerError, OSError):
        os._exit(1)


def _words(extent: Extent) -> list[str]:
    return [str(extent.head.seq), extent.head.chain.hex(), str(extent.settled_crc)]


def _send(stream: IO[bytes], said: Any) -> None:
    content = marshal.dumps(said)
    stream.write(len(content).to_bytes(_LENGTH_BYTES, "big"))
    stream.write(content)
    stream.flush()


def _received(stream: IO[bytes]) -> Any:
    """What was sent. Raises EOFError and ValueError where it is not whole."""
    length = int.from_bytes(stream.read(_LENGTH_BYTES), "big")
    if not 0 < length <= _LONGEST:
        raise EOFError("it ended")
    return marshal.loads(stream.read(length))  # noqa: S302  from a process of our own
