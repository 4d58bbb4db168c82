"""`slad cause`: what brought about an outage, where a person knows better."""

import click

from daemon.cli import completing, options
from daemon.cli.asking import record
from daemon.cli.options import OutputFormat, Sending
from daemon.cli.terminal import say, show_as
from daemon.cli.words import cause_words, local
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import SET_CAUSE
from daemon.replies.words import AUTOMATIC
from sla.records import CauseKind


@click.group("cause")
def cause() -> None:
    """Say what brought about an outage, where slad does not know.

    slad works out the cause of every outage by itself: `slad outages` shows them. No figure reads a cause: it excludes
    nothing.
    """


@cause.command(
    "set",
    short_help="Record the cause of one outage.",
    epilog=options.example(
        'slad cause set web1 2026-11-18T07:00-05:00 provider_change \\\n      --why "we pulled the wrong cable"'
    ),
)
@click.argument("server", shell_complete=completing.servers)
@click.argument("at", type=options.INSTANT)
@click.argument(
    "cause_", metavar="CAUSE", type=click.Choice([*(kind.value for kind in CauseKind), AUTOMATIC])
)
@click.option(
    "--why",
    metavar="TEXT",
    help="Why that is so, which stands with the cause on record; needed but for automatic.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be recorded; record nothing.")
@options.sending
@options.control_address
@options.output_format
def set_(
    address: ControlAddress,
    server: str,
    at: str,
    cause_: str,
    why: str | None,
    sending: Sending,
    format_: OutputFormat,
    *,
    dry_run: bool,
) -> None:
    """Record the cause of one outage: what slad finds later leaves it as it is.

    SERVER is an id or a name, AT an instant of the outage, or less than a minute before it began. CAUSE is client_change,
    provider_change, host_maintenance, storage, host_failure, network, guest or unknown; or automatic: what slad itself
    finds holds again.

    Exits with 0 when it was recorded; with 1 when it was refused: there is no such server, or it was not down then; with 3
    when the daemon cannot be reached or broke off its answer.
    """
    body = {"server": server, "at": at, "cause": cause_, "why": why}
    answer = record(address, SET_CAUSE.path(), body, sending=sending, dry_run=dry_run)
    show_as(format_, answer, lambda: _say(answer, dry_run=dry_run))


def _say(answer: Json, *, dry_run: bool) -> None:
    done = "would be recorded; nothing was" if dry_run else "is recorded"
    say(
        f"Of the outage of {answer['name']} ({answer['server']}) that began at {local(answer['from'])} it {done}:"
    )
    say(f"  {cause_words(answer['cause'])}")
    if answer["before"] is not None:
        say(f"  before: {cause_words(answer['before'])}")
