"""Small pictures, made here."""

import struct
import zlib
from typing import Final


def png(width: int = 2, height: int = 2) -> bytes:
    """A grey picture."""
    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpeg(width: int = 2, height: int = 2) -> bytes:
    """The frame of a picture: its markers, and a scan that says nothing."""
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return b"".join(
        (
            b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\1\1\0\0\1\0\1\0\0",
            b"\xff\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame,
            b"\xff\xda" + struct.pack(">H", 8) + b"\x01\x01\0\0\x3f\0",
            b"\0\0\xff\xd9",
        )
    )


PNG: Final = png()
JPEG: Final = jpeg()
