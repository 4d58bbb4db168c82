"""What several windows come to: not by server, of which there may be 40,000 in each, but by what is the same for many."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, Self

from daemon.pacing import paced
from daemon.records.bodies import LONGEST_WINDOW
from daemon.records.idempotency import Series
from daemon.records.refusals import FieldFault, RefusedError
from daemon.records.views import BookView, end_of, exclusion_keys
from daemon.replies.common import with_rows
from daemon.replies.exclusions import (
    AlikeServers,
    CalendarWindow,
    MaintenanceCalendar,
    MaintenanceReceipt,
    SeriesReceipt,
    SeriesWindow,
    Summary,
    WindowSplit,
)
from sla.announcement import Share
from sla.book import Declared
from sla.calendars import calendar_of
from sla.instants import DAY, Instant
from sla.lookalikes import Lookalike, span_of
from sla.pages import ExclusionPages
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
        async for server in paced(await _concerned(views, records)):
            lookalike = lookalikes.of(server)
            counts[lookalike] += 1
            first.setdefault(lookalike, server)
        return cls(views, [_Example(first[each], count, each) for each, count in counts.items()])

    async def judged(
        self, records: Iterable[Exclusion], client: ClientId | None = None
    ) -> tuple[Summary, list[bytes]]:
        """What a window comes to, whose records these are, for all clients or one: rows of `AlikeServers` as JSON, by client."""
        alike: Counter[tuple[ClientId, WindowSplit]] = Counter()
        async for share, servers in paced(self._shares(records)):
            if client in (None, share.client):
                alike[share.client, WindowSplit.of(share.split)] += servers
        counts: Counter[tuple[int, int]] = Counter()
        rows: list[bytes] = []
        async for (whose, split), servers in paced(
            sorted(alike.items(), key=lambda each: (each[0][0], -each[1]))
        ):
            counts[split.eligible_seconds, split.seconds] += servers
            rows.append(AlikeServers(**dict(split), client=whose, servers=servers).as_json())
        return Summary.of(counts), rows

    def _shares(self, records: Iterable[Exclusion]) -> Iterator[tuple[Share, int]]:
        for record in records:
            announcement = self._views.announcement(record)
            for example in self._examples:
                if example.lookalike.may_be_in(record):
                    for share in announcement.shares_of(example.server):
                        yield share, example.servers


async def _concerned(views: BookView, records: Iterable[Exclusion]) -> list[ServerId]:
    """The servers that any of some windows can cover, each once."""
    # The windows of a series have one scope; and where clients are named, every server may be theirs at some time.
    scopes = {
        (record.clients != () or record.is_of_all, record.solutions, record.servers): record
        for record in records
    }
    found: dict[ServerId, None] = {}
    async for record in paced(scopes.values()):
        found.update(dict.fromkeys(views.concerned(record)))
    return list(found)


async def maintenance_calendar(views: BookView, span: Span, client: ClientId | None) -> bytes:
    """A `MaintenanceCalendar` as JSON, of all clients or of one. Raises RefusedError for more than `MOST_WINDOWS`."""
    groups = views.maintenance_in(span, client)
    if len(groups) > MOST_WINDOWS:
        message = f"there are {len(groups)} windows to it, and at most {MOST_WINDOWS} can be shown: ask for less time"
        raise RefusedError([FieldFault("until", message)])
    judge = await WindowJudge.of(
        views, [each.record for group in groups for each in group if _can_be_judged(each)]
    )
    rows = [await _calendar_window(views, judge, group, client) for group in groups]
    return with_rows(MaintenanceCalendar(start=span[0], end=span[1], client=client, windows=()), rows)


async def _calendar_window(
    views: BookView, judge: WindowJudge, group: Sequence[ExclusionPages], client: ClientId | None
) -> bytes:
    status = views.exclusion(group)
    if not all(map(_can_be_judged, group)):
        return CalendarWindow(window=status, summary=None, servers=()).as_json()
    summary, rows = await judge.judged([each.record for each in group], client)
    return with_rows(CalendarWindow(window=status, summary=summary, servers=()), rows)


def _can_be_judged(pages: ExclusionPages) -> bool:
    """Whether it stands and is no longer than the door takes; evidence of another may hold an open one, or one of years."""
    end = end_of(pages)
    return pages.withdrawn is None and end is not None and end - pages.record.start <= LONGEST_WINDOW


async def maintenance_receipt(
    views: BookView, records: Sequence[Exclusion], common: Mapping[str, Any]
) -> bytes:
    """A `MaintenanceReceipt` as JSON: of the one window, server by server; `common`: the keys of all answers to a recording."""
    rows: list[bytes] = []
    counts: Counter[tuple[int, int]] = Counter()
    async for share in paced(chain.from_iterable(map(views.shares, records))):
        if share is not None:
            rows.append(share.json)
            counts[share.eligible, share.seconds] += 1
    keys, summary = exclusion_keys(records) | {"servers": ()}, Summary.of(counts)
    return with_rows(MaintenanceReceipt(**common, **keys, summary=summary), rows)


async def series_receipt(
    views: BookView, series: Series, windows: Mapping[str, Sequence[Exclusion]], common: Mapping[str, Any]
) -> bytes:
    """A `SeriesReceipt` as JSON; `common`: the keys of all answers to a recording."""
    judge = await WindowJudge.of(views, [record for records in windows.values() for record in records])
    first = exclusion_keys(next(iter(windows.values())))
    receipt = SeriesReceipt(
        **common,
        every=str(series.every),
        timezone=series.timezone,
        **{key: first[key] for key in ("category", "clients", "solutions", "announced_at", "reference")},
        windows=(),
    )
    rows = [
        await _series_window(judge, series, None if common["dry_run"] else name, records)
        for name, records in windows.items()
    ]
    return with_rows(receipt, rows)


async def _series_window(
    judge: WindowJudge, series: Series, name: str | None, records: Sequence[Exclusion]
) -> bytes:
    keys, calendar = exclusion_keys(records), calendar_of(series.timezone)
    summary, rows = await judge.judged(records)
    window = SeriesWindow(
        id=name,
        start=keys["start"],
        end=keys["end"],
        local=calendar.local_time(keys["start"]).isoformat(" ", "seconds"),
        clock_change=series.every.clock_change(calendar, keys["start"]),
        summary=summary,
        servers=(),
    )
    return with_rows(window, rows)


def exclusions_in(records: Sequence[Declared]) -> list[Exclusion]:
    """All of a draft."""
    return [record for record in records if isinstance(record, Exclusion)]
