"""What a link shows of one client, and nothing of any other (design §7, §8): how its servers are, its calendar, feed and badges."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from daemon.answers.calendars import calendar_of as calendar_file
from daemon.answers.calendars import client_events
from daemon.answers.fleet import down_since
from daemon.answers.own_feed import entries_of
from daemon.book.live_book import LiveBook
from daemon.clock import Clock
from daemon.config.letterhead import Letterhead
from daemon.exposition.families import ratio_text
from daemon.live.figures import JudgementsAt, LiveFigures
from daemon.pacing import paced
from daemon.records.windows import AHEAD, around
from daemon.replies.own import OwnServer, OwnStatus, OwnWindow
from daemon.statements.badges import Tone, badge_of
from daemon.statements.feed import atom_of, feed_id
from daemon.statements.ics import CalendarEvent
from daemon.statements.speech import Speech
from sla.availability import Figures
from sla.calendars import Month, calendar_of, next_month
from sla.client_document import MonthVerdict, verdict_of
from sla.instants import FOREVER, Instant
from sla.interruptions import service_of
from sla.owners import own_name
from sla.records import Client, ClientId, ServerId, SolutionId, State
from sla.service import Part
from sla.statement import Judgement

MOST_SERVERS: Final = 1000
MOST_WINDOWS: Final = 100
"""In one status."""

_WORST_FIRST: Final = (State.DOWN, State.UNKNOWN, State.UP)
_STATE_TONES: Final = {State.UP: Tone.GOOD, State.DOWN: Tone.BAD, State.UNKNOWN: Tone.DOUBTFUL}
_VERDICT_TONES: Final = {
    MonthVerdict.MET: Tone.GOOD,
    MonthVerdict.MISSED: Tone.BAD,
    MonthVerdict.EITHER: Tone.DOUBTFUL,
    MonthVerdict.NOTHING: Tone.NEUTRAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnMonth:
    """A server in service with the client, and its month so far."""

    id: ServerId
    name: str
    solution: SolutionId | None
    state: State
    down_since: Instant | None
    figures: Figures

    @property
    def verdict(self) -> MonthVerdict:
        return verdict_of(self.figures.met, self.figures.conclusive)


class OwnAnswers:
    """Answers about one client at a time, in words that tell of nobody else."""

    def __init__(
        self,
        *,
        clock: Clock,
        book: LiveBook,
        figures: LiveFigures,
        letterhead: Callable[[ClientId], Letterhead],
    ) -> None:
        self._clock = clock
        self._book = book
        self._figures = figures
        self._letterhead = letterhead
        self._known: tuple[Instant | None, dict[ClientId, list[_OwnMonth]]] = None, {}
        """What was worked out of clients at the instant of the live figures: badges ask for it again and again."""

    def timezone(self, client: ClientId) -> str:
        """By which zone's clock times are told to a client."""
        return self._record(client).timezone

    async def status(self, client: ClientId) -> OwnStatus:
        """How the client's servers are, with their months so far."""
        record, at = self._record(client), self._figures.at
        months = await self._months(client)
        states = Counter(each.state for each in months)
        verdicts = Counter(each.verdict for each in months)
        lowest = _lowest(months)
        return OwnStatus(
            client=client,
            name=record.name,
            timezone=record.timezone,
            at=at,
            month=None if at is None else str(calendar_of(record.timezone).month_of(at)),
            state=next((state for state in _WORST_FIRST if states[state]), None),
            states={state.word: states[state] for state in _WORST_FIRST},
            verdicts={verdict.value: verdicts[verdict] for verdict in MonthVerdict},
            lowest_availability=None if lowest is None else ratio_text(lowest.figures.availability()),
            maintenance=await self._windows(client),
            servers=tuple(map(_own_server, months[:MOST_SERVERS])),
        )

    async def months(self, client: ClientId) -> Sequence[Month]:
        """The local months in which a server was in service with the client, as far as they have begun; the newest first."""
        now, evidence = self._clock.now(), self._book.evidence
        calendar = calendar_of(self._record(client).timezone)
        found: set[Month] = set()
        async for server in paced(sorted(evidence.servers_of_clients([client]))):
            for part in _own(evidence.servers[server].parts(now), client):
                month, end = calendar.month_of(part.start), min(part.end, now)
                while calendar.month_span(month)[0] < end:
                    found.add(month)
                    month = next_month(month)
        return sorted(found, reverse=True)

    async def calendar(self, client: ClientId) -> bytes:
        """The windows that concern the client as an iCalendar file."""
        now = self._clock.now()
        record = self._record(client)
        speech = self._speech(record)
        events = client_events(self._book.evidence, client, self._book.observer, speech)
        name = speech.say("calendar.name", client=record.name)
        return await calendar_file(name, events, around(now), now, speech)

    async def feed(self, client: ClientId) -> bytes:
        """The client's outages and windows as an Atom feed."""
        record = self._record(client)
        speech = self._speech(record)
        entries = await entries_of(self._book, self._figures.asked(), record, speech)
        return atom_of(
            feed_id(self._book.observer, client),
            speech.say("feed", client=record.name),
            entries,
            author=self._letterhead(client).name or "slad",
            language=speech.locale.replace("_", "-"),
            at=self._clock.now(),
        )

    async def availability_badge(self, client: ClientId, server: str | None) -> bytes | None:
        """The month's availability so far of a server, by id or a name of its own, or the lowest; None for what is no server."""
        months, speech = await self._chosen(client, server), self._speech(self._record(client))
        if server is not None and not months:
            return None
        lowest = _lowest(months)
        verdicts = {each.verdict for each in months}
        verdict = next((each for each in MonthVerdict if each in verdicts), MonthVerdict.NOTHING)
        ratio = None if lowest is None else lowest.figures.availability()
        label = _label(speech, "badge.availability", months, server)
        return badge_of(label, speech.percent(ratio), _VERDICT_TONES[verdict])

    async def state_badge(self, client: ClientId, server: str | None) -> bytes | None:
        """The state of a server, or of the one that is worst off; None for what is no server."""
        months, speech = await self._chosen(client, server), self._speech(self._record(client))
        if server is not None and not months:
            return None
        states = {each.state for each in months}
        state = next((each for each in _WORST_FIRST if each in states), State.UNKNOWN)
        label = _label(speech, "state", months, server)
        return badge_of(label, speech.say(f"state.{state.word}"), _STATE_TONES[state])

    def _record(self, client: ClientId) -> Client:
        """Its newest record: whoever has a link is on record for good."""
        record = self._book.evidence.client(client, FOREVER)
        assert record is not None, "links are made for clients on record"
        return record

    def _speech(self, client: Client) -> Speech:
        return Speech(self._letterhead(client.id).language, client.timezone)

    async def _chosen(self, client: ClientId, server: str | None) -> list[_OwnMonth]:
        """Those of a name, where only one has it, or with that id; all where none is named."""
        months = await self._months(client)
        if server is None:
            return months
        by_id = [each for each in months if each.id == server]
        named = [each for each in months if each.name == server]
        return by_id or (named if len(named) == 1 else [])

    async def _months(self, client: ClientId) -> list[_OwnMonth]:
        """The servers in service with the client: those that are not up first, then by name."""
        judging = self._figures.asked()
        if judging is None:
            return []
        if self._known[0] != judging.at:
            self._known = judging.at, {}
        known = self._known[1]
        if client not in known:
            servers = sorted(self._book.evidence.servers_of_clients([client]))
            judgement = judging.of_client(client).judgement
            found = [
                month
                async for server in paced(servers)
                for month in self._month(judgement, judging, client, server)
            ]
            known[client] = sorted(
                found, key=lambda each: (_WORST_FIRST.index(each.state), each.name, each.id)
            )
        return known[client]

    def _month(
        self, judgement: Judgement, judging: JudgementsAt, client: ClientId, server: ServerId
    ) -> Iterator[_OwnMonth]:
        """The month of a server, where that is in service with the client, by the newest record too."""
        parts = _own(self._book.evidence.servers[server].parts(judging.at), client)
        is_in_service = any(start <= judging.at < end for start, end in service_of(parts))
        if not is_in_service or self._book.record_of(server).client != client:
            return
        for row in judgement.server(server, client):
            yield _OwnMonth(
                id=server,
                name=own_name(self._book.evidence, server, client) or server,
                solution=row.solution,
                state=self._book.state(server),
                down_since=down_since(self._book, server),
                figures=row.figures,
            )

    async def _windows(self, client: ClientId) -> tuple[OwnWindow, ...]:
        now, speech = self._clock.now(), self._speech(self._record(client))
        found = [
            event
            async for event in paced(client_events(self._book.evidence, client, self._book.observer, speech))
            if event is not None and not event.is_cancelled and _is_ahead(event, now)
        ]
        in_order = sorted(found, key=lambda event: (event.start, event.uid))
        return tuple(map(_own_window, in_order[:MOST_WINDOWS]))


def _own(parts: Sequence[Part], client: ClientId) -> list[Part]:
    return [part for part in parts if part.client == client]


def _is_ahead(event: CalendarEvent, now: Instant) -> bool:
    return event.start < now + AHEAD and now < (event.end or FOREVER)


def _own_window(event: CalendarEvent) -> OwnWindow:
    return OwnWindow(uid=event.uid, start=event.start, end=event.end, summary=event.summary)


def _own_server(month: _OwnMonth) -> OwnServer:
    return OwnServer(
        id=month.id,
        name=month.name,
        solution=month.solution,
        state=month.state,
        down_since=month.down_since,
        availability=ratio_text(month.figures.availability()),
        target=ratio_text(month.figures.terms.target),
        verdict=month.verdict,
    )


def _lowest(months: Sequence[_OwnMonth]) -> _OwnMonth | None:
    """The one with the lowest availability, of those of which some time was judged."""
    judged = [each for each in months if each.figures.availability() is not None]
    return min(judged, key=lambda each: each.figures.availability() or 0, default=None)


def _label(speech: Speech, key: str, months: Sequence[_OwnMonth], server: str | None) -> str:
    word = speech.say(key)
    return word if server is None else speech.say("of_server", server=months[0].name, label=word)
