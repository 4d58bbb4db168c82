"""`slad client`: what holds with a client now: terms, solutions and their chronic stages, requests, deadlines."""

import click

from daemon.cli import options
from daemon.cli.asking import ask, show_json
from daemon.cli.options import Format
from daemon.cli.terminal import console, plain, print_table
from daemon.control_client import Door


@click.group("client")
def client() -> None:
    """Show clients: terms, solutions, requests, deadlines."""


@client.command("list")
@options.door
@options.output_format
def list_(door: Door, format_: Format) -> None:
    """List the clients."""
    answer = ask(door, lambda daemon: daemon.document("/v1/clients"))
    if format_ == "json":
        show_json(answer)
        return
    print_table(
        console(),
        ("client", "name", "time zone", "servers", "tech admins"),
        (
            (row["id"], row["name"], row["timezone"], str(row["servers"]), ", ".join(row["tech_admins"]))
            for row in answer["clients"]
        ),
    )


@client.command("show")
@click.argument("id_", metavar="CLIENT")
@options.door
@options.output_format
def show(door: Door, id_: str, format_: Format) -> None:
    """Show what holds with one client now."""
    answer = ask(door, lambda daemon: daemon.document(f"/v1/clients/{options.quoted(id_)}"))
    if format_ == "json":
        show_json(answer)
        return
    out = console()
    out.print(plain(f"{answer['name']} ({answer['id']}), local time of {answer['timezone']}"))
    out.print(
        plain(f"tech admins: {', '.join(answer['tech_admins']) or 'nobody'}; {answer['servers']} servers")
    )
    print_table(
        out,
        ("solution", "servers", "stage, observed", "in 30 days", "stage, documented", "in 30 days"),
        (
            (
                row["id"],
                str(row["servers"]),
                row["observed"]["stage"].replace("_", " "),
                str(row["observed"]["count"]),
                row["documented"]["stage"].replace("_", " "),
                str(row["documented"]["count"]),
            )
            for row in answer["solutions"]
        ),
    )
    print_table(
        out,
        ("open request", "solution", "opened", "due", "response"),
        (
            (row["id"], row["solution"], row["opened_at"], row["due_at"], row["response"])
            for row in answer["open_requests"]
        ),
    )
    print_table(
        out,
        ("deadline", "solution", "due", "outcome"),
        (
            (row["deadline"].replace("_", " "), row["solution"], row["due_at"], row["outcome"])
            for row in answer["deadlines"]
        ),
    )
