"""What may befall monitors, hubs and their store: whatever it is, nothing that was acknowledged is lost, and there is one truth."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tests.daemon.app.hub_chances import new_seed, play
from tests.daemon.app.hub_world import ALERT, HALF_OPEN, World, world
from tests.daemon.app.test_hub import value
from tests.peers.proxy import Weather
from tests.waiting import wait_until

pytestmark = [pytest.mark.timeout(600), pytest.mark.xdist_group("hub stories")]

Story = Callable[[], AbstractContextManager[World]]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """One world for all stories, and after one that failed another."""
    with ExitStack() as stack:
        living: list[World] = []

        @contextmanager
        def told() -> Iterator[World]:
            if not living:
                living.append(stack.enter_context(world(tmp_path_factory.mktemp("world"))))
                living[0].check()
            try:
                yield living[0]
                living[0].check()
            except BaseException:
                living.clear()
                stack.close()
                raise

        yield told


@pytest.mark.parametrize("how", ["killed", "stopped", "cut off", "half-open"])
def test_the_hub_that_stands_by_takes_over_and_the_other_never_writes_again(story: Story, how: str) -> None:
    with story() as world:
        one, two = world.active(), world.standby()
        server = next(iter(world.machines))
        world.power_off(server)
        pages = world.told.wait(ALERT, count=len(world.told.pages(ALERT)) + 1)
        assert world.announce(f"{how}: before", one)
        assert not world.announce(f"{how}: by the standby", two)
        match how:
            case "killed":
                world.kill(one)
            case "stopped":
                world.stop(one)
            case "cut off":
                world.cut(one, Weather(refuse=True))
            case _:
                world.cut(one, HALF_OPEN)
        wait_until(lambda: world.is_active(two) and world.is_ready(two), "a takeover")
        told_by_one = 0.0 if one in world.broken else world.alerts_sent(one)
        assert world.announce(f"{how}: after", two)
        world.power_on(server)
        world.wait_for(two, server, is_up=True)
        world.told.wait(ALERT, "resolved", count=len(pages))
        if how != "killed":
            world.mend(one if how == "stopped" else f"way of {one}")
            assert not world.announce(f"{how}: by the one that comes back", one)
            wait_until(lambda: world.is_ready(one), "the other one to follow")
            assert not world.is_active(one)
        if how in ("cut off", "half-open"):
            assert world.alerts_sent(one) == told_by_one, "it tells nobody by the time at which another does"
        assert world.recorded()[-2:] == [f"{how}: before", f"{how}: after"]
        assert len(world.told.pages(ALERT)) == len(pages), "one that comes back tells nobody"


def test_postgresql_is_killed_under_load(story: Story) -> None:
    with story() as world:
        for power in (world.power_off, world.power_on):
            before = world.arrivals()
            for name in world.machines:
                power(name)
            world.wait_for_arrival(after=before)
            world.kill_store()
            world.mend("store")
        assert world.announce("after it was killed", world.active())


def test_a_replica_takes_the_place_of_the_primary_and_lacks_what_was_acknowledged(story: Story) -> None:
    with story() as world:
        hub = world.active()
        server = next(iter(world.machines))

        def meanwhile() -> None:
            world.power_off(server)
            world.wait_for(hub, server, is_up=False)
            assert world.announce("not at the replica", hub)

        world.lose_store(meanwhile)
        for name in ("mon1", "mon2"):
            assert '"acknowledged"' in world.daemons[name].logged("hub_lost_records")
        for each in world.hubs:
            assert "no longer has" in world.daemons[each].logged("hub_begins_anew")


def test_an_older_ledger_is_put_back(story: Story) -> None:
    with story() as world:
        server = next(iter(world.machines))
        said = world.put_back_older_ledger("mon2", lambda: world.power_off(server))
        assert "slad import --from-hub" in said


def test_a_monitor_is_without_the_store_and_catches_up_while_others_go_on(story: Story) -> None:
    with story() as world:
        hub = world.active()
        world.cut("mon1", Weather(refuse=True))
        for power, is_up in ((world.power_off, False), (world.power_on, True)):
            for name in world.machines:
                power(name)
            for name in world.machines:
                world.wait_for(hub, name, is_up=is_up)
        wait_until(
            lambda: (value(world.shown("mon1"), "slad_hub_behind_records") or 0) >= 2 * len(world.machines),
            "all of it to wait at mon1",
        )
        world.cut("mon2", Weather(delay_up_ms=50, delay_down_ms=50))
        world.mend("way of mon1")
        server = next(iter(world.machines))
        world.power_off(server)
        world.wait_for(hub, server, is_up=False)


def test_a_monitor_forges_what_another_says_and_a_third_takes_its_name(story: Story) -> None:
    with story() as world:
        world.forge("mon1", "mon2")
        status, said = world.begin_namesake("mon2")
        assert status == 1
        assert "another monitor has that name" in said
        wait_until(
            lambda: value(world.shown("mon2"), "slad_hub_state", state="shared_name") == 1,
            "the one that has the name to be told",
        )


def test_it_all_comes_at_random(story: Story) -> None:
    with story() as world:
        play(world, seed=15, steps=16)


@pytest.mark.long
@pytest.mark.parametrize("number", range(3))
def test_it_all_comes_at_random_for_long(story: Story, number: int) -> None:
    with story() as world:
        play(world, seed=new_seed(), steps=60)
