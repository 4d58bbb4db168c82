"""What slad tells systemd, heard on a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.systemd import Systemd


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """The socket at which systemd would listen, and its address as $NOTIFY_SOCKET has it."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@slad-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if name.startswith("@") else name)
        listener.settimeout(5)
        yield listener, name


def heard(listener: socket.socket) -> dict[str, str]:
    """One message."""
    return dict(line.split("=", 1) for line in listener.recv(4096).decode().split("\n"))


def test_what_is_told_is_heard_also_at_an_abstract_address(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    notifier = Systemd(SystemClock(), {"NOTIFY_SOCKET": name})
    notifier.ready()
    assert heard(listener) == {"READY": "1"}
    notifier.alive()
    assert heard(listener) == {"WATCHDOG": "1"}
    notifier.stopping()
    assert heard(listener) == {"STOPPING": "1"}


def test_a_reload_says_on_the_monotonic_clock_when_it_began(manager: tuple[socket.socket, str]) -> None:
    listener, name = manager
    clock = SystemClock()
    before = clock.monotonic_us()
    Systemd(clock, {"NOTIFY_SOCKET": name}).reloading()
    message = heard(listener)
    assert message["RELOADING"] == "1"
    assert before <= int(message["MONOTONIC_USEC"]) <= clock.monotonic_us()


def test_without_systemd_nobody_is_told() -> None:
    Systemd(SystemClock(), {}).ready()


def test_a_systemd_that_does_not_listen_any_more_is_no_fault(tmp_path: Path) -> None:
    Systemd(SystemClock(), {"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


@pytest.mark.parametrize(
    ("env", "watchdog_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_the_one_that_systemd_set_for_this_process(
    env: dict[str, str], watchdog_s: float | None
) -> None:
    assert Systemd(SystemClock(), env).watchdog_s == watchdog_s
