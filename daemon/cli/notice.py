"""`slad notice`: a client's notice of intent to cancel a solution."""

import click

from daemon.cli import options
from daemon.cli.asking import record_of_solution
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import say, show_as
from daemon.control.client import ControlAddress, Json
from daemon.control.operations import GIVE_NOTICE


@click.group("notice")
def notice() -> None:
    """Record a client's notice of intent to cancel."""


@notice.command("give", epilog=options.example("slad notice give acme acme-mail"))
@click.argument("client")
@click.argument("solution")
@click.option(
    "--at", "given_at", type=options.INSTANT, metavar="INSTANT", help="When it was given; left out: now."
)
@options.idempotency_key
@options.control_address
@options.output_format
def give(
    address: ControlAddress,
    client: str,
    solution: str,
    given_at: str | None,
    key: str | None,
    format_: OutputFormat,
) -> None:
    """Record a notice, and say whether it is valid.

    By the usual terms it is valid within 7 days after a chronic outage. Then the provider has 30 days to mend it, and
    more than two further interruptions in the 30 days after that let the client go without penalty.

    CLIENT and SOLUTION are ids; for a server that is sold alone its name will do for the SOLUTION.
    """
    body = {"client": client, "solution": solution, "given_at": given_at}
    answer = record_of_solution(address, GIVE_NOTICE.path(), body, key=key)
    show_as(format_, answer, lambda: say(_verdict(answer)))


def _verdict(answer: Json) -> str:
    if not answer["valid"]:
        return "The notice is on record, but no notice period is open: it starts nothing."
    return (
        f"The notice is valid: to be mended by {answer['resolution_until']}, evaluated until"
        f" {answer['evaluation_until']}."
    )
