"""What the live demo says is true in every round."""

import re
from collections.abc import AsyncIterator
from itertools import islice

import pytest

from daemon.demo.estate import CLIENTS, Estate, add_helpers
from daemon.demo.lifeline import Lifeline
from daemon.demo.live_stories import LiveStories
from daemon.demo.story_names import StoryName
from probes.simulation import Power, build
from probes.simulation.entities import Vm
from probes.simulation.world import World
from sla.instants import parse_instant

NOW = parse_instant("2026-11-30T12:00:00Z")
ROUNDS = 200


def world_of(servers: int) -> World:
    world = World(build(now=NOW, servers=servers, clients=CLIENTS), now_us=lambda: NOW, monotonic=lambda: 0.0)
    add_helpers(world)
    return world


@pytest.fixture
async def lines() -> AsyncIterator[list[Lifeline]]:
    lines = [Lifeline() for _ in range(3)]
    for line in lines:
        line.mend()
    yield lines
    for line in lines:
        line.cut()


@pytest.mark.parametrize("servers", [10, 200])
async def test_what_is_counted_is_there_in_each_round(servers: int, lines: list[Lifeline]) -> None:
    world = world_of(servers)
    estate, (gateway, *beyond) = Estate(world), lines
    for line in islice(LiveStories(world, gateway, beyond).chapters(), ROUNDS):
        assert "vCLS" not in line
        counted = re.search(r"(\d+) servers?", line)
        assert counted is None or 0 < int(counted[1]) <= len(estate.running())


@pytest.mark.parametrize("name", StoryName)
async def test_one_story_is_told_over_and_over_and_no_other(name: StoryName, lines: list[Lifeline]) -> None:
    gateway, *beyond = lines
    told = list(islice(LiveStories(world_of(30), gateway, beyond).chapters(name), 12))
    assert len(told) == 12
    for other in set(StoryName) - {name}:
        assert next(LiveStories(world_of(30), gateway, beyond).chapters(other)) not in told


async def test_a_story_that_can_happen_to_nobody_ends(lines: list[Lifeline]) -> None:
    world, (gateway, *beyond) = world_of(10), lines
    for vm in list(world.inventory.every(Vm)):
        if vm.power is Power.ON:
            world.machines.power_off(vm.name)
    stories = LiveStories(world, gateway, beyond)
    for name in (StoryName.SWITCHED_OFF, StoryName.CRASHED, StoryName.LOST_HOST, StoryName.LOST_DATASTORE):
        assert list(stories.chapters(name)) == []
