"""`slad lifecycle`: the steps in the life of a solution, and the deadlines that follow."""

import click

from daemon.cli import options
from daemon.cli.asking import record_of_solution
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import console, print_table, say, show_as
from daemon.control.client import ControlAddress, Json
from daemon.control.operations import RECORD_STEP
from sla.records import LifecycleEvent


@click.group("lifecycle")
def lifecycle() -> None:
    """Record the steps in the life of a solution.

    Provisioning, acceptance and the return of data have deadlines, which are counted from these steps.
    """


@lifecycle.command("record", epilog=options.example("slad lifecycle record acme acme-mail activated"))
@click.argument("client")
@click.argument("solution")
@click.argument("event", type=click.Choice([event.value for event in LifecycleEvent]), metavar="EVENT")
@click.option("--at", type=options.INSTANT, metavar="INSTANT", help="When it happened; left out: now.")
@options.idempotency_key
@options.control_address
@options.output_format
def record_(
    address: ControlAddress,
    client: str,
    solution: str,
    event: str,
    at: str | None,
    key: str | None,
    format_: OutputFormat,
) -> None:
    """Record a step, and list the solution's deadlines.

    EVENT is order_accepted, provisioned, activated, problem_reported, problem_fixed, data_requested or data_returned.
    CLIENT and SOLUTION are ids; for a server that is sold alone its name will do for the SOLUTION.
    """
    body = {"client": client, "solution": solution, "event": event, "at": at}
    answer = record_of_solution(address, RECORD_STEP.path(), body, key=key)
    show_as(format_, answer, lambda: _show(answer))


def _show(answer: Json) -> None:
    say(f"{answer['event'].replace('_', ' ')} at {answer['at']} is on record.")
    print_table(
        console(),
        ("deadline", "due", "outcome"),
        ((row["deadline"].replace("_", " "), row["due_at"], row["outcome"]) for row in answer["deadlines"]),
    )
