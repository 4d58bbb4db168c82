"""A recording of what a vCenter answers, small and harmless enough to be attached to a report.

Lines of JSON, compressed: first what it is, then each answer with the method that was asked for. Of the questions only their
methods are kept, so no password; of HTTP only the status, so no session. In the answers stand pseudonyms (`pseudonyms`).
"""

import json
import os
import re
import threading
import time
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from probes.vcenter.pseudonyms import Pseudonyms
from probes.vcenter.transport import Exchange
from sla.instants import Instant, format_instant

FORMAT: Final = "slad-vcenter-recording"
VERSION: Final = 1
MOST_BYTES: Final = 20_000_000
"""As long as a recording becomes, compressed: more can hardly be attached anywhere."""
LONGEST_ANSWER_BYTES: Final = 16_000_000
"""As long as an answer in it may be: more than a page of the largest datastores has."""

_METHOD: Final = re.compile(rb"Body>\s*<(?:\w+:)?([A-Za-z]{1,64})")
_GZIP: Final = b"\x1f\x8b"
_WBITS: Final = 31
"""What zlib calls its way of gzip."""
_END_BYTES: Final = 32
"""More than the end of a compressed file has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a recording holds: its length in bytes, its answers by method, how many names of each kind were replaced.

    `left_out`: answers that were too long themselves, or would have made it longer than it may become.
    """

    length: int
    answers: Mapping[str, int]
    replaced: Mapping[str, int]
    left_out: int


class VcenterRecording:
    """Takes exchanges, from any thread, until it is written."""

    def __init__(self, slad: str, began_at: Instant, *, most_bytes: int = MOST_BYTES) -> None:
        """`slad`: the version that records; `began_at`: now, by the monitor's clock."""
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._pseudonyms = Pseudonyms()
        self._answers: Counter[str] = Counter()
        self._left_out = 0
        self._began_s = time.monotonic()
        self._packer = zlib.compressobj(wbits=_WBITS)
        self._bytes = bytearray()
        self._is_closed = False
        about = {"format": FORMAT, "version": VERSION, "slad": slad, "began_at": format_instant(began_at)}
        self._bytes += self._packed(about)

    def take(self, exchange: Exchange) -> None:
        """Add what a vCenter answered."""
        found = _METHOD.search(exchange.question)
        method = found[1].decode() if found is not None else ""
        answer = _unpacked(exchange.answer)
        with self._lock:
            if self._is_closed:
                return
            is_taken = len(answer) <= LONGEST_ANSWER_BYTES and self._add(
                {
                    "at_s": round(time.monotonic() - self._began_s, 3),
                    "took_s": round(exchange.took_s, 3),
                    "method": method,
                    "status": exchange.status,
                    # Each byte a character: what is no UTF-8 has to come through.
                    "answer": self._pseudonyms.replaced(answer).decode("latin-1"),
                }
            )
            if is_taken:
                self._answers[method or "versions"] += 1
            else:
                self._left_out += 1

    def contents(self) -> Contents:
        """What it holds by now."""
        with self._lock:
            return Contents(
                length=len(self._bytes),
                answers=dict(self._answers),
                replaced=self._pseudonyms.counts,
                left_out=self._left_out,
            )

    def close(self) -> None:
        """Nothing more is taken."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._bytes += self._packer.flush()

    def compressed(self) -> bytes:
        """All of it, as it stands in a file; nothing more is taken."""
        self.close()
        return bytes(self._bytes)

    def _add(self, line: Mapping[str, object]) -> bool:
        """Add a line, unless it makes the recording longer than it may become."""
        before = self._packer.copy()
        packed = self._packed(line)
        if len(self._bytes) + len(packed) + _END_BYTES > self._most_bytes:
            self._packer = before
            return False
        self._bytes += packed
        return True

    def _packed(self, line: Mapping[str, object]) -> bytes:
        text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        return self._packer.compress(text) + self._packer.flush(zlib.Z_SYNC_FLUSH)


class RecordingFile:
    """A file for a recording, for a `with` statement: made before anything is recorded, readable to its owner alone.

    Unless a recording was written into it, it is removed.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError, FileExistsError where there is one."""
        self._path = path
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._is_written = False

    def write(self, recording: VcenterRecording) -> None:
        """Write all of a recording. Raises OSError."""
        self._file.write(recording.compressed())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._is_written = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError:
            self._is_written = False
        if not self._is_written:
            self._path.unlink(missing_ok=True)


def _unpacked(answer: bytes) -> bytes:
    """An answer as it was before it was packed, or as it is where it cannot be unpacked; of a longer one only so much."""
    if not answer.startswith(_GZIP):
        return answer
    try:
        return zlib.decompressobj(wbits=_WBITS).decompress(answer, LONGEST_ANSWER_BYTES + 1)
    except zlib.error:
        return answer
