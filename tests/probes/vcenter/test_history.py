"""Events and boot times date what updates only show the outcome of."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from probes.vcenter import history
from probes.vcenter.boots import Comparison
from probes.vcenter.clocks import Estimate
from probes.vcenter.history import Hint, StateSince, Turn
from sla.instants import SECOND, Instant
from sla.records import State

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
OFF, ON, RESTARTED, LOST = Turn.OFF, Turn.ON, Turn.RESTARTED, Turn.LOST
SAME, ANEW = Comparison.SAME, Comparison.ANEW
ELSEWHERE, NOTHING = Comparison.ELSEWHERE, Comparison.NOTHING


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
    open_from: float = 0,
) -> list[StateSince]:
    return history.turned(was, at(since), now, at(noticed), hints(*told), open_from=at(open_from))


def test_a_power_off_happened_when_its_event_says_else_when_it_was_noticed() -> None:
    assert turned(UP, DOWN) == steps((100, DOWN))
    assert turned(UP, DOWN, (90, OFF)) == steps((90, DOWN))


def test_events_of_before_the_last_turn_or_after_the_look_date_nothing() -> None:
    assert turned(UP, DOWN, (50, OFF), (101, OFF), since=60) == steps((100, DOWN))


def test_a_start_happened_when_its_event_says_else_when_it_was_noticed() -> None:
    assert turned(DOWN, UP) == steps((100, UP))
    assert turned(DOWN, UP, (95, ON)) == steps((95, UP))
    assert turned(DOWN, UP, (95, RESTARTED)) == steps((95, UP))


def test_an_event_of_a_time_in_which_the_watch_still_saw_the_state_before_dates_nothing() -> None:
    assert turned(UP, DOWN, (40, OFF), open_from=90) == steps((100, DOWN))
    assert turned(DOWN, UP, (40, ON), open_from=90) == steps((100, UP))
    assert turned(UP, DOWN, (95, OFF), open_from=90) == steps((95, DOWN))


def test_an_event_without_a_date_dates_nothing() -> None:
    undated = [Hint(at(95), OFF, dated=False)]
    assert history.turned(UP, at(0), DOWN, at(100), undated) == steps((100, DOWN))
    assert history.within_gap(at(10), at(90), None, DOWN, [*hints((30, OFF)), *undated]) == []


def test_cycles_on_the_way_are_told_too() -> None:
    assert turned(UP, DOWN, (10, OFF), (20, ON), (90, OFF)) == steps((10, DOWN), (20, UP), (90, DOWN))
    assert turned(UP, DOWN, (10, OFF), (20, ON)) == steps((10, DOWN), (20, UP), (100, DOWN))
    assert turned(DOWN, UP, (10, ON), (20, OFF)) == steps((10, UP), (20, DOWN), (100, UP))


def test_a_power_off_on_the_way_out_of_contact_is_told() -> None:
    assert turned(UP, UNKNOWN, (90, OFF)) == steps((90, DOWN), (100, UNKNOWN))


def test_a_power_cycle_is_told_once_it_is_whole() -> None:
    def cycles(*told: tuple[float, Turn]) -> list[StateSince]:
        return history.power_cycles(at(0), at(100), hints(*told))

    assert cycles() == []
    assert cycles((10, ON)) == cycles((10, RESTARTED)) == []
    assert cycles((10, OFF)) == []
    assert cycles((10, OFF), (20, ON)) == steps((10, DOWN), (20, UP))
    assert cycles((10, OFF), (20, ON), (30, OFF)) == steps((10, DOWN), (20, UP))


def estimated(boot: float | tuple[float, float] | None) -> Estimate | None:
    """When a boot was by a host's clock that is known, exactly or within bounds."""
    if boot is None:
        return None
    earliest, latest = boot if isinstance(boot, tuple) else (boot, boot)
    return Estimate(at(earliest), at(latest))


def recovered(
    now: State,
    *told: tuple[float, Turn],
    by: Comparison = Comparison.NOTHING,
    boot: float | tuple[float, float] | None = None,
) -> list[StateSince]:
    return history.recovered(at(10), at(100), by, estimated(boot), now, hints(*told))


def test_the_same_boot_after_a_loss_of_contact_means_up_throughout() -> None:
    assert recovered(UP, by=SAME) == steps((10, UP), (100, UNKNOWN))
    assert recovered(UP, (12, LOST), by=SAME) == steps((10, UP), (100, UNKNOWN))


def test_an_event_of_its_start_means_down_from_the_loss_of_contact_to_it_whatever_clock_tells_the_boot() -> (
    None
):
    for by in Comparison:
        told = recovered(UP, (60, RESTARTED), by=by)
        assert told == steps((10, DOWN), (60, UP), (100, UNKNOWN))
    for by in (ANEW, ELSEWHERE):
        assert recovered(UP, (61, ON), by=by) == steps((10, DOWN), (61, UP), (100, UNKNOWN))


def test_a_restart_told_just_after_it_was_over_was_over_by_then() -> None:
    assert recovered(UP, (103, RESTARTED), by=SAME) == steps((10, DOWN), (100, UNKNOWN))


def test_a_restart_that_nothing_dates_is_unknown_throughout() -> None:
    assert recovered(UP, by=ANEW) == recovered(UP, by=ELSEWHERE) == []
    undated = [Hint(at(60), RESTARTED, dated=False)]
    assert history.recovered(at(10), at(100), SAME, None, UP, undated) == []


def test_a_boot_by_a_clock_that_is_known_dates_it_as_closely_as_that() -> None:
    assert recovered(UP, by=ANEW, boot=60) == steps((10, DOWN), (60, UP), (100, UNKNOWN))
    wide = steps((10, DOWN), (50, UNKNOWN), (70, UP), (100, UNKNOWN))
    assert recovered(UP, by=ANEW, boot=(50, 70)) == wide
    assert recovered(UP, by=NOTHING, boot=(50, 70)) == wide
    for impossible in (-500, 5_000):
        assert recovered(UP, by=ANEW, boot=impossible) == [], "the clock was set since it was known"


def test_a_boot_after_the_newest_start_that_was_told_is_one_more() -> None:
    assert recovered(UP, (20, RESTARTED), by=ANEW, boot=(80, 85)) == steps(
        (10, DOWN), (20, UNKNOWN), (85, UP), (100, UNKNOWN)
    )


def test_a_suspension_out_of_contact_is_down_by_its_events() -> None:
    assert recovered(UP, (30, OFF), (40, ON), by=SAME) == steps(
        (10, UP), (30, DOWN), (40, UP), (100, UNKNOWN)
    )
    assert recovered(UP, (40, ON), by=SAME) == steps((40, UP), (100, UNKNOWN))


def test_events_of_both_ends_tell_nothing_of_the_time_before_them_where_it_booted_anew() -> None:
    assert recovered(UP, (30, OFF), (40, ON), by=ANEW) == steps((30, DOWN), (40, UP), (100, UNKNOWN))


def test_contact_lost_again_after_a_restart_leaves_what_followed_unknown() -> None:
    told = ((20.0, RESTARTED), (60.0, LOST))
    assert recovered(UP, *told, by=ELSEWHERE)[:2] == steps((10, DOWN), (20, UP))
    assert recovered(UP, *told, by=ELSEWHERE)[2:] == steps((60, UNKNOWN), (100, UNKNOWN))


def test_of_a_loss_that_was_not_watched_all_the_time_only_has_restart_tells_how_long_it_was_off() -> None:
    def unwatched(*told: tuple[float, Turn], by: Comparison) -> list[StateSince]:
        return history.recovered(at(10), at(100), by, estimated(60), UP, hints(*told), watched=False)

    assert unwatched(by=ANEW) == []
    assert unwatched((60, ON), by=ANEW) == steps((60, UP), (100, UNKNOWN))
    assert unwatched((60, RESTARTED), by=ANEW) == steps((10, DOWN), (60, UP), (100, UNKNOWN))
    assert unwatched(by=SAME) == steps((10, UP), (100, UNKNOWN))


def test_two_restarts_are_down_in_between_from_the_loss_of_contact_where_that_is_told() -> None:
    assert recovered(UP, (30, RESTARTED), (60, RESTARTED), by=ANEW) == steps(
        (10, DOWN), (30, UNKNOWN), (60, UP), (100, UNKNOWN)
    )
    assert recovered(UP, (30, RESTARTED), (40, LOST), (60, RESTARTED), by=ANEW) == steps(
        (10, DOWN), (30, UP), (40, DOWN), (60, UP), (100, UNKNOWN)
    )


def test_without_a_boot_time_only_events_speak() -> None:
    assert recovered(UP) == []
    assert recovered(DOWN) == []
    assert recovered(DOWN, (30, OFF)) == steps((30, DOWN), (100, UNKNOWN))


def test_events_that_do_not_lead_to_what_was_seen_prove_nothing_from_the_last_on() -> None:
    assert recovered(UP, (30, OFF), by=SAME) == steps((10, UP), (30, UNKNOWN), (100, UNKNOWN))
    assert recovered(DOWN, (40, ON)) == steps((40, UNKNOWN), (100, UNKNOWN))


def gap(
    now: State, *told: tuple[float, Turn], boot: float | tuple[float, float] | None = None
) -> list[StateSince]:
    return history.within_gap(at(10), at(100), estimated(boot), now, hints(*told))


def test_a_gap_is_filled_with_what_events_prove() -> None:
    assert gap(UP) == []
    assert gap(UP, boot=-500) == []
    assert gap(UP, (30, OFF), (40, ON)) == steps((30, DOWN), (40, UP), (100, UNKNOWN))
    assert gap(UP, (30, OFF), (40, ON), boot=39) == steps((30, DOWN), (40, UP), (100, UNKNOWN))
    assert gap(DOWN, (30, OFF)) == steps((30, DOWN), (100, UNKNOWN))
    assert gap(UP, (5, OFF), (40, ON)) == steps((40, UP), (100, UNKNOWN))


def test_a_restart_within_a_gap_ends_the_newest_loss_of_contact() -> None:
    assert gap(UP, (60, RESTARTED)) == steps((60, UP), (100, UNKNOWN))
    assert gap(UP, (20, LOST), (60, RESTARTED)) == steps((20, DOWN), (60, UP), (100, UNKNOWN))
    assert gap(UP, (20, LOST), (60, RESTARTED), boot=55) == steps((20, DOWN), (60, UP), (100, UNKNOWN))


def test_a_boot_within_a_gap_ends_the_newest_loss_of_contact() -> None:
    assert gap(UP, boot=60) == steps((60, UP), (100, UNKNOWN))
    lost = ((20.0, LOST), (30.0, LOST), (90.0, LOST))
    assert gap(UP, *lost[:2], boot=60) == steps((30, DOWN), (60, UP), (100, UNKNOWN))
    assert gap(UP, *lost[:2], boot=(50, 70)) == steps((30, DOWN), (50, UNKNOWN), (70, UP), (100, UNKNOWN))
    assert gap(UP, (20, OFF), (30, LOST), boot=60) == steps((20, DOWN), (60, UP), (100, UNKNOWN))


def test_a_boot_that_may_lie_outside_of_a_gap_says_nothing_of_it() -> None:
    assert gap(UP, boot=(5, 20)) == gap(UP, boot=(90, 105)) == []


def test_of_two_events_of_one_kind_the_time_between_is_unknown_unless_they_are_of_one_thing() -> None:
    assert gap(UP, (20, ON), (40, ON)) == steps((20, UNKNOWN), (40, UP), (100, UNKNOWN))
    assert gap(UP, (20, ON), (30, LOST), (40, ON)) == steps((20, UP), (30, DOWN), (40, UP), (100, UNKNOWN))
    assert gap(UP, (20, ON), (25, ON)) == steps((20, UP), (100, UNKNOWN))
    assert gap(DOWN, (20, OFF), (40, OFF)) == steps((20, UNKNOWN), (40, DOWN), (100, UNKNOWN))
    assert gap(DOWN, (20, OFF), (25, OFF)) == steps((20, DOWN), (100, UNKNOWN))


def test_what_was_seen_up_between_two_offs_was_not_off_since_the_first() -> None:
    assert turned(UP, DOWN, (10, OFF), (90, OFF)) == steps((90, DOWN))
    told = hints((5, OFF), (80, OFF), (84, ON))
    assert history.power_cycles(at(0), at(100), told) == steps((80, DOWN), (84, UP))


def test_an_off_too_long_to_be_missed_was_short_and_its_beginning_is_not_known() -> None:
    assert history.power_cycles(at(0), at(100), hints((5, OFF), (84, ON))) == steps((74, UNKNOWN), (84, UP))


# What was so: a server that turns at some whole seconds, each of its boots at the instant of its start.

turns = st.lists(st.integers(1, 59), unique=True, max_size=8).map(sorted)
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
    assert history.turned(was, at(0), now, at(100), told) == line
    if was is UP and now is UP:
        assert history.power_cycles(at(0), at(100), told) == line


@given(st.sampled_from([UP, DOWN]), turns, seen)
def test_with_some_events_history_still_leads_to_what_was_seen(
    was: State, seconds: list[int], kept: list[bool]
) -> None:
    line = truth(was, seconds)
    told = [
        Hint(step.at, ON if step.state is UP else OFF) for step, keep in zip(line, kept, strict=False) if keep
    ]
    now = ended(was, line)
    said = history.turned(was, at(0), now, at(100), told)
    assert ended(was, said) is now
    states = [was, *(step.state for step in said)]
    assert all(one is not other for one, other in pairwise(states))
    assert sorted(said) == said
    assert all(at(0) < step.at <= at(100) for step in said)
    told_at = {hint.at for hint in told} | {at(100)}
    assert {step.at for step in said} <= told_at


def test_a_loss_after_the_newest_boot_is_none_of_before_it() -> None:
    """Lost at 10, started elsewhere by 49, lost again at 52: it ran from the boot on."""
    said = history.recovered(
        at(10), at(100), Comparison.ELSEWHERE, Estimate(at(15), at(49)), UP, [Hint(at(52), Turn.LOST)]
    )
    assert said == [
        StateSince(at(10), DOWN),
        StateSince(at(15), UNKNOWN),
        StateSince(at(49), UP),
        StateSince(at(100), UNKNOWN),
    ]


@given(
    st.lists(st.tuples(st.integers(0, 110), st.sampled_from(Turn)), max_size=10).map(
        lambda told: sorted(told, key=lambda pair: pair[0])
    ),
    st.sampled_from([UP, DOWN, UNKNOWN]),
    st.none() | st.tuples(st.integers(-50, 110), st.integers(0, 40)),
    st.sampled_from(Comparison),
    st.booleans(),
)
def test_the_recovered_witness_speaks_of_its_time_only_and_ends_unknown(
    told: list[tuple[int, Turn]], now: State, boot: tuple[int, int] | None, by: Comparison, dated: bool
) -> None:
    booted = None if boot is None else Estimate(at(boot[0]), at(sum(boot)))
    of_power = [Hint(at(second), turn, dated) for second, turn in told]
    for said in (
        history.recovered(at(10), at(100), by, booted, now, of_power),
        history.within_gap(at(10), at(100), booted, now, of_power),
    ):
        assert sorted(said, key=lambda step: step.at) == said
        if said:
            assert said[-1] == StateSince(at(100), UNKNOWN)
            assert all(at(10) <= step.at <= at(100) for step in said)
            # Whatever it says last before falling silent agrees with what is seen from then on, or is unknown.
            at_the_end = any(at(100) <= hint.at for hint in of_power)
            at_the_end |= booted is not None and booted.latest >= at(100)
            assert len(said) == 1 or said[-2].state in (now, UNKNOWN) or at_the_end
