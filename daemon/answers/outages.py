"""Lists of outages and incidents, from the index of the live book: what a page costs is what is looked at until it is full."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from heapq import nsmallest
from typing import Any, Final, TypeVar

from daemon.book.live_book import LiveBook
from daemon.book.outage_index import OutageKey
from daemon.clock import Clock
from daemon.control.questions import Listed, OutagesAsked, Page, ServersAsked
from daemon.live.figures import JudgementsAt, LiveFigures
from daemon.pacing import paced
from daemon.records.naming import find_client, find_solution
from daemon.records.refusals import FieldFault, NotFoundError
from daemon.replies.causes import CauseStatus
from daemon.replies.outages import ExcludedPart, IncidentRow, OutageRow
from sla.calendars import Calendar, calendar_of
from sla.excluding import excluding
from sla.incidents import Incident, incident_of
from sla.instants import BEGINNING, FOREVER, Instant, format_instant
from sla.outages import Outage, cause_of, with_cause
from sla.owners import own_name
from sla.records import ClientId, ServerId
from sla.spans import Span, clipped, length, union

MOST_LOOKED_AT: Final = 10_000
"""Outages that are looked at for one page: where few are wanted it has fewer rows than it might, or none, and goes on."""
NAMES_SHOWN: Final = 5
"""Names of servers that a row of an incident has."""


class OutageAnswers:
    """Answers about outages as far as is settled, with what is on record at an instant."""

    def __init__(self, book: LiveBook, figures: LiveFigures, clock: Clock) -> None:
        self._book = book
        self._figures = figures
        self._clock = clock

    async def outages(self, asked: OutagesAsked, server: ServerId | None, page: Page) -> Listed[OutageRow]:
        """Outages; `server`: the one that is asked for. Raises NotFoundError for a client that is none."""
        judging = await self._judging()
        wanted = _Wanted(self._book, asked)
        rows: list[OutageRow] = []
        last, looked_at = None, 0
        async for key in paced(self._keys(wanted, server, page)):
            if len(rows) == page.limit or looked_at == MOST_LOOKED_AT:
                return Listed(rows=tuple(rows), next=last)
            last, looked_at = key, looked_at + 1
            outage = self._book.outages.get(key)
            if outage is not None and wanted.has(outage):
                rows.append(self._row(outage, asked, judging))
        return Listed(rows=tuple(rows), next=None)

    async def incidents(
        self, asked: OutagesAsked, server: ServerId | None, page: Page
    ) -> Listed[IncidentRow]:
        """Incidents, each where its first outage stands of those that are asked for. Raises as `outages` does."""
        judging = await self._judging()
        wanted = _Wanted(self._book, asked)
        known: dict[str, Incident] = {}
        members: dict[OutageKey, Incident] = {}
        """Of the incidents that were found: of a storm there are thousands, and each is looked at once."""
        rows: list[IncidentRow] = []
        last, looked_at = None, 0
        async for key in paced(self._keys(wanted, server, page)):
            if len(rows) == page.limit or looked_at >= MOST_LOOKED_AT:
                return Listed(rows=tuple(rows), next=last)
            last, looked_at = key, looked_at + 1
            incident = members.get(key)
            if incident is None:
                outage = self._book.outages.get(key)
                if outage is None or not wanted.has(outage):
                    continue
                name = self._incident_of(outage)
                if name and name not in known:
                    known[name] = await self._incident(wanted, server, name, outage)
                    looked_at += len(known[name].outages)
                    members |= dict.fromkeys(map(_key_of, known[name].outages), known[name])
                incident = known[name] if name else self._alone(outage)
            if _key_of(incident.outages[0]) == key:
                rows.append(await self._incident_row(incident, judging.at))
        return Listed(rows=tuple(rows), next=None)

    async def incident(
        self, server: ServerId, start: Instant, client: ClientId | None, page: Page
    ) -> tuple[IncidentRow, Listed[OutageRow]]:
        """The incident of a server's outage that began at an instant, or as much of it as is a client's, and each outage of it.

        Raises NotFoundError where there is no such outage.
        """
        judging = await self._judging()
        wanted = _Wanted(self._book, OutagesAsked(client=client))
        outage = self._book.outages.get(OutageKey(start, server))
        if outage is None or not wanted.has(outage):
            raise NotFoundError(
                [FieldFault("from", f"no outage of the server began at {format_instant(start)}")]
            )
        name = self._incident_of(outage)
        incident = await self._incident(wanted, None, name, outage) if name else self._alone(outage)
        behind = [each for each in incident.outages if page.after is None or _key_of(each) > page.after]
        shown = behind[: page.limit]
        rows = [self._row(each, wanted.asked, judging) async for each in paced(shown)]
        further = _key_of(shown[-1]) if len(behind) > len(shown) else None
        return await self._incident_row(incident, judging.at), Listed(rows=tuple(rows), next=further)

    async def _judging(self) -> JudgementsAt:
        async for _ in paced(self._book.outages.read()):
            pass
        return await self._figures.judging(self._clock.now())

    def _incident_of(self, outage: Outage) -> str:
        cause = cause_of(outage, self._book.evidence)
        return "" if cause is None else cause.incident

    def _keys(self, wanted: "_Wanted", server: ServerId | None, page: Page) -> Iterator[OutageKey]:
        """The outages behind a key."""
        after = None if page.after is None else OutageKey(*page.after)  # type: ignore[arg-type]  # as checked
        oldest_first, index = wanted.asked.oldest_first, self._book.outages
        if server is None:
            yield from index.walk(after, oldest_first=oldest_first, only_open=wanted.asked.is_open)
            return
        keys = list(index.of_server(server))
        for key in keys if oldest_first else reversed(keys):
            if after is None or (key > after if oldest_first else key < after):
                yield key

    def _alone(self, outage: Outage) -> Incident:
        return Incident(id="", outages=(with_cause(outage, self._book.evidence),))

    async def _incident(
        self, wanted: "_Wanted", server: ServerId | None, name: str, found: Outage
    ) -> Incident:
        """What is wanted of an incident, of which an outage was found; of its cause another may be on record by now."""
        members: list[Outage] = []
        keys, own = self._book.outages.of_incident(name), _key_of(found)
        async for key in paced(list(keys) if own in keys else sorted((own, *keys))):
            outage = self._book.outages.get(key) if server in (None, key.server) else None
            if outage is not None and wanted.has(outage) and self._incident_of(outage) == name:
                members.append(outage)
        first, *others = members or [found]
        return Incident(id=name, outages=(with_cause(first, self._book.evidence), *others))

    def _row(self, outage: Outage, asked: OutagesAsked, judging: JudgementsAt) -> OutageRow:
        evidence = self._book.evidence
        outage = with_cause(self._book.outages.current(outage), evidence)
        calendar = _calendar(self._book, outage.client)
        down = clipped(outage.down, *_span(asked, calendar))
        shares = [
            (name, clipped(spans, *_span(asked, calendar)))
            for name, spans in excluding(outage, calendar, judging.of_month)
        ]
        excluded = length(union(*(spans for _, spans in shares)))
        return OutageRow(
            **self._shared_keys(outage, outage.end, judging.at, (outage.client,)),
            server=outage.server,
            name=self._name(outage.server, outage.client),
            client=outage.client,
            solution=outage.solution or "",
            legs=outage.legs,
            reasons=self._book.outages.reasons(outage),
            down_seconds=length(down),
            excluded=_part(excluded, length(down)),
            excluded_seconds=excluded,
            exclusions=tuple(dict.fromkeys(name for name, spans in shares if spans)),
        )

    async def _incident_row(self, incident: Incident, at: Instant) -> IncidentRow:
        client_of = {each.server: each.client for each in reversed(incident.outages)}
        servers = incident.servers
        named = [(self._name(server, client_of[server]), server) async for server in paced(servers)]
        first_few = nsmallest(NAMES_SHOWN, named, key=lambda each: (each[0].casefold(), *each))
        return IncidentRow(
            **self._shared_keys(incident.outages[0], incident.end, at, incident.clients),
            servers=len(servers),
            first=incident.outages[0].server,
            named=tuple(server for _, server in first_few),
            servers_down=len({each.server for each in incident.outages if each.end is None}),
            names=tuple(name for name, _ in first_few),
            clients=incident.clients,
        )

    def _name(self, server: ServerId, client: ClientId) -> str:
        """A server's name with the client whose outage it was."""
        newest = self._book.record_of(server)
        if newest.client == client:
            return newest.name
        return own_name(self._book.evidence, server, client) or newest.name

    def _shared_keys(
        self, outage: Outage, end: Instant | None, now: Instant, clients: Sequence[ClientId]
    ) -> dict[str, Any]:
        """What an outage, and an incident that began with it, tell alike."""
        cause = outage.cause
        zones = {self._book.evidence.zone_of(client) for client in clients}
        return {
            "incident": incident_of(outage),
            "start": outage.start,
            "end": end,
            "timezone": zones.pop() if len(zones) == 1 else "UTC",
            "lasted_seconds": max(0, (now if end is None else end) - outage.start),
            "cause": CauseStatus.of(cause),
            "host": "" if cause is None else cause.host,
            "datastore": "" if cause is None else cause.datastore,
            "uplink": "" if cause is None else cause.uplink,
        }


def _key_of(outage: Outage) -> OutageKey:
    return OutageKey(outage.start, outage.server)


class _Wanted:
    """Which outages are wanted."""

    def __init__(self, book: LiveBook, asked: OutagesAsked) -> None:
        """Raises NotFoundError for a client or a solution that there is none of."""
        self.asked = within_scope(book, asked)
        self._book = book
        self._spans: dict[ClientId, Span] = {}

    def has(self, outage: Outage) -> bool:
        """Whether an outage is wanted."""
        asked = self.asked
        if asked.client not in (None, outage.client) or (asked.is_open and outage.end is not None):
            return False
        if asked.solution not in (None, outage.solution or outage.server):
            return False
        span = self._spans.get(outage.client)
        if span is None:
            span = self._spans[outage.client] = _span(asked, _calendar(self._book, outage.client))
        if not outage.overlaps(*span):
            return False
        cause = None if asked.cause is None else cause_of(outage, self._book.evidence)
        return asked.cause is None or (cause is not None and cause.cause is asked.cause)


_Asked = TypeVar("_Asked", OutagesAsked, ServersAsked)


def within_scope(book: LiveBook, asked: _Asked) -> _Asked:
    """What is asked for, by the client and the solution that are meant. Raises NotFoundError for those not on record."""
    client = None if asked.client is None else find_client(book.evidence, asked.client)
    solution = None if asked.solution is None else find_solution(book.evidence, asked.solution, client)
    return replace(asked, client=client, solution=solution)


def _calendar(book: LiveBook, client: ClientId) -> Calendar:
    return calendar_of(book.evidence.zone_of(client))


def _span(asked: OutagesAsked, calendar: Calendar) -> Span:
    """The time that is asked for, by a client's clock."""
    if asked.month is not None:
        return calendar.month_span(asked.month)
    since = BEGINNING if asked.since is None else asked.since
    return since, FOREVER if asked.until is None else asked.until


def _part(excluded: int, down: int) -> ExcludedPart:
    if not excluded:
        return ExcludedPart.NOTHING
    return ExcludedPart.WHOLLY if excluded == down else ExcludedPart.PARTLY
