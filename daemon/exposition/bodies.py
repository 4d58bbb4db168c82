"""Answers to a scrape: gzip members that are joined, in two formats."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from isal import isal_zlib

_GZIP_LEVEL: Final = 2  # of Intel's library: a fourth of the time of zlib's level 1, and a smaller body


_GZIP_CONTAINER: Final = 16 + isal_zlib.MAX_WBITS


_WRITE_BYTES: Final = 256 * 1024


class Format(Enum):
    """The text formats of a scrape; the value is the Content-Type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class GzipMember:
    """One gzip member of a body; `size` is its length when decompressed, in bytes."""

    data: bytes
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One whole answer to a scrape, in one format."""

    format: Format
    members: tuple[GzipMember, ...]

    def length(self, *, gzip: bool) -> int:
        """Bytes of the answer, compressed or plain."""
        return sum(len(member.data) if gzip else member.size for member in self.members)

    async def blocks(self, *, gzip: bool) -> AsyncIterator[bytes]:
        """The answer in pieces of about 256 KiB, with the loop let go between them; never joined as a whole."""
        pending: list[bytes] = []
        waiting = 0
        for member in self.members:
            piece = member.data if gzip else _decompressed(member)
            pending.append(piece)
            waiting += len(piece)
            if waiting >= _WRITE_BYTES:
                yield b"".join(pending)
                pending.clear()
                waiting = 0
                await asyncio.sleep(0)
        yield b"".join(pending)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What scrapes get until the next preparation is complete; `news` that there were are in it."""

    prepared_at_us: int
    news: int
    text: Body
    openmetrics: Body

    def body(self, wanted: Format) -> Body:
        """The answer in a format."""
        return self.text if wanted is Format.TEXT else self.openmetrics


def compressed(text: bytes) -> GzipMember:
    return GzipMember(data=isal_zlib.compress(text, _GZIP_LEVEL, wbits=_GZIP_CONTAINER), size=len(text))


def _decompressed(member: GzipMember) -> bytes:
    text = isal_zlib.decompress(member.data, wbits=_GZIP_CONTAINER, bufsize=member.size + 1)
    assert len(text) == member.size, "a published body changed"
    return text
