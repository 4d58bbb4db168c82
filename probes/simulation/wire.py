"""Faults of the wire: what comes back is not what the vCenter said, or nothing comes back at all.

They concern replies to SOAP requests: by then the connection stands and, with TLS, the handshake is done.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from enum import StrEnum
from weakref import WeakKeyDictionary

from aiohttp import web

from probes.simulation import soap
from probes.simulation.odd_replies import OddReply, odd
from probes.simulation.sessions import ConnectionDroppedError

_HTML = b"<html><head><title>503 Service Unavailable</title></head><body>Service Unavailable</body></html>"
_GARBAGE = b"\x00\xff\xfe<<not xml at all>>\x1b[0m"
_HUGE_CHUNK = b" " * 65_536


class CutOffError(Exception):
    """The connection is to be closed after what was written."""


class WireFaultKind(StrEnum):
    """What is done to a reply."""

    SILENCE = "silence"
    SLOW_DRIP = "slow_drip"
    TRUNCATED = "truncated"
    GARBAGE = "garbage"
    UNAVAILABLE = "unavailable"
    HUGE = "huge"
    DROPPED = "dropped"
    LOGIN_REFUSED = "login_refused"
    REPLACED = "replaced"
    """Bytes in it are others."""
    ODD = "odd"
    """It is odd in some way (`odd_replies`), by chance."""


@dataclass(slots=True, kw_only=True)
class WireFault:
    """One fault: for the next `replies`, or until it is cleared; for every method, or for one.

    `bytes_per_s` is the pace of a slow drip, `size` the length of a huge body in bytes. `find` is replaced by `put`, one byte for
    each of their characters (up to U+00FF). `seed` begins the chance, and `often` is how likely it is that a reply is odd.
    """

    kind: WireFaultKind
    replies: int | None = None
    method: str | None = None
    bytes_per_s: int = 200
    size: int = 64_000_000
    find: str = ""
    put: str = ""
    seed: int = 0
    often: float = 1.0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the seed."""
        self.chance = random.Random(self.seed)  # noqa: S311  replayable, not secret


class Wire:
    """The faults in force, and the way every reply goes out."""

    def __init__(self) -> None:
        self.faults: list[WireFault] = []
        self.odd_replies: list[str] = []
        """What was odd about the replies that were, the newest last."""
        self.idle_s: float | None = None
        self.forgets = False
        self._used_s: WeakKeyDictionary[asyncio.Transport, float] = WeakKeyDictionary()
        """When the last reply went out on each connection."""
        self._cleared = asyncio.Event()

    def inject(
        self,
        kind: str,
        *,
        replies: int | None = None,
        method: str | None = None,
        bytes_per_s: int = 200,
        size: int = 64_000_000,
        find: str = "",
        put: str = "",
        seed: int = 0,
        often: float = 1.0,
    ) -> None:
        """Begin a fault; `kind` is a value of WireFaultKind."""
        fault = WireFault(
            kind=WireFaultKind(kind),
            replies=replies,
            method=method,
            bytes_per_s=bytes_per_s,
            size=size,
            find=find,
            put=put,
            seed=seed,
            often=often,
        )
        self.faults.append(fault)

    def idle(self, seconds: float | None = None, *, forget: bool = False) -> None:
        """Have connections that idled for so long be closed, or forgotten without a word; None: they may idle."""
        self.idle_s, self.forgets = seconds, forget

    async def idled(self, request: web.Request) -> None:
        """What becomes of a request on a connection that idled."""
        transport = request.transport
        used_s = self._used_s.get(transport) if transport is not None else None
        if self.idle_s is None or used_s is None:
            return
        if asyncio.get_running_loop().time() - used_s >= self.idle_s:
            if self.forgets:
                await self._cleared.wait()
            raise ConnectionDroppedError

    def used(self, request: web.Request) -> None:
        """A reply is about to go out."""
        if request.transport is not None:
            self._used_s[request.transport] = asyncio.get_running_loop().time()

    def clear(self) -> None:
        """End every fault; calls held in silence lose their connection."""
        self.faults.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def next_fault(self, method: str) -> WireFault | None:
        """The fault for the reply to this method, which is counted off."""
        for fault in self.faults:
            if fault.method not in (None, method):
                continue
            if fault.kind is WireFaultKind.LOGIN_REFUSED and method != "Login":
                continue
            if fault.replies is not None:
                fault.replies -= 1
                if fault.replies <= 0:
                    self.faults.remove(fault)
            return fault
        return None

    async def before(self, fault: WireFault) -> None:
        """What a fault does instead of letting the method be carried out."""
        match fault.kind:
            case WireFaultKind.SILENCE:
                await self._cleared.wait()
                raise ConnectionDroppedError
            case WireFaultKind.DROPPED:
                raise ConnectionDroppedError
            case WireFaultKind.LOGIN_REFUSED:
                raise soap.invalid_login()
            case _:
                return

    async def send(
        self, request: web.Request, fault: WireFault, status: int, body: bytes
    ) -> web.StreamResponse:
        """Send a reply as the fault spoils it."""
        match fault.kind:
            case WireFaultKind.LOGIN_REFUSED:
                return web.Response(status=status, body=body, content_type="text/xml")
            case WireFaultKind.UNAVAILABLE:
                return web.Response(status=503, body=_HTML, content_type="text/html")
            case WireFaultKind.GARBAGE:
                return web.Response(body=_GARBAGE, content_type="text/xml")
            case WireFaultKind.TRUNCATED:
                response = await _started(request, len(body))
                await response.write(body[: len(body) // 2])
                raise ConnectionDroppedError
            case WireFaultKind.SLOW_DRIP:
                return await self._drip(request, fault, body)
            case WireFaultKind.HUGE:
                return await _pad(request, fault, body)
            case WireFaultKind.REPLACED:
                told = body.replace(fault.find.encode("latin-1"), fault.put.encode("latin-1"))
                return web.Response(status=status, body=told, content_type="text/xml")
            case WireFaultKind.ODD:
                return await self._send_odd(request, fault, status, body)
            case _:
                raise AssertionError("the other kinds never let a reply come this far")

    async def _send_odd(
        self, request: web.Request, fault: WireFault, status: int, body: bytes
    ) -> web.StreamResponse:
        if fault.chance.random() >= fault.often:
            return web.Response(status=status, body=body, content_type="text/xml")
        told: OddReply = odd(body, fault.chance)
        self.odd_replies.append(f"{fault.method or 'a reply'}: {told.what}")
        if told.length is None:
            return web.Response(
                status=told.status, body=told.body, headers=told.headers, content_type="text/xml"
            )
        transport = request.transport
        if transport is None:
            raise ConnectionDroppedError
        # As no server would write it: aiohttp minds the length.
        transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n" % told.length
            + told.body
        )
        raise CutOffError

    async def _drip(self, request: web.Request, fault: WireFault, body: bytes) -> web.StreamResponse:
        response = await _started(request, len(body))
        step = max(1, fault.bytes_per_s // 20)
        for start in range(0, len(body), step):
            await response.write(body[start : start + step])
            await asyncio.sleep(0.05)
        return response


async def _pad(request: web.Request, fault: WireFault, body: bytes) -> web.StreamResponse:
    """The whole reply with white space before its last tag."""
    cut = body.rindex(b"</soapenv:Envelope>")
    count = max(0, fault.size - len(body)) // len(_HUGE_CHUNK)
    response = await _started(request, len(body) + count * len(_HUGE_CHUNK))
    await response.write(body[:cut])
    for _ in range(count):
        await response.write(_HUGE_CHUNK)
    await response.write(body[cut:])
    return response


async def _started(request: web.Request, length: int) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/xml; charset=utf-8"})
    response.content_length = length
    await response.prepare(request)
    return response
