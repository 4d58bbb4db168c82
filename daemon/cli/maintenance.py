"""`slad maintenance`: windows of maintenance, announced, listed, withdrawn."""

from typing import Any

import click

from daemon.cli import options, scope
from daemon.cli.asking import ask, record, show_json
from daemon.cli.options import Format
from daemon.cli.terminal import console, duration, plain, print_table
from daemon.control_client import Door

_SECOND = 1_000_000


@click.group("maintenance")
def maintenance() -> None:
    """Announce maintenance, list it, withdraw it.

    By the contract scheduled maintenance is excluded so far as it was announced three days ahead, lies between 23:00
    and 06:00 of the client's local time, and takes no more than one hour a week.
    """


@maintenance.command(
    "announce",
    epilog="Example: slad maintenance announce --from 2026-12-04T23:30-05:00 --until 2026-12-05T00:30-05:00 --client acme",
)
@scope.options
@click.option("--emergency", is_flag=True, help="An emergency security update: exempt from notice and band.")
@click.option("--dry-run", is_flag=True, help="Only answer what would be excluded; record nothing.")
@options.idempotency_key
@options.door
@options.output_format
def announce(
    door: Door, emergency: bool, dry_run: bool, key: str | None, format_: Format, **span_and_scope: Any
) -> None:
    """Announce a window, and say at once what of it will be excluded, what not, and why.

    Exits with 0 when it was recorded, also where none of it is eligible; with 1 when it was refused, with 3 when the
    daemon cannot be reached.
    """
    body = scope.body(**span_and_scope)
    if body["until"] is None:
        raise click.UsageError("a window needs its end: --until")
    body["category"] = "emergency_security_update" if emergency else "scheduled_maintenance"
    answer = record(door, "/v1/maintenance", body, key=key, dry_run=dry_run)
    if format_ == "json":
        show_json(answer)
        return
    out = console()
    done = "would be announced; nothing was recorded" if dry_run else f"is announced as {answer['id']}"
    out.print(plain(f"The window {done}."))
    summary = answer["summary"]
    out.print(
        plain(
            f"Of {summary['servers']} servers it is excluded whole for {summary['fully_eligible']}, in part for"
            f" {summary['partly']}, not at all for {summary['not_at_all']}."
        )
    )
    print_table(
        out,
        ("server", "client", "window", "excluded", "not excluded, and why", "left of the week's cap"),
        (
            (
                row["name"],
                row["client"],
                duration(int(row["seconds"] * _SECOND)),
                duration(int(row["eligible_seconds"] * _SECOND)),
                ", ".join(
                    f"{duration(int(part['seconds'] * _SECOND))} {part['reason'].replace('_', ' ')}"
                    for part in row["ineligible"]
                )
                or "none",
                ", ".join(duration(int(week["left_seconds"] * _SECOND)) for week in row["weeks"]),
            )
            for row in answer["servers"]
        ),
    )


@maintenance.command("list")
@click.option("--past", is_flag=True, help="Those that are over or withdrawn, too.")
@options.door
@options.output_format
def list_(door: Door, past: bool, format_: Format) -> None:
    """List the windows that run or lie ahead."""
    answer = ask(door, lambda daemon: daemon.document("/v1/maintenance", {"past": "true"} if past else None))
    if format_ == "json":
        show_json(answer)
        return
    print_table(
        console(),
        ("id", "state", "from", "until", "kind", "concerns", "reference", "recorded by"),
        (
            (
                row["id"],
                row["state"],
                row["from"],
                row["until"],
                row["category"].replace("_", " "),
                scope.shown(row),
                row.get("reference") or "",
                row["recorded_by"],
            )
            for row in answer["maintenance"]
        ),
    )


@maintenance.command("withdraw")
@click.argument("id_", metavar="ID")
@click.option("--why", required=True, metavar="TEXT", help="The reason, which stays on record.")
@options.idempotency_key
@options.door
@options.output_format
def withdraw(door: Door, id_: str, why: str, key: str | None, format_: Format) -> None:
    """Withdraw a window: it is as if never announced, from now on."""
    answer = record(door, f"/v1/maintenance/{options.quoted(id_)}/withdraw", {"why": why}, key=key)
    if format_ == "json":
        show_json(answer)
    else:
        click.echo(f"{id_} is withdrawn.")
