"""What several windows come to: not by server, of which there may be 40,000 in each, but by what is the same for many."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

from daemon.pacing import paced
from daemon.records.idempotency import Series
from daemon.records.views import BookView, exclusion_keys
from daemon.replies.exclusions import AlikeServers, SeriesReceipt, SeriesWindow, Summary
from sla.announcement import Share
from sla.calendars import calendar_of
from sla.lookalikes import Lookalike, span_of
from sla.records import Exclusion, ServerId


class _Example(NamedTuple):
    """One of so many servers that the windows come to the same on."""

    server: ServerId
    servers: int
    lookalike: Lookalike


class WindowJudge:
    """Judges windows that have an end and stand, and are known beforehand: the servers are looked at once for all of them."""

    def __init__(self, views: BookView, examples: Sequence[_Example]) -> None:
        self._views = views
        self._examples = examples

    @classmethod
    async def of(cls, views: BookView, records: Sequence[Exclusion]) -> Self:
        """For the windows whose records these are; with at least one."""
        lookalikes = views.lookalikes(*span_of(records))
        counts: Counter[Lookalike] = Counter()
        first: dict[Lookalike, ServerId] = {}
        async for server in paced(views.concerned(records)):
            lookalike = lookalikes.of(server)
            counts[lookalike] += 1
            first.setdefault(lookalike, server)
        return cls(views, [_Example(first[each], count, each) for each, count in counts.items()])

    async def judged(self, records: Iterable[Exclusion]) -> tuple[Summary, tuple[AlikeServers, ...]]:
        """What a window comes to, whose records these are; by client, the most servers first."""
        rows = [
            AlikeServers.of(share.split, client=share.client, servers=servers)
            async for share, servers in paced(self._shares(records))
        ]
        counts: Counter[tuple[int, int]] = Counter()
        for row in rows:
            counts[row.eligible_seconds, row.seconds] += row.servers
        return Summary.of(counts), tuple(sorted(rows, key=lambda row: (row.client, -row.servers)))

    def _shares(self, records: Iterable[Exclusion]) -> Iterator[tuple[Share, int]]:
        for record in records:
            announcement = self._views.announcement(record)
            for example in self._examples:
                if example.lookalike.may_be_in(record):
                    for share in announcement.shares_of(example.server):
                        yield share, example.servers


async def series_receipt(
    views: BookView, series: Series, windows: Mapping[str, Sequence[Exclusion]], common: Mapping[str, Any]
) -> SeriesReceipt:
    """The answer to the announcement of a series; `common`: the keys of all answers to a recording."""
    judge = await WindowJudge.of(views, [record for records in windows.values() for record in records])
    first = exclusion_keys(next(iter(windows.values())))
    return SeriesReceipt(
        **common,
        every=str(series.every),
        timezone=series.timezone,
        **{key: first[key] for key in ("category", "clients", "solutions", "announced_at", "reference")},
        windows=tuple(
            [
                await _series_window(judge, series, None if common["dry_run"] else name, records)
                for name, records in windows.items()
            ]
        ),
    )


async def _series_window(
    judge: WindowJudge, series: Series, name: str | None, records: Sequence[Exclusion]
) -> SeriesWindow:
    keys, calendar = exclusion_keys(records), calendar_of(series.timezone)
    summary, servers = await judge.judged(records)
    return SeriesWindow(
        id=name,
        start=keys["start"],
        end=keys["end"],
        local=calendar.local_text(keys["start"]),
        clock_change=series.every.clock_change(calendar, keys["start"]),
        summary=summary,
        servers=servers,
    )
