"""Web servers that answer as the test says, well or oddly."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from probes.targets.result import Reason, Result
from probes.targets.target import Target, parse_target
from sla.records import State
from tests.probes.targets.targets import (
    TIMEOUT_S,
    Handler,
    server,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def saying(*parts: bytes) -> Handler:
    """A server that reads the request and says the same to everybody."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()

    return handle


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and say nothing until the other side goes."""
    await reader.read()
    await asyncio.sleep(TIMEOUT_S)


def status(code: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {code} Said so", *headers, "Content-Length: 0", "", ""]
    return "\r\n".join(lines).encode()


def page(body: bytes, *headers: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *headers, f"Content-Length: {len(body)}", "", ""]).encode() + body


@asynccontextmanager
async def target_at(handler: Handler, **changes: Any) -> AsyncIterator[Target]:
    async with server(handler) as port:
        yield replace(parse_target(f"http://127.0.0.1:{port}/"), **changes)


def outcome(result: Result) -> tuple[State, Reason]:
    return result.state, result.reason


ODD_BUT_SHOWN = {
    "two equal lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "one length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    "a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    "a length of a thousand digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nhello",
    "length and chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    ),
    "chunks with extensions and trailers": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n 3 ;a=b\r\nhel\r\n2\nlo\n0\r\nnot a: trailer\x00\r\n\r\n"
    ),
    "a large head": b"HTTP/1.1 200 OK\r\n" + b"X-Large: " + b"x" * 60_000 + b"\r\n\r\nhello",
    "many fields": b"HTTP/1.1 200 OK\r\n" + b"Set-Cookie: a=b\r\n" * 5_000 + b"\r\nhello",
    "odd names of fields": "HTTP/1.1 200 OK\r\nX Ünï:code: é\r\n: nameless\r\nno field\r\n\x00\x01: \x02\r\n\r\nhello".encode(),
    "bytes of Latin-1": b"HTTP/1.1 200 D\xe9j\xe0\r\nX-Caf\xe9: \xff\xfe\r\n\r\nhello",
    "folded fields": b"HTTP/1.1 200 OK\r\n  before any\r\nX-Folded: a\r\n\tb\r\nContent-Length:\r\n 5\r\n\r\nhello and more",
    "space before the colon": b"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello and more",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "no space before the reason": b"HTTP/1.1 200OK\r\nContent-Length: 5\r\n\r\nhello",
    "ends of lines without CR": b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    "blank lines first": b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.0 without a length": b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nhello",
    "another version": b"HTTP/2.0 200 OK\r\n\r\nhello",
    "spaces first": b"  HTTP/1.1 200 OK\r\n\r\nhello",
    "a zero byte in the head": b"HTTP/1.1 200 OK\r\nX\0Y: a\0b\r\n\r\nhello",
    "small letters": b"http/1.1 200 ok\r\n\r\nhello",
    "interim responses": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhello"
    ),
    "a status of its own": b"HTTP/1.1 299 Miscellaneous Persistent Warning\r\n\r\nhello",
    "more than its length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 500 Oh\r\n\r\n",
    "broken off behind what is asked for": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
    "a hint at another protocol": b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nhello",
}


NOT_READ_TO_ITS_END = {
    "br": page(b"\x8b\x02\x80hello\x03", "Content-Encoding: br"),
    "zstd": page(b"\x28\xb5\x2f\xfd\x04\x00", "Content-Encoding: zstd"),
    "a coding that nobody knows": page(b"hello", "Content-Encoding: \x1b[31mx"),
    "encoded five times": page(b"hello", "Content-Encoding: gzip, gzip, gzip, gzip, gzip"),
    "a lie": page(b"hello", "Content-Encoding: gzip"),
    "compressed and cut": page(gzip.compress(b"hello" * 9)[:-10], "Content-Encoding: gzip"),
    "chunks of a coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: br, chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "a head above all limits": b"HTTP/1.1 200 OK\r\n" + b"Set-Cookie: a=b\r\n" * 20_000 + b"\r\nnot there",
    "a line above all limits": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\nnot there",
    "a status line above all limits": b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\nnot there",
    "a broken stream behind a whole one": page(
        gzip.compress(b"well") + gzip.compress(b"hello" * 9)[:10] + b"\xff" * 9, "Content-Encoding: gzip"
    ),
    "more streams than anybody sends": page(gzip.compress(b"a") * 101, "Content-Encoding: gzip"),
    "an extension of a chunk above all limits": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;"
    + b"x" * 100_000
    + b"\r\nhello\r\n0\r\n\r\n",
    "letters that Python does not know": page(b"\xff\xfd", "Content-Type: text/html; charset=x-of-mars"),
    "letters that are none": page(b"\xff\xfd", "Content-Type: text/html; charset=idna"),
}
