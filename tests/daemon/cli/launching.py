"""The program `slad` under a fault: one process a call, forked from one that has all of it loaded, or started for good.

A forked one costs some milliseconds where a start takes most of a second, so that every command can meet every fault.
"""

import json
import os
import pkgutil
import re
import resource
import selectors
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import click

import daemon
import probes
import sla
from daemon.__main__ import main
from daemon.control.client import ControlClient
from tests.hostile import HOSTILE
from tests.interrupts import heeding_interrupts

NOBODY: Final = 65534
BY_SIGNAL: Final = 128
"""What a shell adds to the number of the signal that something died by."""
STDIN, STDOUT, STDERR = range(3)
PIPE_BYTES: Final = 1 << 20
TIMEOUT_S: Final = 60
LONG: Final = "-of-a-name-that-is-longer-than-most"


class Ended(NamedTuple):
    """How a command ended, as a shell has it, and what it said."""

    status: int
    out: str
    err: str


# Faults: what makes them, in the process that is to meet them, before it runs the command


def _full_stdout() -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), STDOUT)


def _nobody_reads() -> None:
    reader, writer = os.pipe()
    os.dup2(writer, STDOUT)
    os.close(reader)
    os.close(writer)


def _closed(*streams: int) -> Callable[[], None]:
    def close() -> None:
        for number in streams:
            os.close(number)
        if STDOUT in streams:
            sys.stdout = None
        if STDERR in streams:
            sys.stderr = None

    return close


def _limited(what: int, to: Callable[[], int]) -> Callable[[], None]:
    return lambda: resource.setrlimit(what, (to(), resource.getrlimit(what)[1]))


def _used_memory() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def _without_rights() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def _as_it_begins(happens: Callable[[], object]) -> Callable[[], None]:
    """What happens when the command itself is called, its options read."""

    def prepare() -> None:
        called = click.Command.invoke

        def invoke(command: click.Command, context: click.Context) -> Any:
            if context.invoked_subcommand is None:
                happens()
            return called(command, context)

        patch.object(click.Command, "invoke", invoke).start()

    return prepare


def _runs_out_of_memory() -> None:
    raise MemoryError


def _is_wrong() -> None:
    raise KeyError("\x1b[31mred\nslad: all is well")


def _answering(change: Callable[[Any], Any]) -> Callable[[], None]:
    """A daemon whose answers are changed."""

    def prepare() -> None:
        for name in ("document", "record"):
            asked = getattr(ControlClient, name)

            async def changed(*args: Any, asked: Any = asked, **kwargs: Any) -> Any:
                return change(await asked(*args, **kwargs))

            setattr(ControlClient, name, changed)

    return prepare


def _with_long_names(answer: Any) -> Any:
    """The same with names that have no room beside anything else."""
    match answer:
        case dict():
            return {
                key: value + LONG if key == "name" and isinstance(value, str) else _with_long_names(value)
                for key, value in answer.items()
            }
        case list():
            return [_with_long_names(value) for value in answer]
        case _:
            return answer


def _narrow_terminal() -> None:
    """What rich takes for a terminal without colours, 80 columns wide."""
    os.environ.update(TTY_COMPATIBLE="1", TERM="dumb", COLUMNS="80")
    _answering(_with_long_names)()


def _with_hostile_texts(answer: Any) -> Any:
    """The same with such texts, but for the numbers and hashes that are told as texts."""
    match answer:
        case dict():
            return {key: _with_hostile_texts(value) for key, value in answer.items()}
        case list():
            return [_with_hostile_texts(value) for value in answer]
        case str() if not re.fullmatch(r"[0-9./]+|[0-9a-f]{64}", answer):
            return answer + HOSTILE
        case _:
            return answer


FAULTS: Final[dict[str, Callable[[], None]]] = {
    "none": lambda: None,
    "stdout is full": _full_stdout,
    "nobody reads": _nobody_reads,
    "stdout is closed": _closed(STDOUT),
    "stdout and stderr are closed": _closed(STDOUT, STDERR),
    "no descriptor": _limited(resource.RLIMIT_NOFILE, lambda: 3),
    "few descriptors": _limited(resource.RLIMIT_NOFILE, lambda: 6),
    "no memory": _limited(resource.RLIMIT_AS, _used_memory),
    "memory runs out": _as_it_begins(_runs_out_of_memory),
    "no room for files": _limited(resource.RLIMIT_FSIZE, lambda: 0),
    "no right": _without_rights,
    "interrupted": _as_it_begins(lambda: signal.raise_signal(signal.SIGINT)),
    "terminated": _as_it_begins(lambda: signal.raise_signal(signal.SIGTERM)),
    "a defect": _as_it_begins(_is_wrong),
    "a hostile daemon": _answering(_with_hostile_texts),
    "long names": _answering(_with_long_names),
    "long names, 80 columns": _narrow_terminal,
}


# Processes


class Launcher:
    """Runs commands in forks of a process that has all of slad loaded."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def run(self, *arguments: str | Path, fault: str = "none") -> Ended:
        """A command, under a fault."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = [fault, [os.fsencode(argument).hex() for argument in arguments]]
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        self._process.stdin.flush()
        status, *texts = json.loads(self._process.stdout.readline())
        return Ended(status, *(bytes.fromhex(text).decode() for text in texts))


@contextmanager
def launcher(folder: Path) -> Iterator[Launcher]:
    """A launcher whose commands run in a folder."""
    command = (sys.executable, "-m", __name__, str(folder))
    with (
        heeding_interrupts(),
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
        ) as process,
    ):
        yield Launcher(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(TIMEOUT_S)


def _serve(folder: Path) -> None:
    for package in (daemon, probes, sla):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
    os.chdir(folder)
    for line in sys.stdin:
        fault, arguments = json.loads(line)
        ended = _forked(fault, [os.fsdecode(bytes.fromhex(argument)) for argument in arguments])
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


def _forked(fault: str, arguments: Sequence[str]) -> tuple[int, str, str]:
    pipes = [os.pipe(), os.pipe()]
    child = os.fork()
    if child == 0:
        _become_the_command(fault, arguments, [writer for _, writer in pipes])
    for _, writer in pipes:
        os.close(writer)
    texts = _read_to_the_end([reader for reader, _ in pipes])
    _, status = os.waitpid(child, 0)
    out, err = (text.hex() for text in texts)
    ended = os.waitstatus_to_exitcode(status)
    return ended if ended >= 0 else BY_SIGNAL - ended, out, err


def _become_the_command(fault: str, arguments: Sequence[str], writers: Sequence[int]) -> None:
    signal.alarm(TIMEOUT_S)
    for number, writer in zip((STDOUT, STDERR), writers, strict=True):
        os.dup2(writer, number)
        os.close(writer)
    os.closerange(STDERR + 1, 64)
    os.dup2(os.open(os.devnull, os.O_RDONLY), STDIN)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(STDIN), os.fdopen(STDOUT, "w"), os.fdopen(STDERR, "w")
    sys.argv = ["slad", *arguments]
    status: object = 99
    try:
        FAULTS[fault]()
        main()
    except SystemExit as ended:
        status = ended.code
    finally:
        os._exit(status if isinstance(status, int) else 98)


def _read_to_the_end(readers: Sequence[int]) -> list[bytes]:
    texts = dict.fromkeys(readers, b"")
    with selectors.DefaultSelector() as waiting:
        for reader in readers:
            waiting.register(reader, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                read = os.read(key.fd, PIPE_BYTES)
                texts[key.fd] += read
                if not read:
                    waiting.unregister(key.fd)
                    os.close(key.fd)
    return list(texts.values())


def started(*arguments: str | Path, fault: str = "none", cwd: Path) -> Ended:
    """The same as a process that starts under the fault, which its very imports can meet."""
    done = subprocess.run(
        (sys.executable, "-m", "daemon", *arguments),
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        preexec_fn=FAULTS[fault],
    )
    return Ended(done.returncode, done.stdout, done.stderr)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
