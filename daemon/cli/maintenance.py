"""`slad maintenance`: windows of maintenance, announced, listed, withdrawn."""

from operator import itemgetter
from typing import Any

import click

from daemon.cli import options, scope
from daemon.cli.asking import record
from daemon.cli.options import OutputFormat, Sending
from daemon.cli.scope import Windows
from daemon.cli.terminal import console, duration, print_table, say, show_as
from daemon.control.client import ControlAddress, Json
from daemon.control.operations import ANNOUNCE_MAINTENANCE, LIST_MAINTENANCE, WITHDRAW_MAINTENANCE


@click.group("maintenance")
def maintenance() -> None:
    """Announce maintenance, list it, withdraw it.

    By the contract scheduled maintenance is excluded so far as it was announced three days ahead, lies between 23:00
    and 06:00 of the client's local time, and takes no more than one hour a week. These are the usual terms; `slad client
    show` tells a client's own.
    """


@maintenance.command(
    "announce",
    epilog=options.example(
        "slad maintenance announce --client acme --dry-run \\\n"
        "      --from 2026-12-04T23:30-05:00 --until 2026-12-05T00:30-05:00"
    ),
)
@scope.options
@click.option("--emergency", is_flag=True, help="An emergency security update: exempt from notice and band.")
@click.option("--dry-run", is_flag=True, help="Only answer what would be excluded; record nothing.")
@options.sending
@options.control_address
@options.output_format
def announce(
    address: ControlAddress,
    emergency: bool,
    dry_run: bool,
    sending: Sending,
    format_: OutputFormat,
    **span_and_scope: Any,
) -> None:
    """Announce a window, and say what will be excluded.

    The answer tells for each server what of the window will be excluded, what will not and why, and how much of the
    week's allowance it leaves. A window that is not eligible is recorded all the same.

    Exits with 0 when it was recorded, also where none of it is eligible; with 1 when it was refused; with 3 when the
    daemon cannot be reached or broke off its answer.
    """
    body = scope.body(**span_and_scope)
    if body["until"] is None:
        raise click.UsageError("a window needs its end: --until")
    body["category"] = "emergency_security_update" if emergency else "scheduled_maintenance"
    answer = record(address, ANNOUNCE_MAINTENANCE.path(), body, sending=sending, dry_run=dry_run)
    show_as(format_, answer, lambda: _show(answer, dry_run=dry_run))


def _show(answer: Json, *, dry_run: bool) -> None:
    done = "would be announced; nothing was recorded" if dry_run else f"is announced as {answer['id']}"
    say(f"The window {done}.")
    summary = answer["summary"]
    say(
        f"Servers in it: {summary['servers']}. Excluded whole for {summary['fully_eligible']}, in part for"
        f" {summary['partly']}, not at all for {summary['not_at_all']}."
    )
    print_table(
        console(),
        ("server", "client", "window", "excluded", "not excluded, and why", "left of the week's allowance"),
        (
            (
                row["name"],
                row["client"],
                duration(row["seconds"]),
                duration(row["eligible_seconds"]),
                ", ".join(
                    f"{duration(part['seconds'])} {part['reason'].replace('_', ' ')}"
                    for part in row["ineligible"]
                )
                or "none",
                ", ".join(duration(week["left_seconds"]) for week in row["weeks"]),
            )
            for row in sorted(answer["servers"], key=itemgetter("name", "server"))
        ),
    )


scope.add_list_and_withdraw(
    maintenance,
    Windows(
        noun="window",
        key="maintenance",
        listing=LIST_MAINTENANCE,
        list_example="slad maintenance list --past",
        withdrawal=WITHDRAW_MAINTENANCE,
        withdraw_help="Withdraw a window, as if it had never been announced. One of several clients is withdrawn for all of them.",
        withdraw_example='slad maintenance withdraw mw-20261201-1a2b3c --why "not needed"',
    ),
)
