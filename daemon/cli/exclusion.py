"""`slad exclusion`: time that the contract excludes for other reasons than maintenance."""

from typing import Any, get_args

import click

from daemon.cli import options, scope
from daemon.cli.asking import record
from daemon.cli.effects import show_effects
from daemon.cli.options import OutputFormat, Sending
from daemon.cli.scope import Windows
from daemon.cli.terminal import say, show_as
from daemon.cli.words import local
from daemon.control.address import ControlAddress
from daemon.control.routes import (
    ADD_EXCLUSION,
    END_EXCLUSION,
    LIST_EXCLUSIONS,
    WITHDRAW_EXCLUSION,
)
from daemon.replies.words import ExclusionCategory


@click.group("exclusion")
def exclusion() -> None:
    """Exclude time for other reasons than maintenance.

    The contract excludes outages by force majeure, and those that a client's own change, a client's own system or an
    end user's computer brought about. Maintenance has a command of its own.
    """


@exclusion.command(
    "add",
    epilog=options.example(
        "slad exclusion add client_change --server web1 \\\n"
        "      --from 2026-12-01T10:00Z --open --reference T-4711"
    ),
)
@click.argument("category", type=click.Choice(get_args(ExclusionCategory)), metavar="CATEGORY")
@scope.span
@scope.options
@click.option("--dry-run", is_flag=True, help="Only say what it would change in the month; record nothing.")
@click.option("--open", "open_", is_flag=True, help="It goes on: end it later. Takes the place of --until.")
@options.sending
@options.control_address
@options.output_format
def add(
    address: ControlAddress,
    category: str,
    start: str,
    until: str | None,
    open_: bool,
    dry_run: bool,
    sending: Sending,
    format_: OutputFormat,
    **said: Any,
) -> None:
    """Record an exclusion: its whole span does not count.

    CATEGORY is force_majeure, client_change, client_system or end_user_pc. An open client_change ends by itself when the
    servers that it concerns are next up.
    """
    body = {**scope.body(**said), "from": start, "until": until}
    if open_ == (until is not None):
        raise click.UsageError("say when it ends: --until, or --open where it goes on; one of them")
    body |= {"category": category, "open": open_ or None}
    answer = record(address, ADD_EXCLUSION.path(), body, sending=sending, dry_run=dry_run)

    def told() -> None:
        if dry_run:
            show_effects(answer["effects"])
        else:
            say(f"Recorded as {answer['id']}, until {local(answer['until']) or 'it is ended'}.")

    show_as(format_, answer, told)


@exclusion.command(
    "end", epilog=options.example("slad exclusion end ex-20261201-1a2b3c --at 2026-12-01T11:15Z")
)
@click.argument("id_", metavar="ID")
@click.option("--at", type=options.INSTANT, metavar="INSTANT", help="When it ended; left out: now.")
@options.sending
@options.control_address
@options.output_format
def end(address: ControlAddress, id_: str, at: str | None, sending: Sending, format_: OutputFormat) -> None:
    """End an open exclusion. One of several clients is ended for all of them."""
    answer = record(address, END_EXCLUSION.path(id=id_), {"at": at}, sending=sending)
    show_as(format_, answer, lambda: say(f"{answer['id']} ended at {local(answer['at'])}."))


scope.add_list_and_withdraw(
    exclusion,
    Windows(
        noun="exclusion",
        key="exclusions",
        listing=LIST_EXCLUSIONS,
        list_example="slad exclusion list --past",
        withdrawal=WITHDRAW_EXCLUSION,
        withdraw_help="Withdraw an exclusion, as if it had never been recorded. One of several clients is withdrawn for all of them.",
        withdraw_example='slad exclusion withdraw ex-20261201-1a2b3c --why "it was our change"',
    ),
)
