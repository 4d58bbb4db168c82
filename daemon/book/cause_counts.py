"""How many outages had which cause, as a counter: each is counted once, `SETTLES_US` after a cause of it came on record.

What holds then is counted, and stays: what is revised later moves no counter back. It rests on the records of causes alone,
which stay as they are, so that a restart goes on with the same numbers.
"""

from collections import Counter
from heapq import heappop, heappush
from typing import Final

from sla.book import Book
from sla.instants import HOUR, Instant
from sla.records import Cause, CauseKind, ClientId, ServerId

SETTLES_US: Final = HOUR
"""How long after the first record of it a cause is waited for that comes late."""


class CauseCounts:
    """To be told of each cause that the book takes, after the book has."""

    def __init__(self, book: Book) -> None:
        self.counted: Counter[tuple[ClientId, CauseKind]] = Counter()
        """Outages by their clients and causes."""
        self._book = book
        self._waiting: list[tuple[Instant, ServerId, Instant]] = []
        """A heap: when an outage is counted, its server, and when it began."""

    def take(self, cause: Cause) -> None:
        """A cause came on record."""
        if self._book.causes[cause.server][cause.start][0] is cause:
            heappush(self._waiting, (Instant(cause.recorded_at + SETTLES_US), cause.server, cause.start))

    def settle(self, now: Instant) -> None:
        """Count what has waited long enough."""
        while self._waiting and self._waiting[0][0] <= now:
            at, server, start = heappop(self._waiting)
            cause = self._book.cause(server, start, at)
            client = self._client(server, start, at)
            if cause is not None and client is not None:
                self.counted[client, cause.cause] += 1

    def _client(self, server: ServerId, start: Instant, as_of: Instant) -> ClientId | None:
        """Whose a server was when an outage of it began."""
        parts = self._book.servers[server].parts(as_of)
        return next((part.client for part in parts if part.start <= start < part.end), None)
