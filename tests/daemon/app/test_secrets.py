"""What is left of a password once it was sent: nothing that a core, or whoever reads the memory, would show."""

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.control.address import ControlAddress
from tests.daemon.harness import Daemon, simulated, write_config
from tests.peers import require
from tests.waiting import until

IN_CONTACT = ("slad_source_up", frozenset({("source", "vc1")}))
CANARY = "canary-<Jx7w>-" + os.urandom(9).hex()
_MAPPED = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r")


def times_in_memory(pid: int, text: str) -> int:
    """How often a process has a text in its memory, in use or freed."""
    found = 0
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            mapped = _MAPPED.match(line)
            if mapped is not None and not line.endswith(("[vvar]", "[vsyscall]")):
                start, end = int(mapped[1], 16), int(mapped[2], 16)
                try:
                    memory.seek(start)
                    found += memory.read(end - start).count(text.encode())
                except OSError:
                    pass  # it was unmapped meanwhile
    return found


@pytest.mark.parametrize("account", [CANARY, "another"], ids=["taken", "refused"])
def test_a_password_that_was_sent_is_nowhere_in_memory(tmp_path: Path, account: str) -> None:
    def is_done(shown: dict[tuple[str, frozenset[tuple[str, str]]], float]) -> bool:
        failed = any(name == "slad_source_errors_total" and count for (name, _), count in shown.items())
        return shown.get(IN_CONTACT) == 1 if account == CANARY else failed

    with simulated(accounts={"slad": account}) as vcenter:
        config = write_config(tmp_path, vcenter)
        (tmp_path / "password").write_text(CANARY)
        daemon = Daemon(config)
        daemon.start()
        try:
            daemon.wait(is_done, "the login")
            assert daemon.process is not None
            pid = daemon.process.pid
            assert times_in_memory(pid, "slad_source_up") > 0, "it is looked for in vain"
            # What was freed is overwritten as memory is used again, and short texts are where all of it is.
            asyncio.run(until(lambda: times_in_memory(pid, CANARY) == 0, "a memory without the password"))
        finally:
            daemon.kill()


def dumps(*program: str, cwd: Path) -> bool:
    """Whether a program that may dump as much as it wants dumps a core when it is aborted, after its first line."""

    def allow_cores() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    process = subprocess.Popen(
        [sys.executable, *program],
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=allow_cores,  # noqa: PLW1509  no thread of the test runs yet
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.readline()
        process.send_signal(signal.SIGABRT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == -signal.SIGABRT
    return os.WCOREDUMP(status)


def test_slad_dumps_no_core_whatever_the_limits_allow(tmp_path: Path) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        require(os.geteuid() == 0, "the hard limit of cores is not ours to raise")
    waits = "import sys, time; print('here', file=sys.stderr, flush=True); time.sleep(60)"
    require(dumps("-c", waits, cwd=tmp_path), "this machine dumps no cores at all")
    with simulated() as vcenter:
        config = write_config(tmp_path, vcenter)
        assert not dumps("-m", "daemon", "run", "--config", str(config), cwd=tmp_path)


def test_the_address_of_a_daemon_does_not_show_its_token() -> None:
    address = ControlAddress(socket=Path("/run/slad"), url="https://slad:1", token=CANARY)
    assert CANARY not in repr(address)
