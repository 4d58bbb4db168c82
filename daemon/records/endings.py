"""What ends by itself: an open `client_change`, or what a proposal became, once the servers that were down are up again.

A client change ends at the first instant after its `from` at which a server that it covers has been down and every covered one that
has been is up again, or has left service: of one server, at its next up; of several, when the last of those that were
down together is up. What a proposal became ends with the outage that the proposal is for, whichever leg was down.
"""

from collections.abc import Iterator
from typing import Final

from daemon.pacing import paced
from daemon.records.idempotency import RecordedRequests
from daemon.records.views import BookView
from daemon.servers.policy import RECORDED_BY
from sla.announcement import concerned
from sla.book import Book
from sla.ending import History, up_again_at
from sla.instants import Instant
from sla.interruptions import segments_of, service_of
from sla.records import ALL_LEGS, ClientId, Exclusion, ExclusionEnded, ServerId

LOOK_S: Final = 0.1
"""How long one tick's looking goes on."""


class Endings:
    """Looks at what is open, one round after another, and costs nothing where nothing is."""

    def __init__(self, book: Book, recorded_requests: RecordedRequests) -> None:
        self._book = book
        self._recorded_requests = recorded_requests
        self._left: list[Exclusion] = []
        """Those of this round that are still to be looked at."""

    async def due(self, now: Instant) -> list[ExclusionEnded]:
        """The ends that have come by `now`; where many are open, of some, and of the others at the next ticks."""
        ended = []
        self._left = self._left or list(self._recorded_requests.self_ending.values())
        async for exclusion in paced(self._taken(), at_most_s=LOOK_S):
            if exclusion.start >= now or exclusion.id not in self._recorded_requests.self_ending:
                continue
            histories = [each async for each in paced(self._histories(exclusion, now)) if each is not None]
            at = up_again_at(histories)
            if at is not None:
                at = max(at, Instant(exclusion.start + 1))
                ended.append(ExclusionEnded(id=exclusion.id, at=at, recorded_at=now, recorded_by=RECORDED_BY))
        return ended

    def _taken(self) -> Iterator[Exclusion]:
        while self._left:
            yield self._left.pop()

    def _histories(self, exclusion: Exclusion, now: Instant) -> Iterator[History | None]:
        """Of each server that may count, one client after the other; None where there is nothing to look at."""
        views = BookView(self._book, now)
        for server in list(concerned(self._book, exclusion)):
            clients = {part.client for part in self._book.servers[server].parts(now)}
            for client in clients:
                yield self._history(views, server, client, exclusion, now)
            if not clients:
                yield None

    def _history(
        self, views: BookView, server: ServerId, client: ClientId, exclusion: Exclusion, now: Instant
    ) -> History | None:
        pages, rules = self._book.servers[server], views.judgement(client).rules(client)
        proposed = self._book.proposals.get(exclusion.reference or "")
        legs = ALL_LEGS if proposed or rules is None else rules.terms.availability.legs
        if rules is None or not pages.timeline.ever_down(legs):
            return None
        began = None if proposed is None else self._book.outage_of(proposed.record)
        covered = [
            part
            for part in pages.parts(now)
            if part.client == client
            and any(
                window.id == exclusion.id
                for window in rules.exclusions.covering(server, part, exclusion.start, now)
            )
        ]
        if not covered:
            return None
        left_at = service_of(covered)[-1][1]
        start = exclusion.start if began is None else began
        stretches = segments_of(pages.timeline, covered, legs, start, now)
        return stretches, left_at if left_at <= now else None
