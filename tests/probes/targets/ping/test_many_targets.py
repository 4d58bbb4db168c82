"""5,000 targets, one in ten of them dead, 20 ms away: not one is taken for what it is not, whatever else goes on."""

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import which

import pytest

from probes.targets.ping.pinger import Pinger
from probes.targets.ping.settings import Backend, PingSettings
from probes.targets.ping.socket_engine import SocketEngine, wall_offset_ns
from probes.targets.result import Reason, Result
from sla.records import State
from tests.peers import require
from tests.peers.namespaces import INTERFACE, Network

TARGETS = 5_000
TIMEOUT_S = 2.0
BLOCKED_S = 2.0
WAIT_S = 60
LIVE = [f"10.0.{number >> 8}.{number & 255}" for number in range(TARGETS * 2) if number % 256 % 10 != 7]
DEAD = [f"10.0.{number >> 8}.{number & 255}" for number in range(TARGETS * 2) if number % 256 % 10 == 7]
ADDRESSES = LIVE[: TARGETS * 9 // 10] + DEAD[: TARGETS // 10]


def false_results(results: Sequence[Result]) -> list[tuple[str, Result]]:
    """Live ones that are not up, dead ones that are not down."""
    dead = set(DEAD)
    return [
        (address, result)
        for address, result in zip(ADDRESSES, results, strict=True)
        if result.state is not (State.DOWN if address in dead else State.UP)
    ]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _rounds(backend: Backend, rounds: int) -> None:
    """So many, two at a time, as checks overlap that share a pinger."""
    async with Pinger.open(PingSettings(backend=backend)) as pinger:
        await pinger.ping("10.0.0.1", TIMEOUT_S)
        before = descriptors()
        for _ in range(rounds // 2):
            async with asyncio.TaskGroup() as group:
                pair = [group.create_task(pinger.ping_all(ADDRESSES, TIMEOUT_S)) for _ in range(2)]
            for results in (task.result() for task in pair):
                assert false_results(results) == []
                times_us = sorted(result.rtt_us for result in results if result.rtt_us is not None)
                assert len(times_us) == TARGETS * 9 // 10
                assert times_us[0] >= 20_000 - 1_000
            assert descriptors() == before
        assert pinger.dropped == {"ipv4": 0}


async def test_ten_rounds_have_no_false_result_and_leave_no_descriptor_open(network: Network) -> None:
    await _rounds(Backend.DATAGRAM, 10)


async def test_a_raw_socket_serves_as_well(network: Network) -> None:
    await _rounds(Backend.RAW, 2)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_hundred_rounds_have_no_false_result(network: Network) -> None:
    await _rounds(Backend.DATAGRAM, 100)


async def test_both_versions_of_ip_are_told_apart_target_by_target(network: Network) -> None:
    numbers = range(1, TARGETS // 2)
    dead = [number % 256 % 10 == 7 for number in numbers for _ in (4, 6)]
    addresses = [
        address
        for number in numbers
        for address in (f"10.0.{number >> 8}.{number & 255}", f"fd00::{number:x}")
    ]
    async with Pinger.open(PingSettings()) as pinger:
        for _ in range(3):
            results = await pinger.ping_all(addresses, TIMEOUT_S)
            assert [result.state for result in results] == [State.DOWN if each else State.UP for each in dead]
        assert pinger.dropped == {"ipv4": 0, "ipv6": 0}


async def test_many_single_pings_at_once_share_the_socket(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(pinger.ping(address, TIMEOUT_S)) for address in ADDRESSES]
        assert false_results([task.result() for task in tasks]) == []


async def test_replies_that_are_read_late_are_not_late(network: Network) -> None:
    """The loop is blocked from a moment when most of the pings are under way until past their deadlines."""
    by_stamps_alone = partial(SocketEngine, stamping_starts_ns=0)
    loop = asyncio.get_running_loop()
    async with Pinger.open(PingSettings(), by_stamps_alone) as pinger:
        await pinger.ping_all(ADDRESSES[:100], TIMEOUT_S)
        loop.call_later(0.1, time.sleep, BLOCKED_S)
        results = await pinger.ping_all(ADDRESSES, BLOCKED_S / 2)
        assert false_results(results) == []
        assert pinger.dropped == {"ipv4": 0}
        slowest_us = max(result.rtt_us or 0 for result in results)
        assert slowest_us < BLOCKED_S / 2 * 1e6


async def test_a_loop_that_is_blocked_from_the_first_ping_on_makes_none_late(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, time.sleep, BLOCKED_S)
        results = await pinger.ping_all(["10.0.0.1"] * 20, BLOCKED_S / 2)
        assert {result.state for result in results} == {State.UP}


@pytest.mark.parametrize("step_s", [3_600, -3_600])
async def test_a_step_of_the_wall_clock_makes_no_reply_late_and_no_round_trip_wrong(
    step_s: int, network: Network
) -> None:
    steps = itertools.count()
    stepping = partial(
        SocketEngine, offset_ns=lambda: wall_offset_ns() + next(steps) * step_s * 1_000_000_000
    )
    async with Pinger.open(PingSettings(), stepping) as pinger:
        results = await pinger.ping_all(ADDRESSES, TIMEOUT_S)
    assert false_results(results) == []
    assert {(result.rtt_us, result.text) for result in results} == {(None, "")}


@contextmanager
def other_programs() -> Iterator[None]:
    """fping on a raw socket, and another slad, at the same addresses."""
    fping = which("fping")
    require(fping, "another program that pings at the same time: fping")
    assert fping is not None
    ours = (
        "import asyncio\n"
        "from probes.targets.ping.pinger import Pinger\n"
        "from probes.targets.ping.settings import PingSettings\n"
        "async def main():\n"
        "    async with Pinger.open(PingSettings(rate=5000)) as pinger:\n"
        "        print('ready', flush=True)\n"
        "        while True:\n"
        f"            await pinger.ping_all({LIVE[:500]!r}, 1.0)\n"
        "asyncio.run(main())\n"
    )
    commands = (
        (fping, "-q", "-l", "-i", "1", "-p", "100", *LIVE[:500]),
        (sys.executable, "-c", ours),
    )
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for command in commands
    ]
    try:
        output = processes[1].stdout
        assert output is not None
        assert output.readline() == b"ready\n"
        yield
        assert [process.poll() for process in processes] == [None, None]
    finally:
        for process in processes:
            process.kill()
            process.communicate(timeout=WAIT_S)


@pytest.mark.parametrize("backend", [Backend.DATAGRAM, Backend.RAW])
async def test_other_programs_that_ping_change_nothing(backend: Backend, network: Network) -> None:
    with other_programs():
        async with Pinger.open(PingSettings(backend=backend)) as pinger:
            for _ in range(3):
                assert false_results(await pinger.ping_all(ADDRESSES, TIMEOUT_S)) == []


async def test_the_line_cut_beyond_the_gateway_makes_all_down_and_none_unknown(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        network.tell("swallow")
        try:
            results = await pinger.ping_all(ADDRESSES, 1.0)
            gateway = await pinger.ping("192.0.2.1", 1.0)
        finally:
            network.tell("answer")
        assert {(result.state, result.reason) for result in results} == {(State.DOWN, Reason.TIMEOUT)}
        assert gateway.state is State.UP
        assert false_results(await pinger.ping_all(ADDRESSES, TIMEOUT_S)) == []


async def test_a_gateway_without_the_line_says_so_and_makes_all_down(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        network.gateway.ip("route", "del", "10.0.0.0/8")
        try:
            results = await pinger.ping_all(ADDRESSES, 1.0)
        finally:
            network.gateway.ip("route", "add", "10.0.0.0/8", "dev", "far0")
        assert {result.state for result in results} == {State.DOWN}
        assert Counter(result.reason for result in results)[Reason.UNREACHABLE] > 0


async def test_the_monitors_own_cable_pulled_makes_all_unknown_and_none_down(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        assert (await pinger.ping("10.0.0.1", TIMEOUT_S)).state is State.UP
        network.unplug()
        try:
            results = await pinger.ping_all(ADDRESSES, 1.0)
        finally:
            network.plug_back()
        assert {(result.state, result.reason) for result in results} == {(State.UNKNOWN, Reason.NO_ROUTE)}
        await _until_up(pinger)
        assert false_results(await pinger.ping_all(ADDRESSES, TIMEOUT_S)) == []


async def test_the_cable_pulled_in_the_middle_makes_none_down(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        await pinger.ping("10.0.0.1", TIMEOUT_S)
        asyncio.get_running_loop().call_later(0.1, network.unplug)
        try:
            results = await pinger.ping_all(ADDRESSES, 1.0)
        finally:
            network.plug_back()
        assert {result.state for result in results} == {State.UP, State.UNKNOWN}
        assert Counter(result.reason for result in results)[Reason.NO_ROUTE] > 0
        await _until_up(pinger)


async def test_a_cable_pulled_and_back_before_the_deadline_makes_none_down(network: Network) -> None:
    """It was out for so long that the kernel says so: it gathers news of a link for up to a second."""
    async with Pinger.open(PingSettings()) as pinger:
        await pinger.ping("10.0.0.1", TIMEOUT_S)
        loop = asyncio.get_running_loop()
        loop.call_later(0.1, network.unplug)
        loop.call_later(1.5, network.plug_back)
        results = await pinger.ping_all(LIVE[:TARGETS], 3.0)
        assert {result.state for result in results} == {State.UP, State.UNKNOWN}
        await _until_up(pinger)


async def test_the_monitors_interface_switched_off_makes_all_unknown(network: Network) -> None:
    async with Pinger.open(PingSettings()) as pinger:
        network.monitor.ip("link", "set", INTERFACE, "down")
        try:
            results = await pinger.ping_all(ADDRESSES, 1.0)
        finally:
            network.plug_in()
        assert {(result.state, result.reason) for result in results} == {(State.UNKNOWN, Reason.NO_ROUTE)}
        await _until_up(pinger)


async def _until_up(pinger: Pinger) -> None:
    for _ in range(WAIT_S * 10):
        if (await pinger.ping("10.0.0.1", 1.0)).state is State.UP:
            return
        await asyncio.sleep(
            0.1
        )  # without a carrier a ping fails at once, and that comes back when the kernel looks
    pytest.fail(f"the network did not come back to process {os.getpid()}")
