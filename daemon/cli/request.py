"""`slad request`: the service requests of clients, from opening to the first response and the end."""

import click

from daemon.cli import options
from daemon.cli.asking import ask, record, show_json
from daemon.cli.options import Format
from daemon.cli.terminal import console, print_table
from daemon.control_client import Door


@click.group("request")
def request() -> None:
    """Record the clients' service requests: a response is due within four business hours.

    Only a client's tech admins, at most two, may open one. A request that is open while a solution is down documents
    that interruption.
    """


@request.command(
    "open",
    epilog="Example: slad request open acme acme-mail --by ann@acme.example --channel phone --id T-4711",
)
@click.argument("client")
@click.argument("solution")
@click.option("--by", "opened_by", required=True, metavar="NAME", help="The tech admin who opened it.")
@click.option(
    "--channel", type=click.Choice(["phone", "email", "portal"]), required=True, help="How it came."
)
@click.option(
    "--at", "opened_at", type=options.INSTANT, metavar="INSTANT", help="When it was opened; now, if left out."
)
@click.option("--id", "id_", metavar="ID", help="The ticket's id; else slad gives one.")
@options.idempotency_key
@options.door
@options.output_format
def open_(
    door: Door,
    client: str,
    solution: str,
    opened_by: str,
    channel: str,
    opened_at: str | None,
    id_: str | None,
    key: str | None,
    format_: Format,
) -> None:
    """Open a request, and say when the response is due."""
    body = {
        "id": id_,
        "client": client,
        "solution": solution,
        "opened_by": opened_by,
        "channel": channel,
        "opened_at": opened_at,
    }
    answer = record(door, "/v1/requests", body, key=key)
    if format_ == "json":
        show_json(answer)
    else:
        click.echo(f"Opened as {answer['id']}; a response is due by {answer['due_at']}.")


@request.command("respond")
@click.argument("id_", metavar="ID")
@click.option("--at", type=options.INSTANT, metavar="INSTANT", help="When; now, if left out.")
@options.idempotency_key
@options.door
@options.output_format
def respond(door: Door, id_: str, at: str | None, key: str | None, format_: Format) -> None:
    """Record the response to a request."""
    answer = record(door, f"/v1/requests/{options.quoted(id_)}/respond", {"at": at}, key=key)
    if format_ == "json":
        show_json(answer)
    else:
        click.echo(f"The response to {id_} is on record.")


@request.command("close")
@click.argument("id_", metavar="ID")
@click.option("--at", type=options.INSTANT, metavar="INSTANT", help="When; now, if left out.")
@options.idempotency_key
@options.door
@options.output_format
def close(door: Door, id_: str, at: str | None, key: str | None, format_: Format) -> None:
    """Close a request."""
    answer = record(door, f"/v1/requests/{options.quoted(id_)}/close", {"at": at}, key=key)
    if format_ == "json":
        show_json(answer)
    else:
        click.echo(f"{id_} is closed.")


@request.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that are closed, too.")
@options.door
@options.output_format
def list_(door: Door, everything: bool, format_: Format) -> None:
    """List the open requests, and how the response to each stands."""
    query = None if everything else {"open": "true"}
    answer = ask(door, lambda daemon: daemon.document("/v1/requests", query))
    if format_ == "json":
        show_json(answer)
        return
    print_table(
        console(),
        ("id", "client", "solution", "opened", "by", "due", "response"),
        (
            (
                row["id"],
                row["client"],
                row["solution"],
                row["opened_at"],
                row["opened_by"],
                row["due_at"],
                row["response"],
            )
            for row in answer["requests"]
        ),
    )
