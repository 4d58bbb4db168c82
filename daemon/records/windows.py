"""What several windows come to: not by server, of which there may be 40,000 in each, but by what is the same for many."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from daemon.pacing import paced
from daemon.records.bodies import LONGEST_WINDOW
from daemon.records.idempotency import Series
from daemon.records.refusals import FieldFault, RefusedError
from daemon.records.views import BookView, end_of, exclusion_keys
from daemon.replies.exclusions import (
    AlikeServers,
    CalendarWindow,
    MaintenanceCalendar,
    SeriesReceipt,
    SeriesWindow,
    Summary,
    WindowSplit,
)
from sla.announcement import Share
from sla.book import ExclusionPages
from sla.calendars import calendar_of
from sla.instants import DAY, Instant
from sla.lookalikes import Lookalike, span_of
from sla.records import ClientId, Exclusion, ServerId
from sla.spans import Span

BACK: Final = 92 * DAY
AHEAD: Final = 366 * DAY
"""How far from now calendars that people subscribe to reach."""
MOST_WINDOWS: Final = 1000
"""In one calendar."""


def around(now: Instant) -> Span:
    """The time that calendars show that people subscribe to."""
    return Instant(now - BACK), Instant(now + AHEAD)


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
        """For the windows whose records these are."""
        if not records:
            return cls(views, ())
        lookalikes = views.lookalikes(*span_of(records))
        counts: Counter[Lookalike] = Counter()
        first: dict[Lookalike, ServerId] = {}
        async for server in paced(views.concerned(records)):
            lookalike = lookalikes.of(server)
            counts[lookalike] += 1
            first.setdefault(lookalike, server)
        return cls(views, [_Example(first[each], count, each) for each, count in counts.items()])

    async def judged(
        self, records: Iterable[Exclusion], client: ClientId | None = None
    ) -> tuple[Summary, tuple[AlikeServers, ...]]:
        """What a window comes to, whose records these are, for all clients or one; by client, the most servers first."""
        alike: Counter[tuple[ClientId, WindowSplit]] = Counter()
        async for share, servers in paced(self._shares(records)):
            if client in (None, share.client):
                alike[share.client, WindowSplit.of(share.split)] += servers
        rows = [
            AlikeServers(**dict(split), client=whose, servers=servers)
            for (whose, split), servers in alike.items()
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


async def maintenance_calendar(views: BookView, span: Span, client: ClientId | None) -> MaintenanceCalendar:
    """The windows of a span, of all clients or of one. Raises RefusedError for more than `MOST_WINDOWS`."""
    groups = views.maintenance_in(span, client)
    if len(groups) > MOST_WINDOWS:
        message = f"there are {len(groups)} windows to it, and at most {MOST_WINDOWS} can be shown: ask for less time"
        raise RefusedError([FieldFault("until", message)])
    judge = await WindowJudge.of(
        views, [each.record for group in groups for each in group if _can_be_judged(each)]
    )
    return MaintenanceCalendar(
        start=span[0],
        end=span[1],
        client=client,
        windows=tuple([await _calendar_window(views, judge, group, client) for group in groups]),
    )


async def _calendar_window(
    views: BookView, judge: WindowJudge, group: Sequence[ExclusionPages], client: ClientId | None
) -> CalendarWindow:
    status = views.exclusion(group)
    if not all(map(_can_be_judged, group)):
        return CalendarWindow(window=status, summary=None, servers=())
    summary, servers = await judge.judged([each.record for each in group], client)
    return CalendarWindow(window=status, summary=summary, servers=servers)


def _can_be_judged(pages: ExclusionPages) -> bool:
    """Whether it stands and is no longer than the door takes; evidence of another may hold an open one, or one of years."""
    end = end_of(pages)
    return pages.withdrawn is None and end is not None and end - pages.record.start <= LONGEST_WINDOW


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
