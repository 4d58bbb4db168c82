"""Sets of half-open spans `[from, until)` over instants (spec §1.1).

A set is a tuple of pairs in ascending order that neither overlap nor touch; the empty tuple is the empty set. All
functions take and give such sets. `normalized` makes one of any pairs.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from sla.instants import Instant

Span = tuple[Instant, Instant]
Spans = tuple[Span, ...]

NOTHING: Final[Spans] = ()


def normalized(pairs: Iterable[Span]) -> Spans:
    """The union of `pairs`, which may overlap, touch and come in any order; empty ones vanish."""
    merged: list[Span] = []
    for start, end in sorted(pairs):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return tuple(merged)


def is_set(spans: Spans) -> bool:
    """Whether spans are in order, neither overlap nor touch, and none is empty."""
    return all(before < after for before, after in pairwise(edge for span in spans for edge in span))


def union(*sets: Spans) -> Spans:
    """What lies in any of `sets`."""
    return normalized(span for spans in sets for span in spans)


def intersection(a: Spans, b: Spans) -> Spans:
    """What lies in both `a` and `b`."""
    common: list[Span] = []
    i = j = 0
    while i < len(a) and j < len(b):
        start = max(a[i][0], b[j][0])
        end = min(a[i][1], b[j][1])
        if start < end:
            common.append((start, end))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def difference(a: Spans, b: Spans) -> Spans:
    """What lies in `a` and not in `b`."""
    left: list[Span] = []
    j = 0
    for start, end in a:
        while j < len(b) and b[j][1] <= start:
            j += 1
        k = j
        while k < len(b) and b[k][0] < end:
            if start < b[k][0]:
                left.append((start, b[k][0]))
            start = max(start, b[k][1])
            k += 1
        if start < end:
            left.append((start, end))
    return tuple(left)


def clipped(spans: Spans, start: Instant, end: Instant) -> Spans:
    """The part of `spans` within `[start, end)`."""
    return intersection(spans, ((start, end),))


def length(spans: Spans) -> int:
    """The microseconds in `spans`."""
    return sum(end - start for start, end in spans)


def covers(spans: Spans, at: Instant) -> bool:
    """Whether `at` lies in `spans`."""
    return any(start <= at < end for start, end in spans)
