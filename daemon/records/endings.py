"""What ends by itself: an open `client_change`, once the servers that it took down are up again.

It ends at the first instant after its `from` at which a server that it covers has been down and every covered one that
has been is up again, or has left service: of one server, at its next up; of several, when the last of those that were
down together is up.
"""

from collections.abc import Iterator

from daemon.pacing import paced
from daemon.records.idempotency import RecordedRequests
from daemon.records.views import BookView
from daemon.servers.policy import RECORDED_BY
from sla.announcement import concerned
from sla.book import Book
from sla.ending import History, up_again_at
from sla.instants import Instant
from sla.interruptions import segments_of, service_of
from sla.records import ClientId, Exclusion, ExclusionEnded, ServerId


class Endings:
    """Looks at the open client changes, of which there are few, and costs nothing where there is none."""

    def __init__(self, book: Book, recorded_requests: RecordedRequests) -> None:
        self._book = book
        self._recorded_requests = recorded_requests

    async def due(self, now: Instant) -> list[ExclusionEnded]:
        """The ends that have come by `now`."""
        ended = []
        for exclusion in list(self._recorded_requests.open_client_changes.values()):
            if exclusion.start >= now:
                continue
            histories = [each async for each in paced(self._histories(exclusion, now)) if each is not None]
            at = up_again_at(histories)
            if at is not None:
                ended.append(ExclusionEnded(id=exclusion.id, at=at, recorded_at=now, recorded_by=RECORDED_BY))
        return ended

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
        if rules is None or not pages.timeline.ever_down(rules.terms.availability.legs):
            return None
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
        legs = rules.terms.availability.legs
        stretches = segments_of(pages.timeline, covered, legs, exclusion.start, now)
        return stretches, left_at if left_at <= now else None
