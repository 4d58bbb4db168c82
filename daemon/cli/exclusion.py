"""`slad exclusion`: time that the contract excludes for other reasons than maintenance."""

from typing import Any, Final

import click

from daemon.cli import options, scope
from daemon.cli.asking import ask, record, show_json
from daemon.cli.options import Format
from daemon.cli.terminal import console, print_table
from daemon.control_client import Door

CATEGORIES: Final = ("force_majeure", "client_change", "client_system", "end_user_pc")


@click.group("exclusion")
def exclusion() -> None:
    """Record time that the contract excludes, end it, list it, withdraw it. Maintenance has a command of its own."""


@exclusion.command(
    "add",
    epilog="Example: slad exclusion add client_change --from 2026-12-01T10:00Z --open --server web1 --reference T-4711",
)
@click.argument("category", type=click.Choice(CATEGORIES))
@scope.options
@click.option("--open", "open_", is_flag=True, help="It goes on: end it later. Takes the place of --until.")
@options.idempotency_key
@options.door
@options.output_format
def add(
    door: Door, category: str, open_: bool, key: str | None, format_: Format, **span_and_scope: Any
) -> None:
    """Record an exclusion: its whole span does not count.

    An open client_change ends by itself when the server that it concerns is next up.
    """
    body = scope.body(**span_and_scope)
    if open_ == (body["until"] is not None):
        raise click.UsageError("say when it ends: --until, or --open where it goes on; one of them")
    answer = record(door, "/v1/exclusions", {**body, "category": category, "open": open_ or None}, key=key)
    if format_ == "json":
        show_json(answer)
    else:
        click.echo(f"Recorded as {answer['id']}.")


@exclusion.command("end")
@click.argument("id_", metavar="ID")
@click.option("--at", type=options.INSTANT, metavar="INSTANT", help="When it ended; now, if left out.")
@options.idempotency_key
@options.door
@options.output_format
def end(door: Door, id_: str, at: str | None, key: str | None, format_: Format) -> None:
    """End an open exclusion."""
    answer = record(door, f"/v1/exclusions/{options.quoted(id_)}/end", {"at": at}, key=key)
    if format_ == "json":
        show_json(answer)
    else:
        click.echo(f"{id_} has ended.")


@exclusion.command("list")
@click.option("--past", is_flag=True, help="Those that are over or withdrawn, too.")
@options.door
@options.output_format
def list_(door: Door, past: bool, format_: Format) -> None:
    """List the exclusions that run or lie ahead."""
    answer = ask(door, lambda daemon: daemon.document("/v1/exclusions", {"past": "true"} if past else None))
    if format_ == "json":
        show_json(answer)
        return
    print_table(
        console(),
        ("id", "state", "from", "until", "category", "concerns", "reference", "recorded by"),
        (
            (
                row["id"],
                row["state"],
                row["from"],
                (row["ended"] or {}).get("at") or row["until"] or "open",
                row["category"].replace("_", " "),
                scope.shown(row),
                row.get("reference") or "",
                row["recorded_by"],
            )
            for row in answer["exclusions"]
        ),
    )


@exclusion.command("withdraw")
@click.argument("id_", metavar="ID")
@click.option("--why", required=True, metavar="TEXT", help="The reason, which stays on record.")
@options.idempotency_key
@options.door
@options.output_format
def withdraw(door: Door, id_: str, why: str, key: str | None, format_: Format) -> None:
    """Withdraw an exclusion: it is as if never recorded, from now on."""
    answer = record(door, f"/v1/exclusions/{options.quoted(id_)}/withdraw", {"why": why}, key=key)
    if format_ == "json":
        show_json(answer)
    else:
        click.echo(f"{id_} is withdrawn.")
