"""Which windows of maintenance a calendar shows, and in which words: of the fleet, or of one client and nobody else."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import nsmallest
from typing import Final

from daemon.pacing import paced
from daemon.records.idempotency import RecordedRequests
from daemon.records.naming import name_of
from daemon.records.views import end_of
from daemon.statements.ics import CalendarEvent, head, lines_of, tail
from daemon.statements.speech import Speech
from sla.book import Book
from sla.exclusions import MAINTENANCE
from sla.instants import FOREVER, Instant
from sla.owners import is_own, own_name
from sla.pages import ExclusionPages
from sla.records import Category, ClientId, Exclusion, ServerId
from sla.spans import Span

MOST_EVENTS: Final = 2000
"""In one calendar: of more, those that are nearest to now."""

_TITLED: Final = 3
_NAMED: Final = 50
"""How many names of each kind the title of an event has, and its text."""
_TITLES: Final = {
    Category.SCHEDULED_MAINTENANCE: "calendar.scheduled_maintenance",
    Category.EMERGENCY_SECURITY_UPDATE: "calendar.emergency_security_update",
}
ENGLISH: Final = Speech("en", "UTC")
"""How the provider, and every page, is told."""


def fleet_events(book: Book, requests: RecordedRequests, provider: str) -> Iterator[CalendarEvent | None]:
    """The windows of all clients: what was recorded as one is one. None for each exclusion that was looked at in vain."""
    for id_, pages in list(book.exclusions.items()):
        group = requests.group_of(id_)
        if pages.record.category in MAINTENANCE and group[0] == id_:
            name = requests.recorded_as.get(id_, id_)
            yield _event(
                f"{name}@{provider}",
                [book.exclusions[each] for each in group],
                lambda scope: _concerned(book, scope, lambda server: name_of(book, server)),
                ENGLISH,
            )
        else:
            yield None


def client_events(
    book: Book, client: ClientId, provider: str, speech: Speech = ENGLISH
) -> Iterator[CalendarEvent | None]:
    """The windows that concern one client, each by its record, in words that tell of nobody else (design §8, Discreet)."""
    for pages in list(book.exclusions.values()):
        record = pages.record
        if record.category in MAINTENANCE and is_own(book, record, client, record.recorded_at):
            yield _event(
                f"{record.id}@{provider}",
                [pages],
                lambda scope: _concerned(
                    book, scope, lambda server: own_name(book, ServerId(server), client)
                ),
                speech,
            )
        else:
            yield None


async def events_in(events: Iterable[CalendarEvent | None], within: Span) -> list[CalendarEvent]:
    """The events in a span, by their beginning."""
    start, end = within
    found = [
        event
        async for event in paced(events)
        if event is not None and event.start < end and start < (event.end or FOREVER)
    ]
    return sorted(found, key=lambda event: (event.start, event.uid))


async def calendar_of(
    name: str,
    events: Iterable[CalendarEvent | None],
    within: Span,
    now: Instant,
    speech: Speech = ENGLISH,
) -> bytes:
    """The iCalendar file of the events in a span, made in slices."""
    found = await events_in(events, within)
    shown = nsmallest(MOST_EVENTS, found, key=lambda event: (_distance(event, now), event.uid))
    about = speech.say("calendar.about")
    if len(found) > MOST_EVENTS:
        about = speech.say("calendar.nearest", about=about, shown=MOST_EVENTS, all=len(found))
    in_order = sorted(shown, key=lambda event: (event.start, event.uid))
    lines = [lines_of(event) async for event in paced(in_order)]
    return b"".join((head(name, about), *lines, tail()))


def _distance(event: CalendarEvent, now: Instant) -> int:
    return max(event.start - now, now - (event.end or FOREVER), 0)


def _event(
    uid: str,
    group: Sequence[ExclusionPages],
    concerned: Callable[[Iterable[Exclusion]], dict[str, list[str]]],
    speech: Speech,
) -> CalendarEvent:
    """One that covers what of the group still stands; where nothing does it is cancelled."""
    standing = [pages for pages in group if pages.withdrawn is None]
    first, shown = group[0].record, standing or group
    changes = [each for pages in group for each in (pages.ended, pages.withdrawn) if each is not None]
    ends = [end_of(pages) for pages in shown]
    names = concerned([pages.record for pages in shown])
    title = speech.say(_TITLES[first.category])
    text = [speech.say(kind, names=speech.names(those, _NAMED)) for kind, those in names.items()]
    if first.reference is not None:
        text.append(speech.say("calendar.reference", reference=first.reference))
    if None in ends:
        text.append(speech.say("calendar.is_open"))
    if not standing:
        text += [
            speech.say("calendar.withdrawn", why=pages.withdrawn.why)
            for pages in group[:1]
            if pages.withdrawn is not None
        ]
    whom = ", ".join(speech.names(those, _TITLED) for those in names.values())
    return CalendarEvent(
        uid=uid,
        start=min(pages.record.start for pages in shown),
        end=None if None in ends else max(end for end in ends if end is not None),
        summary=speech.say("fact_is", label=title, text=whom or speech.say("calendar.everybody")),
        description=tuple(text),
        category=title,
        created_at=first.recorded_at,
        changed_at=max(each.recorded_at for each in (first, *changes)),
        sequence=len(changes),
        is_cancelled=not standing,
    )


def _concerned(
    book: Book, scopes: Iterable[Exclusion], server_name: Callable[[str], str | None]
) -> dict[str, list[str]]:
    """The names of those whom scopes concern, by the phrase that tells them."""
    clients: list[str] = []
    solutions: list[str] = []
    servers: list[str] = []
    for scope in scopes:
        for client in scope.clients:
            record = book.client(client, FOREVER)
            clients.append(client if record is None else record.name)
        solutions += [server_name(solution) or solution for solution in scope.solutions]
        servers += [server_name(server) or server for server in scope.servers]
    names = {"calendar.clients": clients, "calendar.solutions": solutions, "calendar.servers": servers}
    return {kind: list(dict.fromkeys(those)) for kind, those in names.items() if those}
