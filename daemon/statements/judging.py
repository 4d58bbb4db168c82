"""A month of evidence judged, with the holidays that its deadlines reach."""

from collections.abc import Callable, Collection, Iterable
from itertools import chain

from daemon.config.letterhead import Letterhead
from daemon.holidays import holidays_around
from daemon.timezones import time_zone_release
from sla.book import Book
from sla.calendars import Day, Month
from sla.client_document import Imprint, LedgerHead
from sla.instants import Instant
from sla.statement import Judgement
from sla.terms import Terms


def judged(
    book: Book,
    *,
    month: Month,
    as_of: Instant,
    terms_by: Callable[[Collection[Day]], Terms] | None = None,
) -> Judgement:
    """The judgement of a book. `terms_by`: what makes of the national holidays the terms for all contract records."""
    holidays = holidays_around(_deadlines_from(book, as_of))
    terms = None if terms_by is None else terms_by(holidays)
    return Judgement(book, month=month, as_of=as_of, national_holidays=holidays, terms=terms)


def imprint_of(
    letterhead: Letterhead, ledgers: tuple[LedgerHead, ...], *, version: int | None = None
) -> Imprint:
    """What a document of a provider says of itself. `ledgers`: those that it was held against; `version`: as which it is issued."""
    return Imprint(
        provider=letterhead.name,
        address=letterhead.address,
        ledgers=ledgers,
        time_zones=time_zone_release(),
        version=version,
    )


def _deadlines_from(book: Book, as_of: Instant) -> Iterable[Instant]:
    """The instants from which deadlines are counted, and `as_of`: whose years need holidays."""
    opened = (pages.record.opened_at for pages in book.requests.values())
    happened = (record.at for records in book.lifecycles.values() for record in records)
    return chain((as_of,), opened, happened)
