"""By which hosts the doors on TCP may be asked for (issue #12, kind 5; design §7)."""

import re
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.clock import SystemClock
from daemon.config.tables import WebTable
from daemon.config.values import Surroundings
from daemon.web.hosts import host_of
from daemon.web.server import public_http
from tests.daemon.web.door import StandingSite
from tests.daemon.web.doors import AUTHORIZED, OpenDoor, open_door, request
from tests.daemon.web.test_web import raw

ON_TCP = ("public", "control_tcp")
PATH = {"public": "/-/healthy", "control_tcp": "/v1/status"}

KNOWN = (
    "127.0.0.1",
    "127.0.0.1:10999",
    "127.0.0.1:1",
    "127.0.0.1:",
    "127.9.9.9",
    "[::1]:10999",
    "[0:0::1]",
    "[::ffff:127.0.0.1]:80",
    "localhost",
    "LocalHost:10999",
    "localhost.:10999",
    socket.gethostname(),
)
UNKNOWN = (
    "rebound.attacker.example",
    "rebound.attacker.example:10999",
    "localhost.attacker.example",
    "127.0.0.1.attacker.example",
    f"{socket.gethostname()}.attacker.example",
    "192.0.2.7",
    "0.0.0.0",
    "[2001:db8::7]:10999",
    "2130706433",
    "0x7f.1",
    "127.1",
)
NO_HOST = (
    "",
    ".",
    ":10999",
    "::1",
    "[::1",
    "[localhost]",
    "[fe80::1%25eth0]",
    "a b",
    "user@localhost",
    "localhost@attacker.example",
    "localhost:80:80",
    "localhost:port",
    "localhost:123456",
    "localhost/",
    "localhost,attacker.example",
    "http://localhost",
    "l\u00f6calhost",
    "a" * 300,
)


async def asked(door: OpenDoor, *hosts: str, target: str | None = None, version: str = "1.1") -> int:
    lines = [f"GET {target or PATH[door.name]} HTTP/{version}", *(f"Host: {host}" for host in hosts)]
    head = await door.asked("\r\n".join((*lines, AUTHORIZED, "", "")).encode())
    match = re.match(rb"HTTP/1\.[01] (\d+) ", head)
    assert match is not None
    return int(match[1])


@pytest.mark.parametrize("name", ON_TCP)
async def test_a_door_answers_to_its_own_hosts_alone(name: str, tmp_path: Path) -> None:
    async with open_door(name, tmp_path) as door:
        assert [host for host in KNOWN if await asked(door, host) != 200] == []
        assert [host for host in UNKNOWN if await asked(door, host) != 421] == []
        assert [host for host in NO_HOST if await asked(door, host) != 400] == []
        assert door.count("requests_refused", "host") >= len(UNKNOWN)


@pytest.mark.parametrize("name", ON_TCP)
async def test_a_request_names_one_host(name: str, tmp_path: Path) -> None:
    async with open_door(name, tmp_path) as door:
        assert await asked(door) == 400
        assert await asked(door, "localhost", "localhost") == 400
        assert await asked(door, "localhost", "attacker.example") == 400
        assert await asked(door, version="1.0") == 200, "a balancer's probe; no browser leaves it out"
        assert await asked(door, "attacker.example", version="1.0") == 421


@pytest.mark.parametrize("name", ON_TCP)
async def test_a_target_with_a_host_of_its_own_is_judged_by_that_too(name: str, tmp_path: Path) -> None:
    path = PATH[name]
    async with open_door(name, tmp_path) as door:
        assert await asked(door, "localhost", target=f"http://127.0.0.1:1{path}") == 200
        assert await asked(door, "localhost", target=f"http://attacker.example{path}") == 421
        assert await asked(door, "attacker.example", target=f"http://localhost{path}") == 421
        assert await asked(door, "localhost", target=f"http://localhost@attacker.example{path}") == 400
        assert await asked(door, "localhost", target=f"//attacker.example{path}") == 404


async def test_the_refusal_says_what_to_configure_and_that_is_what_helps() -> None:
    site, web = StandingSite(), ("127.0.0.1", 0)
    ask = request("/-/healthy", "Connection: close").replace(b"localhost", b"Slad.Example.net.:443")
    async with public_http(site, SystemClock(), [web]) as addresses:
        answer = (await raw(addresses[0], ask)).decode()
    assert answer.startswith("HTTP/1.1 421 ")
    found = re.search(r"write (hosts = .*) under \[web\] in slad.toml", answer)
    assert found is not None
    assert found[1] == 'hosts = ["slad.example.net"]'
    async with public_http(site, SystemClock(), [web], hosts=["slad.example.net"]) as addresses:
        assert (await raw(addresses[0], ask)).startswith(b"HTTP/1.1 200 ")


async def test_a_probe_by_any_number_of_this_machine_is_answered() -> None:
    async with public_http(StandingSite(), SystemClock(), [("0.0.0.0", 0), ("::", 0)]) as addresses:
        for local, (_, port) in (("127.0.0.2", addresses[0]), ("0.0.0.0", addresses[0])):
            ask = request("/-/healthy", "Connection: close").replace(b"localhost", local.encode())
            assert (await raw((local, port), ask)).startswith(b"HTTP/1.1 200 ")
        ask = request("/-/healthy", "Connection: close").replace(b"localhost", b"[::1]:80")
        assert (await raw(("::1", addresses[1][1]), ask)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ((), 422),
        (("Origin: https://localhost",), 422),
        (("Origin: https://attacker.example",), 403),
        (("Origin: null",), 403),
        (("Origin: https://[",), 403),
        (("Sec-Fetch-Site: same-origin",), 422),
        (("Sec-Fetch-Site: none",), 422),
        (("Sec-Fetch-Site: cross-site",), 403),
        (("Sec-Fetch-Site: same-site", "Origin: https://localhost"), 403),
    ],
)
async def test_nothing_is_written_from_a_page_of_another_origin(
    lines: tuple[str, ...], status: int, tmp_path: Path
) -> None:
    """422: it got as far as what is to be recorded, which is nothing."""
    async with open_door("control_tcp", tmp_path) as door:
        said = request("/v1/maintenance", AUTHORIZED, "Idempotency-Key: k", *lines, method="POST")
        assert (await door.asked(said)).startswith(b"HTTP/1.1 %d " % status)
        options = request("/v1/maintenance", AUTHORIZED, "Origin: https://attacker.example", method="OPTIONS")
        assert b"access-control" not in (await door.asked(options)).lower()


@given(host=st.text(max_size=40))
def test_a_host_has_one_spelling(host: str) -> None:
    found = host_of(host)
    if found is not None:
        assert host_of(f"[{found}]:80" if ":" in found else f"{found}:80") == found


@pytest.mark.parametrize("host", ["slad.example.net", "10.0.0.7", "[fd00::7]", "Mon_1"])
def test_a_host_may_be_configured(host: str) -> None:
    table = WebTable.model_validate({"hosts": [host]}, context=Surroundings(folder=Path(), env={}))
    assert table.hosts == (host.strip("[]").lower(),)


@pytest.mark.parametrize("host", ["slad.example.net:443", "https://slad", "*.example.net", "", "a b", "[x]"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"has a port|is no address|is no IP number"):
        WebTable.model_validate({"hosts": [host]}, context=Surroundings(folder=Path(), env={}))
