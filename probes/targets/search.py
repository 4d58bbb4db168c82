"""Searching bodies for regular expressions, in a process of its own.

A pattern such as `(a+)+b` can take hours on a body that somebody wrote for it, and Python's `re` lets no other thread
run meanwhile. The process is started at the first search, and killed when one takes too long.
"""

import asyncio
import sys
from enum import Enum
from typing import Final, Self

from probes.targets import matcher

_ENDS_WITHIN_S: Final = 5.0


class SearchError(Exception):
    """A body could not be searched: a fault of ours."""


class Found(Enum):
    """Whether a pattern is in a body; unknown: it was not found, and the body's letters are not known."""

    YES = b"1"
    NO = b"0"
    UNKNOWN = b"?"


class Searcher:
    """One search at a time: a body may have to wait for another's, and then nothing is known of it."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def found(self, pattern: str, body: bytes, content_type: str, deadline_s: float) -> Found:
        """Whether the pattern is in the body. Raises SearchError, also when that was not known at the deadline.

        `content_type`: the field of the response, whose characters each stand for a byte.
        """
        try:
            async with asyncio.timeout_at(deadline_s), self._turn:
                return await self._ask(pattern.encode(), content_type.encode("latin-1"), body)
        except TimeoutError:
            raise SearchError(f"searching the body for {pattern!r} took too long") from None
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise SearchError(f"the body could not be searched: {error}") from error

    async def _ask(self, *parts: bytes) -> Found:
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        answered = False
        try:
            process.stdin.write(matcher.LENGTHS.pack(*map(len, parts)) + b"".join(parts))
            await process.stdin.drain()
            answer = await process.stdout.readexactly(1)
            answered = True
        finally:
            if not answered:
                await self._end()
        return Found(answer)

    async def _start(self) -> asyncio.subprocess.Process:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            matcher.__file__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        async with asyncio.timeout(_ENDS_WITHIN_S):
            await process.wait()
