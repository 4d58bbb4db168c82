"""Answers that break off, daemons that cannot record now, and whoever interrupts: recorded once, or not at all."""

import asyncio
import os
import re
import signal
import socket
import socketserver
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import Result
from structlog.testing import capture_logs

from daemon.cli.asking import ATTEMPTS
from daemon.records.idempotency import AskedDraft, NumberedDraft
from daemon.records.refusals import NotRecordingError
from sla.instants import Instant
from tests.daemon.cli.recording import A_MINUTE_AGO, ADD, ANNOUNCE, RECORDED, Slad, run
from tests.daemon.harness import WAIT_S
from tests.daemon.records.office import Office, at_the_door
from tests.interrupts import heeding_interrupts


class Dropping(socketserver.ThreadingUnixStreamServer):
    """A door before the door: it drops the first answers after they were given, and can then be shut."""

    daemon_threads = True

    def __init__(self, path: Path, upstream: Path, *, drops: int, shut: bool = False) -> None:
        super().__init__(str(path), _Between)
        self.path, self.upstream, self.drops, self.shut = path, upstream, drops, shut


class _Between(socketserver.BaseRequestHandler):
    server: Dropping

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as upstream:
            upstream.settimeout(WAIT_S)
            upstream.connect(str(self.server.upstream))
            threading.Thread(target=_pump, args=(self.request, upstream), daemon=True).start()
            while answer := upstream.recv(65536):
                if self.server.drops:
                    self.server.drops -= 1
                    if self.server.shut:
                        self.server.path.unlink()
                    return
                self.request.sendall(answer)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while said := source.recv(65536):
            sink.sendall(said)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        """The other side has hung up."""


Server = TypeVar("Server", bound=socketserver.BaseServer)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(WAIT_S)


@contextmanager
def dropping(slad: Slad, folder: Path, *, drops: int, shut: bool = False) -> Iterator[Dropping]:
    with serving(Dropping(folder / "proxy.sock", slad.socket, drops=drops, shut=shut)) as proxy:
        yield proxy


def test_a_broken_off_answer_is_asked_for_again_and_recorded_once(slad: Slad, tmp_path: Path) -> None:
    before = slad.records()
    with dropping(slad, tmp_path, drops=2) as proxy:
        result = slad.run(*ADD, "--open", "--all", "--id", "ex-once", door=proxy.path)
    assert (result.exit_code, result.stdout) == (0, "Recorded as ex-once, until it is ended.\n")
    assert proxy.drops == 0
    assert slad.records() == before + RECORDED
    slad.done("exclusion", "end", "ex-once")


@pytest.mark.parametrize("shut", [False, True])
def test_a_command_that_gives_up_names_the_key_that_records_it_once(
    slad: Slad, tmp_path: Path, shut: bool
) -> None:
    before = slad.records()
    command = (*ADD, "--until", A_MINUTE_AGO, "--client", "acme")
    with dropping(slad, tmp_path, drops=1 if shut else 3, shut=shut) as proxy:
        result = slad.run(*command, door=proxy.path)
    assert (result.exit_code, result.stdout) == (3, "")
    named = re.search(r"it may be on record or not: .* --idempotency-key (\S+),", result.stderr)
    assert named is not None
    assert slad.records() == before + RECORDED
    first, second = (slad.told(*command, "--idempotency-key", named[1]) for _ in range(2))
    assert first == second
    assert slad.records() == before + RECORDED


def test_a_key_by_hand_records_once_and_is_no_key_for_another_request(slad: Slad) -> None:
    before = slad.records()
    command = (*ANNOUNCE, "--client", "acme", "--idempotency-key", "by hand")
    assert slad.told(*command) == slad.told(*command)
    result = slad.run(*command, "--reference", "another")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "slad: Idempotency-Key: was sent with another request before" in result.stderr
    assert slad.records() == before + RECORDED


class Stumbling(Office):
    """An office that fails in these ways first: before it has recorded, or after that."""

    before: Sequence[Exception] = ()
    after: Sequence[Exception] = ()

    async def record(self, make: Callable[[Instant], AskedDraft]) -> NumberedDraft:
        if self.before:
            error, *self.before = self.before
            raise error
        kept = await super().record(make)
        if self.after:
            error, *self.after = self.after
            raise error
        return kept


@asynccontextmanager
async def asked(office: Office, folder: Path) -> AsyncIterator[Callable[..., Awaitable[Result]]]:
    """How to call a command that asks the office; it runs a loop of its own. What the office logs is not what the command says."""
    path = folder / "control.sock"
    async with at_the_door(office, path):
        with capture_logs():
            yield lambda *command: asyncio.to_thread(run, *command, "--socket", str(path))


OVER = ("--from", "2026-03-10T13:00:00Z", "--until", "2026-03-10T14:00:00Z")
PAST = ("exclusion", "add", "force_majeure", "--client", "c", *OVER)


async def test_a_fault_of_slad_is_no_refusal_and_is_asked_about_until_it_is_recorded_once(
    tmp_path: Path,
) -> None:
    """It may come before the commit or after it: whoever asks cannot know."""
    office = Stumbling()
    command = (*PAST, "--idempotency-key", "through a fault")
    async with asked(office, tmp_path) as call:
        office.before = [RuntimeError("a bug")] * ATTEMPTS
        result = await call(*command)
        assert (result.exit_code, result.stdout) == (3, "")
        assert "--idempotency-key 'through a fault'" in result.stderr
        assert office.recorded == []
        office.after = [RuntimeError("a bug")]
        for _ in range(2):
            assert (await call(*command)).exit_code == 0
            assert len(office.recorded) == 1


async def test_a_daemon_that_cannot_record_now_is_asked_again(tmp_path: Path) -> None:
    office = Stumbling()
    office.before = [NotRecordingError("nothing was recorded: the disk is full")] * ATTEMPTS
    async with asked(office, tmp_path) as call:
        result = await call(*PAST)
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr == "slad: nothing was recorded: the disk is full\n"
        assert office.before == []
        assert office.recorded == []
        office.before = [NotRecordingError("not yet")] * (ATTEMPTS - 1)
        assert (await call(*PAST)).exit_code == 0
        assert len(office.recorded) == 1


class Interrupting(socketserver.ThreadingUnixStreamServer):
    """A door where whoever asks is interrupted while it waits for the answer."""

    daemon_threads = True

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            os.kill(os.getpid(), signal.SIGINT)
            self.request.recv(65536)


def test_who_interrupts_a_recording_learns_its_key(slad: Slad, tmp_path: Path) -> None:
    path = tmp_path / "interrupting.sock"
    with heeding_interrupts(), serving(Interrupting(str(path), Interrupting.Handler)):
        for command in ((*ADD, "--open", "--all"), ("notice", "give", "acme", "shop")):
            result = slad.run(*command, door=path)
            assert result.exit_code == 3
            assert re.search(
                r"slad: interrupted; it may be on record or not: .* --idempotency-key \S+,", result.stderr
            )
    assert "idempotency" not in slad.run(*ANNOUNCE, "--all", "--dry-run").stderr


def test_a_dry_run_that_breaks_off_names_no_key(slad: Slad, tmp_path: Path) -> None:
    before = slad.records()
    with dropping(slad, tmp_path, drops=3) as proxy:
        result = slad.run(*ANNOUNCE, "--all", "--dry-run", door=proxy.path)
    assert result.exit_code == 3
    assert "idempotency-key" not in result.stderr
    assert slad.records() == before
