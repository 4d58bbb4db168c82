"""Expositions for tests: their clock, what they prepare, and what a scrape reads of it."""

import gzip
from array import array
from collections.abc import Sequence

from daemon.exposition.bodies import Format
from daemon.exposition.exposition import Exposition
from daemon.exposition.families import Column, RenderedFamily, ServerFamily, Snapshot, label
from sla.instants import SECOND, Instant


class StandingClock:
    """A clock that moves when the test says so."""

    def __init__(self) -> None:
        self.us = 1_000 * SECOND

    def now(self) -> Instant:
        return Instant(self.us)

    def monotonic_us(self) -> int:
        return self.us

    def boottime_us(self) -> int:
        return self.us


PROCESS = (
    RenderedFamily(
        text=b"# HELP slad_ready Ready.\n# TYPE slad_ready gauge\nslad_ready 1.0\n",
        openmetrics=b"# HELP slad_ready Ready.\n# TYPE slad_ready gauge\nslad_ready 1.0\n",
    ),
)


def family(name: str, *columns: tuple[str, Sequence[int]], decimals: int = 6) -> ServerFamily:
    return ServerFamily(
        name=name,
        help="A figure.",
        kind="counter" if name.endswith("_total") else "gauge",
        decimals=decimals,
        columns=tuple(Column(labels=labels, values=array("q", values)) for labels, values in columns),
    )


def snapshot(
    *families: ServerFamily, servers: Sequence[str] = ("a", "b", "c"), generation: int = 1
) -> Snapshot:
    rows = [label("server", server) if server else "" for server in servers]
    return Snapshot(
        generation=generation,
        servers=rows,
        info=[f"{row},{label('name', 'vm ' + row)}" if row else "" for row in rows],
        families=families,
    )


def exposition_of(clock: StandingClock | None = None, **options: float) -> Exposition:
    return Exposition(clock or StandingClock(), **options)  # type: ignore[arg-type]  # the test's own numbers


async def text_of(subject: Exposition, wanted: Format = Format.TEXT) -> str:
    async with subject.scrape() as published:
        blocks = [block async for block in published.body(wanted).blocks(gzip=True)]
        plain = [block async for block in published.body(wanted).blocks(gzip=False)]
        assert published.body(wanted).length(gzip=True) == sum(map(len, blocks))
        assert published.body(wanted).length(gzip=False) == sum(map(len, plain))
    assert gzip.decompress(b"".join(blocks)) == b"".join(plain)
    return b"".join(plain).decode()
