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
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from daemon.clock import Clock
from daemon.exposition.bodies import Body, Format, GzipMember, Published, compressed
from daemon.exposition.families import (
    LabelledFamily,
    RenderedFamily,
    ServerFamily,
    Snapshot,
)
from daemon.exposition.lines import (
    INFO,
    INFO_HELP,
    Rows,
    info_lines,
    labelled_lines,
    metadata,
    openmetrics_metadata,
    sample_lines,
    unit_of,
)
from sla.instants import MINUTE, SECOND

CHUNK_SAMPLES: Final = 1024
"""Samples in one member: large enough to compress well, small enough to hold the loop for about a millisecond."""

REMEMBERED_SCRAPES: Final = 8
EARLY_US: Final = SECOND
"""How much sooner than the last time a scrape may come: clocks and loads differ."""


class ExpositionError(Exception):
    """Base of what a scrape can be refused for."""


class TooManyScrapesError(ExpositionError):
    """As many scrapes as slad serves at once are under way already."""


class NotPreparedError(ExpositionError):
    """No figures were published in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chunk:
    """A piece of one family: the values that it was rendered from, and what came out."""

    values: bytes | Sequence[str]
    member: GzipMember


Compress = Callable[[bytes], GzipMember]
"""How a text becomes a member."""

_ChunkKey = tuple[str, int, tuple[str, ...], int]
"""A family, its decimals, its columns' labels, first row."""


class _Preparation:
    """The next body while it is being put together."""

    def __init__(self, rows: Rows, compress: Compress = compressed) -> None:
        self.rows = rows
        self.compress = compress
        self.chunks: dict[_ChunkKey, _Chunk] = {}
        self.text: list[GzipMember] = []
        self.openmetrics: list[GzipMember] = []

    def add(self, text: bytes, openmetrics: bytes) -> None:
        """Append what differs between the formats."""
        self.text.append(self.compress(text))
        self.openmetrics.append(self.compress(openmetrics))

    def add_chunk(self, key: _ChunkKey, chunk: _Chunk) -> None:
        """Append what both formats share, and keep it for the next preparation."""
        self.chunks[key] = chunk
        if chunk.member.size:
            self.text.append(chunk.member)
            self.openmetrics.append(chunk.member)


class Exposition:
    """Prepares bodies while somebody scrapes, and hands the newest to every scrape.

    The caller asks `wanted` once a tick and then awaits `prepare`; `asked` is set by a scrape that waits for
    figures, so that the caller need not wait for its tick. `news` tells how many changes there have been that a scrape
    has to show. All instants are of the clock's monotonic time.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        on_asked: Callable[[], None] = lambda: None,
        news: Callable[[], int] = lambda: 0,
        interest_us: int = 5 * MINUTE,
        recent_us: int = 10 * SECOND,
        fresh_us: int = 30 * SECOND,
        wait_s: float = 8.0,
        news_wait_s: float = 2.0,
        max_scrapes: int = 16,
        chunk_samples: int = CHUNK_SAMPLES,
        compress: Compress = compressed,
    ) -> None:
        """Without a body.

        `on_asked`: called, besides setting `asked`, when a scrape waits.
        `news`: a scrape waits for those that there are when it comes, up to `news_wait_s`.
        `interest_us`: how long after a scrape bodies are prepared ahead.
        `recent_us`: for a body that is not older no scrape waits, where there is no news.
        `fresh_us`: a body older than this is not served any more: nothing is frozen.
        `wait_s`: how long a scrape waits for a body when there is no fresh one.
        `max_scrapes`: how many may wait for figures, or hold them, at once.
        `chunk_samples`: how many samples one member holds.
        """
        self.asked: Final = asyncio.Event()
        self.news: Final = news
        self._clock = clock
        self._on_asked = on_asked
        self._news_wait_s = news_wait_s
        self._interest_us = interest_us
        self._recent_us = recent_us
        self._fresh_us = fresh_us
        self._wait_s = wait_s
        self._max_scrapes = max_scrapes
        self._chunk_samples = chunk_samples
        self._compress = compress
        self._scrapes = 0
        self._scraped_at_us: deque[int] = deque(maxlen=REMEMBERED_SCRAPES)
        self._published: Published | None = None
        self._next = asyncio.Event()
        self._preparing = False
        self._generation: int | None = None
        self._last = _Preparation(Rows((), ()))

    def wanted(self, now_us: int, tick_us: int) -> bool:
        """Whether somebody scrapes, and may come again before the tick after the next: a body is worth its preparation then.

        Nobody is expected sooner than after the shortest pause between scrapes of late. Those within a tick get the same body.
        """
        if not self._scraped_at_us or now_us - self._scraped_at_us[-1] > self._interest_us:
            return False
        pauses = [later - earlier for earlier, later in pairwise(self._scraped_at_us)]
        shortest = min((pause for pause in pauses if pause >= tick_us), default=0)
        return now_us + tick_us + EARLY_US >= self._scraped_at_us[-1] + shortest

    @asynccontextmanager
    async def scrape(self) -> AsyncIterator[Published]:
        """The newest figures; their bodies may be read after it too.

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
        self._scraped_at_us.append(now)
        published = self._published
        if published is not None and now - published.prepared_at_us <= self._fresh_us:
            return await self._newest(published, self.news(), now - self._recent_us)
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._prepared_next()
        except TimeoutError:
            raise NotPreparedError(f"no figures were published within {self._wait_s:g} s") from None

    async def _newest(self, published: Published, news: int, since_us: int) -> Published:
        """Figures with these news that were prepared since then, or fresh ones without where those do not come in time."""
        try:
            async with asyncio.timeout(self._news_wait_s):
                while published.news < news or published.prepared_at_us < since_us:
                    published = await self._prepared_next()
        except TimeoutError:
            pass  # old news are better than none
        return published

    async def _prepared_next(self) -> Published:
        self.asked.set()
        self._on_asked()
        await self._next.wait()
        assert self._published is not None
        return self._published

    async def prepare(
        self, snapshot: Snapshot, process_metrics: Iterable[RenderedFamily], *, news: int = 0
    ) -> None:
        """Render and compress what changed, in slices, and publish all of it at once; `news` that there were are in it."""
        assert not self._preparing, "one preparation at a time"
        self._preparing = True
        self.asked.clear()
        try:
            await self._prepare(snapshot, process_metrics, news)
        finally:
            self._preparing = False

    async def _prepare(
        self, snapshot: Snapshot, process_metrics: Iterable[RenderedFamily], news: int
    ) -> None:
        prepared_at_us = self._clock.monotonic_us()
        last = self._last
        if snapshot.generation == self._generation:
            preparation = _Preparation(last.rows, self._compress)
        else:
            preparation = _Preparation(Rows(snapshot.servers, snapshot.info), self._compress)

        for rendered in process_metrics:
            preparation.add(rendered.text, rendered.openmetrics)
            await asyncio.sleep(0)
        await self._add_info(preparation)
        for family in snapshot.families:
            await self._add_family(preparation, family)
        for labelled in snapshot.labelled:
            await self._add_labelled(preparation, labelled)
        preparation.openmetrics.append(self._compress(b"# EOF\n"))

        before = self._published
        assert before is None or before.prepared_at_us <= prepared_at_us, (
            "a body was replaced by an older one"
        )
        self._generation, self._last = snapshot.generation, preparation
        self._published = Published(
            prepared_at_us=prepared_at_us,
            news=news,
            text=Body(format=Format.TEXT, members=tuple(preparation.text)),
            openmetrics=Body(format=Format.OPENMETRICS, members=tuple(preparation.openmetrics)),
        )
        self.asked.clear()
        waiting, self._next = self._next, asyncio.Event()
        waiting.set()

    async def _add_info(self, preparation: _Preparation) -> None:
        info, before = preparation.rows.info, self._last.rows.info
        if not info:
            return
        preparation.add(
            metadata(INFO, "gauge", INFO_HELP), metadata(INFO.removesuffix("_info"), "info", INFO_HELP)
        )
        for start in range(0, len(info), self._chunk_samples):
            rows = slice(start, start + self._chunk_samples)
            key = (INFO, 0, (), start)
            chunk = self._last.chunks.get(key)
            if chunk is None or (info is not before and info[rows] != before[rows]):
                chunk = _Chunk(values=b"", member=self._compress(info_lines(info[rows])))
                await asyncio.sleep(0)
            preparation.add_chunk(key, chunk)

    async def _add_family(self, preparation: _Preparation, family: ServerFamily) -> None:
        servers, before = preparation.rows.servers, self._last.rows.servers
        assert all(len(column.values) == len(servers) for column in family.columns)
        labels = tuple(column.labels for column in family.columns)
        preparation.add(metadata(family.name, family.kind, family.help), openmetrics_metadata(family))
        step = max(1, self._chunk_samples // max(1, len(labels)))
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
                lines = sample_lines(family, preparation.rows, rows)
                await asyncio.sleep(0)
                chunk = _Chunk(values=values, member=self._compress(lines))
                await asyncio.sleep(0)
            preparation.add_chunk(key, chunk)
        await asyncio.sleep(0)

    async def _add_labelled(self, preparation: _Preparation, family: LabelledFamily) -> None:
        name = family.name
        base = name.removesuffix({"info": "_info", "counter": "_total", "gauge": ""}[family.kind])
        kind = "gauge" if family.kind == "info" else family.kind
        preparation.add(
            metadata(name, kind, family.help), metadata(base, family.kind, family.help, unit_of(base))
        )
        for start in range(0, len(family.samples), self._chunk_samples):
            samples = family.samples[start : start + self._chunk_samples]
            key = (name, 0, (), start)
            chunk = self._last.chunks.get(key)
            if chunk is None or chunk.values != samples:
                chunk = _Chunk(values=samples, member=self._compress(labelled_lines(name, samples)))
                await asyncio.sleep(0)
            preparation.add_chunk(key, chunk)
        await asyncio.sleep(0)
