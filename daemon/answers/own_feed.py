"""What the feed of one client tells: its outages of two months, and the windows that concern it, in its language."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from daemon.answers.calendars import client_events
from daemon.book.live_book import LiveBook
from daemon.live.figures import JudgementsAt
from daemon.pacing import paced
from daemon.statements.feed import FeedEntry, feed_id
from daemon.statements.ics import CalendarEvent
from daemon.statements.speech import Speech
from sla.accounts import OutageAccount, account_of
from sla.calendars import Month, calendar_of
from sla.instants import Instant, format_instant
from sla.owners import own_name
from sla.records import Client, ServerId
from sla.statement import Judgement, ServerMonth

MOST_ENTRIES: Final = 100
"""In one feed: the newest."""


async def entries_of(
    book: LiveBook, judging: JudgementsAt | None, client: Client, speech: Speech
) -> list[FeedEntry]:
    """The newest entries, the latest first; `judging`: None before anything was worked out."""
    found = [
        _window_entry(event, speech)
        async for event in paced(client_events(book.evidence, client.id, book.observer, speech))
        if event is not None
    ]
    if judging is not None:
        found += [entry async for entry in _outage_entries(book, judging, client, speech)]
    return sorted(found, key=lambda each: (-each.updated_at, each.id))[:MOST_ENTRIES]


async def _outage_entries(
    book: LiveBook, judging: JudgementsAt, client: Client, speech: Speech
) -> AsyncIterator[FeedEntry]:
    """Those of the local month and of the one before, each once."""
    judgements = list(map(judging.of_month, _months(client, judging.at)))
    async for server in paced(sorted(book.evidence.servers_of_clients([client.id]))):
        outages = {
            outage.start: outage
            for judgement in judgements
            for row in _rows(judgement, server, client)
            for outage in account_of(judgement, row).outages
        }
        name = own_name(book.evidence, server, client.id, judging.at) or server
        for outage in outages.values():
            yield _outage_entry(feed_id(book.observer, client.id, server), name, outage, speech)


def _rows(judgement: Judgement, server: ServerId, client: Client) -> Iterator[ServerMonth]:
    """The months of a server that was ever down with a client."""
    rules = judgement.rules(client.id)
    if rules is not None and judgement.book.servers[server].timeline.ever_down(rules.terms.availability.legs):
        yield from judgement.server(server, client.id)


def _months(client: Client, at: Instant) -> tuple[Month, Month]:
    calendar = calendar_of(client.timezone)
    this = calendar.month_of(at)
    return calendar.month_of(Instant(calendar.month_span(this)[0] - 1)), this


def _outage_entry(whose: str, name: str, outage: OutageAccount, speech: Speech) -> FeedEntry:
    """An outage; it is another thing when it has ended."""
    end = outage.end
    if end is None:
        title = speech.say("is_down", server=name)
    else:
        title = speech.say("was_down", server=name, lasted=speech.duration(end - outage.start))
    return FeedEntry(
        id=feed_id(whose, format_instant(outage.start)),
        title=title,
        published_at=outage.start,
        updated_at=outage.start if end is None else end,
        lines=tuple(_outage_lines(outage, speech)),
    )


def _outage_lines(outage: OutageAccount, speech: Speech) -> Iterator[str]:
    end, cause = outage.end, outage.cause

    def fact(label: str, text: str) -> str:
        return speech.say("fact_is", label=speech.say(label), text=text)

    yield fact("start", speech.instant(format_instant(outage.start)))
    yield fact("end", speech.say("ongoing") if end is None else speech.instant(format_instant(end)))
    yield fact("legs", ", ".join(speech.say(f"leg.{leg.value}") for leg in outage.legs))
    if cause is not None:
        told = speech.say(f"cause.{cause.cause.value}")
        yield fact("cause", speech.say(f"sure.{cause.confidence.value}", cause=told))


def _window_entry(event: CalendarEvent, speech: Speech) -> FeedEntry:
    start = speech.instant(format_instant(event.start))
    end = speech.say("open_end") if event.end is None else speech.instant(format_instant(event.end))
    return FeedEntry(
        id=feed_id(event.uid),
        title=speech.say("withdrawn", window=event.summary) if event.is_cancelled else event.summary,
        published_at=event.created_at,
        updated_at=event.changed_at,
        lines=(speech.say("range", low=start, high=end), *event.description),
    )
