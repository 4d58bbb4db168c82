"""`slad notice`: a client's notice of intent to cancel a solution."""

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
from daemon.control.routes import GIVE_NOTICE, LIST_NOTICES, WITHDRAW_NOTICE


@click.group("notice")
def notice() -> None:
    """Record the notices of intent to cancel that clients give."""


@notice.command("give", epilog=options.example("slad notice give acme acme-mail"))
@click.argument("client", shell_complete=completing.clients)
@click.argument("solution", shell_complete=completing.solutions)
@click.option(
    "--at", "given_at", type=options.INSTANT, metavar="INSTANT", help="When it was given; left out: now."
)
@click.option("--id", "id_", metavar="ID", help="An id of your own; left out: slad gives one.")
@options.sending
@options.control_address
@options.output_format
def give(
    address: ControlAddress,
    client: str,
    solution: str,
    given_at: str | None,
    id_: str | None,
    sending: Sending,
    format_: OutputFormat,
) -> None:
    """Record a notice, and say whether it is valid.

    By the usual terms it is valid within 7 days after a chronic outage. Then the provider has 30 days to mend it, and
    more than two further interruptions in the 30 days after that let the client go without penalty.

    CLIENT and SOLUTION are ids; for a server that is sold alone its name will do for the SOLUTION.
    """
    body = {"id": id_, "client": client, "solution": solution, "given_at": given_at}
    answer = record(address, GIVE_NOTICE.path(), body, sending=sending)
    show_as(format_, answer, lambda: _show(answer))


add_withdraw(
    notice,
    WITHDRAW_NOTICE,
    help_="Withdraw a notice, as if it had never been given.",
    example_='slad notice withdraw cn-20261201-1a2b3c --why "it was for another solution"',
)


@notice.command("list", epilog=options.example("slad notice list --all"))
@click.option("--all", "everything", is_flag=True, help="Those that are withdrawn, too.")
@options.control_address
@options.output_format
def list_(address: ControlAddress, everything: bool, format_: OutputFormat) -> None:
    """List the notices, by when they were given."""
    query = {"withdrawn": "true"} if everything else None
    answer = ask(address, lambda daemon: daemon.document(LIST_NOTICES.path(), query))
    show_as(format_, answer, lambda: _print_notices(answer["notices"], everything=everything))


def _print_notices(notices: Sequence[Json], *, everything: bool) -> None:
    print_table(
        console(),
        (
            "id",
            "client",
            "solution",
            "given",
            "recorded by",
            *(("withdrawn, because",) if everything else ()),
        ),
        (
            (
                row["id"] or "none",
                row["client"],
                row["solution_name"] or row["solution"],
                local(row["given_at"]),
                row["recorded_by"],
                *((why_withdrawn(row),) if everything else ()),
            )
            for row in notices
        ),
        prose=("withdrawn, because",),
        none="No notice is on record.",
    )


def _show(answer: Json) -> None:
    say(f"Recorded as {answer['id']}.")
    say(_verdict(answer))


def _verdict(answer: Json) -> str:
    if not answer["valid"]:
        return "The notice is on record, but no notice period is open: it starts nothing."
    return (
        f"The notice is valid: to be mended by {local(answer['resolution_until'])}, evaluated until"
        f" {local(answer['evaluation_until'])}."
    )
