"""`slad lifecycle`: the steps in the life of a solution, and the deadlines that follow."""

from typing import Final

import click

from daemon.cli import options
from daemon.cli.asking import record, show_json
from daemon.cli.options import Format
from daemon.cli.terminal import console, print_table
from daemon.control_client import Door

EVENTS: Final = (
    "order_accepted",
    "provisioned",
    "activated",
    "problem_reported",
    "problem_fixed",
    "data_requested",
    "data_returned",
)


@click.group("lifecycle")
def lifecycle() -> None:
    """Record the steps in the life of a solution: provisioning, acceptance and the return of data have deadlines."""


@lifecycle.command("record")
@click.argument("client")
@click.argument("solution")
@click.argument("event", type=click.Choice(EVENTS))
@click.option("--at", type=options.INSTANT, metavar="INSTANT", help="When; now, if left out.")
@options.idempotency_key
@options.door
@options.output_format
def record_(
    door: Door, client: str, solution: str, event: str, at: str | None, key: str | None, format_: Format
) -> None:
    """Record a step, and list the solution's deadlines."""
    body = {"client": client, "solution": solution, "event": event, "at": at}
    answer = record(door, "/v1/lifecycle", body, key=key)
    if format_ == "json":
        show_json(answer)
        return
    click.echo(f"{event.replace('_', ' ')} is on record.")
    print_table(
        console(),
        ("deadline", "due", "outcome"),
        ((row["deadline"].replace("_", " "), row["due_at"], row["outcome"]) for row in answer["deadlines"]),
    )
