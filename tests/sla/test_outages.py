"""Outages, from down to the next up (spec §6.2)."""

from sla.instants import Instant
from sla.outages import Run, runs_of
from sla.records import Leg, State
from sla.timeline import Segment

LETTERS = {"u": State.UP, "d": State.DOWN, "?": State.UNKNOWN}
LEGS = (Leg.RUNNING, Leg.SAN)


def segments(states: str) -> list[Segment]:
    """States, one a letter, each for ten microseconds from 0 on."""
    return [
        Segment(Instant(10 * place), Instant(10 * place + 10), LETTERS[letter], (LETTERS[letter],), False)
        for place, letter in enumerate(states)
    ]


def runs(states: str, *, rejoin: int = 0, left_at: int | None = None) -> list[tuple[int, int | None]]:
    left = None if left_at is None else Instant(left_at)
    return [(run.start, run.end) for run in runs_of(segments(states), rejoin=rejoin, left_at=left)]


def test_6_2_a_run_lasts_from_down_to_the_next_up() -> None:
    assert runs("uddud") == [(10, 30), (40, None)]
    assert runs("uu??") == runs("") == []


def test_6_2_unknown_time_neither_begins_a_run_nor_ends_it() -> None:
    assert runs("?d?d?u") == [(10, 50)]
    assert runs("ud??") == [(10, None)]


def test_6_2_a_run_ends_where_the_server_leaves_unless_it_was_up_before() -> None:
    assert runs("ud?", left_at=30) == [(10, 30)]
    assert runs("udu", left_at=30) == [(10, 20)]


def test_6_2_an_up_time_shorter_than_rejoin_ends_no_run_if_a_down_follows() -> None:
    assert runs("dudu", rejoin=10) == [(0, 10), (20, 30)]
    assert runs("dudu", rejoin=11) == [(0, 30)]
    assert runs("du?d", rejoin=21) == [(0, None)]
    assert runs("du?d", rejoin=20) == [(0, 10), (30, None)]
    assert runs("du", rejoin=11) == [(0, 10)]


def test_6_2_a_run_knows_when_it_was_down_and_by_which_legs() -> None:
    up, down, unknown = State.UP, State.DOWN, State.UNKNOWN
    legs = ((up, up), (up, down), (down, down), (unknown, up), (down, up), (up, up))
    told = [
        Segment(Instant(place), Instant(place + 1), down if down in states else min(states), states, False)
        for place, states in enumerate(legs)
    ]
    (run,) = runs_of(told)
    assert run == Run(Instant(1), Instant(5), (told[1], told[2], told[4]))
    assert run.legs_down(LEGS) == (Leg.SAN, Leg.RUNNING)
