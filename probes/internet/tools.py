"""What the probes work with. One set serves all targets that are tried from the same place."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from probes.internet.connect import Origin
from probes.internet.http_client import open_session
from probes.internet.ping.settings import Pings
from probes.internet.resolve import Resolver
from probes.internet.search import Searcher
from probes.internet.stalls import Stalls

HTTP_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`pings` sends from `origin` too. `http_slots`: how many HTTP requests may be under way at once."""

    origin: Origin
    resolver: Resolver
    pings: Pings
    session: aiohttp.ClientSession
    http_slots: asyncio.Semaphore
    searcher: Searcher
    stalls: Stalls


def trust(ca_file: Path | None = None) -> ssl.SSLContext:
    """Whom to trust for HTTPS: the system's authorities, or those in a file. Blocks. Raises OSError, ssl.SSLError too."""
    return ssl.create_default_context(cafile=ca_file)


@asynccontextmanager
async def open_tools(
    pings: Pings,
    resolver: Resolver,
    tls: ssl.SSLContext,
    *,
    origin: Origin | None = None,
    http_at_once: int = HTTP_AT_ONCE,
) -> AsyncIterator[Tools]:
    """A set of tools, closed at the end. What is passed in is the caller's, and other sets may share it; `tls`: see `trust`."""
    origin = origin or Origin()
    async with open_session(resolver, origin, tls) as session, Searcher() as searcher:
        with Stalls() as stalls:
            yield Tools(
                origin=origin,
                resolver=resolver,
                pings=pings,
                session=session,
                http_slots=asyncio.Semaphore(http_at_once),
                searcher=searcher,
                stalls=stalls,
            )
