"""Servers that maintenance cannot tell apart, so that what a window comes to is worked out on one of them (spec §4.4)."""

from collections.abc import Collection
from dataclasses import dataclass

from sla.book import Book
from sla.exclusions import MAINTENANCE
from sla.instants import DAY, FOREVER, Instant
from sla.records import ClientId, Exclusion, ServerId, SolutionId
from sla.spans import Span, Spans, intersection, normalized

_WEEK = 8 * DAY
"""The longest local week, and more: what lies further from a window draws on no week of it."""


@dataclass(frozen=True, slots=True)
class _Served:
    """Service with one client in which there are windows; the solution only where some window names it."""

    client: ClientId
    solution: SolutionId | None
    spans: Spans


@dataclass(frozen=True, slots=True)
class Lookalike:
    """What windows can tell of a server; the id only where some window names it."""

    named: ServerId | None
    stretches: tuple[_Served, ...]

    def may_be_in(self, scope: Exclusion) -> bool:
        """Whether the scope of a window can cover such a server (spec §4.2)."""
        return (
            scope.is_of_all
            or self.named in scope.servers
            or any(
                each.client in scope.clients or each.solution in scope.solutions for each in self.stretches
            )
        )


class Lookalikes:
    """By all windows that stand at an instant of knowledge in a span and the weeks around it."""

    def __init__(self, book: Book, start: Instant, end: Instant, *, as_of: Instant) -> None:
        """`[start, end)` holds the windows that will be asked about."""
        around = [
            window
            for window in book.windows(as_of)
            if window.category in MAINTENANCE and window.start < end + _WEEK and start - _WEEK < window.end
        ]
        self._book = book
        self._as_of = as_of
        self._spans = normalized((window.start, window.end) for window in around)
        self._solutions = {name for window in around for name in window.record.solutions}
        self._servers = {name for window in around for name in window.record.servers}

    def of(self, server: ServerId) -> Lookalike:
        """What the windows can tell of a server: where two are equal, each window comes to the same on both."""
        stretches = (
            _Served(
                part.client,
                part.key if part.key in self._solutions else None,
                self._within(part.start, part.end),
            )
            for part in self._book.servers[server].parts(self._as_of)
        )
        return Lookalike(
            server if server in self._servers else None, tuple(each for each in stretches if each.spans)
        )

    def _within(self, start: Instant, end: Instant) -> Spans:
        """The time of `[start, end)` in which there are windows: the spans themselves where that is all of it."""
        spans = self._spans
        if spans and start <= spans[0][0] and spans[-1][1] <= end:
            return spans
        return intersection(spans, ((start, end),))


def span_of(records: Collection[Exclusion]) -> Span:
    """From the first beginning to the last end of some windows."""
    ends = (FOREVER if each.end is None else each.end for each in records)
    return min(each.start for each in records), max(ends)
