"""Proposals as the answers show them: which there are, how they stand, and what proves them."""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from daemon.records.idempotency import RecordedRequests
from daemon.records.naming import name_of
from daemon.replies.causes import CauseStatus
from daemon.replies.proposals import (
    DecisionStatus,
    ProposalDetail,
    ProposalStatus,
    ProposedServer,
    ProvingEvent,
)
from daemon.replies.words import ProposalState
from sla.book import Book
from sla.calendars import Month, calendar_of
from sla.cause_events import CauseEvent, Component
from sla.instants import FOREVER, Instant
from sla.outages import runs_of
from sla.owners import owners_of_server
from sla.pages import ProposalPages
from sla.records import ClientId, ServerId
from sla.spans import Span

EventsOf = Callable[[ServerId, Instant, Collection[str]], Iterable[CauseEvent]]
"""The events of some keys that speak of a server's outage, by when that began."""


class WhichProposals(NamedTuple):
    """Those of a client, those that touch a local month of it, those in a state; None: all."""

    client: ClientId | None = None
    month: Month | None = None
    state: ProposalState | None = None


class ProposalViews:
    """The proposals of a book at an instant of knowledge."""

    def __init__(self, book: Book, as_of: Instant, requests: RecordedRequests) -> None:
        self._book = book
        self._as_of = as_of
        self._recorded = requests

    def chosen(self, which: WhichProposals) -> Iterator[ProposalStatus | None]:
        """Proposals by their beginning; None for each that is none of those."""
        those = self._book.pending if which.state == "pending" else self._book.proposals
        for pages in sorted(those.values(), key=lambda each: (each.record.start, each.record.id)):
            is_one = which.state in (None, _state(pages)) and self._is_of(pages, which.client, which.month)
            yield ProposalStatus(**self._keys(pages)) if is_one else None

    def detail(self, pages: ProposalPages, events_of: EventsOf) -> ProposalDetail:
        """One proposal, with its outage and what proves it."""
        record, outage = pages.record, self._book.outage_of(pages.record)
        server = record.servers[0] if record.servers else None
        proving = () if server is None or outage is None else events_of(server, outage, set(record.because))
        return ProposalDetail(
            **self._keys(pages),
            outage_from=outage,
            outage_until=None if server is None or outage is None else self._end(server, outage),
            events=tuple(map(_event, proving)),
        )

    def _keys(self, pages: ProposalPages) -> dict[str, Any]:
        record = pages.record
        return {
            "id": record.id,
            "state": _state(pages),
            "category": record.category,
            "start": record.start,
            "end": record.end,
            "servers": tuple(map(self._server, record.servers, self._owners(pages))),
            "text": record.text,
            "because": record.because,
            "cause": self._cause(pages),
            "recorded_at": record.recorded_at,
            "decided": self._decision(pages),
        }

    def _server(self, server: ServerId, owner: ClientId | None) -> ProposedServer:
        return ProposedServer(server=server, name=name_of(self._book, server) or server, client=owner or "")

    def _owners(self, pages: ProposalPages) -> list[ClientId | None]:
        """Whose each server was when the proposal begins."""
        start = pages.record.start
        return [
            next(iter(owners_of_server(self._book, server, start, Instant(start + 1), self._as_of)), None)
            for server in pages.record.servers
        ]

    def _cause(self, pages: ProposalPages) -> CauseStatus | None:
        outage = self._book.outage_of(pages.record)
        causes = [
            None if outage is None else self._book.cause(server, outage) for server in pages.record.servers
        ]
        return next((CauseStatus.of(cause) for cause in causes if cause is not None), None)

    def _decision(self, pages: ProposalPages) -> DecisionStatus | None:
        decided = pages.decided
        if decided is None:
            return None
        return DecisionStatus(
            decision=decided.decision,
            recorded_at=decided.recorded_at,
            recorded_by=self._recorded.who(decided),
            why=decided.why,
            exclusion=decided.exclusion,
        )

    def _is_of(self, pages: ProposalPages, client: ClientId | None, month: Month | None) -> bool:
        owners = [owner for owner in self._owners(pages) if owner is not None]
        start, end = pages.record.start, FOREVER if pages.record.end is None else pages.record.end
        if client is not None and client not in owners:
            return False
        spans = [] if month is None else [self._month_of(client or owner, month) for owner in owners]
        return month is None or any(start < until and since < end for since, until in spans)

    def _month_of(self, client: ClientId, month: Month) -> Span:
        return calendar_of(self._book.zone_of(client, self._as_of)).month_span(month)

    def _end(self, server: ServerId, outage: Instant) -> Instant | None:
        pages = self._book.servers[server]
        record = pages.records[-1]
        left_at = record.left_at(self._as_of)
        segments = pages.timeline.segments(record.legs, outage, left_at or self._as_of)
        runs = runs_of(segments, left_at=left_at)
        return runs[0].end if runs else None


def _state(pages: ProposalPages) -> ProposalState:
    return "pending" if pages.decided is None else pages.decided.decision.value


def _event(event: CauseEvent) -> ProvingEvent:
    return ProvingEvent(
        key=event.key,
        type=event.type,
        at=event.at,
        user=event.user,
        host=_name(event.host),
        datastore=_name(event.datastore),
    )


def _name(component: Component | None) -> str:
    return "" if component is None else component.name
