"""Every answer of every door carries the security headers, whoever made it (issue #12, kind 5)."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from daemon.control.operations import OPERATIONS
from daemon.web import server
from daemon.web.door import SECURITY_HEADERS, Door
from daemon.web.links import dead_ends, nobody
from tests.daemon.web.door import StandingSite
from tests.daemon.web.doors import AUTHORIZED, DOORS, OpenDoor, open_door, request


def paths(name: str) -> Sequence[tuple[str, str]]:
    """Every route of a door, as method and path."""
    if name != "public":
        return [
            (each.route.method, each.route.path(**dict.fromkeys(each.route.names, "x")))
            for each in OPERATIONS
        ]
    door = Door(name=name)
    app = server._application(StandingSite(), door, [], tuple, nobody)
    later = web.UrlDispatcher()
    later.add_routes(dead_ends())
    return [
        (each.method, each.resource.canonical)
        for each in (*app.router.routes(), *later.routes())
        if each.resource is not None
    ]


def odd() -> Iterator[bytes]:
    """Requests that are answered without a handler."""
    yield b"no HTTP at all\r\n\r\n"
    yield b"GET / HTTP/9.9\r\n\r\n"
    yield b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    yield request("/", "X-Long: " + "a" * 10_000)
    yield request("/", *(f"X-{number}: y" for number in range(100)))
    yield request("/", "Content-Length: 1", "Content-Length: 2")
    yield request("/", "Transfer-Encoding: chunked", body="zz\r\n", method="POST")
    yield request("/", "Expect: the-impossible")
    yield request("/nowhere", AUTHORIZED)
    yield request("/", AUTHORIZED, method="DELETE")
    yield request("/", AUTHORIZED, method="BREW")
    yield request("/", AUTHORIZED, "Content-Length: 999999", method="POST")
    yield request("/%00%ff/..%2f", AUTHORIZED)
    yield b"GET / HTTP/1.1\r\n\r\n"
    yield b"GET / HTTP/1.1\r\nHost: rebound.attacker.example\r\n\r\n"
    yield b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"
    yield b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def check(door: OpenDoor, asked: bytes) -> int:
    head = (await door.asked(asked)).decode("latin-1")
    found = [tuple(line.split(": ", 1)) for line in head.splitlines()[1:] if line]
    for header in SECURITY_HEADERS.items():
        assert found.count(header) == 1, (asked[:80], header, head)
    assert "Access-Control" not in head
    assert "aiohttp" not in head
    status = re.match(r"HTTP/1\.[01] (\d+) ", head)
    assert status is not None
    return int(status[1])


@pytest.mark.parametrize("name", DOORS)
async def test_every_route_has_the_headers_and_checks_the_host(name: str, tmp_path: Path) -> None:
    async with open_door(name, tmp_path) as door:
        for method, path in paths(name):
            assert await check(door, request(path, AUTHORIZED, method=method)) < 500
            if name != "control":
                rebound = request(path, AUTHORIZED, method=method).replace(b"localhost", b"attacker.example")
                assert await check(door, rebound) == 421
            if name == "control_tcp":
                assert await check(door, request(path, method=method)) in (401, 429)


@pytest.mark.parametrize("name", DOORS)
async def test_errors_have_the_headers_too(name: str, tmp_path: Path) -> None:
    async with open_door(name, tmp_path) as door:
        for asked in odd():
            assert 400 <= await check(door, asked) < 500, asked[:80]
