"""Sets of spans, held against plain sets of instants."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sla.instants import Instant
from sla.spans import (
    Span,
    Spans,
    clipped,
    covers,
    difference,
    intersection,
    is_set,
    length,
    normalized,
    union,
)

END = 14
instants = st.integers(0, END).map(Instant)
pairs = st.lists(st.tuples(instants, instants), max_size=6)
spans = pairs.map(normalized)
tried = settings(max_examples=300, deadline=None, derandomize=True, database=None)


def instants_in(parts: Iterable[Span]) -> set[int]:
    """The instants inside; the last one of a span is outside (spec §1.1)."""
    return {at for start, end in parts for at in range(start, end)}


def is_normal(parts: Spans) -> bool:
    """Ascending, none empty, none that touch."""
    edges = [edge for span in parts for edge in span]
    return all(before < after for before, after in pairwise(edges))


@tried
@given(pairs)
def test_1_1_what_is_no_set_is_known_as_none(told: list[Span]) -> None:
    assert is_set(tuple(told)) == is_normal(tuple(told)) == (tuple(told) == normalized(told))


@tried
@given(pairs)
def test_1_1_any_pairs_make_a_set_in_order_whose_spans_neither_overlap_nor_touch(told: list[Span]) -> None:
    assert instants_in(normalized(told)) == instants_in(told)
    assert is_normal(normalized(told))


@tried
@given(spans, spans)
def test_1_1_spans_are_joined_shared_and_taken_away_like_sets(a: Spans, b: Spans) -> None:
    for made, expected in (
        (union(a, b), instants_in(a) | instants_in(b)),
        (intersection(a, b), instants_in(a) & instants_in(b)),
        (difference(a, b), instants_in(a) - instants_in(b)),
    ):
        assert instants_in(made) == expected
        assert is_normal(made)
    assert length(a) == len(instants_in(a))


@tried
@given(spans, instants, instants)
def test_1_1_the_part_within_two_instants_and_whether_one_lies_inside(
    a: Spans, start: Instant, end: Instant
) -> None:
    assert instants_in(clipped(a, start, end)) == instants_in(a) & set(range(start, end))
    assert is_normal(clipped(a, start, end))
    assert covers(a, start) is (start in instants_in(a))
