"""Options that several commands have, and what they show on the way."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import click

from daemon.config import DEFAULT_PATH
from daemon.control import DEFAULT_SOCKET

Format = Literal["text", "json"]

config: Final = click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=DEFAULT_PATH,
    show_default=True,
    envvar="SLAD_CONFIG",
    help="The configuration.",
)
output_format: Final = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people, or for programs.",
)
socket: Final = click.option(
    "--socket",
    type=click.Path(path_type=Path),
    default=DEFAULT_SOCKET,
    envvar="SLAD_CONTROL_SOCKET",
    show_default=True,
    show_envvar=True,
    help="The daemon's control socket.",
)
ledger: Final = click.option(
    "--ledger",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A ledger that no daemon has open, in place of the daemon's.",
)

_TOLD_EVERY: Final = 50_000


def progress(what: str) -> Callable[[int], None]:
    """What is told how many are done: it shows some numbers, with `what` behind, where somebody is watching stderr."""
    if not sys.stderr.isatty():
        return lambda _: None

    def show(done: int) -> None:
        if done % _TOLD_EVERY == 0:
            click.echo(f"\r{done:,} {what}", err=True, nl=False)

    return show
