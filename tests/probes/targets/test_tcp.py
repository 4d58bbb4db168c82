"""The TCP probe against real listeners on loopback."""

import asyncio
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from probes.targets.connect import Origin, in_turn
from probes.targets.result import Reason, Result
from probes.targets.table import probe
from probes.targets.target import parse_target
from sla.records import State
from tests.probes.targets.targets import (
    SHORT_S,
    TIMEOUT_S,
    closed_port,
    descriptors,
    full_listener,
    hold_the_loop,
    listening,
    reset_on_close,
    server,
    tools,
    tried,
)


def outcome(result: Result) -> tuple[State, Reason]:
    return result.state, result.reason


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_port_that_takes_connections_is_up(host: str) -> None:
    with listening(host) as listener:
        where = f"[{host}]" if ":" in host else host
        result = await tried(f"tcp://{where}:{listener.getsockname()[1]}")
    assert outcome(result) == (State.UP, Reason.NONE)
    assert result.rtt_us is not None
    assert 0 < result.rtt_us < TIMEOUT_S * 1e6


async def test_a_name_is_tried_at_its_addresses() -> None:
    with listening() as listener:
        assert (await tried(f"tcp://localhost:{listener.getsockname()[1]}")).state is State.UP


async def test_a_port_on_which_nobody_listens_is_refused() -> None:
    assert outcome(await tried(f"tcp://127.0.0.1:{closed_port()}")) == (State.DOWN, Reason.REFUSED)


async def test_a_firewall_that_drops_is_a_time_out() -> None:
    with full_listener() as port:
        assert outcome(await tried(f"tcp://127.0.0.1:{port}", SHORT_S)) == (State.DOWN, Reason.TIMEOUT)


async def test_a_server_that_resets_what_it_accepted_has_taken_the_connection() -> None:
    with listening(backlog=100) as listener:
        stop = threading.Event()

        def reset_all() -> None:
            while not stop.is_set():
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                reset_on_close(sock)
                sock.close()

        thread = threading.Thread(target=reset_all)
        thread.start()
        text = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        try:
            async with tools() as opened:
                results = [await probe(parse_target(text), opened, TIMEOUT_S) for _ in range(200)]
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(TIMEOUT_S)
    assert {outcome(result) for result in results} == {(State.UP, Reason.NONE)}


async def test_the_connection_is_closed_by_a_reset_that_leaves_nothing_behind() -> None:
    seen = asyncio.get_running_loop().create_future()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
            seen.set_result("end")
        except ConnectionResetError:
            seen.set_result("reset")

    async with server(handle) as port, asyncio.timeout(TIMEOUT_S):
        await tried(f"tcp://127.0.0.1:{port}")
        assert await seen == "reset"


@pytest.mark.parametrize(("live", "state"), [(True, State.UP), (False, State.DOWN)])
async def test_what_the_kernel_knows_counts_though_the_loop_wakes_up_late(live: bool, state: State) -> None:
    with listening() as listener, full_listener() as full:
        port = listener.getsockname()[1] if live else full
        async with tools() as opened, asyncio.TaskGroup() as group:
            trying = group.create_task(probe(parse_target(f"tcp://127.0.0.1:{port}"), opened, 0.05))
            await asyncio.sleep(0)
            hold_the_loop(0.2)
    assert trying.result().state is state


@contextmanager
def without_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_want_of_descriptors_is_ours() -> None:
    async with tools() as opened:
        with listening() as listener, without_descriptors():
            target = parse_target(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
            result = await probe(target, opened, TIMEOUT_S)
    assert outcome(result) == (State.UNKNOWN, Reason.NO_RESOURCES)


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (Origin(address="203.0.113.77"), "203.0.113.77 is not on this machine"),
        (Origin(interface="nosuch0"), "nosuch0 is not on this machine"),
        (Origin(address="::1"), "no address of the version of IP of ::1"),
    ],
)
async def test_an_origin_that_cannot_be_had_is_ours(origin: Origin, said: str) -> None:
    with listening() as listener:
        result = await tried(f"tcp://127.0.0.1:{listener.getsockname()[1]}", origin=origin)
    assert outcome(result) == (State.UNKNOWN, Reason.NO_ROUTE)
    assert said in result.text


async def test_a_connection_comes_from_its_origin() -> None:
    with listening() as listener:
        listener.settimeout(TIMEOUT_S)
        text = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        assert (await tried(text, origin=Origin(address="127.0.0.9"))).state is State.UP
        accepted, (peer, _) = listener.accept()
        accepted.close()
    assert peer == "127.0.0.9"


async def test_a_try_that_is_cancelled_leaves_no_socket_open() -> None:
    with full_listener() as port:
        async with tools() as opened:
            before = descriptors()
            async with asyncio.TaskGroup() as group:
                tries = [
                    group.create_task(probe(parse_target(f"tcp://127.0.0.1:{port}"), opened, TIMEOUT_S))
                    for _ in range(20)
                ]
                await asyncio.sleep(0)
                assert len(descriptors() - before) == 20
                for task in tries:
                    task.cancel()
            assert descriptors() == before


async def test_no_try_leaves_a_socket_open() -> None:
    with full_listener() as full, listening() as listener:
        async with tools() as opened:
            before = descriptors()
            for port in (full, closed_port(), listener.getsockname()[1]):
                await probe(parse_target(f"tcp://127.0.0.1:{port}"), opened, 0.05)
            assert descriptors() == before


async def test_an_address_that_drops_leaves_time_for_the_next() -> None:
    def both(_: str) -> list[str]:
        return ["127.0.0.1", "::1"]

    with full_listener() as port, socket.socket(socket.AF_INET6) as listener:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(("::1", port))
        listener.listen()
        async with tools(look_up=both) as opened:
            result = await probe(parse_target(f"tcp://two.example:{port}"), opened, SHORT_S * 4)
    assert result.state is State.UP


async def test_a_name_that_is_resolved_too_late_is_unknown() -> None:
    let = threading.Event()

    def late(_: str) -> list[str]:
        assert let.wait(TIMEOUT_S)
        return ["127.0.0.1"]

    async with tools(look_up=late) as opened:
        result = await probe(parse_target("tcp://slow.example:1"), opened, SHORT_S)
    let.set()
    assert outcome(result) == (State.UNKNOWN, Reason.RESOLVER)


REFUSED = Result(state=State.DOWN, reason=Reason.REFUSED)
NO_ROUTE = Result(state=State.UNKNOWN, reason=Reason.NO_ROUTE)
FULL = Result(state=State.UNKNOWN, reason=Reason.NO_RESOURCES)
UP = Result(state=State.UP)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([UP], UP),
        ([REFUSED, UP], UP),
        ([NO_ROUTE, REFUSED], REFUSED),
        ([REFUSED, NO_ROUTE], REFUSED),
        ([NO_ROUTE, NO_ROUTE], NO_ROUTE),
        ([REFUSED, FULL], FULL),
        ([FULL, REFUSED, NO_ROUTE], FULL),
    ],
)
async def test_several_addresses_are_down_only_if_each_was_tried_or_has_no_route(
    found: list[Result], expected: Result
) -> None:
    waiting = iter(found)

    async def attempt(address: str, until_s: float) -> Result:
        return next(waiting)

    deadline_s = asyncio.get_running_loop().time() + TIMEOUT_S
    assert await in_turn(["192.0.2.1"] * len(found), Origin(), deadline_s, attempt) == expected


async def test_an_address_for_which_no_time_is_left_makes_it_unknown() -> None:
    async def attempt(address: str, until_s: float) -> Result:
        hold_the_loop(0.05)
        return REFUSED

    deadline_s = asyncio.get_running_loop().time() + 0.01
    result = await in_turn(["192.0.2.1", "192.0.2.2"], Origin(), deadline_s, attempt)
    assert isinstance(result, Result)
    assert outcome(result) == (State.UNKNOWN, Reason.OVERRUN)
