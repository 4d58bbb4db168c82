"""Pictures of time: what is in them, how much, and that states differ in height."""

import re

from daemon.pages.drawing import WIDTH, line_of, place_of
from sla.instants import MINUTE, SECOND, Instant
from sla.records import State

SPAN = (Instant(0), Instant(1000 * MINUTE))


def spans(outline: str) -> list[tuple[int, int]]:
    return [(int(first), int(last)) for first, last in re.findall(r"M(\d+) \d+H(\d+)", outline)]


def test_states_are_drawn_where_they_are_and_differ_in_height() -> None:
    states = [
        (Instant(0), Instant(500 * MINUTE), State.UP),
        (Instant(500 * MINUTE), Instant(600 * MINUTE), State.DOWN),
        (Instant(600 * MINUTE), Instant(1000 * MINUTE), State.UNKNOWN),
    ]
    drawn = dict(line_of(states, SPAN).outlines)
    assert {state: spans(outline) for state, outline in drawn.items()} == {
        "up": [(0, 500)],
        "down": [(500, 600)],
        "unknown": [(600, 1000)],
    }
    assert len({outline.split("V")[0].split(" ")[1].split("H")[0] for outline in drawn.values()}) == 3


def test_what_is_too_short_to_be_seen_is_seen() -> None:
    moment = Instant(700 * MINUTE)
    ((_, outline),) = line_of([(moment, Instant(moment + SECOND), State.DOWN)], SPAN).outlines
    assert spans(outline) == [(700, 701)]
    ((_, outline),) = line_of([(SPAN[1], SPAN[1], State.DOWN)], SPAN).outlines
    assert spans(outline) == [(WIDTH - 1, WIDTH)]


def test_a_server_that_flaps_costs_no_more_than_its_picture_is_wide() -> None:
    flaps = [
        (Instant(at), Instant(at + SECOND), State.DOWN if at % (2 * SECOND) else State.UP)
        for at in range(0, SPAN[1], SECOND)
    ]
    drawn = line_of(flaps, SPAN)
    assert sum(len(spans(outline)) for _, outline in drawn.outlines) <= WIDTH


def test_places_stay_inside_of_a_picture() -> None:
    assert (place_of(Instant(-5), SPAN), place_of(Instant(SPAN[1] * 9), SPAN)) == (0, WIDTH)
