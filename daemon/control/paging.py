"""Lists a page at a time. A cursor says behind which row a page begins, and not how many come before it: so every row is shown
once while others come and go.

It is text that only slad reads: a version, a digest of the question that it belongs to, and the key of the row.
"""

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

from daemon.control.questions import Listed, PageKey

USUAL_ROWS: Final = 100

_VERSION: Final = 1


class CursorError(ValueError):
    """A cursor that says nothing here; the message says why, and what to do."""


def cursor_of(question: object, key: PageKey) -> str:
    """The cursor of the page behind a row of what a question lists; `question` is told from others by its repr."""
    said = json.dumps([_VERSION, _digest(question), *key], ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(said.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def cursor_behind(question: object, found: Listed[object]) -> str | None:
    """The cursor of the next page; None after the last."""
    return None if found.next is None else cursor_of(question, found.next)


def key_in(cursor: str, question: object, example: PageKey) -> PageKey:
    """The key in a cursor of this question, which has the form of `example`. Raises CursorError."""
    version, digest, *key = _read(cursor)
    if version != _VERSION:
        raise CursorError("is of another version of slad: begin again without it")
    if digest != _digest(question):
        raise CursorError("belongs to another list, or to other filters: begin again without it")
    if list(map(type, key)) != list(map(type, example)):
        raise CursorError(_NONE)
    return tuple(key)


_NONE: Final = "is none that slad gave: take it from `next` as it is, or begin again without it"


def _read(cursor: str) -> list[Any]:
    if not cursor.isascii():
        raise CursorError(_NONE)
    try:
        said = json.loads(
            urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("utf-8", "surrogatepass")
        )
    except (binascii.Error, ValueError, RecursionError):
        raise CursorError(_NONE) from None
    if not isinstance(said, list) or len(said) < 2:
        raise CursorError(_NONE)
    return said


def _digest(question: object) -> str:
    return hashlib.sha256(repr(question).encode("utf-8", "surrogatepass")).hexdigest()[:16]
