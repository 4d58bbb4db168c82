"""What is believed of a wall clock that drifts, is set, stands still, or was wrong when the process began."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.believed_clock import (
    HOLD_US,
    LONGEST_DRIFT_US,
    MOST_AHEAD_US,
    MOST_BACK_US,
    SLEW,
    STEP_US,
    BelievedClock,
    ClockDoubt,
    ClockStep,
    NotAcceptableError,
)
from sla.instants import BEGINNING, DAY, HOUR, MINUTE, SECOND, Instant, parse_instant
from tests.daemon.hand import Hand

TICK_US = 5 * SECOND
YEAR_2058 = parse_instant("2058-01-01T00:00:00Z")


def started(newest: Instant = BEGINNING, hand: Hand | None = None) -> tuple[Hand, BelievedClock]:
    hand = hand or Hand()
    clock = BelievedClock(hand)
    clock.begin(newest)
    return hand, clock


def look_for(clock: BelievedClock, hand: Hand, us: int) -> list[ClockStep]:
    """Tick for so long; the doubts that ended."""
    ended = []
    for _ in range(us // TICK_US):
        hand.pass_(TICK_US)
        step = clock.look()
        if step is not None:
            ended.append(step)
    return ended


def step_by(clock: BelievedClock, hand: Hand, us: int) -> Instant:
    """Set the wall clock; when that was noticed."""
    hand.pass_(TICK_US, set_us=us)
    assert clock.look() is None
    assert clock.doubt is not None
    return clock.now()


def doubt_of(clock: BelievedClock) -> ClockDoubt:
    assert clock.doubt is not None
    return clock.doubt


# Steps


def test_a_day_ahead_for_four_seconds_changes_nothing() -> None:
    hand, clock = started()
    before = clock.now()
    hand.pass_(TICK_US, set_us=DAY)
    assert clock.look() is None
    assert doubt_of(clock).shown_at == before + TICK_US + DAY
    assert clock.now() == before + TICK_US
    hand.pass_(4 * SECOND, set_us=-DAY)
    step = clock.look()
    assert step is not None
    assert (step.since, step.text) == (step.until, "the monitor's clock was 24h ahead for 4s")
    assert clock.doubt is None
    assert clock.now() == before + TICK_US + 4 * SECOND


@pytest.mark.parametrize("set_us", [10 * SECOND, HOUR, 40 * DAY])
def test_a_step_forward_is_believed_once_it_has_held_and_the_time_between_never_was(set_us: int) -> None:
    hand, clock = started()
    look_for(clock, hand, MINUTE)
    before = clock.now()
    noticed_at = step_by(clock, hand, set_us)
    assert look_for(clock, hand, HOLD_US - TICK_US) == []
    assert clock.now() == noticed_at + HOLD_US - TICK_US, "meanwhile time goes on as it did"
    seen = clock.watches.now()
    (step,) = look_for(clock, hand, TICK_US)
    assert (step.since, step.until) == (before, noticed_at + set_us)
    assert step.text == f"the monitor's clock was set forward by {set_us // SECOND} s"
    assert clock.now() == hand.wall
    assert clock.on_record(seen) == seen + set_us, "what was seen meanwhile is dated anew"
    assert clock.on_record(before) == before
    assert clock.watches.now() == seen + TICK_US, "the watches' time does not step"


def test_a_step_back_is_believed_once_it_has_held_and_time_stands_until_it_has_caught_up() -> None:
    hand, clock = started()
    noticed_at = step_by(clock, hand, -10 * MINUTE)
    assert look_for(clock, hand, HOLD_US - TICK_US) == []
    (step,) = look_for(clock, hand, TICK_US)
    assert step.since == step.until
    assert step.text == "the monitor's clock was set back by 600 s"
    assert look_for(clock, hand, 10 * MINUTE - HOLD_US) == []
    assert clock.now() == noticed_at == hand.wall
    look_for(clock, hand, MINUTE)
    assert clock.now() == hand.wall


def test_2058_is_believed_only_of_a_person() -> None:
    hand, clock = started()
    before = clock.now()
    hand.pass_(TICK_US)
    hand.wall = YEAR_2058
    assert look_for(clock, hand, HOUR) == []
    assert "set the clock right; if it is right, run `slad clock accept`" in doubt_of(clock).why
    assert clock.now() < before + 2 * HOUR
    clock.accept("ann")
    step = clock.look()
    assert step is not None
    assert (step.accepted_by, step.outcome) == ("ann", "accepted by ann")
    assert clock.now() == hand.wall


def test_a_clock_far_before_what_is_on_record_is_believed_of_nobody() -> None:
    hand, clock = started()
    before = clock.now()
    hand.pass_(TICK_US, set_us=-DAY)
    assert look_for(clock, hand, HOUR) == []
    doubt = doubt_of(clock)
    assert not doubt.can_be_accepted
    assert "nothing is recorded before that" in doubt.why
    with pytest.raises(NotAcceptableError, match="nothing is recorded before that"):
        clock.accept("ann")
    (step,) = look_for(clock, hand, DAY)
    assert "set back" in step.text
    assert clock.now() >= before


def test_another_step_begins_the_minute_anew_and_the_last_one_dates_what_was_seen() -> None:
    hand, clock = started()
    before = clock.now()
    noticed_at = step_by(clock, hand, HOUR)
    assert look_for(clock, hand, HOLD_US - TICK_US) == []
    seen = clock.watches.now()
    clock.accept("ann")
    step_by(clock, hand, HOUR)
    assert look_for(clock, hand, HOLD_US - TICK_US) == [], "what was accepted is another time"
    (step,) = look_for(clock, hand, TICK_US)
    assert step.accepted_by == ""
    assert clock.on_record(seen) == seen + 2 * HOUR
    assert (step.since, step.until) == (before, noticed_at + 2 * HOUR)


def test_what_is_not_in_doubt_cannot_be_accepted() -> None:
    _, clock = started()
    with pytest.raises(NotAcceptableError, match="nothing to accept"):
        clock.accept("ann")


def test_the_doubt_says_how_long_it_has_held() -> None:
    hand, clock = started()
    step_by(clock, hand, HOUR)
    look_for(clock, hand, 20 * SECOND)
    assert doubt_of(clock).why.endswith(
        "once that has held for 60 s (20 s by now), or at once with `slad clock accept`"
    )


# What is no step


def test_the_sleep_of_the_machine_is_no_step() -> None:
    hand, clock = started()
    for us in (10 * MINUTE, 8 * HOUR, 30 * DAY):
        hand.pass_(us)  # the boot clock counts it; suspended to RAM, or SIGSTOP
        assert clock.look() is None
        assert clock.doubt is None
        assert clock.now() == hand.wall


def test_a_process_that_was_frozen_between_the_reading_of_two_clocks_reads_them_again() -> None:
    class Frozen(Hand):
        freezes = False

        def now(self) -> Instant:
            shown = super().now()
            if self.freezes:
                self.freezes = False
                self.pass_(10 * MINUTE)
            return shown

    hand, clock = started(hand=Frozen())
    assert isinstance(hand, Frozen)
    hand.freezes = True
    assert clock.look() is None
    assert clock.doubt is None


@pytest.mark.parametrize(
    ("per_second_us", "hours"),
    [(500, 24), (-500, 24), (83_333, 6), (-83_333, 6), (SECOND // 86_400 + 1, 24)],
    ids=["ntp", "ntp-back", "chrony", "chrony-back", "leap-smear"],
)
def test_slewing_for_hours_is_no_step_and_is_followed(per_second_us: int, hours: int) -> None:
    hand, clock = started()
    told = [clock.now()]
    for _ in range(hours * HOUR // TICK_US):
        hand.pass_(TICK_US, set_us=per_second_us * TICK_US // SECOND)
        assert clock.look() is None
        assert clock.doubt is None
        told.append(clock.now())
    assert abs(clock.now() - hand.wall) < SECOND
    assert all(before <= after for before, after in pairwise(told))


@pytest.mark.parametrize("set_us", [SECOND, -SECOND, STEP_US])
def test_a_leap_second_or_a_small_correction_is_made_up_for_slowly(set_us: int) -> None:
    hand, clock = started()
    hand.pass_(TICK_US, set_us=set_us)
    for _ in range(20):
        before = clock.now()
        assert clock.look() is None
        assert clock.doubt is None
        hand.pass_(TICK_US)
        assert 0 < clock.now() - before <= TICK_US * 11 // 10
    assert clock.now() == hand.wall


def test_small_steps_that_follow_one_another_are_one_that_is_not() -> None:
    hand, clock = started()
    doubted = 0
    for _ in range(20):
        hand.pass_(TICK_US, set_us=STEP_US)
        clock.look()
        doubted += clock.doubt is not None
    assert doubted


# Machines that are set back


def test_a_machine_that_was_paused_comes_back_behind_and_is_set_right() -> None:
    """Its clocks stood still; the hypervisor's tools then set the wall clock."""
    hand, clock = started()
    look_for(clock, hand, MINUTE)
    before = clock.now()
    step_by(clock, hand, 3 * HOUR)
    (step,) = look_for(clock, hand, HOLD_US)
    assert step.until - step.since == 3 * HOUR + TICK_US
    assert step.since == before


def test_a_snapshot_that_was_reverted_under_the_process_does_not_take_it_back() -> None:
    """Both clocks go back, as in a container that is restored on another machine; then the wall clock is set right."""
    hand, clock = started()
    hand.pass_(DAY)
    assert clock.look() is None
    before = clock.now()
    hand.boot_us -= DAY
    hand.wall = Instant(hand.wall - DAY)
    assert clock.look() is None
    assert not doubt_of(clock).can_be_accepted
    assert clock.now() == before
    hand.pass_(MINUTE, set_us=DAY)
    step = clock.look()
    assert step is not None
    assert step.outcome == "nothing was dated by it"
    assert clock.now() == hand.wall == before + MINUTE


def test_a_boot_clock_that_begins_anew_holds_nothing_up() -> None:
    hand, clock = started()
    hand.pass_(DAY)
    before = clock.now()
    hand.boot_us = 0
    assert look_for(clock, hand, MINUTE) == []
    assert clock.doubt is None
    assert clock.now() == hand.wall == before + MINUTE


# Starts


@pytest.mark.parametrize("off_us", [0, HOUR, 7 * DAY, MOST_AHEAD_US])
def test_a_start_some_time_after_the_newest_record_is_believed_at_once(off_us: int) -> None:
    hand, clock = started(Instant(Hand().wall - off_us))
    assert clock.doubt is None
    assert clock.now() == hand.wall


def test_a_start_within_seconds_before_the_newest_record_waits_for_it() -> None:
    newest = Instant(Hand().wall + STEP_US)
    hand, clock = started(newest)
    assert clock.doubt is None
    assert clock.now() == newest
    hand.pass_(3 * SECOND)
    assert clock.now() == hand.wall


def test_a_start_shortly_before_the_newest_record_is_in_doubt_for_a_minute() -> None:
    newest = Instant(Hand().wall + MOST_BACK_US)
    hand, clock = started(newest)
    assert "and the newest record is of" in doubt_of(clock).why
    assert clock.now() == newest
    (step,) = look_for(clock, hand, HOLD_US)
    assert step.text == "the monitor's clock was 3600 s before the newest record at a start"
    assert clock.now() == newest
    look_for(clock, hand, HOUR)
    assert clock.now() == hand.wall


def test_a_start_long_before_the_newest_record_waits_until_the_clock_is_set_right() -> None:
    hand, clock = started(YEAR_2058)
    assert look_for(clock, hand, DAY) == []
    assert not doubt_of(clock).can_be_accepted
    assert "2058-01-01T00:00:00Z" in doubt_of(clock).why


def test_a_clock_that_was_not_set_yet_at_a_start_is_believed_once_it_is() -> None:
    newest = Hand().wall
    hand, clock = started(newest, Hand(wall=Instant(0)))
    assert look_for(clock, hand, HOUR) == []
    hand.wall = Instant(newest + 2 * HOUR)
    (step,) = look_for(clock, hand, HOLD_US + 2 * TICK_US)
    assert step.until == step.since == newest, "nobody watched"
    assert clock.now() == hand.wall


def test_a_start_years_after_the_newest_record_is_believed_of_a_person_alone() -> None:
    newest = Instant(Hand().wall - 3 * 366 * DAY)
    hand, clock = started(newest)
    assert look_for(clock, hand, HOUR) == []
    assert clock.now() < newest + 2 * HOUR
    clock.accept("ann")
    hand.pass_(TICK_US)
    assert clock.look() is not None
    assert clock.now() == hand.wall


def restarted(hand: Hand, before: BelievedClock, newest: Instant) -> BelievedClock:
    """The clock of the next process, in the same boot of the machine."""
    clock = BelievedClock(hand)
    clock.begin(newest, before.ahead_of_boot_us)
    return clock


def test_a_clock_that_was_set_while_nobody_looked_is_in_doubt_at_the_next_start_of_the_same_boot() -> None:
    hand, before = started()
    newest = before.now()
    hand.pass_(HOUR, set_us=DAY)
    clock = restarted(hand, before, newest)
    assert "by the boot clock it is" in doubt_of(clock).why
    assert clock.now() == newest + HOUR
    (step,) = look_for(clock, hand, HOLD_US)
    assert step.text == "the monitor's clock was set forward by 86400 s while slad did not run"
    assert (step.since, step.until) == (newest, newest)
    assert clock.now() == clock.watches.now() == hand.wall
    assert restarted(hand, clock, clock.now()).doubt is None


def test_a_clock_that_nobody_set_is_believed_at_the_next_start_of_the_same_boot() -> None:
    hand, before = started()
    newest = before.now()
    hand.pass_(8 * DAY)
    assert restarted(hand, before, newest).doubt is None


def test_what_was_noted_of_a_wrong_clock_holds_up_no_ledger_that_was_restored() -> None:
    for wrong_us in (DAY, 40 * 366 * DAY):
        hand, before = started(hand=Hand(wall=Instant(Hand().wall + wrong_us)))
        newest = Hand().wall
        hand.pass_(MINUTE, set_us=-wrong_us)
        clock = restarted(hand, before, newest)
        look_for(clock, hand, HOLD_US)
        assert clock.doubt is None
        assert clock.now() == hand.wall


# Whatever happens

WALKS = st.lists(
    st.tuples(
        st.integers(0, 2 * HOUR),
        st.one_of(
            st.just(0),
            st.just(0),
            st.integers(-3 * SECOND, 3 * SECOND),
            st.integers(-2 * HOUR, 2 * HOUR),
            st.sampled_from([-DAY, DAY, -40 * 366 * DAY, 40 * 366 * DAY]),
        ),
        st.booleans(),
    ),
    max_size=60,
)


@given(WALKS, st.sampled_from([BEGINNING, Hand().wall, Instant(Hand().wall + DAY)]))
def test_properties_of_any_walk_of_both_clocks(walk: list[tuple[int, int, bool]], newest: Instant) -> None:
    hand, clock = started(newest)
    recorded, watched, seen, begun = [newest], [newest], list[Instant](), clock.doubt is None
    for us, set_us, is_accepted in walk:
        hand.pass_(1 + us, set_us=set_us)
        if begun:  # nobody watches before that
            watched.append(clock.watches.now())
            seen.append(watched[-1])
        expected_at = clock.now()
        clock.look()
        if is_accepted and clock.doubt is not None and clock.doubt.can_be_accepted:
            clock.accept("ann")
            hand.pass_(1)
            clock.look()
        if clock.doubt is not None:
            continue
        at, begun = clock.now(), True
        # By the wall clock, give or take what is made up for; or where a step back was noticed, until it has caught up.
        assert abs(at - hand.wall) <= STEP_US + LONGEST_DRIFT_US // SLEW or hand.wall <= at <= expected_at
        assert at - hand.wall <= MOST_BACK_US + STEP_US + LONGEST_DRIFT_US // SLEW
        for instant in (*map(clock.on_record, seen), at):
            assert recorded[-1] <= instant <= at
            recorded.append(instant)
        seen.clear()
    assert recorded == sorted(recorded)
    assert watched == sorted(watched)
    for at in watched:
        assert clock.on_record(clock.as_watched(clock.on_record(at))) == clock.on_record(at)


def test_every_kind_of_doubt_says_what_to_do() -> None:
    what_to_do: list[tuple[Callable[[Hand], None], str]] = [
        (lambda hand: hand.pass_(TICK_US, set_us=HOUR), "slad clock accept"),
        (lambda hand: hand.pass_(TICK_US, set_us=-HOUR), "slad clock accept"),
        (lambda hand: hand.pass_(TICK_US, set_us=40 * 366 * DAY), "slad clock accept"),
        (lambda hand: hand.pass_(TICK_US, set_us=-40 * 366 * DAY), "set the clock right"),
    ]
    for happens, words in what_to_do:
        hand, clock = started()
        happens(hand)
        clock.look()
        assert words in doubt_of(clock).why
