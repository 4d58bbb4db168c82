"""The addresses of this machine, as the kernel has them: where they come and go, in a network namespace of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from probes.targets import own_addresses
from probes.targets.own_addresses import OwnAddresses

THEIRS = ("192.0.2.77", "2001:db8::77", "198.51.100.1", "255.255.255.255", "224.0.0.1")

COME_AND_GO = """
import subprocess
from contextlib import closing
from probes.targets.own_addresses import OwnAddresses

def ip(*words):
    subprocess.run(["ip", *words], check=True)

ip("link", "set", "lo", "up")
with closing(OwnAddresses()) as own:
    seen = []
    for address in ("172.17.0.1", "2001:db8::1"):
        seen.append(address in own)
        ip("address", "add", address, "dev", "lo")
        changes = own.changes
        seen.append(address in own)
        ip("address", "del", f"{address}/{128 if ':' in address else 32}", "dev", "lo")
        seen.append(address in own)
        assert own.changes > changes
    print(seen)
    ip("address", "add", "10.9.0.1", "peer", "10.9.0.2", "dev", "lo")
    print(["10.9.0.1" in own, "10.9.0.2" in own])
"""


@pytest.fixture(params=["netlink", "without netlink"])
def own(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnAddresses]:
    if request.param != "netlink":
        monkeypatch.setattr(own_addresses, "open_netlink", lambda **_: None)
    with closing(OwnAddresses()) as own:
        yield own


def test_an_address_is_this_machines_or_not(own: OwnAddresses) -> None:
    assert "127.0.0.1" in own
    assert "::1" in own
    assert not [each for each in THEIRS if each in own]


def test_an_address_counts_from_the_moment_that_it_is_here_and_only_so_long() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root for a network namespace")
    command = ["unshare", "--net", sys.executable, "-c", COME_AND_GO]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines() == [str([False, True, False] * 2), str([True, False])]


def test_where_the_kernel_does_not_tell_all_it_is_asked_of_each(
    own: OwnAddresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_addresses, "_read", lambda _: None)
    assert "127.0.0.1" in own
    assert "198.51.100.1" not in own


def test_nothing_stays_open() -> None:
    own = OwnAddresses()
    assert "127.0.0.1" in own
    own.close()
    with socket.socket() as first:
        before = first.fileno()
    with closing(OwnAddresses()) as again:
        assert "127.0.0.1" in again
    with socket.socket() as last:
        assert last.fileno() == before
