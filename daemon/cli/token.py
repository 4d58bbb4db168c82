"""`slad token`: a new token for the control door on TCP, and what the configuration is to know of it."""

from collections.abc import Sequence
from datetime import datetime

import click

from daemon.cli import options
from daemon.cli.asking import confirm
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import say, show_as
from daemon.clock import SystemClock
from daemon.config.values import check_id
from daemon.control.tokens import Role
from daemon.new_tokens import NewToken, new_token
from daemon.records.confirming import far_off
from sla.calendars import Day, format_day, parse_day
from sla.instants import DAY, Instant


class _TokenNameType(click.ParamType[str]):
    """A token's name, as the configuration takes it."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is."""
        try:
            return check_id(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("token", epilog=options.example("slad token --name portal --role record --expires 2027-12-31"))
@click.option(
    "--name",
    type=_TokenNameType(),
    metavar="NAME",
    default="portal",
    show_default=True,
    help="Who will use it: lists of what was recorded name token:NAME.",
)
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.RECORD.value,
    show_default=True,
    help="Only to read, or to record too.",
)
@click.option(
    "--expires",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The last day on which it holds, in UTC; left out: it holds until it is taken back.",
)
@options.yes
@options.output_format
def token(name: str, role: str, expires: datetime | None, yes: bool, format_: OutputFormat) -> None:
    """Make a token for the control door on TCP.

    Prints a new random token, and the lines for slad.toml, which hold its SHA-256 and not the token itself. Nothing is
    written and nobody is asked: the token is shown this once, and holds when the lines are in the configuration and slad
    was reloaded.
    """
    if expires is not None:
        _check(parse_day(expires.date().isoformat()), yes=yes)
    made = new_token()
    lines = ["[[control.token]]", f'name = "{name}"', f'role = "{role}"', f'sha256 = "{made.sha256}"']
    if expires is not None:
        lines.append(f"expires = {expires.date().isoformat()}")
    answer = {"token": made.token, "sha256": made.sha256, "config": "\n".join(lines) + "\n"}
    show_as(format_, answer, lambda: _show(made, lines))


def _check(last_day: Day, *, yes: bool) -> None:
    """Raises click.UsageError for a day that is over; asks about one that is years ahead."""
    now = SystemClock().now()
    if (last_day + 1) * DAY <= now:
        raise click.UsageError(f"--expires {format_day(last_day)} is over: the token would never hold")
    confirm(far_off("--expires", Instant(last_day * DAY), now), "Make the token all the same?", yes=yes)


def _show(made: NewToken, lines: Sequence[str]) -> None:
    say("The token, which is shown this once. Put it into a file that only its user can read (chmod 600);")
    say("slad's commands take that as --token-file, other programs send Authorization: Bearer TOKEN:")
    say("")
    say(f"    {made.token}")
    say("")
    say(
        "For slad.toml, at its end. [control] needs listen, cert_file and key_file too; then reload slad (SIGHUP):"
    )
    say("")
    for line in lines:
        say(f"    {line}")
