"""What holds for any evidence: the brute force agrees, nothing is lost, and order and later knowledge change nothing.

SLAD_SEEDS says how many stories each property is tried on; mutation testing takes a few.
"""

import os
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def assert_brute_force_agrees(seed: int) -> None:
    """The statement of a seed's story is the one that the brute force works out."""
    story = story_of(seed)
    said = judged(story)
    expected = Brute(story.lines, story.base, SIZE, story.month, story.as_of, story.terms).statement()
    for table, rows in expected.items():
        for row, should_be in zip(said[table], rows, strict=True):
            assert row == should_be, f"seed {seed}"


@pytest.mark.timeout(600)
@settings(max_examples=SEEDS, deadline=None, derandomize=True, database=None)
@given(seeds)
def test_the_brute_force_on_a_grid_of_minutes_agrees(seed: int) -> None:
    assert_brute_force_agrees(seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(max_examples=2000, deadline=None, database=None)
@given(seeds)
def test_the_brute_force_agrees_over_thousands_of_seeds(seed: int) -> None:
    assert_brute_force_agrees(seed)


def test_the_stories_reach_every_stage_of_a_chronic_outage_on_both_bases() -> None:
    reached: dict[str, Counter[str]] = {"observed": Counter(), "documented": Counter()}
    for seed in range(250):
        for solution in judged(story_of(seed))["solutions"]:
            for basis, stages in reached.items():
                stages[solution[basis]["stage"]] += 1
    assert set(reached["observed"]) == STAGES
    assert set(reached["documented"]) == STAGES


@settings(max_examples=SEEDS, deadline=None, derandomize=True, database=None)
@given(seeds)
def test_no_time_is_lost_or_counted_twice(seed: int) -> None:
    story = story_of(seed)
    for row in judged(story)["servers"]:
        assert row["up"] + row["down"] + row["unobserved"] + row["excluded"] == row["service"]
        assert row["service"] - row["excluded"] == row["agreed"]
        assert sum(row["excluded_by"].values()) == row["excluded"]
        assert row["disputed"] <= row["up"]
        bounds = row["availability_low"], row["availability_high"]
        if None not in bounds:
            assert 0 <= bounds[0] <= bounds[1] <= 1


@settings(max_examples=SEEDS, deadline=None, derandomize=True, database=None)
@given(seeds)
def test_the_order_in_which_witnesses_are_heard_changes_nothing(seed: int) -> None:
    story = story_of(seed)
    said = [line for line in story.lines if line["kind"] in SIGHTINGS]
    by_witness = sorted(said, key=lambda line: line["observer"], reverse=True)
    rest = [line for line in story.lines if line["kind"] not in SIGHTINGS]
    assert judged(story, rest + by_witness) == judged(story)


@settings(max_examples=SEEDS, deadline=None, derandomize=True, database=None)
@given(seeds)
def test_late_observations_say_the_same_as_early_ones(seed: int) -> None:
    """Observations at different instants may come in any order: only of two at one instant the later line holds."""
    story = story_of(seed)
    newest = {
        (line["observer"], line["server"], line["leg"], line["at"]): line
        for line in story.lines
        if line["kind"] == "observation"
    }
    shuffled = list(newest.values())
    random.Random(seed).shuffle(shuffled)
    rest = [line for line in story.lines if line["kind"] != "observation"]
    assert judged(story, rest + shuffled) == judged(story)


@settings(max_examples=SEEDS, deadline=None, derandomize=True, database=None)
@given(seeds)
def test_what_is_recorded_after_as_of_changes_nothing(seed: int) -> None:
    story = story_of(seed)
    known = [line for line in story.lines if line.get("recorded_at", "") <= story.as_of]
    known = [line for line in known if line["kind"] != "observation" or line["at"] < story.as_of]
    assert judged(story, known) == judged(story)
