"""Pictures in files, looked at before anybody lays out a page with one: PNG and JPEG, whole, of bounded size."""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from daemon.os_faults import refused

MAX_PICTURE_BYTES: Final = 512 * 1024
MAX_PIXELS: Final = 4096
"""Wide, and high."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_SIZES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""The markers of JPEG that tell how large a picture is."""
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Those that have no segment."""
_SCAN, _END = 0xDA, 0xD9


class PictureError(ValueError):
    """A file holds no picture that can be used; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, and which kind it is."""

    kind: Literal["png", "jpeg"]
    content: bytes


def picture_in(path: Path) -> Picture:
    """The picture in a file. Raises PictureError; what is no file, such as a pipe, is not waited for."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise PictureError("is no file: name one that holds a picture")
        with path.open("rb") as file:
            content = file.read(MAX_PICTURE_BYTES + 1)
    except OSError as error:
        raise PictureError(f"cannot be read: {refused(error)}") from None
    return picture_of(content)


def picture_of(content: bytes) -> Picture:
    """The picture that some bytes are. Raises PictureError."""
    if len(content) > MAX_PICTURE_BYTES:
        raise PictureError(f"is larger than {MAX_PICTURE_BYTES // 1024} KiB: make it smaller")
    try:
        if content.startswith(_PNG):
            _check_size(*_png_size(content))
            return Picture("png", content)
        if content.startswith(_JPEG):
            _check_size(*_jpeg_size(content))
            return Picture("jpeg", content)
    except (struct.error, IndexError, StopIteration, zlib.error):
        raise PictureError("is a broken picture: save it anew") from None
    raise PictureError("is no picture: name a PNG or a JPEG file")


def _check_size(width: int, height: int) -> None:
    if not (1 <= width <= MAX_PIXELS and 1 <= height <= MAX_PIXELS):
        raise PictureError(f"is {width} x {height} pixels large: at most {MAX_PIXELS} x {MAX_PIXELS} can be")


def _png_size(content: bytes) -> tuple[int, int]:
    """By its first chunk; all chunks up to the last must be whole."""
    chunks = dict(_png_chunks(content))
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    return width, height


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_PNG)
    while True:
        (length,) = struct.unpack_from(">I", content, place)
        body = content[place + 4 : place + 8 + length]
        (crc,) = struct.unpack_from(">I", content, place + 8 + length)
        if zlib.crc32(body) != crc:
            raise IndexError
        yield body[:4], body[4:]
        if body[:4] == b"IEND":
            return
        place += 12 + length


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """By its frame, which stands before the first scan; behind it must be its end."""
    size, place = None, 2
    while content[place] == 0xFF:
        marker = content[place + 1]
        if marker in _ALONE or marker == 0xFF:
            place += 1 if marker == 0xFF else 2
            continue
        if marker == _SCAN:
            break
        (length,) = struct.unpack_from(">H", content, place + 2)
        if marker in _SIZES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            size = width, height
        place += 2 + length
    if size is None or bytes((0xFF, _END)) not in content[place:]:
        raise IndexError
    return size
