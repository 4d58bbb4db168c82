"""Faults of the wire: what comes back is not what the vCenter said, or nothing comes back at all.

They concern replies to SOAP requests: by then the connection stands and, with TLS, the handshake is done.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from aiohttp import web

from probes.simulation import soap
from probes.simulation.sessions import ConnectionDroppedError

_HTML = b"<html><head><title>503 Service Unavailable</title></head><body>Service Unavailable</body></html>"
_GARBAGE = b"\x00\xff\xfe<<not xml at all>>\x1b[0m"
_HUGE_CHUNK = b" " * 65_536


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


@dataclass(slots=True, kw_only=True)
class WireFault:
    """One fault: for the next `replies`, or until it is cleared; for every method, or for one.

    `bytes_per_s` is the pace of a slow drip, `size` the length of a huge body in bytes.
    """

    kind: WireFaultKind
    replies: int | None = None
    method: str | None = None
    bytes_per_s: int = 200
    size: int = 64_000_000


class Wire:
    """The faults in force, and the way every reply goes out."""

    def __init__(self) -> None:
        self.faults: list[WireFault] = []
        self._cleared = asyncio.Event()

    def inject(
        self,
        kind: str,
        *,
        replies: int | None = None,
        method: str | None = None,
        bytes_per_s: int = 200,
        size: int = 64_000_000,
    ) -> None:
        """Begin a fault; `kind` is a value of WireFaultKind."""
        fault = WireFault(
            kind=WireFaultKind(kind), replies=replies, method=method, bytes_per_s=bytes_per_s, size=size
        )
        self.faults.append(fault)

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
            case _:
                raise AssertionError("the other kinds never let a reply come this far")

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
