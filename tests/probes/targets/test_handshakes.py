"""Waiting for a socket: until it tells, until the time is over, and not a moment for another one."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from probes.targets.handshakes import Handshakes
from tests.probes.targets.targets import SHORT_S, TIMEOUT_S


@contextmanager
def full_pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A socket that cannot be written to until its other end is read."""
    one, other = socket.socketpair()
    with one, other:
        one.setblocking(False)
        with suppress(BlockingIOError):
            while one.send(bytes(4096)):
                pass
        yield one, other


def drain(sock: socket.socket) -> None:
    sock.setblocking(False)
    with suppress(BlockingIOError):
        while sock.recv(1 << 16):
            pass


async def timed(handshakes: Handshakes, sock: socket.socket, timeout_s: float) -> float:
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    await handshakes.ended(sock.fileno(), started_s + timeout_s)
    return loop.time() - started_s


async def test_a_socket_is_waited_for_until_it_tells_or_the_time_is_over() -> None:
    with closing(Handshakes()) as handshakes, full_pair() as (one, other), full_pair() as (silent, _):
        asyncio.get_running_loop().call_soon(drain, other)
        assert await timed(handshakes, one, TIMEOUT_S) < TIMEOUT_S
        assert await timed(handshakes, silent, SHORT_S) >= SHORT_S


async def test_a_socket_that_told_is_left_alone() -> None:
    wrong: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
    one, other = socket.socketpair()
    with closing(Handshakes()) as handshakes, one, other:
        await timed(handshakes, one, TIMEOUT_S)
        for _ in range(10):
            await asyncio.sleep(0)
    assert wrong == []


async def test_more_than_one_look_tells_of_are_waited_for_at_once() -> None:
    with closing(Handshakes()) as handshakes:
        pairs = [socket.socketpair() for _ in range(400)]
        async with asyncio.timeout(TIMEOUT_S), asyncio.TaskGroup() as group:
            for one, _ in pairs:
                group.create_task(timed(handshakes, one, TIMEOUT_S))
        for one, other in pairs:
            one.close()
            other.close()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_socket_that_was_given_up_never_tells_in_the_place_of_another(cancelled: bool) -> None:
    """A child process may hold it open for a moment longer, and its number be another socket's by then."""
    with closing(Handshakes()) as handshakes, full_pair() as (given_up, other), full_pair() as (waiting, _):
        number = given_up.fileno()
        with socket.socket(fileno=os.dup(number)):
            if cancelled:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(SHORT_S):
                        await handshakes.ended(number, asyncio.get_running_loop().time() + TIMEOUT_S)
            else:
                await timed(handshakes, given_up, SHORT_S)
            given_up.detach()
            os.dup2(waiting.fileno(), number)
            with socket.socket(fileno=number) as successor:
                asyncio.get_running_loop().call_soon(drain, other)
                assert await timed(handshakes, successor, SHORT_S) >= SHORT_S
