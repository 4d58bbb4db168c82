"""A long ledger read for a start by a process beside it: it verifies and decodes what comes next while this one counts.

That process only reads, by the file's own bytes. Whatever ends it, what it gave was verified, and this one reads the rest itself.
"""

import marshal
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
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
_AHEAD: Final = 2
"""Slices that wait to be taken."""


@contextmanager
def read_ahead(ledger: Ledger, after: Extent) -> Iterator[Iterator[Slice]]:
    """The records that follow, verified as by `Ledger.replay`, in steps: they are read from now on. Who takes them gets LedgerError."""
    process = None
    if cores() > 1 and ledger.head.seq - after.head.seq >= WORTH_IT:
        try:
            process = _begun(ledger.path, after)
        except OSError as error:
            _tell_lost(after.head.seq, error)
    try:
        yield _read(ledger, after, None if process is None else process.stdout)
    finally:
        if process is not None:
            with process:  # closes its end, and waits
                process.kill()


def _begun(path: Path, after: Extent) -> "subprocess.Popen[bytes]":
    code = f"from {__name__} import main; main()"
    return subprocess.Popen(  # noqa: S603  this very interpreter
        [sys.executable, "-P", "-c", code, str(path), *_words(after)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _read(ledger: Ledger, after: Extent, stream: IO[bytes] | None) -> Iterator[Slice]:
    """What a process beside this one sends, and what it does not."""
    taken = tracks = 0
    if stream is not None:
        try:
            for read in _sent(stream, ledger.extent):
                taken += read.records
                tracks += sum(step[0] == TRACK for step in read.steps)
                yield read
        except (EOFError, OSError, ValueError) as error:
            _tell_lost(after.head.seq + taken, error)
        else:
            return
    yield from slices(islice(ledger.replay(after), taken, None), tracks=tracks)


def _tell_lost(after_seq: int, error: Exception) -> None:
    _log.warning("reader_lost", after=after_seq, message=str(error))


def _sent(stream: IO[bytes], until: Extent) -> Iterator[Slice]:
    """What a process sends that reads up to an extent. Raises EOFError, OSError and ValueError where it ends before its time."""
    while read := _received(stream):
        yield Slice(*read)
    if _received(stream) != _words(until):
        raise EOFError("it read up to another record")


def main() -> None:
    """Send what follows in the ledger at a path, and up to where that is: what `read_ahead` starts.

    Where anything does not hold it ends without a word: whoever asked finds it too, and says what it is.
    """
    forbid_core_dumps()
    path, seq, chain, settled_crc = sys.argv[1:]
    after = Extent(Head(int(seq), bytes.fromhex(chain)), int(settled_crc))
    sent: deque[Future[None]] = deque()
    try:
        with ThreadPoolExecutor(max_workers=1) as sender:  # it waits for whoever counts, and reading goes on
            for each in _to_send(Path(path), after):
                sent.append(sender.submit(_send, sys.stdout.buffer, each))
                if len(sent) > _AHEAD:
                    sent.popleft().result()
            for last in sent:
                last.result()
    except (LedgerError, OSError):
        os._exit(1)


def _to_send(path: Path, after: Extent) -> Iterator[Any]:
    with reading(path) as store:
        for read in slices(store.replay(after)):
            yield tuple(read)
        yield ()
        yield _words(store.state.extent)


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
