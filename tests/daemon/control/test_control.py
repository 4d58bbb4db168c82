"""The control door and its client, over a real Unix socket."""
# ruff: noqa: ASYNC240  a test that touches a file holds up nobody

import errno
import json
import os
import pwd
import socket
import stat
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from daemon.control.api import ControlApiError
from daemon.control.client import (
    ControlClient,
    DaemonUnreachableError,
    RefusedByDaemonError,
    UnknownNameError,
)
from daemon.control.peer import Peer, peer_of
from daemon.web.door import Door
from daemon.web.listening import serving
from sla.instants import parse_instant
from tests.daemon.control.fixed import SERVER, STATUS, FixedControl, fixed_api, told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


async def test_status_and_servers_are_answered(path: Path) -> None:
    async with fixed_api(path), ControlClient(path) as client:
        assert await client.status() == told(STATUS)
        assert await client.server("id-3") == told(SERVER)
        assert await client.server("web/3 ä") == told(SERVER)


async def test_a_name_that_names_not_one_server_is_not_found(path: Path) -> None:
    async with fixed_api(path), ControlClient(path) as client:
        with pytest.raises(UnknownNameError, match="nobody: there is no such server"):
            await client.server("nobody")
        with pytest.raises(
            UnknownNameError, match="2 servers have this name; name one by its id: id-1, id-2"
        ):
            await client.server("twin")


async def test_an_export_streams_every_line(path: Path) -> None:
    control = FixedControl(lines=[f'{{"n":{n},"é":"{"x" * 100}"}}' for n in range(5000)])
    async with fixed_api(path, control), ControlClient(path) as client:
        exported = [
            line
            async for line in client.export(
                client="Ex", start="2026-01-01T00:00:00Z", until="2026-02-01T00:00:00+01:00"
            )
        ]
        assert exported == control.lines
        assert [line async for line in client.export()] == control.lines
    assert control.exported == [
        ("Ex", parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-01-31T23:00:00Z")),
        (None, None, None),
    ]


async def test_an_export_that_breaks_off_is_no_whole_export(path: Path) -> None:
    control = FixedControl(lines=["{}"] * 50_000, breaks_off=True)
    async with fixed_api(path, control), ControlClient(path) as client:
        with pytest.raises(DaemonUnreachableError, match="broke off"):
            async for _ in client.export():
                pass


async def test_a_wrong_instant_is_refused_and_explained(path: Path) -> None:
    async with fixed_api(path), ControlClient(path) as client:
        with pytest.raises(RefusedByDaemonError, match="'yesterday' is no RFC 3339 instant"):
            async for _ in client.export(start="yesterday"):
                pass


async def test_unknown_paths_and_methods_are_refused_as_json(path: Path) -> None:
    async with (
        fixed_api(path),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
    ):
        async with session.get("http://slad/v1/nothing") as response:
            assert (response.status, await response.json()) == (404, {"error": "GET /v1/nothing: Not Found"})
        async with session.post("http://slad/v1/status") as response:
            assert response.status == 405


async def test_the_socket_is_for_owner_and_group_and_goes_with_the_door(path: Path) -> None:
    async with fixed_api(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()


async def test_an_abandoned_socket_is_replaced_and_a_living_one_is_not(path: Path) -> None:
    abandoned = socket.socket(socket.AF_UNIX)
    abandoned.bind(str(path))
    abandoned.close()
    async with fixed_api(path), ControlClient(path) as client:
        with pytest.raises(ControlApiError, match="another slad answers there"):
            async with fixed_api(path):
                pass
        assert await client.status() == told(STATUS)


async def test_what_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(ControlApiError, match="no socket"):
        async with fixed_api(path):
            pass
    assert path.read_text() == "precious"


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ControlApiError, match=r"nowhere/control\.sock: No such file"):
        async with fixed_api(tmp_path / "nowhere" / "control.sock"):
            pass


async def test_without_a_daemon_the_client_says_so(path: Path) -> None:
    async with ControlClient(path) as client:
        with pytest.raises(DaemonUnreachableError, match="slad does not run"):
            await client.status()
        abandoned = socket.socket(socket.AF_UNIX)
        abandoned.bind(str(path))
        abandoned.close()
        with pytest.raises(DaemonUnreachableError, match="slad does not run"):
            await client.status()


def test_the_client_tells_who_may_not_ask_from_who_is_not_there(path: Path) -> None:
    assert "you may not ask slad" in ControlClient(path)._unreachable(PermissionError(errno.EACCES, "no"))
    assert "cannot be reached" in ControlClient(path)._unreachable(OSError(errno.EMFILE, "too many files"))


async def test_the_kernel_names_the_peer(path: Path) -> None:
    seen: list[Peer] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(peer_of(request))
        return web.Response()

    app = web.Application()
    app.router.add_get("/v1/status", note)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        async with (
            serving(app, Door(name="control"), [listener]),
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        ):
            await (await session.get("http://slad/v1/status")).read()
    assert seen == [Peer(uid=os.getuid())]
    assert seen[0].name == pwd.getpwuid(os.getuid()).pw_name
    assert Peer(uid=2**31 - 2).name == str(2**31 - 2)


async def test_a_statement_and_whose_it_is_are_answered(path: Path) -> None:
    async with fixed_api(path), ControlClient(path) as client:
        told = json.loads(await client.statement("acme", "2026-10"))
        assert told["statement"] == {"client": "acme", "month": "2026-10"}
        assert await client.letterhead("acme") == {
            "name": "Nordhost",
            "address": ["acme"],
            "logo": None,
            "language": "fr_CA",
        }


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("client=nobody&month=2026-10", 404, "There is no client 'nobody' on record."),
        ("month=2026-10", 400, "client: is missing"),
        ("client=acme", 400, "month: is missing"),
        ("client=acme&month=2026-13", 400, "month: '2026-13' is no month"),
        ("client=acme&month=1066-10", 400, "month: 1066-10 lies outside of the years 1970 to 2999"),
        ("client=acme&month=2026-10&as_of=now", 400, "as_of: "),
        ("client=acme&month=2026-10&as-of=2026-11-01T00:00:00Z", 400, "as-of: is no parameter"),
        ("client=acme&client=b&month=2026-10", 400, "client: is given twice"),
    ],
)
async def test_a_statement_that_cannot_be_is_refused(path: Path, query: str, status: int, said: str) -> None:
    connector = aiohttp.UnixConnector(str(path))
    async with (
        fixed_api(path),
        aiohttp.ClientSession(connector=connector) as session,
        session.get(f"http://slad/v1/statements?{query}") as response,
    ):
        assert response.status == status
        assert said in (await response.json())["error"]
