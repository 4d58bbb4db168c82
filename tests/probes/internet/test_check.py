"""What a round comes to, and which rounds did not run."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.internet.check import missed, round_of
from sla.instants import Instant
from sla.records import State

U, D, N = State.UP, State.DOWN, State.UNKNOWN
AT = Instant(7)


@pytest.mark.parametrize(
    ("quorum", "states", "expected", "reason"),
    [
        (1, [U, D, D], U, ""),
        (2, [U, D, D], D, "uplink east: 1 of 3 targets answer, 2 needed"),
        (2, [U, D, N], N, "uplink east: 1 of 3 targets could not be tried"),
        (2, [D, D, N], D, "uplink east: 0 of 3 targets answer, 2 needed"),
        (2, [U, U, N], U, ""),
        (1, [N], N, "uplink east: 1 of 1 targets could not be tried"),
    ],
)
def test_a_round_is_down_only_if_the_targets_that_could_not_be_tried_would_not_save_it(
    quorum: int, states: list[State], expected: State, reason: str
) -> None:
    assert round_of(AT, quorum, states, "uplink east") == (AT, expected, reason)


@given(st.integers(1, 5), st.lists(st.sampled_from(State), min_size=1, max_size=5))
def test_a_round_is_what_it_is_whatever_the_unknown_targets_are(quorum: int, states: list[State]) -> None:
    readings = set()
    for chosen in product((U, D), repeat=states.count(N)):
        rest = iter(chosen)
        filled = [next(rest) if state is N else state for state in states]
        readings.add(filled.count(U) >= quorum)
    expected = {frozenset({True}): U, frozenset({False}): D}.get(frozenset(readings), N)
    assert round_of(AT, quorum, states, "x").state is expected


@pytest.mark.parametrize(
    ("apart", "expected"), [(1, 0), (10, 0), (14, 0), (15, 1), (20, 1), (24, 1), (25, 2), (1000, 99)]
)
def test_a_round_that_comes_more_than_half_an_interval_late_was_missed(apart: int, expected: int) -> None:
    assert missed(10, Instant(100), Instant(100 + apart)) == expected
