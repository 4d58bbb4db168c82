"""The command `withdraw` of all groups that have one."""

import click

from daemon.cli.asking import record
from daemon.cli.options import OutputFormat, Sending, control_address, example, output_format, sending
from daemon.cli.terminal import say, show_as
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import ApiRoute


def add_withdraw(group: click.Group, operation: ApiRoute, *, help_: str, example_: str) -> None:
    """Give a group of commands its `withdraw`."""

    @group.command("withdraw", help=help_, epilog=example(example_))
    @click.argument("id_", metavar="ID")
    @click.option(
        "--why",
        required=True,
        metavar="TEXT",
        help="The reason, which stays on record; each client that it concerns reads it.",
    )
    @sending
    @control_address
    @output_format
    def withdraw(
        address: ControlAddress, id_: str, why: str, sending: Sending, format_: OutputFormat
    ) -> None:
        answer = record(address, operation.path(id=id_), {"why": why}, sending=sending)
        show_as(format_, answer, lambda: say(f"{answer['id']} is withdrawn."))


def why_withdrawn(row: Json) -> str:
    """Why what a list shows was withdrawn; nothing where it was not."""
    return str((row["withdrawn"] or {}).get("why", ""))
