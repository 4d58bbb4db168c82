"""A group alone: its combinations, its patterns, and changes that are counted together."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from daemon.book.counting import HORIZON_US, Change, Counts, Group, GroupMember
from daemon.book.elapsed import WitnessSight
from daemon.book.patterns import LEG_DOWN, Counter, legs_code, pattern_of
from sla.instants import Instant
from sla.records import ALL_LEGS, Leg, State
from sla.timeline import merged
from tests.daemon.book.test_counting import COUNTER_OF, INTERNET, SERVERS, VCENTER


def test_the_example_of_a_group_is_as_it_says() -> None:
    seeing = (WitnessSight(Instant(200)), WitnessSight(Instant(200)))
    seeing[0].darken(Instant(40), Instant(60))
    group = Group((VCENTER, INTERNET), seeing)
    row = GroupMember(server=SERVERS[0], code=group.blank())
    row.code[-1] = legs_code([Leg.SAN])
    row.code[group.place_of(VCENTER, Leg.SAN)] = State.UP
    row.code[group.place_of(INTERNET, Leg.SAN)] = State.DOWN
    index = group.add(row, Counts(), Instant(0))
    assert group.counts(index, Instant(100)).us[:3] == (80, 20, 0)
    assert [reference[index] for reference in group.references[:3]] == [0, 0, 0]
    said = Change(Instant(100), group.place_of(VCENTER, Leg.SAN), State.DOWN)
    group.change(index, *said, Instant(0))
    for _ in group.settling(Instant(130)):
        pass
    assert [reference[index] for reference in group.references[:3]] == [80, -80, 0]
    assert group.counts(index, Instant(130)).us[:3] == (80, 50, 0)


SAYING = st.tuples(
    st.integers(0, 5), st.integers(0, 12), st.sampled_from([0, 1, 2, 6]), st.sampled_from(list(State))
)
"""How much more is settled when something is said, how far after that it holds, where in a code, and what."""


@given(st.lists(st.lists(SAYING, min_size=1, max_size=6), min_size=1, max_size=4))
def test_what_is_said_in_a_row_is_counted_as_one_after_the_other(
    runs: list[list[tuple[int, int, int, State]]],
) -> None:
    alone, together = one_in_a_group(), one_in_a_group()
    settled = Instant(0)
    for run in runs:
        told = []
        for more, after, place, state in run:
            settled = Instant(settled + more)
            told.append((Instant(settled + after), place, int(state)))
            alone.change(0, *told[-1], settled)
        together.change_all(0, told, settled)
    assert together._waiting == alone._waiting
    for until in (settled, Instant(settled + 100)):
        assert counted(together, until) == counted(alone, until)


def one_in_a_group() -> Group:
    """With a server that is counted from 0 on; one witness did not see in between."""
    sight = WitnessSight()
    sight.darken(Instant(4), Instant(9))
    group = Group((VCENTER, INTERNET), [sight, WitnessSight()])
    row = GroupMember(server=SERVERS[0], code=group.blank(), since=Instant(0))
    row.code[-1] = legs_code([Leg.RUNNING, Leg.SAN])
    group.add(row, Counts(), Instant(0))
    return group


def counted(group: Group, until: Instant) -> object:
    """How the server is counted once all is settled until then, and what waits."""
    for _ in group.settling(Instant(until + HORIZON_US)):
        pass
    (row,) = group.rows
    assert row is not None
    return row.code, row.pending, group.counts(0)


def test_2_4_2_5_a_pattern_is_in_each_combination_what_those_who_see_make_of_it() -> None:
    every_view = list(product(State, State, State))
    for views, legs in product(product(every_view, every_view), ((Leg.SAN,), (Leg.RUNNING, Leg.INTERNET))):
        pattern = pattern_of(views, legs)
        for combination in range(4):
            said = [
                [view[ALL_LEGS.index(leg)] for number, view in enumerate(views) if combination >> number & 1]
                for leg in legs
            ]
            state, states, _ = merged(said)
            runs = {counter for counter in Counter if pattern.runs[counter] >> combination & 1}
            down = {leg for leg, of_leg in zip(legs, states, strict=True) if of_leg is State.DOWN}
            assert pattern.states[combination] is state
            assert runs == {COUNTER_OF[state], *(LEG_DOWN[leg] for leg in down)}
            up = {leg for leg in ALL_LEGS if pattern.leg_up[ALL_LEGS.index(leg)] >> combination & 1}
            assert up == {leg for leg, of_leg in zip(legs, states, strict=True) if of_leg is State.UP}
