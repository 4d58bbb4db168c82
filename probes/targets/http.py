"""The probes `http://HOST/PATH` and `https://HOST/PATH`: up when the response is the one that is wanted.

A GET on a connection of its own. Down: `timeout`, `tls`, `protocol` (what came is no HTTP, or was broken off), `reset`,
`status`, `body`, and what TCP knows. Where no pattern is to be found in the body the status alone decides: nothing
behind the head is read, and what is odd in the head does not matter. Unknown: `unreadable`, where a body has a form that
only slad does not read, and what may be in it decides.
"""

import asyncio
from dataclasses import replace
from typing import Final, NamedTuple

from probes.targets.content_coding import decoded
from probes.targets.http_client import Attempt, HttpResponse, TryEndedError, judge_error, told
from probes.targets.http_response import ResponseError, ResponseHead, read_body
from probes.targets.result import Reason, Result, unknown
from probes.targets.search import Found, SearchError
from probes.targets.target import Target
from probes.targets.tools import Tools
from sla.records import State

MAX_BODY_BYTES: Final = 1 << 20
_SUCCESSFUL: Final = range(200, 300)
_STALLED_SHARE: Final = 0.25
"""Where the loop stood still for more of the time than this, a time-out says nothing of the target."""


class BodyStart(NamedTuple):
    """The beginning of a body, and what its head says of its letters.

    `flaw`: what holds where the pattern is not found in it, since there may be more that could not be read.
    """

    content: bytes = b""
    content_type: str = ""
    flaw: Result | None = None


async def probe_http(target: Target, tools: Tools, deadline_s: float) -> Result:
    """Get the page and judge it. The round-trip time is that of the whole request, on a new connection."""
    loop = asyncio.get_running_loop()
    started_s, stalled_s = loop.time(), tools.stalls.total_s
    attempt = Attempt(deadline_s=deadline_s)
    try:
        async with asyncio.timeout_at(deadline_s), tools.http.get(target, attempt) as response:
            result = _by_status(target, response.head)
            body = await _beginning(response) if target.body and result.state is State.UP else BodyStart()
        if target.body and result.state is State.UP:
            result = await _by_body(target.body, body, tools, deadline_s)
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
    except (ResponseError, OSError) as error:
        result = judge_error(error)
    return replace(result, certificate_expires_at=attempt.certificate_expires_at)


def _by_status(target: Target, head: ResponseHead) -> Result:
    if head.status in (target.statuses or _SUCCESSFUL):
        return Result(state=State.UP)
    text = f"answered {head.status} {told(head.reason)}".rstrip()
    location = told(head.first("location"))
    return Result(state=State.DOWN, reason=Reason.STATUS, text=f"{text}, to {location}" if location else text)


async def _by_body(pattern: str, body: BodyStart, tools: Tools, deadline_s: float) -> Result:
    match await tools.searcher.found(pattern, body.content, body.content_type, deadline_s):
        case Found.YES:
            return Result(state=State.UP)
        case _ if body.flaw is not None:
            return body.flaw
        case Found.NO:
            return Result(state=State.DOWN, reason=Reason.BODY, text=f"{pattern!r} is not in the body")
        case Found.UNKNOWN:
            text = f"{pattern!r} was not found in a body whose letters slad does not know: {told(body.content_type)}"
            return unknown(Reason.UNREADABLE, text)


async def _beginning(response: HttpResponse) -> BodyStart:
    """The first mebibyte of the body, or all of it, as it was before it was compressed."""
    head, raw = response.head, bytearray()
    flaw = None
    try:
        async for piece in read_body(response.incoming, head):
            raw += piece
            if len(raw) >= MAX_BODY_BYTES:
                break
    except (ResponseError, OSError) as error:
        flaw = judge_error(error)
    transfer_codings = [each for each in head.listed("transfer-encoding") if each != "chunked"]
    body = decoded(bytes(raw), (*head.listed("content-encoding"), *transfer_codings), MAX_BODY_BYTES)
    if flaw is None and body.flaw:
        flaw = unknown(Reason.UNREADABLE, body.flaw)
    return BodyStart(body.content, head.first("content-type"), flaw)
