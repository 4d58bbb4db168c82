"""Networks of the tests' own: network namespaces joined by a cable, and a far side that answers pings as told.

    monitor 192.0.2.2, 2001:db8::2 ──veth── gateway 192.0.2.1, 2001:db8::1 ──tun── what `tests/peers/echoes.py` answers

Nothing of it touches the host's own network. The far side has 10.0.0.0/8 and fd00::/16.
"""

import ctypes
import os
import secrets
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers import require

MONITOR = "192.0.2.2"
MONITOR_6 = "2001:db8::2"
GATEWAY = "192.0.2.1"
GATEWAY_6 = "2001:db8::1"
INTERFACE = "uplink0"
COMMAND_TIMEOUT_S = 20
START_TIMEOUT_S = 20
_CLONE_NEWNET = 0x40000000
_ECHOES = Path(__file__).with_name("echoes.py")
_libc = ctypes.CDLL(None, use_errno=True)


def need_namespaces() -> None:
    """Skip the test where network namespaces cannot be made."""
    require(os.geteuid() == 0, "network namespaces need root")
    require(shutil.which("ip"), "network namespaces need iproute2")
    require(Path("/dev/net/tun"), "the far side of a network needs /dev/net/tun")


def run(*command: str, stdin: str | None = None) -> str:
    """Run a command in the namespace that this process is in."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout


class Namespace:
    """A network namespace, for a `with` statement; loopback is up, and IPv6 addresses are usable at once."""

    def __init__(self) -> None:
        self.name = f"slad-{secrets.token_hex(4)}"

    def __enter__(self) -> Self:
        need_namespaces()
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        self.sysctl("net.ipv6.conf.default.accept_dad", "0")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        run("ip", "netns", "del", self.name)

    def ip(self, *arguments: str) -> str:
        """`ip` in the namespace."""
        return run("ip", "-n", self.name, *arguments)

    def run(self, *command: str, stdin: str | None = None) -> str:
        """A command in the namespace."""
        return run("ip", "netns", "exec", self.name, *command, stdin=stdin)

    def sysctl(self, name: str, value: str) -> None:
        """Set a kernel parameter, of the namespace's own."""
        with self.entered():
            Path("/proc/sys", name.replace(".", "/")).write_text(value)

    def allow_pings(self, *, allowed: bool = True) -> None:
        """Open or close ping sockets, for everybody."""
        self.sysctl("net.ipv4.ping_group_range", "0 2147483647" if allowed else "1 0")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Within, this thread opens its sockets there. They stay there."""
        with (
            Path("/proc/thread-self/ns/net").open("rb") as home,
            Path("/run/netns", self.name).open("rb") as there,
        ):
            _set_namespace(there.fileno())
            try:
                yield
            finally:
                _set_namespace(home.fileno())


def _set_namespace(fileno: int) -> None:
    if _libc.setns(fileno, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Network:
    """The network of the picture above, for a `with` statement."""

    def __init__(self, *, delay_ms: int = 0) -> None:
        self._delay_ms = delay_ms

    def __enter__(self) -> Self:
        with ExitStack() as resources:
            self.monitor = resources.enter_context(Namespace())
            self.gateway = resources.enter_context(Namespace())
            self._join()
            self._echoes = resources.enter_context(_echoes(self.gateway, self._delay_ms))
            self.gateway.ip("link", "set", "far0", "up", "txqueuelen", "20000")
            self.gateway.ip("route", "add", "10.0.0.0/8", "dev", "far0")
            self.gateway.ip("route", "add", "fd00::/16", "dev", "far0")
            self.monitor.allow_pings()
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def _join(self) -> None:
        monitor, gateway = self.monitor, self.gateway
        monitor.ip("link", "add", INTERFACE, "type", "veth", "peer", "name", "near0", "netns", gateway.name)
        monitor.ip("addr", "add", f"{MONITOR}/24", "dev", INTERFACE)
        gateway.ip("addr", "add", f"{GATEWAY}/24", "dev", "near0")
        gateway.sysctl("net.ipv4.ip_forward", "1")
        gateway.sysctl("net.ipv6.conf.all.forwarding", "1")
        self.plug_back()
        self.plug_in()

    def plug_in(self) -> None:
        """The monitor's own link up, with what the kernel forgets when it goes down: undoes that it was set down."""
        self.monitor.ip("link", "set", INTERFACE, "up")
        self.monitor.ip("addr", "replace", f"{MONITOR_6}/64", "dev", INTERFACE, "nodad")
        self.monitor.ip("route", "replace", "default", "via", GATEWAY)
        self.monitor.ip("-6", "route", "replace", "default", "via", GATEWAY_6)

    def unplug(self) -> None:
        """Take the monitor's own cable: its interface is there and has no carrier."""
        self.gateway.ip("link", "set", "near0", "down")

    def plug_back(self) -> None:
        """The gateway's link up, with what the kernel forgets when it goes down: undoes `unplug`."""
        self.gateway.ip("link", "set", "near0", "up")
        self.gateway.ip("addr", "replace", f"{GATEWAY_6}/64", "dev", "near0", "nodad")

    def tell(self, word: str) -> None:
        """Have the far side `swallow` everything, or `answer` again."""
        assert self._echoes.stdin is not None
        assert self._echoes.stdout is not None
        self._echoes.stdin.write(word + "\n")
        self._echoes.stdin.flush()
        assert _line(self._echoes) == word


@contextmanager
def _echoes(where: Namespace, delay_ms: int) -> Iterator["subprocess.Popen[str]"]:
    command = ("ip", "netns", "exec", where.name, sys.executable, str(_ECHOES), "far0", str(delay_ms))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert _line(process) == "ready"
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(COMMAND_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_TIMEOUT_S)
    assert readable, "the far side says nothing"
    return process.stdout.readline().strip()
