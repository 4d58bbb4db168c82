"""Timelines, held against a plain reading of the rules instant by instant (spec §2.2 to §2.5)."""

from itertools import chain, pairwise
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sla.instants import BEGINNING, FOREVER, Instant
from sla.reasons import DetailedReason, PlainReason
from sla.records import Blind, Leg, State, Witness
from sla.timeline import ServerTimeline, Sight, Sights, Track

FIRST, LAST = -4, 12
LEGS = (Leg.SAN, Leg.INTERNET)
WITNESSES = (Witness("a", "x"), Witness("b", "x"))
instants = st.integers(FIRST, LAST).map(Instant)
tried = settings(max_examples=400, deadline=None, derandomize=True, database=None)


class Said(NamedTuple):
    """An observation."""

    witness: Witness
    leg: Leg
    at: Instant
    state: State


class Unseen(NamedTuple):
    """A blind span."""

    witness: Witness
    start: Instant
    end: Instant
    legs: tuple[Leg, ...]


observations = st.lists(
    st.builds(Said, st.sampled_from(WITNESSES), st.sampled_from(LEGS), instants, st.sampled_from(State)),
    max_size=9,
)
blind_spans = st.lists(
    st.builds(
        Unseen, st.sampled_from(WITNESSES), instants, instants, st.sampled_from([LEGS, LEGS[:1]])
    ).filter(lambda span: span.start < span.end),
    max_size=4,
)
watermarks = st.tuples(instants, instants).map(lambda ends: dict(zip(WITNESSES, ends, strict=True)))


def last_said(said: list[Said], witness: Witness, leg: Leg, at: int) -> State:
    """The newest observation at an instant; of two at one instant the later line."""
    of_leg = [each for each in said if (each.witness, each.leg) == (witness, leg) and each.at <= at]
    return (
        max(enumerate(of_leg), key=lambda each: (each[1].at, each[0]))[1].state if of_leg else State.UNKNOWN
    )


def view(
    said: list[Said], unseen: list[Unseen], until: dict[Witness, Instant], witness: Witness, leg: Leg, at: int
) -> State:
    """What a witness sees of a leg at an instant."""
    blind = any(
        each.witness == witness and leg in each.legs and each.start <= at < each.end for each in unseen
    )
    return State.UNKNOWN if blind or at >= until[witness] else last_said(said, witness, leg, at)


def heard(
    said: list[Said], unseen: list[Unseen], until: dict[Witness, Instant]
) -> tuple[ServerTimeline, Sights]:
    """The timeline of all that was said."""
    timeline, sights = ServerTimeline(), Sights()
    for each in said:
        timeline.track(each.leg, each.witness, sights).add(each.at, each.state)
    for span in unseen:
        sights.of(span.witness).blind(
            Blind(witness=span.witness, start=span.start, end=span.end, legs=span.legs)
        )
    for witness, at in until.items():
        sights.of(witness).observed_until(at)
    return timeline, sights


@tried
@given(observations, blind_spans, watermarks, instants, instants)
@example(  # blind up to the end that is asked for
    [Said(WITNESSES[0], LEGS[0], Instant(0), State.DOWN)],
    [Unseen(WITNESSES[0], Instant(2), Instant(5), LEGS)],
    dict.fromkeys(WITNESSES, Instant(9)),
    Instant(0),
    Instant(5),
)
def test_2_segments_say_at_each_instant_what_the_rules_say(
    said: list[Said], unseen: list[Unseen], until: dict[Witness, Instant], start: Instant, end: Instant
) -> None:
    timeline, _ = heard(said, unseen, until)
    segments = timeline.segments(LEGS, start, end)
    assert all(s.start < s.end for s in segments)
    assert [s.end for s in segments[:-1]] == [s.start for s in segments[1:]]
    assert [at for s in segments for at in range(s.start, s.end)] == list(range(start, end))
    assert all(before[2:] != after[2:] for before, after in pairwise(segments))
    for segment in segments:
        for at in range(segment.start, segment.end):
            views = [[view(said, unseen, until, who, leg, at) for who in WITNESSES] for leg in LEGS]
            legs = tuple(max(those) for those in views)
            assert segment.legs == legs
            assert segment.disputed is any(State.DOWN in those for those in views)
            if State.DOWN in legs:
                assert segment.state is State.DOWN
            else:
                assert segment.state is min(legs)


@tried
@given(observations, instants)
def test_2_2_a_track_tells_what_holds_at_an_instant_and_from_when_to_when(
    said: list[Said], at: Instant
) -> None:
    track = Track(Sight())
    for each in said:
        track.add(each.at, each.state)
    one_witness = [Said(WITNESSES[0], LEGS[0], each.at, each.state) for each in said]
    before = [each.at for each in said if each.at <= at]
    since, state, until = track.around(at)
    assert state is last_said(one_witness, WITNESSES[0], LEGS[0], at)
    assert until == min((each.at for each in said if each.at > at), default=FOREVER)
    if before:
        assert since == max(before)
    else:
        assert since == BEGINNING
    ends = [each.at for each in said]
    assert track.last() == ((max(ends), track.around(max(ends))[1]) if ends else None)
    assert track.ever_down is any(each.state is State.DOWN for each in said)


@tried
@given(observations, instants, instants)
def test_a_track_tells_why_a_leg_is_down_where_that_was_said(
    said: list[Said], start: Instant, end: Instant
) -> None:
    """Each observation but every third has a reason of its own; only of what holds, and is down, it is told."""
    track = Track(Sight())
    holds: dict[Instant, tuple[State, str]] = {}
    for number, each in enumerate(said):
        reason = f"reason {number}" if number % 3 else ""
        track.add(each.at, each.state, reason)
        holds[each.at] = each.state, reason
    begun = max((at for at in holds if at <= start), default=None)
    within = [at for at in sorted(holds) if at == begun or start < at < end]
    assert track.reasons(start, end) == [
        (max(at, start), holds[at][1]) for at in within if holds[at][0] is State.DOWN and holds[at][1]
    ]


def test_of_a_reason_with_details_a_track_keeps_what_evidence_says() -> None:
    track = Track(Sight())
    track.add(Instant(5), State.DOWN, DetailedReason(PlainReason.POWERED_OFF, "powered off on esx-7"))
    assert track.reasons(Instant(5), Instant(6)) == [(5, "powered off")]


@tried
@given(blind_spans, instants, instants)
def test_2_3_a_sight_tells_when_it_sees_and_when_that_changes_next(
    unseen: list[Unseen], at: Instant, end: Instant
) -> None:
    _, sights = heard([], unseen, dict.fromkeys(WITNESSES, Instant(LAST + 1)))
    blind = {
        (span.witness, leg, instant)
        for span in unseen
        for leg in span.legs
        for instant in range(span.start, span.end)
    }
    for witness in WITNESSES:
        for leg in LEGS:
            sight = sights.of(witness)
            sees = [(witness, leg, instant) not in blind for instant in range(FIRST - 1, LAST + 2)]
            changes = [
                FIRST - 1 + place for place in range(1, len(sees)) if sees[place] is not sees[place - 1]
            ]
            assert sight.next_edge(leg, at) == min((each for each in changes if each >= at), default=FOREVER)
            if at < end:
                assert sight.sees(leg, at, end) is all(
                    (witness, leg, each) not in blind for each in range(at, end)
                )


def test_the_views_of_a_leg_are_by_witness() -> None:
    timeline, _ = heard(
        [Said(who, LEGS[0], Instant(0), State.UP) for who in WITNESSES],
        [],
        dict.fromkeys(WITNESSES, Instant(5)),
    )
    assert [witness for witness, _ in timeline.views(LEGS[0])] == list(WITNESSES)
    assert list(timeline.views(LEGS[1])) == []
    assert not timeline.ever_down(LEGS)


REASONS = ("", "APD", "powered off")
told = st.lists(st.tuples(instants, st.sampled_from(State), st.sampled_from(REASONS)), max_size=6)


def track_of(*said: list[tuple[Instant, State, str]]) -> Track:
    """A track of all that was said."""
    track = Track(Sight())
    for at, state, reason in chain.from_iterable(said):
        track.add(at, state, reason)
    return track


@tried
@given(told, told, told)
def test_a_track_that_takes_what_others_took_says_what_it_would_have_taken_itself(
    first: list[tuple[Instant, State, str]],
    second: list[tuple[Instant, State, str]],
    third: list[tuple[Instant, State, str]],
) -> None:
    whole, track = track_of(first, second, third), track_of(first)
    for later in (second, third):
        track.extend(*track_of(later).stored())
    assert list(track.said()) == list(whole.said())
    assert track.reasons(BEGINNING, FOREVER) == whole.reasons(BEGINNING, FOREVER)
    assert track.ever_down >= any(state is State.DOWN for _, state, _ in track.said())
