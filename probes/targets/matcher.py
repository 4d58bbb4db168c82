"""The program that searches bodies: reads requests on its input, answers each with one byte.

A request: the lengths of pattern, content type and body, each 4 bytes, big-endian; then these three. The answer: `1`, the
pattern is in the body; `0`, it is not; `?`, it was not found, but the body is said to be in letters that Python does not
know. Needs nothing but the standard library, so that it starts fast.

Letters are told by the byte order mark, else by the field Content-Type, else by the page's `<meta>`, as browsers have it.
"""

import codecs
import re
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO, Final

LENGTHS: Final = struct.Struct(">III")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_IN_FIELD: Final = re.compile(rb"charset\s*=\s*[\"']?([!-~]+?)[\"']?(?:[;,\s]|$)", re.IGNORECASE)
_IN_PAGE: Final = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([!-~]+?)[\"'\s/;>]", re.IGNORECASE)
_PAGE_START_BYTES: Final = 1024
_AS_BROWSERS_READ: Final = {
    "ascii": "cp1252",
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
    "tis-620": "cp874",
}
"""Letters that pages name, and the larger ones in which browsers read them (WHATWG Encoding §4.2), by Python's names."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the input ends."""
    while lengths := requests.read(LENGTHS.size):
        pattern, content_type, body = (requests.read(length) for length in LENGTHS.unpack(lengths))
        answers.write(found(pattern.decode(), body, content_type))
        answers.flush()


def found(pattern: str, body: bytes, content_type: bytes) -> bytes:
    """The answer to a request."""
    charset = declared(body, content_type)
    text = None if charset is None else in_letters(body, charset)
    if any(re.search(pattern, each) for each in ([text] if text is not None else guesses(body))):
        return b"1"
    return b"0" if charset is None or text is not None else b"?"


def declared(body: bytes, content_type: bytes) -> str | None:
    """In what letters a body says that it is; None where nothing says so."""
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return charset
    told = _IN_FIELD.search(content_type)
    if told is None:
        told = _IN_PAGE.search(body[:_PAGE_START_BYTES])
        if told is not None and told[1].lower().startswith(b"utf-16"):  # else it could not have been read
            return "utf-8"
    return told[1].decode("ascii") if told else None


def in_letters(body: bytes, charset: str) -> str | None:
    """What a body reads in some letters; None where Python does not know these."""
    try:
        named = codecs.lookup(charset).name
        return body.decode(_AS_BROWSERS_READ.get(named, named), "replace").removeprefix("\ufeff")
    except (LookupError, ValueError):
        return None


def guesses(body: bytes) -> Iterator[str]:
    """What a body may read of which nothing tells the letters: UTF-8, and where it is none Windows-1252."""
    yield body.decode("utf-8", "replace")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        yield body.decode("cp1252", "replace")


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
