"""`slad client`: what holds with a client now: terms, solutions and their chronic stages, requests, deadlines."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import click

from daemon.cli import options
from daemon.cli.asking import ask
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import Printer, console, duration, print_table, say, show_as
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.fleet_operations import CLIENT, LIST_CLIENTS

_UNTIL: Final = {
    "chronic": "notice_closes_at",
    "resolution": "resolution_until",
    "evaluation": "evaluation_until",
}
"""Until when a stage lasts at most."""


@click.group("client")
def client() -> None:
    """Show clients: terms, solutions, requests, deadlines."""


@client.command("list", epilog=options.example("slad client list"))
@options.control_address
@options.output_format
def list_(address: ControlAddress, format_: OutputFormat) -> None:
    """List the clients."""
    answer = ask(address, lambda daemon: daemon.document(LIST_CLIENTS.path()))
    show_as(format_, answer, lambda: _print_clients(answer["clients"]))


def _print_clients(clients: Sequence[Json]) -> None:
    print_table(
        console(),
        ("client", "name", "time zone", "servers", "tech admins"),
        (
            (row["id"], row["name"], row["timezone"], str(row["servers"]), ", ".join(row["tech_admins"]))
            for row in clients
        ),
    )


@client.command("show", epilog=options.example("slad client show acme"))
@click.argument("id_", metavar="CLIENT")
@options.control_address
@options.output_format
def show(address: ControlAddress, id_: str, format_: OutputFormat) -> None:
    """Show what holds with one client now.

    The terms, the solutions with their interruptions and where the chronic-outage process stands (as observed, and as
    documented by service requests), the open requests, and the deadlines that are pending.
    """
    answer = ask(address, lambda daemon: daemon.document(CLIENT.path(id=id_)))
    show_as(format_, answer, lambda: _show(console(), answer))


def _show(out: Printer, answer: Json) -> None:
    say(f"{answer['name']} ({answer['id']}), local time of {answer['timezone']}")
    say(f"tech admins: {', '.join(answer['tech_admins']) or 'nobody'}; servers: {answer['servers']}")
    print_table(out, ("term", "value"), _terms(answer["terms"]))
    names = _names(answer["solutions"])
    print_table(
        out,
        (
            "solution",
            "servers",
            "interrupted since",
            "counted",
            "observed",
            "in the window",
            "documented",
            "in the window",
        ),
        (
            (
                names[row["id"]],
                str(row["servers"]),
                *_interruption(row["ongoing"]),
                _stage(row["observed"]),
                str(row["observed"]["count"]),
                _stage(row["documented"]),
                str(row["documented"]["count"]),
            )
            for row in sorted(answer["solutions"], key=lambda row: names[row["id"]])
        ),
    )
    print_table(
        out,
        ("open request", "solution", "opened", "by", "due", "response"),
        (
            (
                row["id"],
                names.get(row["solution"], row["solution"]),
                row["opened_at"],
                row["opened_by"],
                row["due_at"],
                row["response"],
            )
            for row in answer["open_requests"]
        ),
    )
    print_table(
        out,
        ("deadline", "solution", "due", "outcome"),
        (
            (
                row["deadline"].replace("_", " "),
                names.get(row["solution"], row["solution"]),
                row["due_at"],
                row["outcome"],
            )
            for row in answer["deadlines"]
        ),
    )


def _names(solutions: Sequence[Json]) -> dict[str, str]:
    """What people call each solution: of a server that is sold alone its name, with the id where another is called so."""
    called = {row["id"]: str(row["name"] or row["id"]) for row in solutions}
    times = Counter(called.values())
    return {
        id_: name if name == id_ or times[name] == 1 else f"{name} ({id_})" for id_, name in called.items()
    }


def _terms(terms: dict[str, Json]) -> Iterator[tuple[str, str]]:
    """The terms as the configuration names them; of the holidays, which are many, only the number."""
    for group, values in terms.items():
        for name, value in values.items():
            if name == "holidays":
                yield f"{group}.{name}", f"{len(value)} days"
            else:
                yield f"{group}.{name}", ", ".join(value) if isinstance(value, list) else _value(value)


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _interruption(ongoing: Json | None) -> tuple[str, str]:
    if ongoing is None:
        return "", ""
    return ongoing["from"], duration(ongoing["counted_seconds"])


def _stage(chronic: Json) -> str:
    stage = str(chronic["stage"])
    until = chronic[_UNTIL[stage]] if stage in _UNTIL else None
    return stage.replace("_", " ") + (f" until {until}" if until else "")
