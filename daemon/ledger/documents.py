"""The bytes of issued statements: kept compressed beside the chain, each under the SHA-256 that its `issued` record holds."""

import json
import zlib
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from daemon.ledger.errors import damaged

_ISSUED: Final = '{"kind":"issued",'
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


def issued_in(body: str) -> str | None:
    """The hash of the statement that a record issues, by its body; None for any other record."""
    return str(json.loads(body)["sha256"]) if body.startswith(_ISSUED) else None


def bare(
    bodies: Callable[[str, int], Sequence[str]], document: Callable[[str], bytes | None]
) -> dict[str, str]:
    """The issued statements of which there are no bytes, by their hashes, as people name them.

    The others are read, and so proved to be whole.
    """
    records = map(json.loads, bodies(_ISSUED, 0))
    return {
        record["sha256"]: f"{record['client']} {record['month']} version {record['version']}"
        for record in records
        if document(record["sha256"]) is None
    }
