"""The list of servers in service: of all of them the few that stand next in an order."""

import re
from collections.abc import Callable, Iterator
from fnmatch import translate

from daemon.answers.listing import next_rows
from daemon.answers.outages import within_scope
from daemon.book.counting import NEVER
from daemon.book.live_book import LiveBook
from daemon.control.questions import Listed, Page, PageKey, ServersAsked
from daemon.control.routes import ServerOrder
from daemon.exposition.families import RATIO_ONE, decimal_text
from daemon.live.figures import LiveFigures
from daemon.live.formulas import NOBODY
from daemon.pacing import paced
from daemon.replies.causes import CauseStatus
from daemon.replies.servers import ServerSummary
from sla.instants import BEGINNING, FOREVER, Instant
from sla.owners import held_since
from sla.records import Server, ServerId


def down_since(book: LiveBook, server: ServerId) -> Instant | None:
    """Since when an outage of a server's present client is under way; None where none is."""
    place = book.places.get(server)
    began_at = NEVER if place is None else place.group.outage_at[place.index]
    if place is None or began_at == NEVER:
        return None
    return max(Instant(began_at), held_since(book.evidence, server, place.group.settled))


class FleetAnswers:
    """Answers about the servers in service, at the settled instant of each."""

    def __init__(self, book: LiveBook, figures: LiveFigures) -> None:
        self._book = book
        self._figures = figures

    async def servers(self, asked: ServersAsked, page: Page) -> Listed[ServerSummary]:
        """Servers. Raises NotFoundError for a client or solution that is none."""
        asked = within_scope(self._book, asked)
        found, behind = await next_rows(self._candidates(asked), page)
        rows = [self._row(server) async for _, server in paced(found)]
        return Listed(rows=tuple(rows), next=behind)

    def _candidates(self, asked: ServersAsked) -> Iterator[tuple[PageKey, ServerId] | None]:
        """Those that are asked for; None for each that was looked at in vain."""
        # Not the matcher of rules: it could be kept busy by a pattern of many stars.
        pattern = translate("*" if asked.name is None else asked.name.replace("[", "[[]"))
        fits = None if asked.name is None else re.compile(pattern, re.IGNORECASE).match
        key_of = self._order(asked.order)
        for server in list(self._book.evidence.servers):
            record = self._record(server, asked)
            if (
                record is None
                or (fits is not None and not fits(record.name))
                or (asked.state is not None and self._book.state(server) is not asked.state)
            ):
                yield None
            else:
                yield key_of(record), server

    def _record(self, server: ServerId, asked: ServersAsked) -> Server | None:
        """The record of a server in service, of a client and solution that are asked for."""
        pages = self._book.evidence.servers[server]
        record = pages.records[-1] if pages.records else None
        if record is None or record.in_service_until is not None:
            return None
        if asked.client not in (None, record.client) or asked.solution not in (None, record.key):
            return None
        return record

    def _since(self, server: ServerId) -> Instant | None:
        """Since when nothing else was said of it while it was its client's, or an outage is under way."""
        place = self._book.places.get(server)
        if place is None:
            return None
        said_at = place.group.counted_until(place.index)
        return down_since(self._book, server) or max(
            said_at, held_since(self._book.evidence, server, place.group.settled)
        )

    def _order(self, order: ServerOrder) -> Callable[[Server], PageKey]:
        """Where a server stands in an order: elsewhere only once something else is said of it."""
        match order:
            case ServerOrder.NAME:
                return lambda record: (record.name.casefold(), record.id)
            case ServerOrder.SINCE:
                return lambda record: (-(self._since(record.id) or BEGINNING), record.id)
            case ServerOrder.WORST:
                return self._by_budget_left()

    def _by_budget_left(self) -> Callable[[Server], PageKey]:
        """Those that are down first, and then by what is left of their budgets, which those that stand alike share."""
        figures, left = self._figures.servers, dict[int, int]()

        def key(record: Server) -> PageKey:
            began_at = down_since(self._book, record.id)
            if began_at is not None:
                return 0, began_at, record.id
            number = figures.numbers.get(record.id, NOBODY)
            if number not in left:
                formula = figures.formula(record.id)
                left[number] = FOREVER if formula is None else formula.budget_left()
            return 1, left[number], record.id

        return key

    def _row(self, server: ServerId) -> ServerSummary:
        record = self._book.record_of(server)
        formula, at = self._figures.servers.formula(server), self._figures.at
        availability = None
        if formula is not None and at is not None:
            part, whole = formula.quotients(at).availability
            availability = decimal_text(part * RATIO_ONE // whole, 9) if whole else None
        began_at = down_since(self._book, server)
        cause = None if began_at is None else self._book.cause_of_outage(server, began_at)
        return ServerSummary(
            server=record.id,
            name=record.name,
            client=record.client,
            solution=record.solution or "",
            timezone=self._book.evidence.zone_of(record.client),
            state=self._book.state(server),
            since=self._since(server),
            cause=CauseStatus.of(cause),
            availability=availability,
            budget_left_seconds=None if formula is None else formula.budget_left(),
        )
