"""Answers that break off, daemons that cannot record now, and whoever interrupts: recorded once, or not at all."""

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.control.client import ControlClient
from daemon.records.refusals import NotRecordingError
from daemon.records.service import RecordService
from tests.daemon.cli.recording import A_MINUTE_AGO, ADD, ANNOUNCE, Slad
from tests.daemon.harness import WAIT_S


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


@contextmanager
def dropping(slad: Slad, folder: Path, *, drops: int, shut: bool = False) -> Iterator[Dropping]:
    with Dropping(folder / "proxy.sock", slad.socket, drops=drops, shut=shut) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join(WAIT_S)


def test_a_broken_off_answer_is_asked_for_again_and_recorded_once(slad: Slad, tmp_path: Path) -> None:
    before = slad.records()
    with dropping(slad, tmp_path, drops=2) as proxy:
        result = slad.run(*ADD, "--open", "--all", "--id", "ex-once", door=proxy.path)
    assert (result.exit_code, result.stdout) == (0, "Recorded as ex-once, until it is ended.\n")
    assert proxy.drops == 0
    assert slad.records() == before + 1
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
    assert slad.records() == before + 1
    first, second = (slad.told(*command, "--idempotency-key", named[1]) for _ in range(2))
    assert first == second
    assert slad.records() == before + 1


def test_a_key_by_hand_records_once_and_is_no_key_for_another_request(slad: Slad) -> None:
    before = slad.records()
    command = (*ANNOUNCE, "--client", "acme", "--idempotency-key", "by hand")
    assert slad.told(*command) == slad.told(*command)
    result = slad.run(*command, "--reference", "another")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "slad: Idempotency-Key: was sent with another request before" in result.stderr
    assert slad.records() == before + 1


def test_a_fault_of_slad_after_the_commit_is_no_refusal(slad: Slad, monkeypatch: pytest.MonkeyPatch) -> None:
    before = slad.records()
    command = (*ADD, "--until", A_MINUTE_AGO, "--client", "acme", "--idempotency-key", "after a fault")
    with monkeypatch.context() as patch:
        patch.setattr(RecordService, "_reply", failing(RuntimeError("a bug")))
        result = slad.run(*command)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "--idempotency-key 'after a fault'" in result.stderr
    assert slad.records() == before + 1
    assert slad.run(*command).exit_code == 0
    assert slad.records() == before + 1


def test_a_daemon_that_cannot_record_now_is_asked_again(slad: Slad, monkeypatch: pytest.MonkeyPatch) -> None:
    before = slad.records()
    command = (*ADD, "--until", A_MINUTE_AGO, "--client", "acme")
    with monkeypatch.context() as patch:
        patch.setattr(
            RecordService, "_recorded", failing(NotRecordingError("nothing was recorded: the disk is full"))
        )
        result = slad.run(*command)
        assert (result.exit_code, result.stdout) == (3, "")
        assert "slad: nothing was recorded: the disk is full; " in result.stderr
        assert slad.records() == before
        patch.setattr(
            RecordService, "_recorded", failing(NotRecordingError("not yet"), times=2, then=RECORDED)
        )
        assert slad.run(*command).exit_code == 0
    assert slad.records() == before + 1


RECORDED = RecordService._recorded


def failing(error: Exception, *, times: int = 1000, then: Any = None) -> Any:
    """A method that fails the first `times`, and goes on as `then`."""
    errors = [error] * times

    async def method(*arguments: Any) -> Any:
        if errors:
            raise errors.pop()
        return await then(*arguments)

    return method


def test_who_interrupts_a_recording_learns_its_key(slad: Slad, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ControlClient, "record", interrupted)
    for command in ((*ADD, "--open", "--all"), ("notice", "give", "acme", "shop")):
        result = slad.run(*command)
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
