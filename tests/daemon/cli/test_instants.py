"""Instants are taken by every command as commands show them, and to the minute (docs/slad-commands.md)."""

from typing import Final

import click
import pytest

from daemon.cli import main
from daemon.cli.words import local
from sla.instants import parse_instant
from tests.daemon.cli.test_help import COMMANDS


def _parameters() -> list[tuple[str, click.Parameter]]:
    """Every argument and option that is an instant, by command."""
    found = []
    for path in COMMANDS:
        command: click.Command | None = main
        for name in path:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), name)
        assert command is not None
        found += [
            (f"{' '.join(path)} {each.name}", each)
            for each in command.params
            if "instant" in each.type.name.lower()
        ]
    return found


PARAMETERS: Final = _parameters()
AT: Final = "2026-11-30T12:55:00Z"


def test_there_are_such_parameters() -> None:
    names = {name for name, _ in PARAMETERS}
    assert {"statement as_of", "evaluate as_of", "export since", "outages since", "cause set at"} <= names


@pytest.mark.parametrize("parameter", [each for _, each in PARAMETERS], ids=[name for name, _ in PARAMETERS])
@pytest.mark.parametrize(
    "typed",
    [local(AT, "UTC"), local(AT, "America/Toronto"), "2026-11-30T07:55-05:00", AT, "2026-11-30t12:55z"],
)
def test_an_instant_is_taken_as_it_is_shown(parameter: click.Parameter, typed: str) -> None:
    taken = parameter.type.convert(typed, parameter, None)
    assert (parse_instant(taken) if isinstance(taken, str) else taken) == parse_instant(AT)


@pytest.mark.parametrize("parameter", [each for _, each in PARAMETERS], ids=[name for name, _ in PARAMETERS])
@pytest.mark.parametrize("typed", ["yesterday", "2026-11-30 12:55:00", "2026-02-30T00:00Z", ""])
def test_what_is_no_instant_is_told_with_one_that_is(parameter: click.Parameter, typed: str) -> None:
    with pytest.raises(click.BadParameter, match=r"such as 2026-12-01T23:30-05:00"):
        parameter.type.convert(typed, parameter, None)
