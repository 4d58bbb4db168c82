"""Every command, under every fault of the machine and with hostile names: it ends in sentences, and all of it shows."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import click
import pytest

from daemon.cli import main
from sla.texts import printable
from tests.daemon.cli.every_command import CONFIG, EVIDENCE, LEAVES, LINES, MONTH, Ground
from tests.daemon.cli.issuing import Issuer, issuer
from tests.daemon.cli.launching import FAULTS, Ended, Launcher, launcher, started
from tests.daemon.cli.recording import Slad
from tests.daemon.harness import WAIT_S
from tests.hostile import HOSTILE
from tests.probes.targets.targets import closed_port

DONE, REFUSED, USAGE, UNREACHABLE, NOTHING = range(5)
DEFECT, MACHINE, INTERRUPTED, HUNG_UP, TERMINATED = 70, 74, 130, 141, 143
STATUSES: Final = {
    DONE,
    REFUSED,
    USAGE,
    UNREACHABLE,
    NOTHING,
    DEFECT,
    MACHINE,
    INTERRUPTED,
    HUNG_UP,
    TERMINATED,
}
"""Those of `docs/slad-commands.md`."""
DAEMONS: Final = ("demo", "run")
ENDS: Final = {
    **dict.fromkeys(
        (
            *DAEMONS,
            "doctor",
            "clock accept",
            "hub init",
            "hub monitor add",
            "hub run",
            "hub role",
            "hub retire",
        ),
        REFUSED,
    ),
    "statement": NOTHING,
}
"""How the lines of commands end that are not done: what they ask for is not there, or nothing is on record of it."""
WIDE: Final = ("maintenance list", "exclusion list", "proposals list", "request list", "statement list")
"""Their tables have no room in 80 columns."""
WHEREVER: Final = {
    "memory runs out": MACHINE,
    "interrupted": INTERRUPTED,
    "terminated": TERMINATED,
    "a defect": DEFECT,
}
"""Faults that every command ends by."""
WHERE_IT_PRINTS: Final = {"stdout is full": MACHINE, "nobody reads": HUNG_UP, "stdout is closed": MACHINE}
NO_FAULTS: Final = ("none", "a hostile daemon", "long names", "long names, 80 columns")
MACHINE_FAULTS: Final = [fault for fault in FAULTS if fault not in NO_FAULTS]
AT_ITS_START: Final = [
    fault for fault in MACHINE_FAULTS if fault not in (*WHEREVER, "no descriptor", "no right")
]
"""What a process can be started under: without a descriptor, or a right to read it, Python itself gets no further."""

Usually = Callable[[str], Ended]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    with issuer(tmp_path_factory.mktemp("past")) as running:
        yield running


@pytest.fixture(scope="module")
def ground(slad: Slad, past: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    _, taken = slad.app.addresses[0]
    folder = tmp_path_factory.mktemp("ground")
    ground = Ground(slad=slad, past=past, folder=folder, taken=taken, nothing=closed_port())
    ground.prepare()
    return ground


@pytest.fixture(scope="module")
def launched(ground: Ground) -> Iterator[Launcher]:
    with launcher(ground.folder) as launched:
        yield launched


@pytest.fixture(scope="module")
def usually(ground: Ground, launched: Launcher) -> Usually:
    """How a command ends where nothing is wrong."""
    return cache(lambda command: launched.run(*ground.line(command)))


def assert_all_shows(ended: Ended) -> None:
    """What a command said, line by line, of which none is forged."""
    for line in f"{ended.out}\n{ended.err}".split("\n"):
        assert printable(line, len(line) * 4 + 100) == line
        assert not line.startswith("FORGED")


def assert_ends_in_a_sentence(ended: Ended, *, is_heard: bool = True) -> None:
    assert ended.status in STATUSES, ended
    assert "Traceback" not in ended.out + ended.err, ended
    assert "Exception ignored" not in ended.err, ended
    assert_all_shows(ended)
    if ended.status != DONE and is_heard:
        last = (ended.err or ended.out).rstrip("\n").rpartition("\n")[2]
        assert len(last.split()) > 3, ended


def test_every_command_has_a_line() -> None:
    assert set(LINES) == set(LEAVES)


@pytest.mark.parametrize("command", LEAVES)
def test_its_line_does_what_it_is_for(usually: Usually, command: str) -> None:
    ended = usually(command)
    assert ended.status == ENDS.get(command, DONE), ended
    assert_ends_in_a_sentence(ended)


@pytest.mark.parametrize("command", DAEMONS)
def test_a_port_that_is_taken_is_told_with_who_has_it_and_what_to_do(
    ground: Ground, usually: Usually, command: str
) -> None:
    told = usually(command).err.splitlines()[-1]
    cure = {
        "run": "end what has it, or choose another address or port",
        "demo": "end it, or take any free port: slad demo --port 0, or make run PORT=0",
    }[command]
    process = Path("/proc/self/comm").read_text().strip()
    address = f"127.0.0.1:{ground.taken}"
    assert told == f"slad: {address} is in use, by {process} (process {os.getpid()}): {cure}"


# The machine


@pytest.mark.parametrize("fault", MACHINE_FAULTS)
@pytest.mark.parametrize("command", LEAVES)
def test_whatever_the_fault_it_ends_in_a_sentence(
    ground: Ground, launched: Launcher, usually: Usually, command: str, fault: str
) -> None:
    if fault == "no right" and os.geteuid() != 0:
        pytest.skip("only root can give up its rights")
    ended = launched.run(*ground.line(command), fault=fault)
    assert_ends_in_a_sentence(ended, is_heard="stderr" not in fault and ended.status != HUNG_UP)
    if fault in WHEREVER:
        assert ended.status == WHEREVER[fault]
    if fault in WHERE_IT_PRINTS and usually(command).out:
        assert ended.status == WHERE_IT_PRINTS[fault]


def test_an_output_that_takes_nothing_is_told_with_what_to_do(ground: Ground, launched: Launcher) -> None:
    ended = launched.run(*ground.line("evaluate"), fault="stdout is full")
    assert ended.err == (
        "slad: the output, or a file, could not be written: No space left on device: make room there,"
        " or allow larger files, and try again\n"
    )


def test_who_is_terminated_dies_by_the_signal() -> None:
    command = (sys.executable, "-m", "daemon", "evaluate", "-", "--month", MONTH)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdin is not None
        client, _ = EVIDENCE.split("\n", 1)
        waiting.stdin.write(f"{client}\n" * 5000)  # more than a pipe takes: it is being read
        waiting.terminate()
        _, err = waiting.communicate(timeout=WAIT_S)
    assert (waiting.returncode, "interrupted before it was done" in err) == (-signal.SIGTERM, True)


def test_a_defect_is_told_in_one_line_that_nobody_can_forge(ground: Ground, launched: Launcher) -> None:
    ended = launched.run(*ground.line("status"), fault="a defect")
    (told,) = ended.err.splitlines()
    assert told.startswith(
        r"slad: a defect of slad's own ended it: KeyError: '\x1b[31mred\nslad: all is well' ("
    )
    assert "report it, with what it says under SLAD_TRACEBACK=1" in told


@pytest.mark.parametrize("fault", AT_ITS_START)
@pytest.mark.parametrize("command", ["status", "evaluate", "run"])
def test_a_process_that_starts_under_a_fault_ends_in_a_sentence_too(
    ground: Ground, command: str, fault: str
) -> None:
    start_and_look(ground, command, fault)


@pytest.mark.long
@pytest.mark.parametrize("fault", AT_ITS_START)
@pytest.mark.parametrize("command", LEAVES)
def test_so_does_every_command_that_starts_under_one(ground: Ground, command: str, fault: str) -> None:
    start_and_look(ground, command, fault)


def start_and_look(ground: Ground, command: str, fault: str) -> None:
    ended = started(*ground.line(command), fault=fault, cwd=ground.folder)
    assert_ends_in_a_sentence(ended, is_heard="stderr" not in fault and ended.status != HUNG_UP)


# Names


@pytest.mark.parametrize("command", LEAVES)
def test_whatever_a_daemon_answers_all_that_is_said_shows(
    ground: Ground, launched: Launcher, command: str
) -> None:
    assert_ends_in_a_sentence(launched.run(*ground.line(command), fault="a hostile daemon"))


@pytest.mark.parametrize("command", [leaf for leaf in LEAVES if leaf not in DAEMONS])
def test_at_80_columns_every_word_and_instant_is_whole(
    ground: Ground, launched: Launcher, command: str
) -> None:
    line = ground.line(command)
    before = launched.run(*line, fault="long names").out
    narrow = launched.run(*line, fault="long names, 80 columns").out
    after = launched.run(*line, fault="long names").out
    assert wholes(before) & wholes(after) <= set(narrow.split()) | wholes(narrow)
    if command in WIDE:
        assert narrow.count("\n") > after.count("\n")


def wholes(said: str) -> set[str]:
    """What nobody may break, of a line each: instants, and words, which ids and names are.

    Not words of headings, nor what was measured, which may be the same twice and another in between.
    """
    rows = re.sub(r"^\n.*", "", said, flags=re.MULTILINE)
    words = (word for word in rows.split() if not re.fullmatch(r"[\d.,]+(ms|s|%)?", word))
    return {*re.findall(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S+", rows), *words}


@pytest.mark.parametrize("command", [leaf for leaf in LEAVES if leaf not in DAEMONS])
def test_json_is_json_and_all_of_it_shows(ground: Ground, launched: Launcher, command: str) -> None:
    if not any(option.name == "format_" for option in found(command).params):
        pytest.skip("it has no --format")
    ended = launched.run(*ground.line(command), "--format", "json", fault="a hostile daemon")
    assert_all_shows(ended)
    if command != "clock accept":  # there is nothing to accept
        json.loads(ended.out)


def found(command: str) -> click.Command:
    """A command by its words."""
    at: click.Command = main
    for word in command.split():
        assert isinstance(at, click.Group)
        next_ = at.get_command(click.Context(at), word)
        assert next_ is not None
        at = next_
    return at


@pytest.mark.parametrize("command", LEAVES)
def test_whatever_an_argument_is_all_that_is_said_of_it_shows(
    ground: Ground, launched: Launcher, command: str
) -> None:
    for place in range(len(command.split()), len(ground.line(command))):
        arguments = list(ground.line(command))
        arguments[place] = f"{HOSTILE}\udcff"
        assert_ends_in_a_sentence(launched.run(*arguments))


@pytest.mark.parametrize("command", ["check-config", "doctor", "run"])
def test_whatever_stands_in_a_configuration_all_that_is_said_of_it_shows(
    ground: Ground, launched: Launcher, command: str
) -> None:
    text = CONFIG.format(taken=ground.taken, nothing=ground.nothing)
    hostile = json.dumps(HOSTILE, ensure_ascii=False).replace("\x7f", "\\u007f")
    config = ground.folder / "hostile\x1b\n.toml"
    for value in re.finditer(r'"[^"]*"|^\w+(?= =)|(?<=\[)[\w.]+(?=\])', text, re.MULTILINE):
        config.write_text(text[: value.start()] + hostile + text[value.end() :])
        assert_ends_in_a_sentence(launched.run(command, "--config", config))


@pytest.mark.parametrize("format_", ["text", "json"])
def test_whatever_stands_in_evidence_all_that_is_said_of_it_shows(
    ground: Ground, launched: Launcher, format_: str
) -> None:
    hostile = json.dumps(HOSTILE, ensure_ascii=False)
    names = {'"c"', '"s"', '"o"', '"icmp"', '"Client c"', '"Server s"', '"ann"'}
    others = set(re.findall(r'"[^"]*"', EVIDENCE)) - names
    file = ground.folder / "hostile\x1b\n.jsonl"
    asked = (file, "--month", MONTH, "--format", format_)

    file.write_text(re.sub("|".join(names), lambda _: hostile, EVIDENCE))
    ended = launched.run("evaluate", *asked)
    assert ended.status == DONE, ended
    assert_all_shows(ended)
    shown = json.loads(ended.out)["servers"][0]["name"] if format_ == "json" else ended.out
    assert (HOSTILE if format_ == "json" else printable(HOSTILE)) in shown

    for other in others:
        file.write_text(EVIDENCE.replace(other, hostile, 1))
        assert_ends_in_a_sentence(launched.run("evaluate", *asked))
        assert_all_shows(launched.run("verify", file, "--format", format_))
        assert_ends_in_a_sentence(launched.run("import", file, "--ledger", f"{HOSTILE}.db"))
