"""Whatever occupies a door, a scrape and a good token's request are answered (issue #12, kind 5; design §7)."""

import asyncio
import os
import resource
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from daemon.metrics import Metrics
from daemon.web.door import Door, Limits
from daemon.web.listening import serving
from tests.daemon.web.doors import AUTHORIZED, DOORS, OpenDoor, descriptors, open_door, request
from tests.waiting import until_told

Occupant = Callable[[OpenDoor], Awaitable[None]]

LONG_ANSWER = {"public": "/metrics", "control": "/v1/export", "control_tcp": "/v1/export"}


async def silent(door: OpenDoor) -> None:
    await door.plain()


async def in_half_a_handshake(door: OpenDoor) -> None:
    (await door.plain()).send(b"\x16\x03\x01\x02\x00\x01")


async def without_a_word(door: OpenDoor) -> None:
    await door.came_in()


async def in_half_a_head(door: OpenDoor) -> None:
    _, writer = await door.came_in()
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Drip: ")


async def in_half_a_body(door: OpenDoor) -> None:
    _, writer = await door.came_in()
    writer.write(request("/v1/maintenance", AUTHORIZED, "Content-Length: 99", method="POST", body="{"))


async def in_half_a_strangers_body(door: OpenDoor) -> None:
    _, writer = await door.came_in()
    writer.write(request("/", "Content-Length: 99", method="POST", body="{"))


async def idle(door: OpenDoor) -> None:
    await door.asked(door.good, close=False)


async def idle_stranger(door: OpenDoor) -> None:
    await door.asked(request("/v1/nothing"), close=False)


async def many_in_a_row_unread(door: OpenDoor) -> None:
    reader, writer = await door.came_in()
    reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio has no other way not to read
    writer.write(door.good * 20)


async def a_long_answer_unread(door: OpenDoor) -> None:
    reader, writer = await door.came_in()
    writer.write(request(LONG_ANSWER[door.name], AUTHORIZED))
    await reader.readexactly(15)
    reader._transport.pause_reading()  # type: ignore[attr-defined]


OCCUPANTS: tuple[Occupant, ...] = (
    silent,
    in_half_a_handshake,
    without_a_word,
    in_half_a_head,
    in_half_a_body,
    in_half_a_strangers_body,
    idle,
    idle_stranger,
    many_in_a_row_unread,
    a_long_answer_unread,
)


@pytest.mark.parametrize("occupant", OCCUPANTS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("name", DOORS)
async def test_no_occupant_shuts_a_door(name: str, occupant: Occupant, tmp_path: Path) -> None:
    async with open_door(name, tmp_path) as door:
        before = descriptors()
        for _ in range(door.room + 10):
            with suppress(OSError, EOFError):
                async with asyncio.timeout(20):
                    await occupant(door)
        assert await door.is_open()
        assert descriptors() - before <= len(door.held) + door.room + 1, "what the door holds has an end"


@pytest.mark.parametrize("name", DOORS)
async def test_the_oldest_idle_connection_makes_room(name: str, tmp_path: Path) -> None:
    async with open_door(name, tmp_path, connections=2, strangers=2) as door:
        readers = []
        for _ in range(3):
            reader, writer = await door.came_in()
            writer.write(door.good)
            await reader.readuntil(b"\r\n\r\n")
            readers.append(reader)
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                await readers[0].read()  # comes to its end
        for reader in readers[1:]:
            assert not reader.at_eof()
        assert door.count("connections_closed", "room") == 1


async def test_strangers_compete_with_strangers_alone(tmp_path: Path) -> None:
    async with open_door("control_tcp", tmp_path) as door:
        reader, writer = await door.came_in()
        for _ in range(2):
            writer.write(door.good)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0]))
            for _ in range(door.room + 10):
                await silent(door)
            await until_told(lambda: _all_but(door, 10), "the strangers to be shown out")


async def _all_but(door: OpenDoor, count: int) -> bool:
    return door.count("connections_closed", "room") >= count


@pytest.mark.parametrize(
    ("occupant", "reason", "limits"),
    [
        (in_half_a_handshake, "slow_handshake", {"handshake_s": 0.2}),
        (in_half_a_head, "slow_request", {"head_s": 0.2}),
        (in_half_a_body, "slow_request", {"body_s": 0.2}),
        (a_long_answer_unread, "slow_reader", {"progress_s": 0.2}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
@pytest.mark.parametrize("name", DOORS)
async def test_who_is_too_slow_is_cut_off(
    name: str, occupant: Occupant, reason: str, limits: dict[str, float], tmp_path: Path
) -> None:
    if name != "control_tcp" and occupant is in_half_a_handshake:
        pytest.skip("there is no handshake")
    async with open_door(name, tmp_path, **limits) as door:
        before = descriptors()
        await occupant(door)

        async def is_cut_off() -> bool:
            return door.count("connections_closed", reason) > 0

        await until_told(is_cut_off, "the end of the connection")

        async def is_closed() -> bool:
            return descriptors() <= before + len(door.held)

        await until_told(is_closed, "the end of its socket")


async def test_a_reader_who_reads_on_is_slow_and_welcome(tmp_path: Path) -> None:
    """The kernel says for seconds that it takes no more of the answer, while its reader takes a little at a time."""
    async with open_door("public", tmp_path, progress_s=1.0, progress_bytes=1, request_s=60) as door:
        connection = await door.plain()
        connection.send(request("/metrics"))
        loop = asyncio.get_running_loop()
        for _ in range(300):
            assert await loop.sock_recv(connection, 1000), "it was cut off"
            await asyncio.sleep(0.01)
        assert door.count("connections_closed", "slow_reader") == 0


async def test_want_of_descriptors_costs_an_idle_connection_and_no_door(tmp_path: Path) -> None:
    async with open_door("public", tmp_path) as door:
        for _ in range(3):
            await idle(door)
        assert isinstance(door.place, tuple)
        with socket.socket() as late, capture_logs() as logged:
            late.settimeout(20)
            with no_more_descriptors():
                late.connect(door.place)
                late.send(door.good)
                answer = await asyncio.to_thread(late.recv, 15)
        assert answer == b"HTTP/1.1 200 OK"
        assert [each["event"] for each in logged] == ["accept_failed"]
        assert door.count("connections_closed", "room") >= 1


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    os.close(first_free := os.dup(0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_what_is_left_of_an_answer_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * 50_000)

    app, metrics = web.Application(), Metrics()
    app.router.add_get("/", answer)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        bounds = Limits(leave_s=0.2)
        name = listener.getsockname()
        async with serving(app, Door(name="public", limits=bounds, metrics=metrics.doors), [listener]):
            door = OpenDoor("public", bounds, name, b"", metrics=metrics)
            connection = await door.plain()
            connection.send(request("/", "Connection: close"))

            async def is_cut_off() -> bool:
                return door.count("connections_closed", "slow_reader") > 0

            await until_told(is_cut_off, "the end of the connection")
            connection.close()
