"""`slad clock`: what slad takes for the time, and a person's word that the wall clock is right."""

from typing import Final

import click

from daemon.cli import options
from daemon.cli.asking import ask
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import say, show_as
from daemon.cli.words import local
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import CLOCK

_SLEWED_S: Final = 10
"""What is less is made up for slowly."""


@click.group("clock")
def clock() -> None:
    """Show what slad takes for the time, and confirm a clock that was set.

    A wall clock that was set is in doubt: slad records nothing and is not ready until the new time has held for a
    minute, somebody accepts it, or the clock shows again what it did before.
    """


@clock.command("show", epilog=options.example("slad clock show"))
@options.control_address
@options.output_format
def show(address: ControlAddress, format_: OutputFormat) -> None:
    """Show what slad takes for the time.

    Exits with 0 when the daemon answered, whatever it said, and with 3 when it cannot be reached or gave no proper answer.
    """
    answer = ask(address, lambda daemon: daemon.document(CLOCK.path()))
    show_as(format_, answer, lambda: _show(answer))


@clock.command("accept", epilog=options.example("slad clock accept"))
@options.control_address
@options.output_format
def accept(address: ControlAddress, format_: OutputFormat) -> None:
    """Confirm what the wall clock shows.

    slad believes it at once, and what is dated by it stays on record: look at it first. Who accepted it is put on record. A clock that stands more than an hour before what is on record cannot be accepted.

    Exits with 1 when there is nothing to accept, or it cannot be.
    """
    answer = ask(address, lambda daemon: daemon.accept_clock())
    show_as(format_, answer, lambda: _show(answer))


def _show(answer: Json) -> None:
    say(f"The time is {local(answer['at'])}, and the wall clock shows {local(answer['wall_clock_at'])}.")
    if answer["why"]:
        say(f"Nothing is recorded since {local(answer['doubted_since'])}: {answer['why']}.")
        return
    say("The wall clock is believed.")
    if answer["offset_seconds"] < -_SLEWED_S:
        say("It was set back: time stands still until it has caught up.")
