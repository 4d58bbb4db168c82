"""What holds for any evidence of several monitors (spec §3.4): the brute force agrees, and much changes nothing.

Each property is tried on 50 stories, or on half as many as SLAD_SEEDS says; the long tests try it on 1,000 others.
"""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sla.brute import Brute
from tests.sla.random_evidence import SIZE, Story, story_of
from tests.sla.random_monitors import OBSERVERS, story_of_monitors
from tests.sla.stories import Line, book_as_told, in_order, statement
from tests.sla.test_properties import SEEDS

seeds = st.integers(min_value=0, max_value=2**32)


def judged(story: Story, lines: list[Line]) -> Any:
    """The statement of lines in the order given."""
    return statement(lines, month=story.month, as_of=story.as_of, terms=story.tables(), book=book_as_told)


def the_brute_force_on_a_grid_of_minutes_agrees(seed: int) -> None:
    """Spec §1.4 and §3.4, and all that rests on them, worked out once more."""
    story = story_of_monitors(seed)
    said = judged(story, story.lines)
    expected = Brute(story.lines, story.base, SIZE, story.month, story.as_of, story.terms).statement()
    for table, rows in expected.items():
        for row, should_be in zip(said[table], rows, strict=True):
            assert row == should_be


def no_time_is_lost_or_counted_twice(seed: int) -> None:
    """Spec §5.1."""
    story = story_of_monitors(seed)
    for row in judged(story, story.lines)["servers"]:
        assert row["up"] + row["down"] + row["unobserved"] + row["excluded"] == row["service"]


def how_monitors_are_called_means_nothing(seed: int) -> None:
    story = story_of_monitors(seed)
    names = dict(zip(OBSERVERS, ("z", "", "a"), strict=True))
    renamed = [
        {**line, "observer": names[line["observer"]]}
        if line["kind"] in {"server", "observer_retired"}
        else line
        for line in story.lines
    ]
    assert judged(story, renamed) == judged(story, story.lines)


def a_second_monitor_that_says_the_same_changes_nothing(seed: int) -> None:
    """A line for each of the first's, before it or after it."""
    story, dice = story_of(seed), random.Random(seed)
    lines = in_order(story.lines)
    both: list[Line] = []
    for line in lines:
        said = [line, {**line, "observer": "m-2"}] if line["kind"] == "server" else [line]
        both += dice.sample(said, len(said))
    assert judged(story, both) == judged(story, lines)


def a_monitor_that_was_retired_before_all_service_is_as_if_it_had_said_nothing(seed: int) -> None:
    story, dice = story_of(seed), random.Random(seed)
    start = min(line["recorded_at"] for line in story.lines if "recorded_at" in line)
    lines = in_order(story.lines)
    told: list[Line] = []
    for line in lines:
        if line["kind"] == "server":
            owner = {"client": dice.choice(("c1", "c2")), "solution": dice.choice(("web", None))}
            told.append({**line, **owner, "observer": "m-2", "legs": ["running", "san", "internet"]})
        told.append(line)
    told.append(
        {"kind": "observer_retired", "observer": "m-2", "at": start, "ledger": "x", "recorded_at": start}
    )
    assert judged(story, told) == judged(story, lines)


def how_ledgers_are_brought_together_means_nothing_where_monitors_agree(seed: int) -> None:
    """On whose each server is and what it is called. Within a ledger the order stays, and each monitor has one."""
    story, dice = story_of_monitors(seed, shares=False), random.Random(seed)
    lines = list(_agreed(story.lines))
    assert judged(story, _shuffled(lines, dice)) == judged(story, _shuffled(lines, dice))


def _agreed(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines as of monitors that agree, and of clients that never changed."""
    clients = set()
    for line in lines:
        if line["kind"] == "server":
            owner = {"client": "c2" if line["id"] == "s3" else "c1", "solution": "mail"}
            yield {**line, **owner, "name": "as all call it"}
        elif line["kind"] != "client":
            yield line
        elif line["id"] not in clients:
            clients.add(line["id"])
            yield line


def _shuffled(lines: Iterable[Line], dice: random.Random) -> list[Line]:
    """The lines in another order: that of each ledger, or of who saw it, stays, and nothing is named before it is defined."""
    ledgers: dict[str, deque[Line]] = {}
    for line in lines:
        ledgers.setdefault(line["ledger"] if "ledger" in line else line["observer"], deque()).append(line)
    shuffled: list[Line] = []
    defined: set[str] = set()
    while any(ledgers.values()):
        ledger = dice.choice([each for each in ledgers.values() if each and _named(each[0]) <= defined])
        shuffled.append(ledger.popleft())
        if shuffled[-1]["kind"] in {"client", "server"}:
            defined.add(shuffled[-1]["id"])
    return shuffled


def _named(line: Line) -> set[str]:
    """The clients and servers that a line names."""
    ones = {line[key] for key in ("client", "server") if key in line}
    return ones.union(*(line.get(key, ()) for key in ("clients", "servers")))


PROPERTIES = [
    the_brute_force_on_a_grid_of_minutes_agrees,
    no_time_is_lost_or_counted_twice,
    how_monitors_are_called_means_nothing,
    a_second_monitor_that_says_the_same_changes_nothing,
    a_monitor_that_was_retired_before_all_service_is_as_if_it_had_said_nothing,
    how_ledgers_are_brought_together_means_nothing_where_monitors_agree,
]
each_property = pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)


@pytest.mark.timeout(600)
@each_property
@settings(max_examples=SEEDS // 2, deadline=None, derandomize=True, database=None)
@given(seed=seeds)
def test_for_any_evidence_of_several_monitors(seed: int, holds: Callable[[int], None]) -> None:
    holds(seed)


@pytest.mark.long
@pytest.mark.timeout(7200)
@each_property
@settings(max_examples=1000, deadline=None, database=None, print_blob=True)
@given(seed=seeds)
def test_for_a_thousand_stories_of_several_monitors(seed: int, holds: Callable[[int], None]) -> None:
    holds(seed)


def test_the_stories_are_about_something() -> None:
    """It matters who said it and who retired, and instants go back."""
    seen: Counter[str] = Counter()
    for seed in range(40):
        story = story_of_monitors(seed)
        said = judged(story, story.lines)
        variants = {
            "observers": [
                {**line, "observer": ""} if line["kind"] == "server" else line for line in story.lines
            ],
            "retirements": [line for line in story.lines if line["kind"] != "observer_retired"],
        }
        for name, lines in variants.items():
            seen[name] += judged(story, lines) != said
        recorded = [line["recorded_at"] for line in story.lines if "recorded_at" in line]
        seen["goes back"] += recorded != sorted(recorded)
    assert min(seen[name] for name in (*variants, "goes back")) >= 5, seen
