"""The probes `http://HOST/PATH` and `https://HOST/PATH`: up when the response is the one that is wanted.

A GET on a connection of its own. Down: `timeout`, `tls`, `protocol` (what came is no HTTP, or was broken off), `reset`,
`status`, `body`, and what TCP knows. The body is read only where a pattern is to be found in it.
"""

import asyncio
from dataclasses import replace
from typing import Final, NamedTuple

import aiohttp

from probes.targets.http_client import Attempt, TryEndedError, judge_error, underway
from probes.targets.result import Reason, Result, unknown
from probes.targets.search import SearchError
from probes.targets.target import Target
from probes.targets.tools import Tools
from sla.records import State

MAX_BODY_BYTES: Final = 1 << 20
MAX_REDIRECTS: Final = 5
_SUCCESSFUL: Final = range(200, 300)
_STALLED_SHARE: Final = 0.25
"""Where the loop stood still for more of the time than this, a time-out says nothing of the target."""


class BodyStart(NamedTuple):
    """The beginning of a body, and how it is encoded."""

    content: bytes
    charset: str


async def probe_http(target: Target, tools: Tools, deadline_s: float) -> Result:
    """Get the page and judge it. The round-trip time is that of the whole request, on a new connection."""
    loop = asyncio.get_running_loop()
    started_s, stalled_s = loop.time(), tools.stalls.total_s
    attempt = Attempt(deadline_s=deadline_s)
    try:
        async with asyncio.timeout_at(deadline_s):
            with underway(attempt):
                result, body = await _response(target, tools)
        if target.body is not None and result.state is State.UP:
            result = await _searched(target.body, body, tools, deadline_s)
        result = replace(result, rtt_us=round((loop.time() - started_s - attempt.resolving_s) * 1e6))
    except TimeoutError:
        stalled_s = tools.stalls.total_s - stalled_s
        if stalled_s > (deadline_s - started_s) * _STALLED_SHARE:
            result = unknown(Reason.OVERRUN, f"this process stood still for {stalled_s:.1f} s meanwhile")
        else:
            text = f"waited in vain for {attempt.waits_for}"
            result = Result(state=State.DOWN, reason=Reason.TIMEOUT, text=text)
    except TryEndedError as ended:
        result = ended.result
    except SearchError as error:
        result = unknown(Reason.OVERRUN, str(error))
    except aiohttp.ClientError as error:
        result = judge_error(error)
    return replace(result, certificate_expires_at=attempt.certificate_expires_at)


async def _response(target: Target, tools: Tools) -> tuple[Result, BodyStart]:
    """What the response is by its status, and the beginning of its body where that matters."""
    async with tools.session.get(
        target.text,
        allow_redirects=target.follow_redirects,
        max_redirects=MAX_REDIRECTS + 1,  # aiohttp counts the response that is one too many
    ) as response:
        if response.status not in (target.statuses or _SUCCESSFUL):
            return Result(state=State.DOWN, reason=Reason.STATUS, text=_wrong_status(response)), BodyStart(
                b"", ""
            )
        content = await _beginning(response.content) if target.body is not None else b""
        return Result(state=State.UP), BodyStart(content, response.charset or "utf-8")


async def _searched(pattern: str, body: BodyStart, tools: Tools, deadline_s: float) -> Result:
    if await tools.searcher.found(pattern, body.content, body.charset, deadline_s):
        return Result(state=State.UP)
    return Result(state=State.DOWN, reason=Reason.BODY, text=f"{pattern!r} is not in the body")


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """The first mebibyte of the body, or all of it."""
    body = bytearray()
    while len(body) < MAX_BODY_BYTES and (chunk := await content.read(MAX_BODY_BYTES - len(body))):
        body += chunk
    return bytes(body)


def _wrong_status(response: aiohttp.ClientResponse) -> str:
    text = f"answered {response.status} {response.reason or ''}".rstrip()
    return f"{text}, to {response.headers['Location']}" if "Location" in response.headers else text
