"""What the feed of one client tells: its outages of two months, those of an incident as one, and the windows that concern it, in its language."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

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
from sla.records import Client, ClientId, ServerId
from sla.statement import Judgement, ServerMonth

MOST_ENTRIES: Final = 100
"""Of outages in one feed, and of windows: the newest of each, so that neither drives out the others."""
_NAMED: Final = 50
"""So many servers of an incident are named."""


class _OwnOutage(NamedTuple):
    """An outage of one of the client's servers."""

    server: ServerId
    name: str
    account: OutageAccount


async def entries_of(
    book: LiveBook, judging: JudgementsAt | None, client: Client, speech: Speech
) -> list[FeedEntry]:
    """The newest entries, the latest first; `judging`: None before anything was worked out."""
    windows = [
        _window_entry(event, speech)
        async for event in paced(client_events(book.evidence, client.id, book.observer, speech))
        if event is not None
    ]
    incidents = [] if judging is None else await _incidents(book, judging, client)
    told = [_incident_entry(book.observer, client.id, each, speech) for each in incidents]
    return _newest([*_newest(windows)[:MOST_ENTRIES], *_newest(told)[:MOST_ENTRIES]])


def _newest(entries: Iterable[FeedEntry]) -> list[FeedEntry]:
    return sorted(entries, key=lambda each: (-each.updated_at, each.id))


async def _incidents(book: LiveBook, judging: JudgementsAt, client: Client) -> list[list[_OwnOutage]]:
    """The outages of the local month and of the one before, each once; together those of one incident, by their beginnings."""
    judgements = list(map(judging.of_month, _months(client, judging.at)))
    found: dict[object, list[_OwnOutage]] = {}
    async for server in paced(sorted(book.evidence.servers_of_clients([client.id]))):
        outages = {
            outage.start: outage
            for judgement in judgements
            for row in _rows(judgement, server, client)
            for outage in account_of(judgement, row).outages
        }
        name = own_name(book.evidence, server, client.id, judging.at) or server
        for start, outage in outages.items():
            incident = "" if outage.cause is None else outage.cause.incident
            found.setdefault(incident or (server, start), []).append(_OwnOutage(server, name, outage))
    return [sorted(those, key=lambda each: (each.account.start, each.server)) for those in found.values()]


def _rows(judgement: Judgement, server: ServerId, client: Client) -> Iterator[ServerMonth]:
    """The months of a server that was ever down with a client."""
    rules = judgement.rules(client.id)
    if rules is not None and judgement.book.servers[server].timeline.ever_down(rules.terms.availability.legs):
        yield from judgement.server(server, client.id)


def _months(client: Client, at: Instant) -> tuple[Month, Month]:
    calendar = calendar_of(client.timezone)
    this = calendar.month_of(at)
    return calendar.month_of(Instant(calendar.month_span(this)[0] - 1)), this


def _incident_entry(
    observer: str, client: ClientId, outages: Sequence[_OwnOutage], speech: Speech
) -> FeedEntry:
    """The outages of an incident; it is another thing when one of them begins or ends.

    It has the id of the first of them: so it is the same entry from when that one stood alone.
    """
    first = outages[0]
    start, ends = first.account.start, [each.account.end for each in outages]
    end = None if None in ends else max(end for end in ends if end is not None)
    down = {each.server: each.name for each in outages if end is not None or each.account.end is None}
    said = {} if end is None else {"lasted": speech.duration(end - start)}
    if len(down) == 1:
        title = speech.say("is_down" if end is None else "was_down", server=next(iter(down.values())), **said)
    else:
        count = speech.number(len(down))
        title = speech.say("are_down" if end is None else "were_down", count=count, **said)
    return FeedEntry(
        id=feed_id(feed_id(observer, client, first.server), format_instant(start)),
        title=title,
        published_at=start,
        updated_at=max(each.account.end or each.account.start for each in outages),
        lines=tuple(_incident_lines(outages, end, speech)),
    )


def _incident_lines(outages: Sequence[_OwnOutage], end: Instant | None, speech: Speech) -> Iterator[str]:
    start, cause = outages[0].account.start, outages[0].account.cause
    names = {each.server: each.name for each in outages}
    legs = dict.fromkeys(leg for each in outages for leg in each.account.legs)

    def fact(label: str, text: str) -> str:
        return speech.say("fact_is", label=speech.say(label), text=text)

    yield fact("start", speech.instant(format_instant(start)))
    yield fact("end", speech.say("ongoing") if end is None else speech.instant(format_instant(end)))
    yield fact("legs", ", ".join(speech.say(f"leg.{leg.value}") for leg in legs))
    if cause is not None:
        told = speech.say(f"cause.{cause.cause.value}")
        yield fact("cause", speech.say(f"sure.{cause.confidence.value}", cause=told))
    if len(names) > 1:
        yield fact("servers", speech.names(sorted(names.values(), key=str.casefold), _NAMED))


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
