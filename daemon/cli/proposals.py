"""`slad proposals`: exclusions that the causes of outages suggest, for a person to decide."""

from collections.abc import Sequence
from typing import get_args

import click

from daemon.cli import completing, options
from daemon.cli.asking import ask, record
from daemon.cli.effects import show_effects
from daemon.cli.options import OutputFormat, Sending
from daemon.cli.terminal import console, print_table, say, show_as
from daemon.cli.words import local
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import (
    ACCEPT_PROPOSAL,
    LIST_PROPOSALS,
    PROPOSAL,
    REJECT_PROPOSAL,
)
from daemon.replies.words import ProposalState

_NONE = {"pending": "No proposal waits to be decided.", "all": "No proposal is on record."}
_dry_run = click.option(
    "--dry-run", is_flag=True, help="Only say what it would change in the month; record nothing."
)


@click.group("proposals")
def proposals() -> None:
    """Decide on exclusions that the causes of outages suggest.

    Where a client's own people turned a server off, or its system failed, the contract excludes the outage. slad proposes
    that; nothing is excluded until a person accepts it.
    """


@proposals.command("list", epilog=options.example("slad proposals list --client acme --month 2026-12"))
@click.option("--client", metavar="ID", shell_complete=completing.clients, help="Only those of a client.")
@click.option("--month", metavar="YYYY-MM", help="Only those that touch this local month.")
@click.option(
    "--state",
    type=click.Choice([*get_args(ProposalState), "all"]),
    default="pending",
    show_default=True,
    help="How they stand.",
)
@options.control_address
@options.output_format
def list_(
    address: ControlAddress, client: str | None, month: str | None, state: str, format_: OutputFormat
) -> None:
    """List the proposals, by default those that wait to be decided."""
    given = {"client": client, "month": month, "state": state}
    query = {name: value for name, value in given.items() if value is not None}
    answer = ask(address, lambda daemon: daemon.document(LIST_PROPOSALS.path(), query))
    none = "There is no such proposal." if client or month else _NONE.get(state, f"No proposal is {state}.")
    show_as(format_, answer, lambda: _print(answer["proposals"], none=none, decided=state != "pending"))


@proposals.command(
    "show",
    short_help="Show one: outage, cause, events, decision.",
    epilog=options.example("slad proposals show pr-20261201-1a2b3c"),
)
@click.argument("id_", metavar="ID")
@options.control_address
@options.output_format
def show(address: ControlAddress, id_: str, format_: OutputFormat) -> None:
    """Show one proposal: its outage, the cause, the events that prove it, and what became of it."""
    answer = ask(address, lambda daemon: daemon.document(PROPOSAL.path(id=id_)))
    show_as(format_, answer, lambda: _show(answer))


@proposals.command("accept", epilog=options.example("slad proposals accept pr-20261201-1a2b3c --dry-run"))
@click.argument("id_", metavar="ID")
@_dry_run
@options.sending
@options.control_address
@options.output_format
def accept(address: ControlAddress, id_: str, dry_run: bool, sending: Sending, format_: OutputFormat) -> None:
    """Accept a proposal: its time is excluded.

    Of an outage that lasts an open exclusion is made, which slad ends with the outage. An exclusion that was made so is
    withdrawn as any other: `slad exclusion withdraw`.

    Exits with 0 when it was recorded; with 1 when there is no such proposal or it was decided or lapsed, and nothing was
    recorded; with 3 when the daemon cannot be reached or broke off its answer.
    """
    answer = record(address, ACCEPT_PROPOSAL.path(id=id_), {}, sending=sending, dry_run=dry_run)

    def told() -> None:
        if dry_run:
            show_effects(answer["effects"])
        else:
            say(f"{answer['id']} is accepted: {answer['exclusion']} excludes its time.")

    show_as(format_, answer, told)


@proposals.command(
    "reject",
    epilog=options.example('slad proposals reject pr-20261201-1a2b3c --why "our own migration"'),
)
@click.argument("id_", metavar="ID")
@click.option("--why", required=True, metavar="TEXT", help="The reason, which stays on record.")
@options.sending
@options.control_address
@options.output_format
def reject(address: ControlAddress, id_: str, why: str, sending: Sending, format_: OutputFormat) -> None:
    """Reject a proposal: nothing is excluded.

    It stays on record with the reason, and is not made again unless the outage turns out to have another cause.
    """
    answer = record(address, REJECT_PROPOSAL.path(id=id_), {"why": why}, sending=sending)
    show_as(format_, answer, lambda: say(f"{answer['id']} is rejected."))


def _print(rows: Sequence[Json], *, none: str, decided: bool) -> None:
    print_table(
        console(),
        (
            *("id", "from", "until", "server", "client", "category", "sure", "because"),
            *(("state", "by", "why") if decided else ()),
        ),
        (
            (
                row["id"],
                local(row["from"]),
                local(row["until"]) or "now",
                *_servers(row),
                row["category"],
                (row["cause"] or {}).get("confidence", ""),
                row["text"],
                *((row["state"], *_decision(row)) if decided else ()),
            )
            for row in rows
        ),
        prose=("server", "client", "because", "why"),
        none=none,
    )


def _servers(row: Json) -> tuple[str, str]:
    """Names of servers, and of the clients whose they are."""
    clients = dict.fromkeys(server["client"] for server in row["servers"])
    return ", ".join(server["name"] for server in row["servers"]), ", ".join(clients)


def _decision(row: Json) -> tuple[str, str]:
    decided = row["decided"] or {}
    return decided.get("recorded_by", ""), decided.get("why", "")


def _show(answer: Json) -> None:
    servers, clients = _servers(answer)
    say(f"{answer['id']} ({answer['state']}): exclude {answer['category']} for {servers} of {clients}")
    say(f"from {local(answer['from'])} until {local(answer['until']) or 'the outage ends'}")
    say(
        f"outage from {local(answer['outage_from']) or 'unknown'} until {local(answer['outage_until']) or 'now'}"
    )
    cause = answer["cause"]
    if cause is not None:
        say(f"cause {cause['cause']}, {cause['confidence']}: {cause['text']}")
    decided = answer["decided"]
    if decided is not None:
        why = f": {decided['why']}" if decided["why"] else ""
        by = decided["recorded_by"]
        say(f"{decided['decision']} at {local(decided['recorded_at'])} by {by}{why}")
        if decided["exclusion"] is not None:
            say(f"excluded as {decided['exclusion']}")
    print_table(
        console(),
        ("event", "at", "user", "host", "datastore", "key"),
        (
            (each["type"], local(each["at"]), each["user"], each["host"], each["datastore"], each["key"])
            for each in answer["events"]
        ),
    )
