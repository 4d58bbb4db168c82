"""What a connection brings, read in order: what came before it broke is read before the break is told."""

import asyncio
from typing import Final

_HIGH_BYTES: Final = 1 << 18
"""So much may wait to be read; then the other side does."""


class TooLongError(Exception):
    """A line is longer than whoever reads it takes."""


class Incoming(asyncio.Protocol):
    """The receiving side of one connection. One at a time may read."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._ended = False
        """Whether nothing more will come."""
        self._broken: Exception | None = None
        """Why it ended, where the other side did not end it in order."""
        self._waiter: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _HIGH_BYTES and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """See asyncio; the connection is closed then."""
        self._ended = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._broken = exc
        self._transport = None
        self._wake()

    async def some(self, most: int) -> bytes:
        """At least one byte and at most so many; none at the end. Raises OSError where the connection broke."""
        while not self._buffer:
            if not await self._more():
                return b""
        return self._take(most)

    async def line(self, most: int) -> bytes:
        r"""The next line with its `\n`; without it what came last, and nothing at the end.

        Raises TooLongError for one of more than so many bytes, which is left where it is, and OSError where the connection
        broke in it.
        """
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > most:
                raise TooLongError
            if not await self._more():
                return self._take(most)
        if end >= most:
            raise TooLongError
        return self._take(end + 1)

    def _take(self, most: int) -> bytes:
        taken = bytes(self._buffer[:most])
        del self._buffer[:most]
        if len(self._buffer) <= _HIGH_BYTES and self._transport is not None:
            self._transport.resume_reading()
        return taken

    async def _more(self) -> bool:
        """Wait until more has come; whether it has, or the end."""
        if self._broken is not None:
            raise self._broken
        if self._ended:
            return False
        assert self._waiter is None, "one at a time reads"
        self._waiter = self._loop.create_future()
        before = len(self._buffer)
        try:
            await self._waiter
        finally:
            self._waiter = None
        if len(self._buffer) > before:
            return True
        return await self._more()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
