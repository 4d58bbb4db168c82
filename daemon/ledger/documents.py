"""The bytes of issued statements: kept compressed beside the chain, each under the SHA-256 that its `issued` record holds."""

import json
import zlib
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from daemon.ledger.errors import damaged

ISSUED: Final = '{"kind":"issued",'
"""How the body of a record begins that issues a statement."""


def packed(document: bytes) -> tuple[str, bytes]:
    """What is kept of a document: its hash, in hexadecimal, and its bytes, compressed."""
    return sha256(document).hexdigest(), zlib.compress(document)


def unpacked(path: Path, digest: str, content: bytes) -> bytes:
    """The document of a hash again. Raises LedgerDamagedError where it is not the one that was kept in the ledger at `path`."""
    try:
        document = zlib.decompress(content)
    except zlib.error:
        document = b""
    if sha256(document).hexdigest() != digest:
        raise damaged(path, f"the issued statement of SHA-256 {digest} was changed")
    return document


def bare(bodies: Callable[[str, int], Sequence[str]], document: Callable[[str], bytes | None]) -> list[str]:
    """The issued statements of which there are no bytes, as people name them; the others are read, and so proved to be whole."""
    records = map(json.loads, bodies(ISSUED, 0))
    return [
        f"{record['client']} {record['month']} version {record['version']}"
        for record in records
        if document(record["sha256"]) is None
    ]
