"""`slad status` and `slad server` against a real control socket, in a process of their own thread."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from daemon.cli.status import server, status
from daemon.control import AmbiguousNameError, ServerStatus, Status, control_door
from sla.instants import Instant

STATUS: Status = {
    "version": "0.1.0",
    "at": "2026-11-22T10:00:00Z",
    "settled_at": None,
    "not_ready": ["the first inventory is not complete"],
    "sources": [{"name": "vc1", "up": False, "last_contact_at": None, "note": "login refused"}],
    "ledger": {"records": 77, "head": "abcd", "size_bytes": 4096, "last_commit_at": None},
    "states": {"up": 2, "down": 1},
    "down": [
        {
            "server": "id-3",
            "name": "web [bold]3[/bold] \x1b[31m",
            "client": "Ex",
            "since": "2026-11-22T09:00:00Z",
            "legs": ["san", "running"],
        }
    ],
}
SERVER: ServerStatus = {
    "server": "id-3",
    "name": "web3",
    "client": "",
    "solution": "shop",
    "vcenter": "vc1",
    "state": "down",
    "since": "2026-11-22T09:00:00Z",
    "settled_at": "2026-11-22T09:59:50Z",
    "legs": [{"leg": "san", "state": "down", "since": None, "source": "vc1", "reason": "APD"}],
    "outages": [
        {
            "start": "2026-11-22T09:00:00Z",
            "until": None,
            "legs": ["san"],
            "cause": "storage",
            "note": "ticket 7",
        }
    ],
    "counters_us": {"up": 90_061_000_000, "down": 500_001},
}


class StandingControl:
    def status(self) -> Status:
        return STATUS

    def server(self, name: str) -> ServerStatus | None:
        if name == "twin":
            raise AmbiguousNameError(["id-1", "id-2"])
        return SERVER if name == "web3" else None

    async def export(
        self, client: str | None, start: Instant | None, until: Instant | None
    ) -> AsyncIterator[str]:
        yield "{}"


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Path]:
    """A daemon's control socket, answered by a loop in another thread, as the commands run loops of their own."""
    path = tmp_path / "control.sock"
    opened = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        done = asyncio.Event()
        loops.append((asyncio.get_running_loop(), done))
        async with control_door(StandingControl(), path):
            opened.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert opened.wait(10)
    yield path
    loop, done = loops[0]
    loop.call_soon_threadsafe(done.set)
    thread.join(10)


def run(command: click.Command, *arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_status_shows_sources_ledger_states_and_who_is_down(socket: Path) -> None:
    result = run(status, "--socket", socket)
    assert result.exit_code == 0
    for expected in (
        "settled up to nothing yet",
        "not ready: the first inventory is not complete",
        "77 records, 4096 bytes, last commit never, head abcd",
        "2 up, 1 down",
        "login refused",
        "2026-11-22T09:00:00Z  san, running  id-3",
    ):
        assert expected in result.stdout


def test_names_neither_mark_up_nor_steer_the_terminal(socket: Path) -> None:
    shown = run(status, "--socket", socket).stdout
    assert "web [bold]3[/bold] �[31m" in shown
    assert "\x1b" not in shown


def test_server_shows_legs_outages_and_exact_times(socket: Path) -> None:
    result = run(server, "web3", "--socket", socket)
    assert result.exit_code == 0
    for expected in (
        "web3 (id-3)",
        "client none, solution shop",
        "APD",
        "storage",
        "ticket 7",
        "25:01:01",
        "0:00:00.500001",
    ):
        assert expected in result.stdout


def test_json_is_the_daemon_s_answer_as_it_is(socket: Path) -> None:
    assert json.loads(run(status, "--socket", socket, "--format", "json").stdout) == STATUS
    assert json.loads(run(server, "web3", "--socket", socket, "--format", "json").stdout) == SERVER


def test_exit_code_1_says_not_found(socket: Path) -> None:
    result = run(server, "nobody", "--socket", socket)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "slad: nobody: there is no such server\n"
    twin = run(server, "twin", "--socket", socket)
    assert twin.exit_code == 1
    assert "id-1, id-2" in twin.stderr


def test_exit_code_3_says_that_the_daemon_is_not_there(tmp_path: Path) -> None:
    for arguments in ((status,), (server, "web3")):
        command, *rest = arguments
        assert isinstance(command, click.Command)
        result = run(command, *map(str, rest), "--socket", tmp_path / "none.sock")
        assert result.exit_code == 3
        assert "slad does not run" in result.stderr


def test_the_help_tells_the_exit_codes() -> None:
    assert "with 3 when" in " ".join(run(status, "--help").stdout.split())
    assert "with 1 when no server" in " ".join(run(server, "--help").stdout.split())
