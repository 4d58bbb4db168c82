"""Spec §2: from observations to the state of a virtual server."""

from itertools import product
from typing import Any

from sla.instants import FOREVER, Instant
from sla.records import ALL_LEGS, Blind, Leg, State, Witness
from sla.timeline import ServerTimeline, Sights, merged
from tests.sla import brute_clock
from tests.sla.stories import blind, client, row_of, says, seen, server

UP, DOWN, UNKNOWN = State.UP, State.DOWN, State.UNKNOWN
A, B = Witness("a", "x"), Witness("b", "x")
Seen = list[tuple[int, int, State]]


def timeline(*said: tuple[Witness, Leg, int, State], until: int = 100) -> tuple[ServerTimeline, Sights]:
    sights, server_timeline = Sights(), ServerTimeline()
    for witness, leg, at, state in said:
        server_timeline.track(leg, witness, sights).add(Instant(at), state)
        sights.of(witness).observed_until(Instant(until))
    return server_timeline, sights


def internet(line: ServerTimeline, start: int = 0, end: int = 50) -> Seen:
    return leg_states(line, Leg.INTERNET, start, end)


def leg_states(line: ServerTimeline, leg: Leg, start: int, end: int) -> Seen:
    """The states of one leg, whether disputed or not."""
    whole: Seen = []
    for part in line.segments((leg,), Instant(start), Instant(end)):
        if whole and whole[-1][2] is part.legs[0]:
            whole[-1] = (whole[-1][0], part.end, part.legs[0])
        else:
            whole.append((part.start, part.end, part.legs[0]))
    return whole


def day(*lines: Any, **keys: Any) -> Any:
    """The row of a server in service for a day, watched by what follows."""
    service = {"since": "2026-03-10T00:00:00Z", "in_service_until": "2026-03-11T00:00:00Z", **keys}
    return row_of([client(), server(**service), *lines])


def test_2_1_only_legs_that_record_and_contract_name_are_considered() -> None:
    lines = [says("up", "2026-03-10T00:00:00Z"), says("down", "2026-03-10T00:00:00Z", leg="san"), seen()]
    assert day(*lines)["down_by_leg"] == {"internet": 0}
    assert day(*lines, legs=["san", "internet"])["down"] == 86400


def test_2_1_a_server_without_a_common_leg_is_unknown() -> None:
    lines = [client(), server(), says("up", "2026-03-01T00:00:00Z"), seen()]
    row = row_of(lines, terms={"availability": {"legs": ["running"]}})
    assert row["unobserved"] == row["service"] > 0
    assert row["down_by_leg"] == {}


def test_2_2_an_observation_holds_until_the_next_of_its_witness() -> None:
    line, _ = timeline((A, Leg.INTERNET, 10, DOWN), (A, Leg.INTERNET, 20, UP))
    assert internet(line) == [(0, 10, UNKNOWN), (10, 20, DOWN), (20, 50, UP)]


def test_2_2_a_late_observation_is_put_in_its_place() -> None:
    line, _ = timeline((A, Leg.INTERNET, 10, DOWN), (A, Leg.INTERNET, 30, UP), (A, Leg.INTERNET, 20, UNKNOWN))
    assert internet(line) == [(0, 10, UNKNOWN), (10, 20, DOWN), (20, 30, UNKNOWN), (30, 50, UP)]


def test_2_2_of_two_observations_at_one_instant_the_later_line_holds() -> None:
    line, _ = timeline((A, Leg.INTERNET, 0, UP), (A, Leg.INTERNET, 10, DOWN), (A, Leg.INTERNET, 0, DOWN))
    assert internet(line) == [(0, 50, DOWN)]


def test_2_2_any_source_may_speak_of_any_leg() -> None:
    assert day(says("up", "2026-03-10T00:00:00Z", source="vcenter"), seen(source="vcenter"))["up"] == 86400


def test_2_3_in_a_blind_span_the_view_is_unknown_and_then_holds_again() -> None:
    line, sights = timeline((A, Leg.INTERNET, 0, DOWN), (A, Leg.INTERNET, 30, UP))
    sights.of(A).blind(Blind(witness=A, start=Instant(10), end=Instant(20)))
    assert internet(line) == [(0, 10, DOWN), (10, 20, UNKNOWN), (20, 30, DOWN), (30, 50, UP)]


def test_2_3_an_observation_inside_a_blind_span_holds_when_it_ends() -> None:
    line, sights = timeline((A, Leg.INTERNET, 0, DOWN), (A, Leg.INTERNET, 15, UP))
    sights.of(A).blind(Blind(witness=A, start=Instant(10), end=Instant(20)))
    sights.of(A).blind(Blind(witness=A, start=Instant(18), end=Instant(25)))
    assert internet(line) == [(0, 10, DOWN), (10, 25, UNKNOWN), (25, 50, UP)]


def test_2_3_an_observation_as_a_blind_span_ends_or_starts() -> None:
    line, sights = timeline((A, Leg.INTERNET, 0, UP), (A, Leg.INTERNET, 10, DOWN), (A, Leg.INTERNET, 20, UP))
    sights.of(A).blind(Blind(witness=A, start=Instant(10), end=Instant(20)))
    assert internet(line) == [(0, 10, UP), (10, 20, UNKNOWN), (20, 50, UP)]
    assert internet(line, 15, 18) == [(15, 18, UNKNOWN)]
    assert internet(line, 5, 15) == [(5, 10, UP), (10, 15, UNKNOWN)]


def test_2_3_of_two_blind_spans_both_are_seen_from_inside_the_first() -> None:
    line, sights = timeline((A, Leg.INTERNET, 0, UP))
    for start, end in ((10, 20), (30, 40)):
        sights.of(A).blind(Blind(witness=A, start=Instant(start), end=Instant(end)))
    assert internet(line, 15, 35) == [(15, 20, UNKNOWN), (20, 30, UP), (30, 35, UNKNOWN)]
    assert internet(line, 20, 30) == [(20, 30, UP)]


def test_2_3_a_blind_span_is_of_the_legs_that_it_names_and_of_its_witness() -> None:
    line, sights = timeline((A, Leg.INTERNET, 0, UP), (A, Leg.SAN, 0, UP), (B, Leg.SAN, 0, DOWN))
    sights.of(A).blind(Blind(witness=A, start=Instant(10), end=Instant(20), legs=(Leg.SAN,)))
    assert internet(line) == [(0, 50, UP)]
    assert leg_states(line, Leg.SAN, 0, 50) == [(0, 10, UP), (10, 20, DOWN), (20, 50, UP)]


def test_2_3_from_the_newest_watermark_on_the_view_is_unknown() -> None:
    line, sights = timeline((A, Leg.INTERNET, 0, UP), (A, Leg.INTERNET, 40, DOWN), until=30)
    assert internet(line) == [(0, 30, UP), (30, 50, UNKNOWN)]
    assert internet(line, 30, 50) == [(30, 50, UNKNOWN)]
    sights.of(A).observed_until(Instant(20))  # the newest is the later line
    assert internet(line) == [(0, 20, UP), (20, 50, UNKNOWN)]


def test_2_3_a_witness_without_a_watermark_has_seen_nothing() -> None:
    assert day(says("up", "2026-03-10T00:00:00Z"))["unobserved"] == 86400


def test_2_4_a_leg_is_up_if_any_witness_says_up_else_down_if_any_says_down() -> None:
    said = [(A, Leg.INTERNET, 0, UP), (B, Leg.INTERNET, 0, DOWN), (A, Leg.INTERNET, 10, DOWN)]
    said += [(B, Leg.INTERNET, 20, UNKNOWN), (A, Leg.INTERNET, 30, UNKNOWN)]
    line, _ = timeline(*said)
    assert internet(line) == [(0, 10, UP), (10, 30, DOWN), (30, 50, UNKNOWN)]


def test_2_4_2_5_whatever_two_witnesses_say_of_three_legs_up_prevails_in_a_leg_and_down_among_legs() -> None:
    words = {UP: "up", DOWN: "down", UNKNOWN: "unknown"}
    for said in product(product(State, repeat=2), repeat=len(ALL_LEGS)):
        state, legs, says_down = merged(said)
        in_words = tuple(tuple(words[each] for each in of_leg) for of_leg in said)
        down = frozenset(leg.value for leg, each in zip(ALL_LEGS, legs, strict=True) if each is DOWN)
        assert (words[state], down, says_down) == brute_clock.merged(brute_clock.LEGS, in_words), said


def test_2_4_2_5_where_nobody_says_anything_or_no_leg_is_considered_the_state_is_unknown() -> None:
    assert merged([[UP], []]) == (UNKNOWN, (UP, UNKNOWN), False)
    assert merged([[DOWN], []]) == (DOWN, (DOWN, UNKNOWN), True)
    assert merged([]) == (UNKNOWN, (), False)


def test_2_5_a_server_is_down_if_a_leg_is_else_unknown_if_a_leg_is_else_up() -> None:
    line, _ = timeline(
        (A, Leg.RUNNING, 0, UP),
        (A, Leg.SAN, 0, UP),
        (A, Leg.INTERNET, 0, UP),
        (A, Leg.SAN, 10, UNKNOWN),
        (A, Leg.INTERNET, 20, DOWN),
        (A, Leg.SAN, 30, UP),
        (A, Leg.INTERNET, 40, UP),
    )
    segments = line.segments(ALL_LEGS, Instant(0), Instant(50))
    assert [(s.start, s.end, s.state) for s in segments] == [
        (0, 10, UP),
        (10, 20, UNKNOWN),
        (20, 30, DOWN),
        (30, 40, DOWN),
        (40, 50, UP),
    ]
    assert segments[2].legs == (UP, UNKNOWN, DOWN)


def test_segments_tell_when_a_witness_says_down_though_another_says_up() -> None:
    line, _ = timeline((A, Leg.INTERNET, 0, UP), (B, Leg.INTERNET, 10, DOWN), (B, Leg.INTERNET, 20, UP))
    segments = line.segments((Leg.INTERNET,), Instant(0), Instant(50))
    assert [(s.start, s.end, s.state, s.disputed) for s in segments] == [
        (0, 10, UP, False),
        (10, 20, UP, True),
        (20, 50, UP, False),
    ]


def test_an_empty_span_has_no_segments() -> None:
    line, _ = timeline((A, Leg.INTERNET, 0, UP))
    assert line.segments(ALL_LEGS, Instant(5), Instant(5)) == []
    assert line.segments(ALL_LEGS, Instant(5), FOREVER)[-1].end == FOREVER


def test_a_blind_span_by_day() -> None:
    row = day(
        says("up", "2026-03-10T00:00:00Z"), blind("2026-03-10T01:00:00Z", "2026-03-10T02:00:00Z"), seen()
    )
    assert (row["up"], row["unobserved"]) == (82800, 3600)
