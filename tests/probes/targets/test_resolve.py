"""Names: what is the name's fault is down, what is the resolver's is unknown."""

import asyncio
import errno
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from probes.targets.resolve import MAX_ADDRESSES, Resolver, is_address, resolve_by
from probes.targets.result import Reason, Result
from sla.records import State
from tests.peers.namespaces import Namespace

WAIT_S = 10.0


async def addresses(resolver: Resolver, host: str, within_s: float = WAIT_S) -> tuple[str, ...] | Result:
    return await resolver.addresses(host, asyncio.get_running_loop().time() + within_s)


def failing(error: OSError) -> Callable[[str], Sequence[str]]:
    def look_up(_: str) -> Sequence[str]:
        raise error

    return look_up


class Slow:
    """A resolver that answers when it is let, and counts who asks."""

    def __init__(self) -> None:
        self.answer = threading.Event()
        self.asked: list[str] = []

    def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        assert self.answer.wait(WAIT_S)
        return [f"192.0.2.{len(self.asked)}"]


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "fe80::1%lo"])
async def test_an_address_is_not_looked_up(host: str) -> None:
    assert await addresses(Resolver(failing(AssertionError())), host) == (host,)  # type: ignore[arg-type]
    assert is_address(host)


async def test_the_system_knows_localhost() -> None:
    found = await addresses(Resolver(), "localhost")
    assert isinstance(found, tuple)
    assert set(found) <= {"127.0.0.1", "::1"}


async def test_addresses_keep_their_order_without_doubles_and_have_a_limit() -> None:
    many = [f"192.0.2.{number}" for number in range(50)]
    found = await addresses(Resolver(lambda _: ["192.0.2.9", "192.0.2.9", *many]), "example.net")
    assert found == ("192.0.2.9", *many[: MAX_ADDRESSES - 1])


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (socket.gaierror(socket.EAI_NONAME, ""), State.DOWN, Reason.NAME_NOT_FOUND),
        (socket.gaierror(socket.EAI_NODATA, ""), State.DOWN, Reason.NAME_NOT_FOUND),
        (socket.gaierror(socket.EAI_AGAIN, ""), State.UNKNOWN, Reason.RESOLVER),
        (socket.gaierror(socket.EAI_FAIL, ""), State.UNKNOWN, Reason.RESOLVER),
        (socket.gaierror(socket.EAI_MEMORY, ""), State.UNKNOWN, Reason.RESOLVER),
        (OSError(errno.EMFILE, "too many"), State.UNKNOWN, Reason.NO_RESOURCES),
        (OSError(errno.EIO, "odd"), State.UNKNOWN, Reason.RESOLVER),
    ],
)
async def test_only_a_name_that_is_not_there_is_down(error: OSError, state: State, reason: Reason) -> None:
    result = await addresses(Resolver(failing(error)), "example.net")
    assert isinstance(result, Result)
    assert (result.state, result.reason) == (state, reason)
    assert "example.net" in result.text


async def test_a_name_that_resolves_slowly_is_unknown() -> None:
    slow = Slow()
    result = await addresses(Resolver(slow), "example.net", within_s=0.05)
    assert isinstance(result, Result)
    assert (result.state, result.reason) == (State.UNKNOWN, Reason.RESOLVER)
    slow.answer.set()


async def test_many_who_ask_for_one_name_share_an_answer_and_one_who_leaves_spoils_it_for_nobody() -> None:
    slow = Slow()
    resolver = Resolver(slow)
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(addresses(resolver, "example.net")) for _ in range(50)]
        await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.sleep(0)
        slow.answer.set()
    assert {task.result() for task in asking[1:]} == {("192.0.2.1",)}
    assert slow.asked == ["example.net"]


async def test_no_more_threads_than_allowed_wait_for_a_dead_resolver() -> None:
    slow = Slow()
    resolver = Resolver(slow, max_threads=3)
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(addresses(resolver, f"host-{n}", within_s=0.1)) for n in range(20)]
    assert all(isinstance(task.result(), Result) for task in asking)
    assert len(slow.asked) == 3
    slow.answer.set()
    assert await addresses(resolver, "later") == ("192.0.2.4",)


async def test_an_answer_that_comes_when_nobody_waits_is_dropped_and_the_next_is_asked_for() -> None:
    slow = Slow()
    resolver = Resolver(slow)
    await addresses(resolver, "example.net", within_s=0.05)
    slow.answer.set()
    while not isinstance(found := await addresses(resolver, "example.net"), tuple):
        pass
    assert found[0].startswith("192.0.2.")


async def test_half_of_the_time_is_left_for_the_target() -> None:
    now_s = asyncio.get_running_loop().time()
    assert resolve_by(now_s + 10) == pytest.approx(now_s + 5, abs=0.5)


def test_a_process_ends_though_a_look_up_hangs() -> None:
    program = (
        "import asyncio, time\n"
        "from probes.targets.resolve import Resolver\n"
        "async def main():\n"
        "    now = asyncio.get_running_loop().time()\n"
        "    print((await Resolver(lambda name: time.sleep(60)).addresses('a', now + 0.05)).reason)\n"
        "asyncio.run(main())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert run.stdout == "resolver\n"


@pytest.mark.parametrize(
    ("server", "state", "reason"),
    [
        ("nxdomain", "DOWN", "name_not_found"),
        ("no address", "DOWN", "name_not_found"),
        ("servfail", "UNKNOWN", "resolver"),
        ("refused", "UNKNOWN", "resolver"),
        ("silent", "UNKNOWN", "resolver"),
        ("absent", "UNKNOWN", "resolver"),
        ("no descriptors", "UNKNOWN", "no_resources"),
        ("few descriptors", "UNKNOWN", "no_resources"),
    ],
)
def test_a_real_name_server(tmp_path: Path, server: str, state: str, reason: str) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    (tmp_path / "nsswitch.conf").write_text("hosts: files dns\n")
    script = Path(__file__).with_name("name_server.py")
    commands = [  # in a mount namespace of its own
        f"mount --bind {tmp_path}/resolv.conf /etc/resolv.conf",
        f"mount --bind {tmp_path}/nsswitch.conf /etc/nsswitch.conf",
        f"exec {sys.executable} {script} '{server}'",
    ]
    with Namespace() as namespace:
        output = namespace.run("sh", "-c", " && ".join(commands))
    assert json.loads(output) == {"state": state, "reason": reason}
