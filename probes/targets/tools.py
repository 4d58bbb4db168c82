"""What the probes work with. One set serves all targets that are tried from the same place."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from probes.targets.connect import Connections, Origin
from probes.targets.http_client import HttpClient
from probes.targets.ping.settings import Pings
from probes.targets.resolve import Resolver
from probes.targets.search import Searcher
from probes.targets.stalls import Stalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`pings` and `connections` send from `origin`. How many tries are under way at once is for whoever tries."""

    origin: Origin
    resolver: Resolver
    pings: Pings
    connections: Connections
    http: HttpClient
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
) -> AsyncIterator[Tools]:
    """A set of tools, closed at the end. What is passed in is the caller's, and other sets may share it; `tls`: see `trust`."""
    origin = origin or Origin()
    with closing(Connections(origin)) as connections, Stalls() as stalls:
        async with Searcher() as searcher:
            yield Tools(
                origin=origin,
                resolver=resolver,
                pings=pings,
                connections=connections,
                http=HttpClient(resolver, connections, tls),
                searcher=searcher,
                stalls=stalls,
            )
