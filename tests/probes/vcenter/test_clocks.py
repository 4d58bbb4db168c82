"""What slad knows of other clocks than its own, and what it makes of their instants."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.vcenter.boots import Boot, Comparison, HostClocks, compared
from probes.vcenter.clocks import (
    SANE_FROM,
    UNMEASURED_US,
    Estimate,
    HostInstant,
    VCenterClock,
    VCenterInstant,
    stamp_us,
)
from probes.vcenter.values import Moid
from sla.instants import DAY, HOUR, MINUTE, SECOND, Instant, parse_instant

NOON = parse_instant("2026-03-01T12:00:00Z")
HOST, OTHER = Moid("host-1"), Moid("host-2")


def test_instants_of_two_clocks_compare_with_nothing_but_their_like() -> None:
    """Each line is refused by mypy, which says so where one of them is no error any more."""
    comparisons: list[Callable[[], bool]] = [
        lambda: VCenterInstant(1) < NOON,  # type: ignore[operator]
        lambda: VCenterInstant(1) < HostInstant(2),  # type: ignore[operator]
        lambda: HostInstant(1) < NOON,  # type: ignore[operator]
        lambda: HostInstant(1) < HostInstant(2),  # type: ignore[operator]
    ]
    for compare in comparisons:
        with pytest.raises(TypeError):
            compare()
    assert VCenterInstant(1) < VCenterInstant(2)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00.123456789Z", "2026-03-01T12:00:00.123456Z"),
        ("2026-03-01T12:00:00.5+01:00", "2026-03-01T11:00:00.500000Z"),
    ],
)
def test_times_of_any_fineness_are_instants(text: str, instant: str) -> None:
    assert stamp_us(text) == parse_instant(instant)


@pytest.mark.parametrize(
    "value", [None, "", "yesterday", "2026-03-01T12:00:00", {"a": "b"}, "2026-02-30T00:00:00Z"]
)
def test_what_is_no_time_has_none(value: object) -> None:
    assert stamp_us(value) is None


# vCenter's


def measured(clock: VCenterClock, ahead_us: int, at: int, took_us: int = 0) -> bool:
    shown = VCenterInstant(at + took_us // 2 + ahead_us)
    return clock.measured(Instant(at), shown, Instant(at + took_us))


def ours(clock: VCenterClock, stamp: int, now: int, after: int | None = None) -> int | None:
    """The one instant of ours, as seconds are counted; None where there is none, or several."""
    told = clock.ours(VCenterInstant(stamp), Instant(now), Instant(now - MINUTE if after is None else after))
    return told.latest if told is not None and told.width_us == 0 else None


@pytest.mark.parametrize("ahead_us", [0, 30 * SECOND, -HOUR, 400 * 365 * DAY, -50 * 365 * DAY])
def test_an_instant_of_vcenters_is_ours_less_what_it_is_ahead(ahead_us: int) -> None:
    clock = VCenterClock()
    assert clock.ahead_us is None
    assert ours(clock, NOON + ahead_us, NOON) is None
    assert not measured(clock, ahead_us, NOON)
    assert clock.ahead_us == ahead_us
    assert ours(clock, NOON - 5 * SECOND + ahead_us, NOON) == NOON - 5 * SECOND


def test_it_is_due_each_minute_and_where_our_own_clock_went_back() -> None:
    clock = VCenterClock()
    assert clock.is_due(NOON)
    measured(clock, 0, NOON)
    assert not clock.is_due(Instant(NOON + MINUTE))
    assert clock.is_due(Instant(NOON + MINUTE + 1))
    assert clock.is_due(Instant(NOON - 1))


def test_what_lies_in_the_future_or_before_2000_has_no_instant() -> None:
    clock = VCenterClock()
    measured(clock, 0, NOON)
    for stamp in (NOON + 2 * SECOND, NOON + DAY, SANE_FROM - 1, 0, -62_135_596_800 * SECOND):
        assert clock.ours(VCenterInstant(stamp), NOON, NOON) is None
    assert ours(clock, NOON + 10_000, NOON) == NOON, "within the uncertainty it is now, and no later"


def test_a_slew_is_followed_and_is_no_jump() -> None:
    clock = VCenterClock()
    for step in range(10):
        assert not measured(clock, step * 400_000, NOON + step * MINUTE, took_us=10_000)
    assert clock.ahead_us == 9 * 400_000


@pytest.mark.parametrize("jump_us", [-HOUR, -3 * SECOND, 3 * SECOND, HOUR])
def test_a_stamp_counts_by_the_setting_that_was_in_force_when_it_was_made(jump_us: int) -> None:
    clock = VCenterClock()
    measured(clock, 0, NOON)
    measured(clock, 0, NOON + MINUTE)
    assert measured(clock, jump_us, NOON + 2 * MINUTE)
    now = NOON + 3 * MINUTE
    assert ours(clock, NOON + 30 * SECOND, now) == NOON + 30 * SECOND
    assert ours(clock, now - 5 * SECOND + jump_us, now) == now - 5 * SECOND


def test_a_stamp_that_either_setting_may_have_made_is_bounded_by_both() -> None:
    clock = VCenterClock()
    measured(clock, 0, NOON)
    measured(clock, 20 * SECOND, NOON + MINUTE)
    told = clock.ours(VCenterInstant(NOON + 40 * SECOND), Instant(NOON + MINUTE), NOON)
    assert told == Estimate(Instant(NOON + 20 * SECOND), Instant(NOON + 40 * SECOND))


def test_our_own_clock_may_be_set_back_and_what_happens_then_still_has_its_instant() -> None:
    clock = VCenterClock()
    measured(clock, 0, NOON)
    assert measured(clock, HOUR, NOON - HOUR), "by ours it is an hour ahead now"
    now = NOON - HOUR + MINUTE
    assert ours(clock, NOON + 50 * SECOND, now, after=NOON - HOUR) == NOON - HOUR + 50 * SECOND


def test_an_hour_that_was_told_twice_is_the_one_in_which_the_event_was_awaited() -> None:
    clock = VCenterClock()
    measured(clock, HOUR, NOON)
    measured(clock, HOUR, NOON + MINUTE)
    measured(clock, 0, NOON + 2 * MINUTE)
    now = NOON + HOUR + 10 * MINUTE
    stamp = NOON + HOUR + 30 * SECOND  # by the first setting at 12:00:30
    assert ours(clock, stamp, now, after=now - 15 * MINUTE) == NOON + HOUR + 30 * SECOND
    told = clock.ours(VCenterInstant(stamp), Instant(now), NOON)
    assert told is not None
    assert told.width_us == HOUR


@given(
    st.lists(
        st.tuples(st.integers(5, 3 * 3_600), st.integers(-7_200, 7_200), st.integers(0, 2_000_000)),
        max_size=8,
    ),
    st.integers(0, 10**9),
)
def test_whatever_it_was_set_to_an_event_just_made_is_never_dated_wrongly(
    settings: list[tuple[int, int, int]], lag_us: int
) -> None:
    """It is told within its bounds, or not at all."""
    clock, now, ahead_us = VCenterClock(), int(NOON), 0
    measured(clock, ahead_us, now)
    for after_s, ahead_s, took_us in settings:
        made_at = now + after_s * SECOND // 2
        stamp = made_at + ahead_us  # before it was set
        now += after_s * SECOND
        ahead_us = ahead_s * SECOND
        measured(clock, ahead_us, now, took_us)
        now += took_us
        told = clock.ours(VCenterInstant(stamp), Instant(now), Instant(made_at - 1))
        if told is None:
            assert after_s * SECOND > UNMEASURED_US, "it was measured shortly before"
            continue
        slack_us = 3 * SECOND + took_us
        assert told.earliest - slack_us <= made_at <= told.latest + slack_us
    made_at = now + lag_us % MINUTE
    told = clock.ours(VCenterInstant(made_at + ahead_us), Instant(made_at + 1), Instant(now))
    assert told is not None
    assert told.earliest - 3 * SECOND <= made_at <= told.latest + 3 * SECOND


def test_of_a_time_in_which_it_was_set_and_nobody_measured_it_an_event_dates_nothing() -> None:
    """It may have been set twice, and shown anything in between."""
    clock = VCenterClock()
    measured(clock, 0, NOON)
    measured(clock, 14 * SECOND, NOON + 10 * MINUTE)
    now = NOON + 10 * MINUTE
    assert clock.ours(VCenterInstant(NOON + 5 * MINUTE), Instant(now), NOON) is None
    assert ours(clock, NOON - MINUTE, now, after=NOON - HOUR) == NOON - MINUTE
    assert ours(clock, now + MINUTE + 14 * SECOND, now + 2 * MINUTE, after=NOON) == now + MINUTE


# A host's


def boot(at: int, host: Moid | None = HOST) -> Boot:
    return Boot(host, HostInstant(at))


def test_booted_anew_is_that_the_boot_time_is_another_earlier_or_later() -> None:
    for change_us in (-HOUR, -3 * SECOND, 3 * SECOND, HOUR, 8_000 * 365 * DAY):
        assert compared(boot(NOON), boot(NOON + change_us)) is Comparison.ANEW
        assert compared(boot(NOON), boot(NOON + change_us, OTHER)) is Comparison.ELSEWHERE
    assert compared(boot(NOON), boot(NOON + SECOND)) is Comparison.SAME
    assert compared(boot(NOON), boot(NOON, OTHER)) is Comparison.SAME
    assert compared(None, boot(NOON)) is compared(boot(NOON), None) is Comparison.NOTHING


def test_one_boot_time_of_a_clock_that_starts_anew_with_its_host_says_nothing() -> None:
    for odd in (0, -62_135_596_800 * SECOND, parse_instant("9999-12-31T23:59:59Z")):
        assert compared(boot(odd), boot(odd)) is Comparison.NOTHING
        assert compared(boot(NOON), boot(odd)) is compared(boot(odd), boot(NOON)) is Comparison.ANEW


def seen(earliest_s: float, latest_s: float) -> Estimate:
    return Estimate(Instant(NOON + int(earliest_s * SECOND)), Instant(NOON + int(latest_s * SECOND)))


def test_a_hosts_clock_is_unknown_until_a_boot_there_was_seen_to_happen() -> None:
    clocks = HostClocks()
    assert clocks.ours(boot(NOON), NOON) is None
    clocks.learn(boot(NOON + HOUR), seen(-5, 5))
    told = clocks.ours(boot(NOON + HOUR), Instant(NOON + 5 * SECOND))
    assert told == seen(-5, 5)
    assert clocks.ours(boot(NOON, OTHER), NOON) is None
    assert clocks.ours(boot(NOON, None), NOON) is None
    assert clocks.ours(boot(0), NOON) is None


def test_more_boots_narrow_it_and_time_widens_it() -> None:
    clocks = HostClocks()
    clocks.learn(boot(NOON), seen(-5, 5))
    clocks.learn(boot(NOON + 60 * SECOND), seen(57, 67))
    told = clocks.ours(boot(NOON + 60 * SECOND), Instant(NOON + 67 * SECOND))
    assert told is not None
    assert told.width_us < 9 * SECOND
    later = clocks.ours(boot(NOON + HOUR), Instant(NOON + HOUR))
    assert later is not None
    assert later.width_us > told.width_us
    assert clocks.ours(boot(NOON + 7 * DAY), Instant(NOON + 7 * DAY)) is None


def test_a_clock_that_was_set_is_learned_anew() -> None:
    clocks = HostClocks()
    clocks.learn(boot(NOON + HOUR), seen(-5, 5))
    clocks.learn(boot(NOON + 60 * SECOND), seen(55, 65))
    assert clocks.ours(boot(NOON + 60 * SECOND), Instant(NOON + 65 * SECOND)) == seen(55, 65)


def test_what_was_learned_is_forgotten_where_our_own_clock_was_set() -> None:
    clocks = HostClocks()
    clocks.learn(boot(NOON), seen(-5, 5))
    clocks.forget()
    assert clocks.ours(boot(NOON), NOON) is None


def test_a_boot_that_may_have_been_at_any_time_or_is_of_no_time_teaches_nothing() -> None:
    clocks = HostClocks()
    clocks.learn(boot(NOON), seen(-600, 0))
    clocks.learn(boot(0), seen(-5, 5))
    clocks.learn(boot(NOON, None), seen(-5, 5))
    assert clocks.ours(boot(NOON), NOON) is None


@given(
    st.integers(-(10**6), 10**6), st.integers(0, 30_000_000), st.integers(0, 30_000_000), st.integers(0, DAY)
)
def test_a_later_boot_lies_within_its_bounds_however_far_the_clock_is_off(
    ahead_s: int, before_us: int, after_us: int, later_us: int
) -> None:
    clocks, ahead_us = HostClocks(), ahead_s * SECOND
    clocks.learn(boot(NOON + ahead_us), Estimate(Instant(NOON - before_us), Instant(NOON + after_us)))
    drift_us = later_us * 100 // 1_000_000
    for drifted_us in (-drift_us, drift_us):
        told = clocks.ours(boot(NOON + later_us + ahead_us + drifted_us), Instant(NOON + later_us + after_us))
        assert told is None or told.earliest <= NOON + later_us <= told.latest
