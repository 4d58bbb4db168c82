"""The stories of the past fit into six weeks, whatever the date is."""

import heapq
from itertools import count

import pytest

from daemon.demo.estate import CLIENTS, add_helpers
from daemon.demo.past_clock import PastClock
from daemon.demo.past_scenes import Asked, Away, Decided, PastCalendar, PastUplink
from daemon.demo.past_stories import PastStories
from probes.simulation import build
from probes.simulation.world import World
from sla.instants import Instant, parse_instant
from sla.records import State

DATES = (
    "2026-03-01T03:30:00Z",  # in Toronto it is February yet
    "2026-03-08T07:30:00Z",  # the clock has just been put forward
    "2026-03-31T23:00:00Z",
    "2026-04-10T12:00:00Z",
    "2026-11-01T05:30:00Z",  # the hour that occurs twice
    "2026-11-02T12:00:00Z",
    "2026-11-30T12:00:00Z",
    "2027-01-01T05:00:00Z",
    "2027-01-31T12:00:00Z",
    "2028-02-29T12:00:00Z",
)


def played(now: str, servers: int) -> list[tuple[Instant, str]]:
    """What all stories do until now, in a world that nobody watches: when, and what people did then."""
    calendar = PastCalendar(parse_instant(now))
    clock = PastClock(calendar.begin)
    inventory = build(now=clock.now(), servers=servers, clients=CLIENTS)
    world = World(inventory, now_us=clock.now, monotonic=lambda: 0.0)
    add_helpers(world)
    stories, order = PastStories(world, PastUplink(State.UP, clock.now()), calendar), count()
    waiting = [(calendar.begin, next(order), story) for story in stories.all()]
    done: list[tuple[Instant, str]] = []
    while waiting[0][0] <= calendar.now:
        at, _, story = heapq.heappop(waiting)
        clock.set(at)
        for scene in story:
            if isinstance(scene, Asked | Decided):
                done.append((at, str(scene)))
            else:
                then = scene.until if isinstance(scene, Away) else scene
                assert then >= at, "a story goes back"
                heapq.heappush(waiting, (then, next(order), story))
                break
        stories.move()
    return done


@pytest.mark.parametrize("servers", [10, 200])
@pytest.mark.parametrize("now", DATES)
def test_everything_that_people_do_lies_in_the_six_weeks_and_is_the_same_each_time(
    now: str, servers: int
) -> None:
    done = played(now, servers)
    calendar = PastCalendar(parse_instant(now))
    assert all(calendar.begin < at <= calendar.now for at, _ in done)
    assert done == played(now, servers)
    assert len(done) == len(played(DATES[-1], servers)), "each date has everything"
