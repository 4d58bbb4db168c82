"""What a scrape of `/metrics` reads: every server's series, prepared ahead as compressed members.

Invariants:

- A published body never changes. All its series come from one snapshot, taken at one instant; a new body replaces
  it in one assignment, and scrapes under way finish reading the old one.
- Preparing never holds the event loop for more than one chunk of `CHUNK_SAMPLES` samples.
- A member is one gzip member (RFC 1952): a body is their concatenation, which gzip readers take as one stream.
  Only members are kept; the text of a chunk lives as long as its compression takes.
- A chunk whose rows and values did not change since the last preparation is not rendered again.

Sample lines are the same in Prometheus' text format 0.0.4 and in OpenMetrics 1.0, so both share the members; only
the metadata differ (a counter's family has no `_total` there, an info's no `_info`) and the closing `# EOF`.
"""

import asyncio
from array import array
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import compress
from typing import Final, Literal

from isal import isal_zlib

from daemon.clock import Clock
from sla.instants import MINUTE, SECOND

ABSENT: Final = -(2**63)
"""In a column: this server has no such series."""

RATIO_ONE: Final = 10**9
"""In a column of nine decimals: a ratio of exactly 1."""

CHUNK_SAMPLES: Final = 1024
"""Samples in one member: large enough to compress well, small enough to hold the loop for about a millisecond."""

_GZIP_LEVEL: Final = 2  # of Intel's library: a fourth of the time of zlib's level 1, and a smaller body
_GZIP_CONTAINER: Final = 16 + isal_zlib.MAX_WBITS
_WRITE_BYTES: Final = 256 * 1024

_INFO: Final = "slad_server_info"
_INFO_HELP: Final = "Who a virtual server is: its names, its client, its solution and its vCenter."


class ExpositionError(Exception):
    """Base of what a scrape can be refused for."""


class TooManyScrapesError(ExpositionError):
    """As many scrapes as slad serves at once are under way already."""


class NotPreparedError(ExpositionError):
    """No figures were published in time."""


class Format(Enum):
    """The text formats of a scrape; the value is the Content-Type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One value a server.

    `labels`: those besides `server`, rendered, such as `leg="san"`; empty for none.
    `values`: of typecode `q`, as long as the snapshot's `servers`; ABSENT where there is no series.
    """

    labels: str
    values: "array[int]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A metric family, one series for each server and column.

    `decimals`: so many of a value's last digits stand behind the point. Six make seconds of microseconds.
    """

    name: str
    help: str
    kind: Literal["gauge", "counter"]
    decimals: int
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A metric family whose series have labels of their own, such as those of solutions.

    `samples`: for each series the rest of its line, as `sample` makes it. An info's name ends with `_info`.
    """

    name: str
    help: str
    kind: Literal["gauge", "info"]
    samples: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Every server's figures at one instant; nothing in it may change while it is being prepared.

    `generation`: another number whenever `servers` or `info` differ from the snapshot before.
    `servers`: for each row its rendered label, `server="…"`; empty where the row is not exposed.
    `info`: for each row the rendered labels of slad_server_info; empty where the row is not exposed.
    """

    generation: int
    servers: Sequence[str]
    info: Sequence[str]
    families: tuple[Family, ...]
    listings: tuple[Listing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFamily:
    """A family of the process's own metrics, as text in both formats."""

    text: bytes
    openmetrics: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One gzip member of a body; `size` is its length when decompressed, in bytes."""

    data: bytes
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """One whole answer to a scrape, in one format."""

    format: Format
    members: tuple[Member, ...]

    def length(self, *, gzip: bool) -> int:
        """Bytes of the answer, compressed or plain."""
        return sum(len(member.data) if gzip else member.size for member in self.members)

    async def blocks(self, *, gzip: bool) -> AsyncIterator[bytes]:
        """The answer in pieces of about 256 KiB, with the loop let go between them; never joined as a whole."""
        pending: list[bytes] = []
        waiting = 0
        for member in self.members:
            piece = member.data if gzip else _decompressed(member)
            pending.append(piece)
            waiting += len(piece)
            if waiting >= _WRITE_BYTES:
                yield b"".join(pending)
                pending.clear()
                waiting = 0
                await asyncio.sleep(0)
        yield b"".join(pending)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What scrapes get until the next preparation is complete."""

    prepared_at_us: int
    text: Body
    openmetrics: Body

    def body(self, wanted: Format) -> Body:
        """The answer in a format."""
        return self.text if wanted is Format.TEXT else self.openmetrics


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """A piece of one family: the values that it was rendered from, and what came out."""

    values: bytes | Sequence[str]
    member: Member


_ChunkKey = tuple[str, int, tuple[str, ...], int]
"""Family, its decimals, its columns' labels, first row."""


class _Rows:
    """The labels of one generation."""

    def __init__(self, servers: Sequence[str], info: Sequence[str]) -> None:
        assert len(servers) == len(info)
        self.servers = tuple(servers)
        self.info = tuple(info)
        self.has_hidden = "" in self.servers


class _Preparation:
    """The next body while it is being put together."""

    def __init__(self, rows: _Rows) -> None:
        self.rows = rows
        self.chunks: dict[_ChunkKey, _Chunk] = {}
        self.text: list[Member] = []
        self.openmetrics: list[Member] = []

    def add(self, text: bytes, openmetrics: bytes) -> None:
        """Append what differs between the formats."""
        self.text.append(_compressed(text))
        self.openmetrics.append(_compressed(openmetrics))

    def add_chunk(self, key: _ChunkKey, chunk: _Chunk) -> None:
        """Append what both formats share, and keep it for the next preparation."""
        self.chunks[key] = chunk
        if chunk.member.size:
            self.text.append(chunk.member)
            self.openmetrics.append(chunk.member)


class Exposition:
    """Prepares bodies while somebody scrapes, and hands the newest to every scrape.

    The caller asks `wanted` once a tick and then awaits `prepare`; `asked` is set by a scrape that waits for
    figures, so that the caller need not wait for its tick. All instants are of the clock's monotonic time.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        on_asked: Callable[[], None] = lambda: None,
        interest_us: int = 5 * MINUTE,
        fresh_us: int = 30 * SECOND,
        wait_s: float = 8.0,
        max_scrapes: int = 16,
    ) -> None:
        """Without a body.

        `on_asked`: called, besides setting `asked`, when a scrape waits.
        `interest_us`: how long after a scrape bodies are prepared ahead.
        `fresh_us`: a body older than this is not served any more: nothing is frozen.
        `wait_s`: how long a scrape waits for a body when there is no fresh one.
        `max_scrapes`: how many are served at once.
        """
        self.asked: Final = asyncio.Event()
        self._clock = clock
        self._on_asked = on_asked
        self._interest_us = interest_us
        self._fresh_us = fresh_us
        self._wait_s = wait_s
        self._max_scrapes = max_scrapes
        self._scrapes = 0
        self._scraped_at_us: int | None = None
        self._published: Published | None = None
        self._next = asyncio.Event()
        self._preparing = False
        self._generation: int | None = None
        self._last = _Preparation(_Rows((), ()))

    def wanted(self, now_monotonic_us: int) -> bool:
        """Whether somebody scraped lately, so that the next body is worth its preparation."""
        return self._scraped_at_us is not None and now_monotonic_us - self._scraped_at_us <= self._interest_us

    @asynccontextmanager
    async def scrape(self) -> AsyncIterator[Published]:
        """The newest figures, for as long as the scrape takes.

        Waits for a preparation where the newest are missing or too old. Raises TooManyScrapesError at once, or
        NotPreparedError after the wait.
        """
        if self._scrapes >= self._max_scrapes:
            raise TooManyScrapesError(
                f"{self._scrapes} scrapes are under way, and no more are served at once"
            )
        self._scrapes += 1
        try:
            yield await self._fresh()
        finally:
            self._scrapes -= 1

    async def _fresh(self) -> Published:
        now = self._clock.monotonic_us()
        self._scraped_at_us = now
        published = self._published
        if published is not None and now - published.prepared_at_us <= self._fresh_us:
            return published
        self.asked.set()
        self._on_asked()
        try:
            async with asyncio.timeout(self._wait_s):
                await self._next.wait()
        except TimeoutError:
            raise NotPreparedError(f"no figures were published within {self._wait_s:g} s") from None
        assert self._published is not None
        return self._published

    async def prepare(self, snapshot: Snapshot, process_metrics: Iterable[RenderedFamily]) -> None:
        """Render and compress what changed, in slices, and publish all of it at once."""
        assert not self._preparing, "one preparation at a time"
        self._preparing = True
        self.asked.clear()
        try:
            await self._prepare(snapshot, process_metrics)
        finally:
            self._preparing = False

    async def _prepare(self, snapshot: Snapshot, process_metrics: Iterable[RenderedFamily]) -> None:
        prepared_at_us = self._clock.monotonic_us()
        last = self._last
        if snapshot.generation == self._generation:
            preparation = _Preparation(last.rows)
        else:
            preparation = _Preparation(_Rows(snapshot.servers, snapshot.info))

        for rendered in process_metrics:
            preparation.add(rendered.text, rendered.openmetrics)
            await asyncio.sleep(0)
        await self._add_info(preparation)
        for family in snapshot.families:
            await self._add_family(preparation, family)
        for listing in snapshot.listings:
            await self._add_listing(preparation, listing)
        preparation.openmetrics.append(_compressed(b"# EOF\n"))

        self._generation, self._last = snapshot.generation, preparation
        self._published = Published(
            prepared_at_us=prepared_at_us,
            text=Body(format=Format.TEXT, members=tuple(preparation.text)),
            openmetrics=Body(format=Format.OPENMETRICS, members=tuple(preparation.openmetrics)),
        )
        self.asked.clear()
        waiting, self._next = self._next, asyncio.Event()
        waiting.set()

    async def _add_info(self, preparation: _Preparation) -> None:
        info, before = preparation.rows.info, self._last.rows.info
        preparation.add(
            _metadata(_INFO, "gauge", _INFO_HELP), _metadata(_INFO.removesuffix("_info"), "info", _INFO_HELP)
        )
        for start in range(0, len(info), CHUNK_SAMPLES):
            rows = slice(start, start + CHUNK_SAMPLES)
            key = (_INFO, 0, (), start)
            chunk = self._last.chunks.get(key)
            if chunk is None or (info is not before and info[rows] != before[rows]):
                chunk = _Chunk(values=b"", member=_compressed(_info_lines(info[rows])))
                await asyncio.sleep(0)
            preparation.add_chunk(key, chunk)

    async def _add_family(self, preparation: _Preparation, family: Family) -> None:
        servers, before = preparation.rows.servers, self._last.rows.servers
        assert all(len(column.values) == len(servers) for column in family.columns)
        labels = tuple(column.labels for column in family.columns)
        preparation.add(_metadata(family.name, family.kind, family.help), _openmetrics_metadata(family))
        step = max(1, CHUNK_SAMPLES // max(1, len(labels)))
        for start in range(0, len(servers), step):
            rows = slice(start, start + step)
            key = (family.name, family.decimals, labels, start)
            values = b"".join(memoryview(column.values)[rows] for column in family.columns)
            chunk = self._last.chunks.get(key)
            if (
                chunk is None
                or chunk.values != values
                or (servers is not before and servers[rows] != before[rows])
            ):
                lines = _sample_lines(family, preparation.rows, rows)
                await asyncio.sleep(0)
                chunk = _Chunk(values=values, member=_compressed(lines))
                await asyncio.sleep(0)
            preparation.add_chunk(key, chunk)
        await asyncio.sleep(0)

    async def _add_listing(self, preparation: _Preparation, listing: Listing) -> None:
        name = listing.name
        base = name.removesuffix("_info") if listing.kind == "info" else name
        preparation.add(
            _metadata(name, "gauge", listing.help), _metadata(base, listing.kind, listing.help, _unit(base))
        )
        for start in range(0, len(listing.samples), CHUNK_SAMPLES):
            samples = listing.samples[start : start + CHUNK_SAMPLES]
            key = (name, 0, (), start)
            chunk = self._last.chunks.get(key)
            if chunk is None or chunk.values != samples:
                chunk = _Chunk(values=samples, member=_compressed(_listing_lines(name, samples)))
                await asyncio.sleep(0)
            preparation.add_chunk(key, chunk)
        await asyncio.sleep(0)


def _listing_lines(name: str, samples: Sequence[str]) -> bytes:
    return "".join([f"{name}{sample}\n" for sample in samples]).encode()


def sample(labels: str, value: str) -> str:
    """What stands in a sample line after the name: rendered labels, which may be empty, and a value."""
    return f"{{{labels}}} {value}" if labels else f" {value}"


def label(name: str, value: str) -> str:
    """`name="value"` as both formats write it: backslash, quote and newline escaped.

    What no UTF-8 can hold, and NUL, which ends Prometheus' reading, become question marks: one odd name never costs
    the others their series.
    """
    readable = value.replace("\0", "?").encode(errors="replace").decode()
    escaped = readable.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return f'{name}="{escaped}"'


def _metadata(name: str, kind: str, help_text: str, unit: str = "") -> bytes:
    """The lines before a family's samples. Help texts are slad's own: one line without quotes or backslashes."""
    assert not set(help_text) & set('\\\n"'), help_text
    unit_line = f"# UNIT {name} {unit}\n" if unit else ""
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n{unit_line}".encode()


def _openmetrics_metadata(family: Family) -> bytes:
    name = family.name
    if family.kind == "counter":
        assert name.endswith("_total"), name
        name = name.removesuffix("_total")
    return _metadata(name, family.kind, family.help, _unit(name))


def _unit(name: str) -> str:
    """The unit that a family's name ends with, as OpenMetrics has it; none where the name ends with something else."""
    return next((unit for unit in ("seconds", "ratio") if name.endswith(f"_{unit}")), "")


def _info_lines(info: Sequence[str]) -> bytes:
    return "".join([f"{_INFO}{{{labels}}} 1\n" for labels in info if labels]).encode()


def _sample_lines(family: Family, all_rows: _Rows, rows: slice) -> bytes:
    """The samples of some rows, column by column: few enough rows that a label repeated compresses to a reference."""
    return "".join([_column_lines(family, column, all_rows, rows) for column in family.columns]).encode()


def _column_lines(family: Family, column: Column, all_rows: _Rows, rows: slice) -> str:
    """The lines of one column, of rows that have the series."""
    values: Sequence[int] = column.values[rows]
    servers: Sequence[str] = all_rows.servers[rows]
    if all_rows.has_hidden:
        values, servers = list(compress(values, servers)), list(compress(servers, servers))
    if ABSENT in values:
        shown = list(map(ABSENT.__ne__, values))
        values, servers = list(compress(values, shown)), list(compress(servers, shown))
    pieces = [f"{family.name}{{"] * (4 * len(values))
    pieces[1::4] = servers
    pieces[2::4] = [f",{column.labels}}} " if column.labels else "} "] * len(values)
    pieces[3::4] = _texts(values, family.decimals)
    return "".join(pieces)


def _texts(values: Sequence[int], decimals: int) -> list[str]:
    """How values end their lines; where many are equal, each is written once."""
    distinct = list(set(values))
    if len(distinct) > len(values) // 2:
        return _written(values, decimals)
    return list(map(dict(zip(distinct, _written(distinct, decimals), strict=True)).__getitem__, values))


def _written(values: Sequence[int], decimals: int) -> list[str]:
    if not decimals:
        return [f"{value}\n" for value in values]
    if min(values, default=0) < 0:
        return [f"{decimal_text(value, decimals)}\n" for value in values]
    padded = f"0{decimals + 1}d"
    texts = [f"{value:{padded}}" for value in values]
    return [f"{text[:-decimals]}.{text[-decimals:]}\n" for text in texts]


def decimal_text(value: int, decimals: int) -> str:
    """An integer with a point before its last digits, exactly."""
    whole, fraction = divmod(abs(value), 10**decimals)
    return f"{'-' if value < 0 else ''}{whole}.{fraction:0{decimals}}"


def _compressed(text: bytes) -> Member:
    return Member(data=isal_zlib.compress(text, _GZIP_LEVEL, wbits=_GZIP_CONTAINER), size=len(text))


def _decompressed(member: Member) -> bytes:
    return isal_zlib.decompress(member.data, wbits=_GZIP_CONTAINER, bufsize=member.size + 1)
