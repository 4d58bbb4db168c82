"""What a door answers by routes that are made once somebody asks for one, or in a quiet moment."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from daemon.web.door import Door
from daemon.web.later import QUIET_S, LaterRoutes, add_later
from daemon.web.listening import listening
from tests import virtual


async def said(request: web.Request) -> web.Response:
    return web.Response(text=request.match_info.get("name", "at once"))


class Maker:
    """Makes routes, and notes how often and in which threads."""

    def __init__(self, faults: int = 0) -> None:
        self.threads: list[int] = []
        self._faults = faults

    def __call__(self) -> Iterator[web.RouteDef]:
        self.threads.append(threading.get_ident())
        if len(self.threads) <= self._faults:
            raise ImportError("it cannot be imported")
        yield web.get("/", said)
        yield web.get("/later/{name}", said)
        yield web.post("/later/{name}", said)
        yield web.get("/own", said)


@asynccontextmanager
async def opened(maker: Maker) -> AsyncIterator[aiohttp.ClientSession]:
    app, door = web.Application(), Door(name="public")
    app.router.add_post("/own", said)
    app.router.add_get("/own/{name}", said)
    add_later(app, maker)
    async with (
        listening(app, door, [("127.0.0.1", 0)]) as [(host, port)],
        aiohttp.ClientSession(f"http://{host}:{port}") as session,
    ):
        yield session


async def test_nothing_is_made_for_what_the_door_itself_answers() -> None:
    maker = Maker()
    async with opened(maker) as session:
        assert await (await session.get("/own/x")).text() == "x"
        assert (await session.post("/own")).status == 200
    assert maker.threads == []


async def test_many_who_ask_at_once_have_them_made_once_and_beside_the_loop() -> None:
    maker = Maker()
    async with opened(maker) as session, asyncio.TaskGroup() as tasks:
        asked = [tasks.create_task(session.get(f"/later/{number}")) for number in range(20)]
    assert [await each.result().text() for each in asked] == [str(number) for number in range(20)]
    (thread,) = maker.threads
    assert thread != threading.get_ident()


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/", 200, ""),
        ("HEAD", "/later/x", 200, ""),
        ("POST", "/later/x", 200, ""),
        ("DELETE", "/later/x", 405, "GET,HEAD,POST"),
        ("GET", "/own", 200, ""),
        ("DELETE", "/own", 405, "GET,HEAD,POST"),
        ("GET", "/nowhere", 404, ""),
        ("GET", "/later/x/y", 404, ""),
    ],
)
async def test_a_path_is_answered_as_by_one_table(method: str, path: str, status: int, allowed: str) -> None:
    async with opened(Maker()) as session:
        response = await session.request(method, path)
        assert (response.status, response.headers.get("Allow", "")) == (status, allowed)


async def test_where_they_cannot_be_made_the_door_goes_on_and_the_next_who_asks_has_it_tried_again() -> None:
    async with opened(Maker(faults=1)) as session:
        assert (await session.get("/later/x")).status == 500
        assert (await session.get("/own/x")).status == 200
        assert (await session.get("/later/x")).status == 200


def test_in_a_quiet_moment_they_are_made_though_nobody_asked() -> None:
    maker = Maker()

    async def open_door() -> None:
        routes = LaterRoutes(maker)
        app = web.Application()
        async for _ in routes.in_a_quiet_moment(app):
            await asyncio.sleep(QUIET_S - 1)
            assert maker.threads == []
            assert list(routes) == []
            await asyncio.sleep(2)
            assert len(maker.threads) == 1
            assert len(routes) == 7, "those of GET with their HEAD"

    virtual.run(open_door())
