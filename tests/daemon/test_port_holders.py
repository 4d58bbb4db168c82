"""Who listens on a port is told of one's own processes."""

import os
import socket
from pathlib import Path

import pytest

from daemon import port_holders
from daemon.os_faults import AddressTakenError, os_fault
from daemon.port_holders import holder_of
from tests.probes.targets.targets import closed_port


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_who_listens_is_told(family: socket.AddressFamily, host: str) -> None:
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        port = listener.getsockname()[1]
        assert holder_of(port) == "", "it only has the port, and does not listen"
        listener.listen()
        name = Path("/proc/self/comm").read_text().strip()
        assert holder_of(port) == f"{name} (process {os.getpid()})"


def test_where_nobody_listens_or_nothing_is_told_it_is_not_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert holder_of(closed_port()) == ""
    monkeypatch.setattr(port_holders, "_PROC", tmp_path)
    assert holder_of(10999) == ""


def test_a_taken_address_is_told_with_what_to_do() -> None:
    assert os_fault(AddressTakenError("a:1", "x (process 2)")) == (
        "a:1 is in use, by x (process 2): end what has it, or choose another address or port"
    )
    assert os_fault(AddressTakenError("a:1", "", "do y")) == "a:1 is in use: do y"
