"""`slad notice`: a client's notice of intent to cancel a solution."""

import click

from daemon.cli import options
from daemon.cli.asking import record, show_json
from daemon.cli.options import Format
from daemon.control_client import Door


@click.group("notice")
def notice() -> None:
    """Record a client's notice of intent to cancel after a chronic outage."""


@notice.command("give")
@click.argument("client")
@click.argument("solution")
@click.option(
    "--at", "given_at", type=options.INSTANT, metavar="INSTANT", help="When it was given; now, if left out."
)
@options.idempotency_key
@options.door
@options.output_format
def give(
    door: Door, client: str, solution: str, given_at: str | None, key: str | None, format_: Format
) -> None:
    """Record a notice, and say whether it is valid and what it starts.

    It is valid within 7 days after a chronic outage. Then the provider has 30 days to mend it, and more than two further
    interruptions in the 30 days after that let the client go without penalty.
    """
    body = {"client": client, "solution": solution, "given_at": given_at}
    answer = record(door, "/v1/notices", body, key=key)
    if format_ == "json":
        show_json(answer)
    elif answer["valid"]:
        click.echo(
            f"The notice is valid: to be mended by {answer['resolution_until']}, evaluated until"
            f" {answer['evaluation_until']}."
        )
    else:
        click.echo("The notice is on record, but no notice period is open: it starts nothing.")
