"""`slad status`, `slad server` and `slad clock` against a real control socket, in a process of their own thread."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from daemon.cli.clock import accept, show
from daemon.cli.status import server, status
from daemon.cli.words import local
from daemon.replies.status import Status
from tests.daemon.control.fixed import CLOCK, HUB, SERVER, STATUS, FixedControl, fixed_api, told


class Hub(FixedControl):
    """A hub's answers."""

    def status(self) -> Status:
        return STATUS.model_copy(update={"sources": (), "internet": (), "hub": HUB})


@contextmanager
def answering(path: Path, control: FixedControl) -> Iterator[None]:
    """A control socket, answered by a loop in another thread, as the commands run loops of their own."""
    opened = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        done = asyncio.Event()
        loops.append((asyncio.get_running_loop(), done))
        async with fixed_api(path, control):
            opened.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert opened.wait(10)
    yield
    loop, done = loops[0]
    loop.call_soon_threadsafe(done.set)
    thread.join(10)


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[Path]:
    """A daemon's control socket."""
    path = tmp_path / "control.sock"
    with answering(path, FixedControl()):
        yield path


def run(command: click.Command, *arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_status_shows_sources_ledger_states_and_who_is_down(socket: Path) -> None:
    result = run(status, "--socket", socket)
    assert result.exit_code == 0
    for expected in (
        "settled up to nothing yet",
        "not ready: the first inventory is not complete",
        "77 records (verified up to 70 so far), 4096 bytes, last commit never, head abcd",
        "2 up, 1 down",
        "login refused",
        "1 of 3 targets answer",
        f"{local('2026-11-22T09:00:00Z')}  san, running  client_change  likely  id-3",
    ):
        assert expected in result.stdout


def test_status_of_a_hub_shows_its_monitors_in_place_of_sources(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with answering(path, Hub()):
        shown = run(status, "--socket", path).stdout
    for expected in (
        "hub: stands by, active is hub2:8:cd, 3 lines of the store are not read yet",
        "monitors disagree: 3 about the owner (slad doctor --hub)",
        f"mon1           {local('2026-11-22T09:59:50Z')}  77",
        r"mon2 \x1b[31m  retired",
    ):
        assert expected in shown
    assert "source" not in shown
    assert "ledger:" not in shown


def test_names_neither_mark_up_nor_steer_the_terminal(socket: Path) -> None:
    shown = run(status, "--socket", socket).stdout
    assert r"web [bold]3[/bold] \x1b[31m" in shown
    assert "\x1b" not in shown


def test_server_shows_legs_outages_and_times_to_the_second(socket: Path) -> None:
    result = run(server, "id-3", "--socket", socket)
    assert result.exit_code == 0
    for expected in (
        "web/3 ä (id-3), local time of America/St_Johns",
        "client none, solution shop",
        "APD",
        "icmp://192.0.2.7  down   no       timeout",
        f"{local('2026-11-22T09:00:00Z', 'America/St_Johns')}  now    running, san  storage  proved  its host lost a datastore of its disks",
        "25:01:01",
        "0:00:01",
    ):
        assert expected in result.stdout


def test_json_is_the_daemon_s_answer_as_it_is(socket: Path) -> None:
    assert json.loads(run(status, "--socket", socket, "--format", "json").stdout) == told(STATUS)
    assert json.loads(run(server, "id-3", "--socket", socket, "--format", "json").stdout) == told(SERVER)


def test_exit_code_1_says_not_found(socket: Path) -> None:
    result = run(server, "nobody", "--socket", socket)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "slad: server: there is no server nobody\n"
    twin = run(server, "twin", "--socket", socket)
    assert twin.exit_code == 1
    assert "id-1, id-2" in twin.stderr


def test_exit_code_3_says_that_the_daemon_is_not_there(tmp_path: Path) -> None:
    for arguments in ((status,), (server, "id-3")):
        command, *rest = arguments
        assert isinstance(command, click.Command)
        result = run(command, *map(str, rest), "--socket", tmp_path / "none.sock")
        assert result.exit_code == 3
        assert "slad does not run" in result.stderr


def test_the_help_tells_the_exit_codes() -> None:
    assert "with 3 when" in " ".join(run(status, "--help").stdout.split())
    assert "with 1 when no server" in " ".join(run(server, "--help").stdout.split())


def test_the_month_of_a_server_is_shown_with_its_exclusions_rounded_down(socket: Path) -> None:
    result = run(server, "id-3", "--socket", socket)
    assert result.exit_code == 0
    for expected in (
        f"2026-11 up to {local('2026-11-22T09:59:50Z', 'America/St_Johns')}: availability 99.8999 %, target 99.9000 %",
        "between 99.8000 % and 100.0000 %, observed -",
        "budget left -0:01:01 of 0:43:12, best possible 99.9500 %",
        "mw-7",
        "open",
        "1:00:00 over_weekly_cap",
    ):
        assert expected in result.output


def test_a_clock_in_doubt_is_shown_and_accepted_once(socket: Path) -> None:
    shown = run(show, "--socket", socket)
    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        f"The time is {local('2026-11-22T10:00:00Z')}, and the wall clock shows {local('2058-01-01T00:00:00Z')}.",
        f"Nothing is recorded since {local('2026-11-22T09:59:50Z')}: it shows 2058.",
    ]
    assert json.loads(run(show, "--socket", socket, "--format", "json").stdout) == told(CLOCK)
    accepted = run(accept, "--socket", socket)
    assert accepted.exit_code == 0
    assert "The wall clock is believed." in accepted.stdout
    again = run(accept, "--socket", socket)
    assert again.exit_code == 1
    assert "there is nothing to accept" in again.output
