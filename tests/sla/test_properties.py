"""What holds for any evidence: the brute force agrees, nothing is lost, and order and later knowledge change nothing.

Each property is tried on 100 stories, or on as many as SLAD_SEEDS says; the long tests try it on 2,000 others.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.records import LifecycleEvent
from tests.sla.brute import Brute
from tests.sla.random_evidence import SIZE, Story, story_of
from tests.sla.stories import Line, statement

SIGHTINGS = {"observation", "blind", "observed_until"}
STAGES = {"clear", "at_risk", "chronic", "lapsed", "resolution", "evaluation", "unresolved", "resolved"}
SEEDS = int(os.environ.get("SLAD_SEEDS", "100"))
seeds = st.integers(min_value=0, max_value=2**32)


def judged(story: Story, lines: list[Line] | None = None) -> Any:
    """The statement of a story."""
    return statement(
        story.lines if lines is None else lines, month=story.month, as_of=story.as_of, terms=story.tables()
    )


def the_brute_force_on_a_grid_of_minutes_agrees(story: Story) -> None:
    """Spec §2 to §7, worked out once more."""
    said = judged(story)
    expected = Brute(story.lines, story.base, SIZE, story.month, story.as_of, story.terms).statement()
    for table, rows in expected.items():
        for row, should_be in zip(said[table], rows, strict=True):
            assert row == should_be


def no_time_is_lost_or_counted_twice(story: Story) -> None:
    """Spec §5.1."""
    for row in judged(story)["servers"]:
        assert row["up"] + row["down"] + row["unobserved"] + row["excluded"] == row["service"]
        assert row["service"] - row["excluded"] == row["agreed"]
        assert sum(row["excluded_by"].values()) == row["excluded"]
        assert row["disputed"] <= row["up"]
        bounds = row["availability_low"], row["availability_high"]
        if None not in bounds:
            assert 0 <= bounds[0] <= bounds[1] <= 1


def the_order_in_which_witnesses_are_heard_changes_nothing(story: Story) -> None:
    """Spec §2.4."""
    said = [line for line in story.lines if line["kind"] in SIGHTINGS]
    by_witness = sorted(said, key=lambda line: line["observer"], reverse=True)
    rest = [line for line in story.lines if line["kind"] not in SIGHTINGS]
    assert judged(story, rest + by_witness) == judged(story)


def late_observations_say_the_same_as_early_ones(story: Story) -> None:
    """Observations at different instants may come in any order: only of two at one instant the later line holds."""
    newest = {
        (line["observer"], line["server"], line["leg"], line["at"]): line
        for line in story.lines
        if line["kind"] == "observation"
    }
    shuffled = list(newest.values())
    random.Random(story.as_of).shuffle(shuffled)
    rest = [line for line in story.lines if line["kind"] != "observation"]
    assert judged(story, rest + shuffled) == judged(story)


def what_is_recorded_after_as_of_changes_nothing(story: Story) -> None:
    """Spec §1.4."""
    known = [line for line in story.lines if line.get("recorded_at", "") <= story.as_of]
    known = [line for line in known if line["kind"] != "observation" or line["at"] < story.as_of]
    assert judged(story, known) == judged(story)


def what_is_withdrawn_is_as_if_never_recorded(story: Story) -> None:
    """Spec §9.7, of all that can be withdrawn; the stories have no life of a solution: some is told here."""
    dice = random.Random(str(story.lines))
    lines = story.lines + [_step(story, dice, number) for number in range(dice.randrange(12))]
    told = {(line["what"], line["id"]) for line in lines if line["kind"] == "withdrawn"}
    lines += [
        {"kind": "withdrawn", "what": line["kind"], "id": line["id"], "why": "", "recorded_at": story.as_of}
        for line in lines
        if line["kind"] in {"lifecycle", "service_request"}
        and line["recorded_at"] <= story.as_of
        and (line["kind"], line["id"]) not in told
        and dice.random() < 0.4
    ]
    gone = {
        (line["what"], line["id"])
        for line in lines
        if line["kind"] == "withdrawn" and line["recorded_at"] <= story.as_of
    }
    never = [
        line
        for line in lines
        if (line["kind"], line.get("id")) not in gone and (line.get("what"), line.get("id")) not in gone
    ]
    assert judged(story, lines) == judged(story, never)


def _step(story: Story, dice: random.Random, number: int) -> Line:
    moments = [line["recorded_at"] for line in story.lines if "recorded_at" in line]
    happened_at, recorded_at = sorted((dice.choice(moments), dice.choice(moments)))
    return {
        "kind": "lifecycle",
        "id": f"l{number}",
        "client": dice.choice(("c1", "c2")),
        "solution": dice.choice(("mail", "web", "s1")),
        "event": dice.choice([event.value for event in LifecycleEvent]),
        "at": happened_at,
        "recorded_at": recorded_at,
    }


PROPERTIES = [
    the_brute_force_on_a_grid_of_minutes_agrees,
    no_time_is_lost_or_counted_twice,
    the_order_in_which_witnesses_are_heard_changes_nothing,
    late_observations_say_the_same_as_early_ones,
    what_is_recorded_after_as_of_changes_nothing,
    what_is_withdrawn_is_as_if_never_recorded,
]
each_property = pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)


@pytest.mark.timeout(600)
@each_property
@settings(max_examples=SEEDS, deadline=None, derandomize=True, database=None)
@given(seed=seeds)
def test_for_any_evidence(seed: int, holds: Callable[[Story], None]) -> None:
    holds(story_of(seed))


@pytest.mark.long
@pytest.mark.timeout(7200)
@each_property
@settings(max_examples=2000, deadline=None, database=None, print_blob=True)
@given(seed=seeds)
def test_for_thousands_of_stories(seed: int, holds: Callable[[Story], None]) -> None:
    holds(story_of(seed))


def test_the_stories_reach_every_stage_of_a_chronic_outage_on_both_bases() -> None:
    reached: dict[str, Counter[str]] = {"observed": Counter(), "documented": Counter()}
    for seed in range(250):
        for solution in judged(story_of(seed))["solutions"]:
            for basis, stages in reached.items():
                stages[solution[basis]["stage"]] += 1
    assert set(reached["observed"]) == STAGES
    assert set(reached["documented"]) == STAGES
