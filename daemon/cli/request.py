"""`slad request`: the service requests of clients, from opening to the first response and the end."""

from collections.abc import Sequence

import click

from daemon.cli import completing, options
from daemon.cli.asking import ask, record
from daemon.cli.options import OutputFormat, Sending
from daemon.cli.terminal import console, print_table, say, show_as
from daemon.cli.withdrawing import add_withdraw, why_withdrawn
from daemon.cli.words import local
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import (
    CLOSE_REQUEST,
    LIST_REQUESTS,
    OPEN_REQUEST,
    RESPOND_TO_REQUEST,
    WITHDRAW_REQUEST,
)
from sla.records import Channel


@click.group("request")
def request() -> None:
    """Record the service requests of clients.

    Only a client's tech admins, at most two, may open one. A response is due within four business hours. A request that
    is open while a solution is down documents that interruption.
    """


@request.command(
    "open",
    epilog=options.example(
        "slad request open acme acme-mail --id T-4711 \\\n      --by ann@acme.example --channel phone"
    ),
)
@click.argument("client", shell_complete=completing.clients)
@click.argument("solution", shell_complete=completing.solutions)
@click.option("--by", "opened_by", required=True, metavar="NAME", help="The tech admin who opened it.")
@click.option(
    "--channel", type=click.Choice([channel.value for channel in Channel]), required=True, help="How it came."
)
@click.option(
    "--at", "opened_at", type=options.INSTANT, metavar="INSTANT", help="When it was opened; left out: now."
)
@click.option("--id", "id_", metavar="ID", help="The ticket's id; left out: slad gives one.")
@options.sending
@options.control_address
@options.output_format
def open_(
    address: ControlAddress,
    client: str,
    solution: str,
    opened_by: str,
    channel: str,
    opened_at: str | None,
    id_: str | None,
    sending: Sending,
    format_: OutputFormat,
) -> None:
    """Open a request, and say when the response is due.

    CLIENT and SOLUTION are ids, as `slad client list` and `slad client show` tell them. For a server that is sold alone
    its name will do for the SOLUTION.
    """
    body = {
        "id": id_,
        "client": client,
        "solution": solution,
        "opened_by": opened_by,
        "channel": channel,
        "opened_at": opened_at,
    }
    answer = record(address, OPEN_REQUEST.path(), body, sending=sending)
    show_as(
        format_,
        answer,
        lambda: say(f"Opened as {answer['id']}; a response is due by {local(answer['due_at'])}."),
    )


@request.command("respond", epilog=options.example("slad request respond T-4711"))
@click.argument("id_", metavar="ID")
@click.option("--at", type=options.INSTANT, metavar="INSTANT", help="When it was given; left out: now.")
@options.sending
@options.control_address
@options.output_format
def respond(
    address: ControlAddress, id_: str, at: str | None, sending: Sending, format_: OutputFormat
) -> None:
    """Record the response to a request; the first one counts."""
    answer = record(address, RESPOND_TO_REQUEST.path(id=id_), {"at": at}, sending=sending)
    response = "in time" if answer["response"] == "met" else "late"
    show_as(
        format_,
        answer,
        lambda: say(f"{answer['id']} was responded to at {local(answer['responded_at'])}, {response}."),
    )


@request.command("close", epilog=options.example("slad request close T-4711"))
@click.argument("id_", metavar="ID")
@click.option("--at", type=options.INSTANT, metavar="INSTANT", help="When it was closed; left out: now.")
@options.sending
@options.control_address
@options.output_format
def close(address: ControlAddress, id_: str, at: str | None, sending: Sending, format_: OutputFormat) -> None:
    """Close a request."""
    answer = record(address, CLOSE_REQUEST.path(id=id_), {"at": at}, sending=sending)
    show_as(format_, answer, lambda: say(f"{answer['id']} was closed at {local(answer['closed_at'])}."))


add_withdraw(
    request,
    WITHDRAW_REQUEST,
    help_="""Withdraw a request, as if it had never been opened.

    Its response and its end go with it, and what it documented is documented no more.""",
    example_='slad request withdraw T-4711 --why "a test of the portal"',
)


@request.command("list", epilog=options.example("slad request list --all"))
@click.option("--all", "everything", is_flag=True, help="Those that are closed or withdrawn, too.")
@options.control_address
@options.output_format
def list_(address: ControlAddress, everything: bool, format_: OutputFormat) -> None:
    """List the open requests, and how the response to each stands."""
    query = None if everything else {"open": "true"}
    answer = ask(address, lambda daemon: daemon.document(LIST_REQUESTS.path(), query))
    show_as(format_, answer, lambda: _print_requests(answer["requests"], everything=everything))


def _print_requests(requests: Sequence[Json], *, everything: bool) -> None:
    print_table(
        console(),
        (
            "id",
            "client",
            "solution",
            "opened",
            "by",
            "due",
            "response",
            "responded",
            *(("closed", "withdrawn, because") if everything else ()),
        ),
        (
            (
                row["id"],
                row["client"],
                row["solution_name"] or row["solution"],
                local(row["opened_at"]),
                row["opened_by"],
                local(row["due_at"]),
                row["response"],
                local(row["responded_at"]),
                *((local(row["closed_at"]), why_withdrawn(row)) if everything else ()),
            )
            for row in requests
        ),
        prose=("withdrawn, because",),
        none="No request is on record." if everything else "No request is open.",
    )
