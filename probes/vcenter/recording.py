"""A recording of what a vCenter answers, small and harmless enough to be attached to a report.

Lines of JSON, compressed: first what it is, then each answer with the method that was asked for. Of the questions only their
methods are kept, so no password; of HTTP only the status, so no session. In the answers stand pseudonyms (`pseudonyms`).
"""

import gzip
import io
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
from typing import Final

from probes.vcenter.pseudonyms import Pseudonyms
from probes.vcenter.transport import REPLY_LIMIT_BYTES, Exchange
from sla.instants import Instant, format_instant

FORMAT: Final = "slad-vcenter-recording"
VERSION: Final = 1
MOST_BYTES: Final = 20_000_000
"""As long as a recording becomes, compressed: more can hardly be attached anywhere."""

_METHOD: Final = re.compile(rb"Body>\s*<(?:\w+:)?([A-Za-z]{1,64})")
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a recording holds: its length in bytes, its answers by method, how many names of each kind were replaced.

    `left_out`: answers that came when it was as long as it may become.
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
        self._bytes = io.BytesIO()
        self._lines = gzip.GzipFile(fileobj=self._bytes, mode="wb", mtime=0)
        self._add({"format": FORMAT, "version": VERSION, "slad": slad, "began_at": format_instant(began_at)})

    def take(self, exchange: Exchange) -> None:
        """Add what a vCenter answered."""
        found = _METHOD.search(exchange.question)
        method = found[1].decode() if found is not None else ""
        with self._lock:
            if self._lines.closed or self._bytes.tell() > self._most_bytes:
                self._left_out += 1
                return
            self._answers[method or "versions"] += 1
            answer = self._pseudonyms.replaced(_unpacked(exchange.answer))
            self._add(
                {
                    "at_s": round(time.monotonic() - self._began_s, 3),
                    "took_s": round(exchange.took_s, 3),
                    "method": method,
                    "status": exchange.status,
                    # Each byte a character: what is no UTF-8 has to come through.
                    "answer": answer.decode("latin-1"),
                }
            )

    def contents(self) -> Contents:
        """What it holds by now."""
        with self._lock:
            return Contents(
                length=self._bytes.tell(),
                answers=dict(self._answers),
                replaced=self._pseudonyms.counts,
                left_out=self._left_out,
            )

    def close(self) -> None:
        """Nothing more is taken."""
        with self._lock:
            self._lines.close()

    def write(self, path: Path) -> None:
        """Make the file, readable to its owner alone. Raises OSError, FileExistsError where there is one."""
        self.close()
        with open(path, "xb", opener=_private) as file:
            file.write(self._bytes.getvalue())

    def _add(self, line: Mapping[str, object]) -> None:
        self._lines.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


def _unpacked(answer: bytes) -> bytes:
    """An answer as it was before it was packed; as it is where it cannot be unpacked, or becomes too long."""
    if not answer.startswith(_GZIP):
        return answer
    reader = zlib.decompressobj(wbits=31)
    try:
        plain = reader.decompress(answer, REPLY_LIMIT_BYTES)
    except zlib.error:
        return answer
    return answer if reader.unconsumed_tail else plain


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
