"""What a server answers to a GET, read as browsers do: HTTP/1 with every liberty that servers take (RFC 9112).

What a browser would show is read too: ends of lines without CR, lines in the head that are no fields, folded fields,
names and values of any bytes, an end of the connection after the status. Nothing is looked at that is not asked for.

    ResponseError
    ├── NoHttpError     no HTTP, or broken off: the server's fault
    └── LimitError      more than is read here, or in a form that is not: a limit of ours
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from probes.targets.incoming import Incoming, TooLongError

MAX_LINE_BYTES: Final = 1 << 16
MAX_HEAD_BYTES: Final = 1 << 18
"""Of all heads together, those of interim responses included."""

_STATUS: Final = re.compile(
    rb"[ \t]{0,4}(?:HTTP/\d{1,3}(?:\.\d{1,3})?|ICY)[ \t]+(?P<status>\d{3})(?!\d)(?P<reason>.*)",
    re.IGNORECASE | re.DOTALL,
)
_LENGTH: Final = re.compile(r"\d{1,18}", re.ASCII)
_LONG_CHUNK: Final = re.compile(rb"[ \t]*[0-9a-f]{1,16}[ \t]*;", re.IGNORECASE)
_CHUNK: Final = re.compile(rb"[ \t]*(?P<size>[0-9a-f]{1,16})[ \t]*(?:;.*)?\r?\n", re.IGNORECASE | re.DOTALL)
_BEGINNING_BYTES: Final = 256
_SWITCHING: Final = 101
_EMPTY: Final = (204, 304)
"""The statuses of responses that have no body; interim ones have none either."""
_BROKEN_OFF: Final = "the body was broken off"


class ResponseError(Exception):
    """A response cannot be read; the message is for an operator."""


class NoHttpError(ResponseError):
    """What came is no HTTP, or was broken off."""


class LimitError(ResponseError):
    """The response is larger than what is read here, or has a form that is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHead:
    """The status and the fields of a response. Texts are Latin-1, as HTTP has them: a character for a byte.

    `flaw`: why it could not be read to its end, if so; then the fields are those before, and the body is not known.
    """

    status: int
    reason: str = ""
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    flaw: ResponseError | OSError | None = None

    def first(self, name: str) -> str:
        """The value of the first field of a name, which is given in lower case; empty where there is none."""
        return next((value for each, value in self.fields if each == name), "")

    def listed(self, name: str) -> tuple[str, ...]:
        """The elements of a list, which may be spread over several fields; in lower case."""
        elements = (each for own, value in self.fields if own == name for each in value.split(","))
        return tuple(each.strip(" \t").lower() for each in elements if each.strip(" \t"))


async def read_head(incoming: Incoming) -> ResponseHead:
    """The head of the response; interim ones before it (1xx) are passed over.

    Raises NoHttpError, LimitError, and OSError where the connection broke, each before the status was there.
    """
    left = MAX_HEAD_BYTES
    while True:
        head, left = await _one_head(incoming, left)
        if not 100 <= head.status < 200 or head.status == _SWITCHING:
            return head
        if head.flaw is not None:
            raise head.flaw


async def read_body(incoming: Incoming, head: ResponseHead) -> AsyncIterator[bytes]:
    """The body behind a head, piece by piece, without its chunks; trailers are not looked at.

    Raises NoHttpError where it is malformed or broken off, LimitError, OSError.
    """
    if head.flaw is not None:
        raise head.flaw
    if head.status in _EMPTY or head.status < 200:
        return
    codings = head.listed("transfer-encoding")
    if codings and codings[-1] == "chunked":
        pieces = _chunked(incoming)
    elif not codings and (length := _length(head)) is not None:
        pieces = _exactly(incoming, length)
    else:
        pieces = _to_the_end(incoming)
    async for piece in pieces:
        yield piece


async def _one_head(incoming: Incoming, left: int) -> tuple[ResponseHead, int]:
    """One head, and how many bytes of others may still be read."""
    status = _STATUS.match(line := await _first_line(incoming, left))
    if status is None:
        raise NoHttpError("what came is no HTTP")
    left -= len(line)
    fields: list[tuple[str, str]] = []
    flaw: ResponseError | OSError | None = None
    try:
        while not _is_blank(line := await _line(incoming, left)):
            left -= len(line)
            _take_field(line.decode("latin-1"), fields)
    except (ResponseError, OSError) as error:
        flaw = error
    reason = status["reason"].decode("latin-1").strip()
    return ResponseHead(status=int(status["status"]), reason=reason, fields=tuple(fields), flaw=flaw), left


async def _first_line(incoming: Incoming, left: int) -> bytes:
    r"""The status line, whose `\n` may be missing at the end; blank lines before it are passed over.

    Of one that is too long the beginning: it tells the status, and what is behind it ends the head.
    """
    try:
        while (line := await incoming.line(min(left, MAX_LINE_BYTES))) and _is_blank(line):
            left -= len(line)
    except TooLongError:
        return await incoming.some(_BEGINNING_BYTES)
    if not line:
        raise NoHttpError("the connection was closed without a response")
    return line


async def _line(incoming: Incoming, left: int) -> bytes:
    r"""A line of a head, with its `\n`. Raises LimitError, NoHttpError where the connection ended in it."""
    most = min(left, MAX_LINE_BYTES)
    try:
        line = await incoming.line(most)
    except TooLongError:
        what = "a line of the head" if most == MAX_LINE_BYTES else "the head"
        limit = MAX_LINE_BYTES if most == MAX_LINE_BYTES else MAX_HEAD_BYTES
        raise LimitError(f"{what} is longer than the {limit >> 10} KiB that slad reads") from None
    if not line.endswith(b"\n"):
        raise NoHttpError("the head was broken off")
    return line


def _is_blank(line: bytes) -> bool:
    return not line.strip(b"\r\n")


def _take_field(line: str, fields: list[tuple[str, str]]) -> None:
    """Note a field, or what continues the one before. A line that is neither is passed over."""
    if line[0] in " \t":
        if fields:
            name, value = fields[-1]
            fields[-1] = name, f"{value} {line.strip()}"
        return
    name, colon, value = line.partition(":")
    if colon:
        fields.append((name.strip().lower(), value.strip()))


def _length(head: ResponseHead) -> int | None:
    """What the head says of the length of the body; None where that is nothing usable. Raises NoHttpError for two."""
    told = {int(each) for each in head.listed("content-length") if _LENGTH.fullmatch(each)}
    if len(told) > 1:
        raise NoHttpError("the head has two lengths of the body, which differ")
    return next(iter(told), None)


async def _chunked(incoming: Incoming) -> AsyncIterator[bytes]:
    while True:
        try:
            line = await incoming.line(MAX_LINE_BYTES)
        except TooLongError:
            if _LONG_CHUNK.match(await incoming.some(_BEGINNING_BYTES)):
                text = (
                    f"the extension of a chunk is longer than the {MAX_LINE_BYTES >> 10} KiB that slad reads"
                )
                raise LimitError(text) from None
            raise NoHttpError("the body has a chunk without a size") from None
        if line in (b"\r\n", b"\n"):  # the end of the chunk before
            continue
        chunk = _CHUNK.fullmatch(line)
        if chunk is None:
            raise NoHttpError("the body has a chunk without a size" if line.endswith(b"\n") else _BROKEN_OFF)
        size = int(chunk["size"], 16)
        if size == 0:
            return
        async for piece in _exactly(incoming, size):
            yield piece


async def _exactly(incoming: Incoming, length: int) -> AsyncIterator[bytes]:
    while length:
        piece = await incoming.some(length)
        if not piece:
            raise NoHttpError(_BROKEN_OFF)
        length -= len(piece)
        yield piece


async def _to_the_end(incoming: Incoming) -> AsyncIterator[bytes]:
    while piece := await incoming.some(1 << 16):
        yield piece
