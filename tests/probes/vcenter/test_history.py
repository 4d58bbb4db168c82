"""Events and boot times date what updates only show the outcome of."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from probes.vcenter import history
from probes.vcenter.history import Hint, StateSince, Turn
from sla.instants import SECOND, Instant
from sla.records import State

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
OFF, ON, LOST = Turn.OFF, Turn.ON, Turn.LOST


def at(seconds: float) -> Instant:
    return Instant(int(seconds * SECOND))


def hints(*pairs: tuple[float, Turn]) -> list[Hint]:
    return [Hint(at(seconds), turn) for seconds, turn in pairs]


def steps(*pairs: tuple[float, State]) -> list[StateSince]:
    return [StateSince(at(seconds), state) for seconds, state in pairs]


def turned(
    was: State,
    now: State,
    *told: tuple[float, Turn],
    since: float = 0,
    noticed: float = 100,
    boot: float | None = None,
) -> list[StateSince]:
    boot_at = None if boot is None else at(boot)
    return history.turned(was, at(since), now, at(noticed), boot_at, hints(*told))


def test_a_power_off_happened_when_its_event_says_else_when_it_was_noticed() -> None:
    assert turned(UP, DOWN) == steps((100, DOWN))
    assert turned(UP, DOWN, (90, OFF)) == steps((90, DOWN))


def test_events_of_before_the_last_turn_or_after_the_look_date_nothing() -> None:
    assert turned(UP, DOWN, (50, OFF), (101, OFF), since=60) == steps((100, DOWN))


def test_a_start_is_dated_by_the_boot_time_rather_than_by_the_event() -> None:
    assert turned(DOWN, UP) == steps((100, UP))
    assert turned(DOWN, UP, (95, ON)) == steps((95, UP))
    assert turned(DOWN, UP, (95, ON), boot=93) == steps((93, UP))
    assert turned(DOWN, UP, boot=93) == steps((93, UP))


def test_a_boot_time_from_before_the_outage_dates_nothing() -> None:
    assert turned(DOWN, UP, (95, ON), boot=-50) == steps((95, UP))


def test_cycles_on_the_way_are_told_too() -> None:
    assert turned(UP, DOWN, (10, OFF), (20, ON), (90, OFF)) == steps((10, DOWN), (20, UP), (90, DOWN))
    assert turned(UP, DOWN, (10, OFF), (20, ON)) == steps((10, DOWN), (20, UP), (100, DOWN))
    assert turned(DOWN, UP, (10, ON), (20, OFF), boot=60) == steps((10, UP), (20, DOWN), (60, UP))


def test_a_power_off_on_the_way_out_of_contact_is_told() -> None:
    assert turned(UP, UNKNOWN, (90, OFF)) == steps((90, DOWN), (100, UNKNOWN))


def test_a_power_cycle_is_told_once_it_is_whole() -> None:
    def cycles(*told: tuple[float, Turn], boot: float | None = None) -> list[StateSince]:
        return history.power_cycles(at(0), at(100), None if boot is None else at(boot), hints(*told))

    assert cycles() == []
    assert cycles((10, ON)) == []
    assert cycles((10, OFF)) == []
    assert cycles((10, OFF), (20, ON)) == steps((10, DOWN), (20, UP))
    assert cycles((10, OFF), (20, ON), boot=18) == steps((10, DOWN), (18, UP))
    assert cycles((10, OFF), boot=18) == steps((10, DOWN), (18, UP))
    assert cycles((10, OFF), (20, ON), (30, OFF)) == steps((10, DOWN), (20, UP))


def recovered(now: State, *told: tuple[float, Turn], boot: float | None) -> list[StateSince]:
    return history.recovered(at(10), at(100), None if boot is None else at(boot), now, hints(*told))


def test_the_same_boot_after_a_loss_of_contact_means_up_throughout() -> None:
    assert recovered(UP, boot=-500) == steps((10, UP), (100, UNKNOWN))
    assert recovered(UP, (12, LOST), boot=-500) == steps((10, UP), (100, UNKNOWN))


def test_a_newer_boot_means_down_from_the_loss_of_contact_to_it() -> None:
    assert recovered(UP, boot=60) == steps((10, DOWN), (60, UP), (100, UNKNOWN))
    assert recovered(UP, (61, ON), boot=60) == steps((10, DOWN), (60, UP), (100, UNKNOWN))


def test_a_suspension_out_of_contact_is_down_by_its_events() -> None:
    assert recovered(UP, (30, OFF), (40, ON), boot=-500) == steps(
        (10, UP), (30, DOWN), (40, UP), (100, UNKNOWN)
    )
    assert recovered(UP, (40, ON), boot=-500) == steps((40, UP), (100, UNKNOWN))


def test_without_a_boot_time_only_events_speak() -> None:
    assert recovered(UP, boot=None) == []
    assert recovered(DOWN, boot=None) == []
    assert recovered(DOWN, (30, OFF), boot=None) == steps((30, DOWN), (100, UNKNOWN))


def test_events_that_do_not_lead_to_what_was_seen_prove_nothing_from_the_last_on() -> None:
    assert recovered(UP, (30, OFF), boot=-500) == steps((10, UP), (30, UNKNOWN), (100, UNKNOWN))
    assert recovered(DOWN, (40, ON), boot=None) == steps((40, UNKNOWN), (100, UNKNOWN))


def gap(now: State, *told: tuple[float, Turn], boot: float | None) -> list[StateSince]:
    return history.within_gap(at(10), at(100), None if boot is None else at(boot), now, hints(*told))


def test_a_gap_is_filled_with_what_events_prove() -> None:
    assert gap(UP, boot=None) == []
    assert gap(UP, boot=-500) == []
    assert gap(UP, (30, OFF), (40, ON), boot=39) == steps((30, DOWN), (39, UP), (100, UNKNOWN))
    assert gap(DOWN, (30, OFF), boot=None) == steps((30, DOWN), (100, UNKNOWN))
    assert gap(UP, (5, OFF), (40, ON), boot=None) == steps((40, UP), (100, UNKNOWN))


def test_a_boot_within_a_gap_ends_the_newest_loss_of_contact() -> None:
    assert gap(UP, boot=60) == steps((60, UP), (100, UNKNOWN))
    assert gap(UP, (20, LOST), (30, LOST), (90, LOST), boot=60) == steps((30, DOWN), (60, UP), (100, UNKNOWN))
    assert gap(UP, (20, OFF), (30, LOST), boot=60) == steps((20, DOWN), (60, UP), (100, UNKNOWN))


def test_an_earlier_start_in_a_gap_is_no_part_of_the_outage_before_the_boot() -> None:
    told = ((20.0, OFF), (30.0, ON), (50.0, OFF), (61.0, ON))
    assert gap(UP, *told, boot=60) == steps((20, DOWN), (30, UP), (50, DOWN), (60, UP), (100, UNKNOWN))


# What was so: a server that turns at some whole seconds, each of its boots at the instant of its start.

turns = st.lists(st.integers(1, 99), unique=True, max_size=8).map(sorted)
seen = st.lists(st.booleans(), min_size=8, max_size=8)


def truth(was: State, seconds: list[int]) -> list[StateSince]:
    other = DOWN if was is UP else UP
    return [StateSince(at(second), (other, was)[number % 2]) for number, second in enumerate(seconds)]


def ended(was: State, line: list[StateSince]) -> State:
    return line[-1].state if line else was


@given(st.sampled_from([UP, DOWN]), turns)
def test_with_all_events_history_is_what_was_so(was: State, seconds: list[int]) -> None:
    line = truth(was, seconds)
    told = [Hint(step.at, ON if step.state is UP else OFF) for step in line]
    now = ended(was, line)
    assert history.turned(was, at(0), now, at(100), None, told) == line
    if was is UP and now is UP:
        assert history.power_cycles(at(0), at(100), None, told) == line


@given(st.sampled_from([UP, DOWN]), turns, seen, st.booleans())
def test_with_some_events_history_still_leads_to_what_was_seen(
    was: State, seconds: list[int], kept: list[bool], boots: bool
) -> None:
    line = truth(was, seconds)
    told = [
        Hint(step.at, ON if step.state is UP else OFF) for step, keep in zip(line, kept, strict=False) if keep
    ]
    now = ended(was, line)
    started = [step.at for step in line if step.state is UP]
    boot_at = started[-1] if boots and started and now is UP else None
    said = history.turned(was, at(0), now, at(100), boot_at, told)
    assert ended(was, said) is now
    states = [was, *(step.state for step in said)]
    assert all(one is not other for one, other in pairwise(states))
    assert sorted(said) == said
    assert all(at(0) < step.at <= at(100) for step in said)
    told_at = {hint.at for hint in told} | {boot_at, at(100)}
    assert {step.at for step in said} <= told_at


@given(
    st.lists(st.tuples(st.integers(0, 110), st.sampled_from(Turn)), max_size=10).map(
        lambda told: sorted(told, key=lambda pair: pair[0])
    ),
    st.sampled_from([UP, DOWN, UNKNOWN]),
    st.none() | st.integers(-50, 110),
)
def test_the_recovered_witness_speaks_of_its_time_only_and_ends_unknown(
    told: list[tuple[int, Turn]], now: State, boot: int | None
) -> None:
    boot_at = None if boot is None else at(boot)
    for tell in (history.recovered, history.within_gap):
        said = tell(at(10), at(100), boot_at, now, hints(*told))
        assert sorted(said, key=lambda step: step.at) == said
        if said:
            assert said[-1] == StateSince(at(100), UNKNOWN)
            assert all(at(10) <= step.at <= at(100) for step in said)
            # Whatever it says last before falling silent agrees with what is seen from then on, or is unknown.
            assert now is UNKNOWN or len(said) == 1 or said[-2].state in (now, UNKNOWN)
