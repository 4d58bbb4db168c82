"""Bodies that a server sends compressed though `identity` was asked for, read by the standard library."""

import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

_GZIP: Final = ("gzip", "x-gzip")
_GZIP_MAGIC: Final = b"\x1f\x8b"
_MAX_MEMBERS: Final = 100
"""Streams in a row, of which a body may consist: more than anybody sends."""
_MAX_CODINGS: Final = 4
_WITH_GZIP_HEADER: Final = 31
_WITH_ZLIB_HEADER: Final = 15
_WITHOUT_HEADER: Final = -15


class Decoded(NamedTuple):
    """The beginning of a body as it was before it was encoded; `flaw`: why it may not be all of that beginning."""

    content: bytes
    flaw: str = ""


def decoded(body: bytes, codings: Sequence[str], most: int) -> Decoded:
    """Undo codings (RFC 9110 §8.4), which are given in the order in which they were applied; at most so many bytes."""
    codings = [each for each in codings if each != "identity"] if body else []
    if len(codings) > _MAX_CODINGS:
        return Decoded(b"", f"the body is encoded {len(codings)} times, and slad undoes {_MAX_CODINGS}")
    for coding in reversed(codings):
        undone = _undone(body, coding, most)
        if undone.flaw:
            return undone
        body = undone.content
    return Decoded(body[:most])


def _undone(body: bytes, coding: str, most: int) -> Decoded:
    if coding in _GZIP:
        return _inflated(body, _WITH_GZIP_HEADER, coding, most)
    if coding == "deflate":  # with the header that the RFC asks for, or without it as many send it
        bare = bool(body) and body[0] & 0x0F != zlib.DEFLATED
        return _inflated(body, _WITHOUT_HEADER if bare else _WITH_ZLIB_HEADER, coding, most)
    return Decoded(
        b"",
        f"the body is sent as {coding[:20]!a} though identity was asked for, and slad reads gzip and deflate:"
        " have the server heed Accept-Encoding, or leave out the pattern",
    )


def _inflated(body: bytes, form: int, coding: str, most: int) -> Decoded:
    content = b""
    for _ in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(form)
        try:
            content += stream.decompress(body, most - len(content))
        except zlib.error:
            if content and not body.startswith(_GZIP_MAGIC):
                return Decoded(content)  # what follows a whole stream, and is none, is padding
            return Decoded(content, f"the body is not the {coding} that its head says")
        if len(content) >= most:
            return Decoded(content)
        if not stream.eof:
            return Decoded(content, f"the {coding} of the body ends too early")
        body = stream.unused_data
        if not body:
            return Decoded(content)
    return Decoded(content, f"the body consists of more than {_MAX_MEMBERS} streams, and slad reads no more")
