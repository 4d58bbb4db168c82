"""Design §5's order, against a table written by hand."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.internet.verdict import Verdict, all_of, verdict
from sla.reasons import DetailedReason, PlainReason
from sla.records import State

U, D, N, X = State.UP, State.DOWN, State.UNKNOWN, None  # X: there is none

# vantage, uplink, required reach -> verdict. A star stands for anything.
TABLE = """
up      up      up      up
up      up      down    down
up      up      unknown unknown
up      up      none    up
up      down    *       down
up      unknown *       unknown
up      none    up      up
up      none    down    down
up      none    unknown unknown
up      none    none    unknown
down    *       *       unknown
unknown *       *       unknown
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]
WORDS = {"up": U, "down": D, "unknown": N, "none": X}


def said_by_the_table(*states: State | None) -> State:
    words = [next(word for word, state in WORDS.items() if state is given) for given in states]
    (row,) = [row for row in ROWS if all(cell in ("*", word) for cell, word in zip(row, words, strict=False))]
    found = WORDS[row[-1]]
    assert found is not None
    return found


def view(state: State | None, reason: str) -> Verdict | None:
    return None if state is None else Verdict(state, told(reason))


def told(text: str) -> DetailedReason:
    return DetailedReason(PlainReason.TOO_FEW_ANSWER, text)


@pytest.mark.parametrize(
    ("vantage", "uplink", "reach"),
    list(product((U, D, N), (U, D, N, X), (U, D, N, X))),
)
def test_every_combination_gives_what_the_table_says(
    vantage: State, uplink: State | None, reach: State | None
) -> None:
    found = verdict(Verdict(vantage, told("vantage")), view(uplink, "uplink"), view(reach, "reach"))
    assert found.state is said_by_the_table(vantage, uplink, reach)


def test_the_reason_is_that_of_what_decides() -> None:
    up, down, unknown = Verdict(U), Verdict(D, told("down because")), Verdict(N, told("unknown because"))
    assert verdict(Verdict(D, told("cut off")), down, down) == Verdict(N, told("cut off"))
    assert verdict(up, down, up) == down
    assert verdict(up, unknown, up) == unknown
    assert verdict(up, up, down) == down
    assert verdict(up, up, unknown) == unknown
    assert verdict(up, None, None) == Verdict(N, PlainReason.NOTHING_ASKED)


views = st.builds(Verdict, st.sampled_from(State), st.sampled_from(PlainReason))


@given(views, st.none() | views, st.none() | views)
def test_nothing_is_down_without_a_vantage_and_nothing_but_what_is_down_says_so(
    vantage: Verdict, uplink: Verdict | None, reach: Verdict | None
) -> None:
    found = verdict(vantage, uplink, reach)
    if found.state is D:
        assert vantage.state is U
        assert found in (uplink, reach)


@pytest.mark.parametrize(
    ("states", "expected"),
    [((), X), ((U,), U), ((U, U), U), ((U, N), N), ((N, D), D), ((D, U), D), ((U, N, D), D)],
)
def test_of_several_required_checks_the_worst_holds(
    states: tuple[State, ...], expected: State | None
) -> None:
    found = all_of([Verdict(state) for state in states])
    assert (found.state if found else None) is expected
