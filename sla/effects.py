"""What exclusions change in the months of servers: the figures without them and with them (spec §5)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sla.announcement import concerned
from sla.availability import Figures
from sla.book import Book
from sla.calendars import Day, Month, calendar_of, next_month
from sla.instants import FOREVER, Instant
from sla.records import ALL_LEGS, ClientId, Exclusion, ServerId
from sla.statement import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A server's month so far with a client, as it stands and as it would."""

    server: ServerId
    name: str
    client: ClientId
    month: Month
    before: Figures
    after: Figures


def effects(
    book: Book, exclusions: Sequence[Exclusion], as_of: Instant, national_holidays: Collection[Day]
) -> Iterator[Effect | None]:
    """Each month in which a figure would be another with exclusions that the book does not hold yet.

    None for each that was looked at in vain. What lies after `as_of` changes nothing yet.
    """
    after = book
    for exclusion in exclusions:
        after = after.supposing(exclusion)
    judgements: dict[Month, tuple[Judgement, Judgement]] = {}
    seen: set[tuple[ServerId, ClientId, Month]] = set()
    for exclusion in exclusions:
        for server in list(concerned(book, exclusion)):
            yield None
            for client, month in _months(book, server, exclusion, as_of):
                if (server, client, month) in seen:
                    continue
                seen.add((server, client, month))
                if month not in judgements:
                    judgements[month] = (
                        Judgement(book, month=month, as_of=as_of, national_holidays=national_holidays),
                        Judgement(after, month=month, as_of=as_of, national_holidays=national_holidays),
                    )
                yield _effect(judgements[month], server, client, month)


def _months(
    book: Book, server: ServerId, exclusion: Exclusion, as_of: Instant
) -> Iterator[tuple[ClientId, Month]]:
    """The clients and local months of a server that an exclusion touches by `as_of`; none of one that was never down."""
    pages = book.servers[server]
    if not pages.timeline.ever_down(ALL_LEGS):
        return
    for part in pages.parts(as_of):
        record = book.client(part.client, as_of)
        start = max(part.start, exclusion.start)
        end = min(part.end, FOREVER if exclusion.end is None else exclusion.end, as_of)
        if record is None or start >= end:
            continue
        calendar = calendar_of(record.timezone)
        month, last = calendar.month_of(start), calendar.month_of(Instant(end - 1))
        while month <= last:
            yield part.client, month
            month = next_month(month)


def _effect(
    judgements: tuple[Judgement, Judgement], server: ServerId, client: ClientId, month: Month
) -> Effect | None:
    rows = [row for judgement in judgements for row in judgement.server(server, client)]
    if len(rows) != len(judgements):
        return None
    before, after = rows
    if _figures(before.figures) == _figures(after.figures):
        return None
    return Effect(
        server=server,
        name=after.name,
        client=client,
        month=month,
        before=before.figures,
        after=after.figures,
    )


def _figures(figures: Figures) -> tuple[object, ...]:
    return figures.availability(), figures.down, figures.met
