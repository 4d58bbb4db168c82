"""The list of servers in service: of all of them the few that stand next in an order."""

import re
from collections.abc import Iterator
from fnmatch import translate
from typing import Final, NamedTuple

from daemon.answers.outages import check_scope, zone_of
from daemon.book.counting import NEVER
from daemon.book.live_book import LiveBook
from daemon.control.questions import Listed, Page, PageKey, ServerOrder, ServersAsked
from daemon.exposition.families import RATIO_ONE, decimal_text
from daemon.live.figures import LiveFigures
from daemon.pacing import paced
from daemon.replies.causes import CauseStatus
from daemon.replies.servers import ServerSummary
from sla.instants import BEGINNING, FOREVER, Instant
from sla.records import Server, ServerId, State

_KEPT: Final = 4
"""How many pages of rows are kept before the rest of them is let go."""


class _Stand(NamedTuple):
    """How a server stands: its state, since when, and since when an outage of it is under way."""

    state: State
    since: Instant | None
    down_since: Instant | None


class _Candidate(NamedTuple):
    """A server, and where it stands in the order: no two stand in one place."""

    key: PageKey
    server: ServerId
    stand: _Stand


class FleetAnswers:
    """Answers about the servers in service, at the settled instant of each."""

    def __init__(self, book: LiveBook, figures: LiveFigures) -> None:
        self._book = book
        self._figures = figures

    async def servers(self, asked: ServersAsked, page: Page) -> Listed[ServerSummary]:
        """Servers. Raises NotFoundError for a client or solution that is none."""
        check_scope(self._book, asked.client, asked.solution)
        found: list[_Candidate] = []
        async for candidate in paced(self._candidates(asked)):
            if candidate is None or (page.after is not None and candidate.key <= page.after):
                continue
            found.append(candidate)
            if len(found) > _KEPT * page.limit:
                found = sorted(found)[: page.limit + 1]
        found.sort()
        rows = [self._row(each) async for each in paced(found[: page.limit])]
        more = len(found) > page.limit
        return Listed(rows=tuple(rows), next=found[page.limit - 1].key if more else None)

    def _candidates(self, asked: ServersAsked) -> Iterator[_Candidate | None]:
        """Those that are asked for; None for each that was looked at in vain."""
        # Not the matcher of rules: it could be kept busy by a pattern of many stars.
        pattern = translate("*" if asked.name is None else asked.name.replace("[", "[[]"))
        fits = re.compile(pattern, re.IGNORECASE).match
        for server in list(self._book.evidence.servers):
            record = self._record(server, asked)
            if record is None or not fits(record.name):
                yield None
                continue
            stand = self._stand(server)
            is_wanted = asked.state in (None, stand.state)
            yield _Candidate(self._key(asked.order, record, stand), server, stand) if is_wanted else None

    def _record(self, server: ServerId, asked: ServersAsked) -> Server | None:
        """The record of a server in service, of a client and solution that are asked for."""
        pages = self._book.evidence.servers[server]
        record = pages.records[-1] if pages.records else None
        if record is None or record.in_service_until is not None:
            return None
        if asked.client not in (None, record.client) or asked.solution not in (None, record.key):
            return None
        return record

    def _stand(self, server: ServerId) -> _Stand:
        place = self._book.places.get(server)
        if place is None:
            return _Stand(State.UNKNOWN, None, None)
        group, index = place.group, place.index
        state, began_at = group.state(index), group.outage_at[index]
        down_since = None if began_at == NEVER else Instant(began_at)
        since = down_since if state is State.DOWN else None
        return _Stand(state, since or group.counted_until(index), down_since)

    def _key(self, order: ServerOrder, record: Server, stand: _Stand) -> PageKey:
        """Where a server stands in an order: elsewhere only once something else is said of it."""
        match order:
            case ServerOrder.NAME:
                return record.name.casefold(), record.id
            case ServerOrder.SINCE:
                return -(stand.since or BEGINNING), record.id
            case ServerOrder.WORST if stand.down_since is not None:
                return 0, stand.down_since, record.id
            case ServerOrder.WORST:
                formula = self._figures.servers.formula(record.id)
                return 1, FOREVER if formula is None else formula.budget_left(), record.id

    def _row(self, found: _Candidate) -> ServerSummary:
        record = self._book.record_of(found.server)
        formula, at = self._figures.servers.formula(found.server), self._figures.at
        availability = None
        if formula is not None and at is not None:
            part, whole = formula.quotients(at).availability
            availability = decimal_text(part * RATIO_ONE // whole, 9) if whole else None
        down_since = found.stand.down_since
        cause = (
            None if down_since is None else self._book.evidence.cause_at(found.server, down_since, FOREVER)
        )
        return ServerSummary(
            server=record.id,
            name=record.name,
            client=record.client,
            solution=record.solution or "",
            timezone=zone_of(self._book, record.client),
            state=found.stand.state,
            since=found.stand.since,
            cause=CauseStatus.of(cause),
            availability=availability,
            budget_left_seconds=None if formula is None else formula.budget_left(),
        )
