"""A door of slad with a site behind it, and visits to it."""

import asyncio
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from daemon.clock import SystemClock
from daemon.exposition.exposition import Exposition
from daemon.exposition.families import Column, RenderedFamily, ServerFamily, Snapshot, label
from daemon.web.door import Limits
from daemon.web.server import public_http

PROMETHEUS_ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;"
    "q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


def figures(rows: int) -> Snapshot:
    values = Column(labels="", values=array("q", range(rows)))
    counter = ServerFamily(
        name="slad_server_uptime_seconds_total",
        help="Up.",
        kind="counter",
        decimals=6,
        columns=(values,),
    )
    servers = [label("server", f"server {row}") for row in range(rows)]
    return Snapshot(generation=1, servers=servers, info=servers, families=(counter,))


@dataclass
class StandingSite:
    """A site whose content the test sets."""

    exposition: Exposition = field(default_factory=lambda: Exposition(SystemClock(), wait_s=0.05))
    reasons: list[str] = field(default_factory=list)

    def readiness(self) -> Sequence[str]:
        return self.reasons

    async def prepare(self, rows: int = 3) -> None:
        line = b"# HELP slad_ready Ready.\n# TYPE slad_ready gauge\nslad_ready 1.0\n"
        await self.exposition.prepare(figures(rows), [RenderedFamily(text=line, openmetrics=line)])


@dataclass
class Visit:
    """A door that is open, and a client in front of it."""

    site: StandingSite
    client: aiohttp.ClientSession
    address: tuple[str, int]

    @asynccontextmanager
    async def get(
        self, path: str, method: str = "GET", **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        scheme = "https" if "ssl" in options else "http"
        url = f"{scheme}://{self.address[0]}:{self.address[1]}{path}"
        async with asyncio.timeout(20), self.client.request(method, url, **options) as response:
            yield response

    async def status(self, path: str, method: str = "GET", **options: Any) -> int:
        async with self.get(path, method, **options) as response:
            await response.read()
            return response.status

    async def text(self, path: str, **options: Any) -> str:
        async with self.get(path, **options) as response:
            return await response.text()


@asynccontextmanager
async def visit(limits: Limits | None = None, web_config: Path | None = None) -> AsyncIterator[Visit]:
    site = StandingSite()
    async with (
        public_http(
            site, SystemClock(), [("127.0.0.1", 0)], web_config=web_config, limits=limits or Limits()
        ) as addresses,
        aiohttp.ClientSession(auto_decompress=False) as client,
    ):
        yield Visit(site, client, addresses[0])
