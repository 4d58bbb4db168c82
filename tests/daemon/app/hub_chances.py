"""A story of hubs from a seed: people, servers, faults and their mending, in an order that the seed alone decides."""

import os
import random
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from tests.daemon.app.hub_world import HALF_OPEN, HUBS, MONITORS, World
from tests.peers.proxy import Weather

SEED: Final = "SLAD_STORY_SEED"
"""The environment's, in place of a new one."""
LONGEST_PAUSE_S: Final = 1.0
WAYS: Final = (
    Weather(refuse=True),
    HALF_OPEN,
    Weather(cut_after_bytes=200),
    Weather(delay_up_ms=100, delay_down_ms=100),
    Weather(drip_bytes_per_s=4000),
)


def new_seed() -> int:
    """Another one each time, unless the environment names one."""
    given = os.environ.get(SEED)
    return int(given) if given else random.randrange(2**32)


def play(world: World, *, seed: int, steps: int) -> None:
    """Let so much happen; what is broken at the end is the world's to mend. What happens is printed."""
    sys.stdout.write(
        f"again: {SEED}={seed} pytest -m long -k for_long tests/daemon/app/test_hub_stories.py\n"
    )
    chances = Chances(world, seed)
    for _ in range(steps):
        chances.step()


class Chances:
    """Draws what happens next, of what can happen as things are."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._chance = random.Random(seed)
        self._references = 0
        self._seed = seed

    def step(self) -> None:
        """One thing happens, and a pause."""
        happenings = self._happenings()
        what = self._chance.choice(list(happenings))
        sys.stdout.write(f"{what}\n")
        happenings[what]()
        time.sleep(self._chance.uniform(0, LONGEST_PAUSE_S))

    def _happenings(self) -> Mapping[str, Callable[[], object]]:
        world, broken = self._world, self._world.broken
        found: dict[str, Callable[[], object]] = {
            "servers go down": partial(self._some_servers, world.power_off),
            "servers come back": partial(self._some_servers, world.power_on),
        }
        for what in broken:
            found[f"{what} is mended"] = partial(world.mend, what)
        for name in (*MONITORS, *HUBS):
            if name not in broken:
                found[f"{name} is killed"] = partial(world.kill, name)
                found[f"{name} is stopped"] = partial(world.stop, name)
            if f"way of {name}" not in broken:
                found[f"the way of {name} is bad"] = partial(self._cut, name)
        for name in world.hubs:
            found[f"something is announced at {name}"] = partial(self._announce, name)
        if "store" not in broken:
            found["the store is killed"] = world.kill_store
            found["the store is lost"] = partial(world.lose_store, self._go_on)
            found["a record is forged"] = partial(world.forge, "mon1", "mon2")
            for name in MONITORS:
                if broken.keys().isdisjoint({name, f"way of {name}"}):
                    found[f"an older ledger of {name} is put back"] = partial(
                        world.put_back_older_ledger, name, self._go_on
                    )
        return found

    def _some_servers(self, power: Callable[[str], None]) -> None:
        for name in self._chance.sample(list(self._world.machines), self._chance.randint(1, 5)):
            power(name)

    def _cut(self, name: str) -> None:
        self._world.cut(name, self._chance.choice(WAYS))

    def _announce(self, name: str) -> None:
        self._references += 1
        self._world.announce(f"{self._seed}: {self._references}", name)

    def _go_on(self) -> None:
        """What goes on while something else happens."""
        self._some_servers(self._world.power_off)
        for name in self._world.hubs:
            self._announce(name)
