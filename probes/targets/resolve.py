"""Name resolution: the system's own, in threads, since that knows /etc/hosts, search domains and all the rest.

A name that the resolver does not answer for, in time or at all, is *unknown* (`resolver`): that is this machine's
trouble. A name of which a working resolver says that it does not exist, or that it has no address, is *down*
(`name_not_found`): its clients cannot find it either. Nothing is cached: what resolved a minute ago may not now.

No more threads than a limit are at work, for a dead resolver holds each for many seconds; they do not keep the process
from ending. Several who ask for the same name at once share one answer.
"""

import asyncio
import errno
import ipaddress
import os
import socket
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from probes.targets.result import Reason, Result, unknown
from sla.records import State

MAX_THREADS: Final = 16
MAX_ADDRESSES: Final = 8
"""Of one name."""
_SPARE_DESCRIPTORS: Final = 32
"""Without so many left a resolver's word is not trusted."""
_NOT_THERE: Final = (socket.EAI_NONAME, socket.EAI_NODATA)
_FULL: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)

LookUp = Callable[[str], Sequence[str]]
"""The addresses of a name, in the order in which to try them. Blocks. Raises OSError, socket.gaierror above all."""


def system_look_up(name: str) -> Sequence[str]:
    """Ask the system.

    Not with AI_ADDRCONFIG: where this machine has lost its addresses, it would say that the name has none. In bytes, so
    that Python does not load a codec.
    """
    found = socket.getaddrinfo(name.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [str(place[0]) for _, _, _, _, place in found]


class Resolver:
    """Finds addresses of names. Belongs to the event loop in which it is used."""

    def __init__(self, look_up: LookUp = system_look_up, *, max_threads: int = MAX_THREADS) -> None:
        self._look_up = look_up
        self._threads = asyncio.Semaphore(max_threads)
        self._asked: dict[str, asyncio.Future[tuple[str, ...] | OSError]] = {}

    async def addresses(self, host: str, deadline_s: float) -> tuple[str, ...] | Result:
        """The addresses to try in turn, at least one; at once where the host is one. `deadline_s`: by the loop's clock."""
        if is_address(host):
            return (host,)
        try:
            async with asyncio.timeout_at(deadline_s):
                found = await self._shared(host)
        except TimeoutError:
            text = f"the resolver did not answer for {host} in time"
            return unknown(Reason.RESOLVER, text)
        return _not_found(host, found) if isinstance(found, OSError) else found

    async def _shared(self, host: str) -> tuple[str, ...] | OSError:
        """The answer to the question that is under way, or to a new one. Cancelling one who waits spares the others."""
        if host not in self._asked:
            await self._threads.acquire()
            if host in self._asked:
                self._threads.release()
            else:
                self._ask(host)
        return await asyncio.shield(self._asked[host])

    def _ask(self, host: str) -> None:
        loop = asyncio.get_running_loop()
        self._asked[host] = loop.create_future()
        try:
            threading.Thread(
                target=self._work, args=(loop, host), name=f"resolve {host}", daemon=True
            ).start()
        except RuntimeError:  # threading's word for: the system has none left
            loop.call_soon(self._answer, host, OSError(errno.ENOMEM, "no thread could be started"))

    def _work(self, loop: asyncio.AbstractEventLoop, host: str) -> None:
        found: tuple[str, ...] | OSError
        try:
            found = tuple(dict.fromkeys(self._look_up(host)))[:MAX_ADDRESSES]
        except OSError as error:
            found = _want_of_descriptors() or error
        try:
            loop.call_soon_threadsafe(self._answer, host, found)
        except RuntimeError:  # the loop has ended meanwhile
            return

    def _answer(self, host: str, found: tuple[str, ...] | OSError) -> None:
        self._threads.release()
        asked = self._asked.pop(host)
        if not asked.done():
            asked.set_result(found)


def resolve_by(deadline_s: float) -> float:
    """By when a name must be resolved: half of the time is the target's own, whatever our resolver takes."""
    now_s = asyncio.get_running_loop().time()
    return now_s + (deadline_s - now_s) / 2


@lru_cache(maxsize=65_536)
def is_address(host: str) -> bool:
    """Whether a host is an IP address already."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _want_of_descriptors() -> OSError | None:
    """glibc, when it cannot open its files, may say that a name does not exist: so hold that against our own limit."""
    opened: list[int] = []
    try:
        while len(opened) < _SPARE_DESCRIPTORS:
            opened += os.pipe()
    except OSError as error:
        return error
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return None


def _not_found(host: str, error: OSError) -> Result:
    if isinstance(error, socket.gaierror) and error.errno in _NOT_THERE:
        what = "has no address" if error.errno == socket.EAI_NODATA else "does not exist"
        return Result(state=State.DOWN, reason=Reason.NAME_NOT_FOUND, text=f"{host} {what}")
    reason = Reason.NO_RESOURCES if error.errno in _FULL else Reason.RESOLVER
    return unknown(reason, f"{host}: {error.strerror}")
