"""Completion in real shells: commands and options from the program itself, names from the running daemon."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click
import pytest

from daemon.cli import main
from deploy.manual.build import COMPLETIONS, completion
from tests.daemon.cli.recording import Slad
from tests.daemon.cli.test_help import COMMANDS
from tests.peers import require

NAMED: Final = {"client", "clients", "server", "servers", "solution", "solutions"}
DEADLINE_S: Final = 60

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    for shell, name in COMPLETIONS.items():
        (folder / name).write_text(completion(shell))
    return folder


def environment(slad: Slad | None) -> dict[str, str]:
    """The program in the PATH, and the daemon's socket, or one where nobody is."""
    socket = slad.socket if slad else Path("/nonexistent/control.sock")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "SLAD_SOCKET": str(socket), "HOME": "/proc/self/fdinfo", "TERM": "dumb"}


def output(*command: str, env: Mapping[str, str]) -> str:
    """What a command prints; nothing on stderr."""
    result = subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=DEADLINE_S)
    assert result.stderr == ""
    return result.stdout


def in_bash(words: str, scripts: Path, env: Mapping[str, str]) -> set[str]:
    """What bash offers for a line, by the function that it calls at a tab."""
    *words_before, last = words.split(" ")
    script = f"""source {scripts}/slad
COMP_WORDS=({" ".join(words_before)} "$LAST") COMP_CWORD={len(words_before)}
_slad_completion slad
printf '%s\\n' "${{COMPREPLY[@]}}" """
    return set(output("bash", "--norc", "-c", script, env={**env, "LAST": last}).splitlines()) - {""}


def in_fish(words: str, _: Path, env: Mapping[str, str]) -> set[str]:
    script = completion("fish")
    found = output("fish", "--no-config", "-c", f'{script}\ncomplete -C "{words}"', env=env)
    return {line.partition("\t")[0] for line in found.splitlines()}


def in_zsh(words: str, scripts: Path, env: Mapping[str, str]) -> set[str]:
    """What the function for zsh hands to that one's completion, which takes it on a terminal alone."""
    script = f"""compdef() {{ : }}
compadd() {{ print -l -- $completions }}
_describe() {{ print -l -- ${{completions_with_descriptions%%:*}} }}
source {scripts}/_slad
words=("${{(@s: :)LINE}}") CURRENT=$#words
_slad_completion"""
    return set(output("zsh", "-f", "-c", script, env={**env, "LINE": words}).splitlines())


SHELLS: Final[Mapping[str, Callable[[str, Path, Mapping[str, str]], set[str]]]] = {
    "bash": in_bash,
    "fish": in_fish,
    "zsh": in_zsh,
}
ASKED: Final = (
    ("slad main", {"maintenance"}),
    ("slad maintenance ann", {"announce"}),
    ("slad server bore", {"borealis-mail-00006"}),
    ("slad client show a", {"acme"}),
    ("slad notice give acme sh", {"shop"}),
    ("slad maintenance announce --ser", {"--server"}),
    ("slad outages --client bo", {"borealis"}),
)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_offers_commands_options_and_the_names_that_the_daemon_knows(
    shell: str, slad: Slad, scripts: Path
) -> None:
    require(shutil.which(shell), f"{shell} is not installed")
    for words, expected in ASKED:
        offered = SHELLS[shell](words, scripts, environment(slad))
        assert expected <= offered, (words, offered)


@pytest.mark.parametrize("shell", SHELLS)
def test_where_no_daemon_is_nothing_is_offered_and_nothing_said(shell: str, scripts: Path) -> None:
    require(shutil.which(shell), f"{shell} is not installed")
    assert SHELLS[shell]("slad server bore", scripts, environment(None)) == set()
    assert "maintenance" in SHELLS[shell]("slad main", scripts, environment(None))


def test_a_name_that_a_terminal_cannot_show_is_not_offered(slad: Slad, scripts: Path) -> None:
    offered = in_bash("slad server ", scripts, environment(slad))
    assert "web7" in offered
    assert not [name for name in offered if not name.isprintable()]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_name_that_a_daemon_knows_can_be_completed(path: tuple[str, ...]) -> None:
    """Where the command asks a daemon at all; with what is no name, there is nothing to ask for."""
    command: click.Command = main
    for name in path:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    asks = any("--socket" in parameter.opts for parameter in command.params)
    for parameter in command.params:
        if asks and NAMED & {parameter.name, (parameter.metavar or "").lower()}:
            assert parameter._custom_shell_complete is not None, parameter.name
