"""The whole watch on virtual time, against targets that answer as they are told to."""

import asyncio
from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from probes.internet.watch import CHUNK
from probes.targets.result import Reason
from probes.targets.target import Method
from sla.instants import SECOND
from sla.records import ServerId, State
from tests.probes.internet.world import BEGAN, UP, World, play
from tests.virtual import VirtualLoop


def test_the_first_report_stands_on_no_other_and_the_verdict_follows_within_two_rounds() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        world.assign("web", "east")
        await asyncio.sleep(25)

    world = play(scenario)
    first, *others = world.reports
    assert first.fresh
    assert first.observed_until is not None
    assert not any(report.fresh for report in others)
    assert {report.source for report in world.reports} == {"internet"}
    assert world.words("web") == ["unknown", "up"]
    assert world.states("web")[1][0] < 1
    assert world.observed_until_s() > 10


def test_an_uplink_below_quorum_is_down_from_its_first_failed_round_and_told_once_that_is_confirmed() -> None:
    async def scenario(world: World) -> None:
        world.configure("east", "west")
        world.assign("web", "east")
        world.assign("mail", "west")
        await asyncio.sleep(100)
        world.fail("silent", "east1", "east2")
        await asyncio.sleep(60)
        world.heal()
        await asyncio.sleep(60)

    world = play(scenario)
    assert world.words("web") == ["unknown", "up", "down", "up"]
    (down_s, _), (up_s, _) = world.states("web")[2:]
    tried = {at for at, host in world.tried if host == "east1"}
    assert down_s == pytest.approx(min(at for at in tried if at >= 100), abs=0.001)
    assert up_s == pytest.approx(min(at for at in tried if at >= 160), abs=0.001)
    down = next(each for report in world.reports for each in report.observations if each.state is State.DOWN)
    assert down.noticed_at is not None
    assert down.noticed_at - down.at < 45 * SECOND
    assert down.reason == "uplink east: 1 of 3 targets answer, 2 needed"
    assert world.words("mail") == ["unknown", "up"]
    assert world.uplink_states == [
        ("east", State.UP),
        ("west", State.UP),
        ("east", State.DOWN),
        ("east", State.UP),
    ]


def test_with_the_monitors_own_line_cut_all_is_unknown_and_nothing_down() -> None:
    async def scenario(world: World) -> None:
        world.configure("east", "west")
        hosts = ["gateway", *(f"{name}{number}" for name in ("east", "west") for number in (1, 2, 3)), "own"]
        for server, uplink in (("web", "east"), ("mail", "west")):
            world.assign(server, uplink)
        world.assign("own", None, world.reach("own"))
        await asyncio.sleep(100)
        world.fail("silent", *hosts)
        await asyncio.sleep(100)
        world.heal()
        await asyncio.sleep(100)

    world = play(scenario)
    for server in ("web", "mail", "own"):
        assert world.words(server) == ["unknown", "up", "unknown", "up"]
        assert world.states(server)[2][0] < 100.1
    assert world.vantage_states == [State.UP, State.DOWN, State.UP]
    assert ("east", State.UNKNOWN) in world.uplink_states
    assert ("east", State.DOWN) not in world.uplink_states


def test_an_uplink_that_is_down_is_so_since_its_first_failed_round() -> None:
    async def scenario(world: World) -> None:
        world.configure("east", "west")
        world.assign("web", "east")
        await asyncio.sleep(100)
        assert world.watch.uplinks_down() == {}
        world.fail("silent", "east1", "east2", "east3")
        await asyncio.sleep(100)
        (name, since), *others = world.watch.uplinks_down().items()
        assert (name, others) == ("east", [])
        downs = [
            said.at
            for report in world.reports
            for said in report.observations
            if said.server == "web" and said.state is State.DOWN
        ]
        assert downs == [since]
        world.fail("silent", "gateway")
        await asyncio.sleep(100)
        assert world.watch.uplinks_down() == {}, "nobody can say"

    play(scenario)


def test_an_uplink_is_shown_as_unknown_as_soon_as_the_vantage_failed() -> None:
    async def scenario(world: World) -> None:
        world.watch.configure(
            world.check("gateway", interval_s=3), {"east": world.check("east1", interval_s=30)}
        )
        await asyncio.sleep(10)
        world.fail("silent", "gateway")
        await asyncio.sleep(15)
        assert world.vantage_states == [State.UP, State.DOWN]
        assert world.uplink_states == [("east", State.UP), ("east", State.UNKNOWN)]
        assert world.watch.uplinks()["east"] == (State.UNKNOWN, "the monitor's own way out failed")

    play(scenario)


@pytest.mark.parametrize(("own_s", "uplink_s"), [(1, 30), (30, 1)])
def test_what_targets_said_is_told_with_the_uplinks_that_follow_from_it(
    own_s: float, uplink_s: float
) -> None:
    async def scenario(world: World) -> None:
        world.watch.configure(
            world.check("gateway", interval_s=own_s), {"east": world.check("east1", interval_s=uplink_s)}
        )
        for _ in range(400):
            await asyncio.sleep(0.1)
            assert bool(world.target_results) == (("east", State.UP) in world.uplink_states)
        assert world.target_results
        world.fail("local", "gateway")
        world.fail("silent", "east1")
        await asyncio.sleep(90)
        assert world.target_results["east", "east1"].state is State.DOWN, "nothing is frozen"

    play(scenario)


@pytest.mark.parametrize("cut_s", [5, 12, 18, 24, 29, 33])
@pytest.mark.parametrize("after_s", [101, 103.5, 107])
def test_however_short_the_cut_of_the_monitors_own_line_nothing_is_down(cut_s: float, after_s: float) -> None:
    async def scenario(world: World) -> None:
        world.configure("east", "west", "north")
        for name in ("east", "west", "north"):
            world.assign(name, name, world.reach(f"own-{name}"))
        await asyncio.sleep(after_s)
        names = ("east", "west", "north")
        world.fail("silent", "gateway", *(f"{name}{number}" for name in names for number in (1, 2, 3)))
        world.fail("silent", *(f"own-{name}" for name in names))
        await asyncio.sleep(cut_s)
        world.heal()
        await asyncio.sleep(90)

    world = play(scenario)
    for name in ("east", "west", "north"):
        assert "down" not in world.words(name)
        assert world.words(name)[-1] == "up"


def test_a_local_fault_is_unknown_for_as_long_as_it_lasts() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        world.assign("web", "east")
        await asyncio.sleep(100)
        world.fail("local", "east1", "east2", "east3")
        await asyncio.sleep(60)
        world.heal()
        await asyncio.sleep(40)

    assert play(scenario).words("web") == ["unknown", "up", "unknown", "up"]


def test_a_required_check_of_a_server_rests_while_it_does_not_run() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        world.assign("web", "east", world.reach("own"))
        world.assign("lax", "east", world.reach("other", required=False))
        await asyncio.sleep(100)
        world.fail("silent", "own", "other")
        await asyncio.sleep(80)
        world.watch.running(ServerId("web"), False)
        tried = len([1 for _, host in world.tried if host == "own"])
        await asyncio.sleep(60)
        assert len([1 for _, host in world.tried if host == "own"]) == tried
        world.heal()
        world.watch.running(ServerId("web"), True)
        world.watch.running(ServerId("nobody"), True)
        await asyncio.sleep(60)
        (shown,) = world.watch.shown(ServerId("lax"))
        assert (shown.target.host, shown.required, shown.result) == ("other", False, UP)
        assert world.watch.shown(ServerId("nobody")) == ()

    world = play(scenario)
    assert world.words("web") == ["unknown", "up", "down", "up", "unknown", "up"]
    assert world.words("lax") == ["unknown", "up"]


def test_an_uplink_of_40_000_servers_fails_and_each_is_told_once() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        for number in range(40_000):
            world.assign(f"web{number}", "east")
        await asyncio.sleep(60)
        told = len(world.reports)
        world.fail("silent", "east1", "east2", "east3")
        await asyncio.sleep(60)
        flip = [report for report in world.reports[told:] if report.observations]
        assert sum(len(report.observations) for report in flip) == 40_000
        assert len({each.server for report in flip for each in report.observations}) == 40_000
        assert all(len(report.observations) <= CHUNK for report in flip)
        marks = [each for each in world.reports[told:] if each.observed_until is not None]
        at = flip[0].observations[0].at
        assert [each.observed_until for each in flip[:-1]] == [None] * (len(flip) - 1)
        after = next(each for each in marks if each.observed_until is not None and each.observed_until >= at)
        assert world.reports.index(after) >= world.reports.index(flip[-1])

    play(scenario)


def test_what_hangs_is_given_up_counted_and_unknown() -> None:
    async def scenario(world: World) -> None:
        world.watch.configure(
            world.check("gateway", interval_s=3), {"east": world.check("east1", interval_s=3)}
        )
        world.assign("web", "east")
        await asyncio.sleep(30)
        world.fail("hangs", "east1")
        await asyncio.sleep(60)
        world.heal()
        await asyncio.sleep(30)

    world = play(scenario)
    assert world.words("web") == ["unknown", "up", "unknown", "up"]
    assert world.overruns[Method.ICMP] >= 8, "each round takes 4 s, so that every other one is left out"
    given_up = [result for _, result, _ in world.probed_results if result.reason is Reason.OVERRUN]
    assert given_up
    assert all(result.state is State.UNKNOWN for result in given_up)


def test_while_a_round_comes_to_no_end_the_frontier_stands_still() -> None:
    async def scenario(world: World) -> None:
        world.configure("east", "west")
        world.assign("web", "east")
        world.assign("mail", "west")
        await asyncio.sleep(60)
        world.fail("silent", "east1", "east2")
        await asyncio.sleep(22)
        first_failed = min(at for at, host in world.tried if host == "east1" and at >= 60)
        assert world.observed_until_s() < first_failed

    play(scenario)


def test_checks_of_servers_share_a_limit_and_the_uplinks_do_not_wait_for_them() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        for number in range(200):
            world.assign(f"web{number}", "east", world.reach(f"own{number}", method=Method.TCP))
        world.fail("silent", *(f"own{number}" for number in range(200)))
        await asyncio.sleep(120)

    world = play(scenario, at_once={Method.TCP: 10})
    assert world.most_at_once[Method.TCP] == 10
    assert world.overruns[Method.TCP] > 0
    assert world.overruns[Method.ICMP] == 0
    gateway = [at for at, host in world.tried if host == "gateway"]
    assert all(5 <= later - earlier <= 15 for earlier, later in pairwise(gateway))
    served = Counter(host for _, host in world.tried if host.startswith("own"))
    assert len(served) == 200, "each has its turn"


def test_a_limit_can_be_changed_on_the_way() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        for number in range(200):
            world.assign(f"web{number}", "east", world.reach(f"own{number}", method=Method.TCP))
        world.fail("silent", *(f"own{number}" for number in range(200)))
        await asyncio.sleep(60)
        assert world.most_at_once[Method.TCP] == 10
        world.watch.limit({Method.TCP: 20})
        await asyncio.sleep(60)
        assert world.most_at_once[Method.TCP] == 20

    play(scenario, at_once={Method.TCP: 10})


def test_a_reload_touches_the_cadence_of_nothing_that_stays() -> None:
    async def scenario(world: World) -> None:
        world.configure("east", "west")
        world.assign("web", "east", world.reach("own"))
        await asyncio.sleep(63)
        world.configure("east", "north")
        world.assign("mail", "north", world.reach("other"))
        world.assign("web", "east", world.reach("own"))
        await asyncio.sleep(57)
        world.watch.release(ServerId("mail"))
        world.configure("east", "north", "west")
        await asyncio.sleep(60)

    world = play(scenario)
    for host, interval in (("east1", 10), ("gateway", 10), ("own", 15)):
        tried = [at for at, each in world.tried if each == host]
        apart = [later - earlier for earlier, later in pairwise(tried[1:])]
        assert apart == pytest.approx([interval] * len(apart), abs=0.006)
    assert not [at for at, host in world.tried if host == "west1" and 64 < at < 120]
    assert not [at for at, host in world.tried if host == "other" and at > 121]
    assert world.words("web")[:2] == ["unknown", "up"]
    assert "down" not in world.words("web")
    assert set(world.words("web")[2:]) <= {"up"}
    assert ("west", State.UNKNOWN) in world.uplink_states


def test_targets_that_are_not_tried_any_more_are_told() -> None:
    async def scenario(world: World) -> None:
        world.configure("east", "west")
        await asyncio.sleep(20)
        assert {host for _, host in world.target_results} == {
            "east1",
            "east2",
            "east3",
            "west1",
            "west2",
            "west3",
        }
        world.watch.configure(None, {"east": world.check("east1", "east4")})
        await asyncio.sleep(20)

    world = play(scenario)
    assert set(world.target_results) == {("east", "east1"), ("east", "east4")}
    assert world.vantage_states == [State.UP, State.UNKNOWN]


def test_an_event_loop_that_is_blocked_makes_nothing_down() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        world.assign("web", "east", world.reach("own"))
        loop = world.loop
        assert isinstance(loop, VirtualLoop)
        for blocked_s in (2, 7, 12, 33, 61):
            await asyncio.sleep(45.3)
            loop.now_s += blocked_s
        await asyncio.sleep(60)

    world = play(scenario)
    assert "down" not in world.words("web")
    assert world.words("web")[-1] == "up"
    assert world.overruns[Method.ICMP] > 0


def test_time_for_which_the_machine_slept_is_unknown() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        world.assign("web", "east")
        await asyncio.sleep(60)
        world.wall_us += 3_600 * SECOND
        await asyncio.sleep(60)

    world = play(scenario)
    assert world.words("web") == ["unknown", "up", "unknown", "up"]
    (lost_s, _), (back_s, _) = world.states("web")[2:]
    assert lost_s < 61
    assert back_s > 3_600


def test_while_the_wall_clock_stands_still_nothing_is_told_and_then_it_goes_on() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        world.assign("web", "east")
        await asyncio.sleep(60)
        world.stands_still = True
        world.fail("silent", "east1", "east2")
        before = world.observed_until_s()
        await asyncio.sleep(100)
        assert world.observed_until_s() - before < 11
        world.heal()
        world.wall_us -= 100 * SECOND
        world.stands_still = False
        await asyncio.sleep(60)
        assert world.observed_until_s() > 100 - 35

    assert play(scenario).words("web") == ["unknown", "up"]


def test_a_fault_in_a_probe_ends_the_watch() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        world.fail("bug", "east2")
        await asyncio.sleep(30)

    with pytest.raises(BaseExceptionGroup) as caught:
        play(scenario)
    assert caught.group_contains(ZeroDivisionError)


def test_another_target_under_the_same_name_is_not_answered_for_by_the_one_before() -> None:
    async def scenario(world: World) -> None:
        world.watch.configure(world.check("gateway"), {"east": world.check("old")})
        world.assign("web", "east")
        world.fail("silent", "old")
        await asyncio.sleep(1)  # a round is under way
        world.watch.configure(world.check("gateway"), {"east": world.check("new")})
        await asyncio.sleep(3)
        assert ("east", "old") not in world.target_results
        await asyncio.sleep(30)

    assert play(scenario).words("web") == ["unknown", "up"]


def test_servers_come_and_go_while_an_uplink_flips() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        for number in range(5_000):
            world.assign(f"web{number}", "east")
        await asyncio.sleep(60)
        world.fail("silent", "east1", "east2")
        for step in range(100):
            await asyncio.sleep(0.5)
            world.watch.release(ServerId(f"web{step}"))
            world.assign(f"new{step}", "east")
        await asyncio.sleep(60)

    world = play(scenario)
    end = BEGAN + int(world.observed_until_s() * SECOND)
    for server in ("web100", "web4999", "new0", "new99"):
        said = world.states(server)
        place = bisect_right(said, (end - BEGAN) / SECOND, key=lambda each: each[0])
        assert said[place - 1][1] == "down"
        assert [at for at, _ in said] == sorted({at for at, _ in said})


def test_every_duration_is_measured() -> None:
    async def scenario(world: World) -> None:
        world.configure("east")
        await asyncio.sleep(20)

    world = play(scenario)
    assert {round(duration_s, 3) for _, _, duration_s in world.probed_results} == {0.02}
    assert {method for method, _, _ in world.probed_results} == {Method.ICMP}
    assert all(result == replace(UP) for _, result, _ in world.probed_results)
