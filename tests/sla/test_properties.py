"""What holds for any evidence: the brute force agrees, nothing is lost, and order and later knowledge change nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sla.brute import Brute
from tests.sla.random_evidence import SIZE, Story, story_of
from tests.sla.stories import Line, statement

SIGHTINGS = {"observation", "blind", "observed_until"}
STAGES = {"clear", "at_risk", "chronic", "lapsed", "resolution", "evaluation", "unresolved", "resolved"}
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


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(seeds)
def test_the_brute_force_on_a_grid_of_minutes_agrees(seed: int) -> None:
    assert_brute_force_agrees(seed)


@pytest.mark.long
@pytest.mark.timeout(3600)
@settings(max_examples=2000, deadline=None, database=None)
@given(seeds)
def test_the_brute_force_agrees_over_thousands_of_seeds(seed: int) -> None:
    assert_brute_force_agrees(seed)
