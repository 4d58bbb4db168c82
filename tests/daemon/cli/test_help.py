"""What every command says of itself: in one line, option by option, and by an example that works."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from daemon.cli import main
from daemon.cli.asking import OPTIONS
from daemon.records import bodies
from tests.daemon.cli.recording import run


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The ways to each command and group of commands below a group."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


COMMANDS = list(commands(main))
GROUPS = [(), *(path for path in COMMANDS if any(other[:-1] == path for other in COMMANDS))]
TAUGHT = [path for path in COMMANDS if path not in GROUPS and path != ("probe",)]
"""Of `probe` the first line shows how a target is written."""


@pytest.mark.parametrize("group", GROUPS, ids=" ".join)
def test_what_a_command_does_is_listed_uncut(group: tuple[str, ...]) -> None:
    listed = run(*group, "--help").stdout.partition("Commands:")[2]
    assert re.search(r"^  [a-z]", listed, re.MULTILINE)
    assert "..." not in listed
    assert "…" not in listed


def test_exit_codes_and_environment_are_the_same_in_help_and_documentation() -> None:
    said = run("--help").stdout
    told = Path(__file__, "../../../../docs/slad-commands.md").resolve().read_text(encoding="utf-8")
    codes = {each for row in re.findall(r"^\| ([0-9, ]+) \|", told, re.MULTILINE) for each in row.split(", ")}
    codes_said = re.findall(r"^ +(\d+)  +|; (\d+) by", said, re.MULTILINE)
    assert {first or second for first, second in codes_said} == codes
    names = set(re.findall(r"SLAD_[A-Z_]+", said))
    assert names == set(re.findall(r"\bSLAD_[A-Z_]+", told))
    asked = {name for path in COMMANDS for name in re.findall(r"SLAD_[A-Z_]+", run(*path, "--help").stdout)}
    assert asked | {"SLAD_TRACEBACK"} == names


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_option_is_explained(command: tuple[str, ...]) -> None:
    shown = run(*command, "--help").stdout
    options = re.findall(r"^  (?:-h, )?(--\S+)(.*(?:\n {20,}.*)*)", shown, re.MULTILINE)
    assert options
    assert not [option for option, text in options if not re.search(r"[a-z]{3}", text)]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_who_asks_on_the_socket_can_ask_on_tcp(command: tuple[str, ...]) -> None:
    shown = run(*command, "--help").stdout
    assert ("--socket" in shown) == ("--url" in shown)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (("serverz",), "'server"),
        (("stauts",), "'status'"),
        (("maintenance", "anounce"), "'announce'"),
        (("status", "--fromat", "json"), "'--format'"),
    ],
)
def test_what_was_meant_is_said_of_commands_and_options(typed: tuple[str, ...], meant: str) -> None:
    ended = run(*typed)
    assert ended.exit_code == 2
    assert "Did you mean" in ended.stderr
    assert meant in ended.stderr


@pytest.mark.parametrize(
    "typed", [("maintenance", "list", "--all"), ("exclusion", "withdraw", "ex-1", "--reason", "x")]
)
def test_what_only_its_dashes_are_like_was_not_meant(typed: tuple[str, ...]) -> None:
    ended = run(*typed)
    assert ended.exit_code == 2
    assert "No such option" in ended.stderr
    assert "Did you mean" not in ended.stderr


def test_commands_options_and_words_are_taken_in_upper_case_too() -> None:
    ended = run("Status", "--FORMAT", "JSON", "--socket", "/nowhere")
    assert ended.exit_code == 3, ended.stderr


@pytest.mark.parametrize("command", TAUGHT, ids=" ".join)
def test_the_example_of_a_command_is_one_that_it_takes(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evidence.jsonl").touch()
    shown = run(*command, "--help").stdout
    example = shown.partition("\n  Example:\n")[2]
    assert max(map(len, example.splitlines())) <= 80
    program, *words = shlex.split(example.replace("\\\n", ""))
    assert (program, tuple(words[: len(command)])) == ("slad", command)
    context = click.Context(main, info_name="slad")
    taking: click.Command = main
    for name in command:
        assert isinstance(taking, click.Group)
        found = taking.get_command(context, name)
        assert found is not None
        taking = found
    taking.make_context(command[-1], words[len(command) :], parent=context)


@pytest.mark.parametrize(("former", "name"), [("SLAD_CONTROL_SOCKET", "SLAD_SOCKET")])
def test_the_former_names_of_the_environment_are_read_too(
    former: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(former, "/nowhere/former")
    assert "/nowhere/former" in run("status").stderr
    monkeypatch.setenv(name, "/nowhere/new")
    assert "/nowhere/new" in run("status").stderr


def test_what_is_recorded_is_refused_by_the_names_of_options_and_arguments() -> None:
    context = click.Context(main)
    flags: set[str] = set()
    for path in COMMANDS:
        command: click.Command | None = main
        for name in path:
            assert isinstance(command, click.Group)
            command = command.get_command(context, name)
        assert command is not None
        flags |= {opt.lstrip("-") for each in command.params for opt in each.opts}
        assert not [each for each in command.params if each.type.name == "integer range"]
    fields = {
        field.alias or name
        for body in vars(bodies).values()
        if isinstance(body, type) and issubclass(body, bodies.RequestBody)
        for name, field in body.model_fields.items()
    }
    assert "valid_seconds" in fields
    called = {OPTIONS.get(field, field.replace("_", "-")).lstrip("-") for field in fields}
    assert {each for each in called if each.removesuffix("s") not in flags and each not in flags} <= set()
