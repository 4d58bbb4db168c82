"""`slad lifecycle`: the steps in the life of a solution, and the deadlines that follow."""

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
from daemon.control.routes import LIST_STEPS, RECORD_STEP, WITHDRAW_STEP
from sla.records import LifecycleEvent


@click.group("lifecycle")
def lifecycle() -> None:
    """Record the steps in the life of a solution.

    Provisioning, acceptance and the return of data have deadlines, which are counted from these steps.
    """


@lifecycle.command("record", epilog=options.example("slad lifecycle record acme acme-mail activated"))
@click.argument("client", shell_complete=completing.clients)
@click.argument("solution", shell_complete=completing.solutions)
@click.argument("event", type=click.Choice([event.value for event in LifecycleEvent]), metavar="EVENT")
@click.option("--at", type=options.INSTANT, metavar="INSTANT", help="When it happened; left out: now.")
@click.option("--id", "id_", metavar="ID", help="An id of your own; left out: slad gives one.")
@options.sending
@options.control_address
@options.output_format
def record_(
    address: ControlAddress,
    client: str,
    solution: str,
    event: str,
    at: str | None,
    id_: str | None,
    sending: Sending,
    format_: OutputFormat,
) -> None:
    """Record a step, and list the solution's deadlines.

    EVENT is order_accepted, provisioned, activated, problem_reported, problem_fixed, data_requested or data_returned.
    CLIENT and SOLUTION are ids; for a server that is sold alone its name will do for the SOLUTION.
    """
    body = {"id": id_, "client": client, "solution": solution, "event": event, "at": at}
    answer = record(address, RECORD_STEP.path(), body, sending=sending)
    show_as(format_, answer, lambda: _show(answer))


def _show(answer: Json) -> None:
    say(f"Recorded as {answer['id']}.")
    say(f"{answer['event'].replace('_', ' ')} at {local(answer['at'])} is on record.")
    print_table(
        console(),
        ("deadline", "due", "outcome"),
        (
            (row["deadline"].replace("_", " "), local(row["due_at"]), row["outcome"])
            for row in answer["deadlines"]
        ),
    )


add_withdraw(
    lifecycle,
    WITHDRAW_STEP,
    help_="""Withdraw a step, as if it had never been recorded.

    Where that turns back how a running solution stands, it is asked about first.""",
    example_='slad lifecycle withdraw lc-20261201-1a2b3c --why "another solution"',
)


@lifecycle.command("list", epilog=options.example("slad lifecycle list --all"))
@click.option("--all", "everything", is_flag=True, help="Those that are withdrawn, too.")
@options.control_address
@options.output_format
def list_(address: ControlAddress, everything: bool, format_: OutputFormat) -> None:
    """List the steps, by when they were."""
    query = {"withdrawn": "true"} if everything else None
    answer = ask(address, lambda daemon: daemon.document(LIST_STEPS.path(), query))
    show_as(format_, answer, lambda: _print_steps(answer["steps"], everything=everything))


def _print_steps(steps: Sequence[Json], *, everything: bool) -> None:
    print_table(
        console(),
        (
            "id",
            "client",
            "solution",
            "step",
            "at",
            "recorded by",
            *(("withdrawn, because",) if everything else ()),
        ),
        (
            (
                row["id"] or "none",
                row["client"],
                row["solution_name"] or row["solution"],
                row["event"].replace("_", " "),
                local(row["at"]),
                row["recorded_by"],
                *((why_withdrawn(row),) if everything else ()),
            )
            for row in steps
        ),
        prose=("withdrawn, because",),
        none="No step is on record.",
    )
