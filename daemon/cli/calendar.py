"""`slad maintenance calendar`: the windows of a span, past and to come, judged; and how what a window comes to is shown."""

from collections.abc import Callable, Iterator
from typing import Final, Literal

import click

from daemon.cli import completing, options
from daemon.cli.asking import ask
from daemon.cli.scope import concerned
from daemon.cli.terminal import console, duration, print_table, show_bytes, show_json
from daemon.cli.words import local
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import CALENDAR_FILE, MAINTENANCE_CALENDAR
from daemon.csv_text import csv_text
from sla.texts import printable

_COLUMNS: Final = (
    *("id", "state", "from", "until", "category", "concerns", "reference"),
    *("client", "servers", "excluded", "not excluded, and why", "left of the week's allowance"),
)
_PROSE: Final = ("concerns", "reference", "not excluded, and why")


@click.command(
    "calendar",
    short_help="Show the windows of a span, and what each comes to.",
    epilog=options.example(
        "slad maintenance calendar --client acme --since 2026-12-01T00:00-05:00 \\\n      --format ics"
    ),
)
@click.option(
    "--client",
    metavar="ID",
    shell_complete=completing.clients,
    help="Only what concerns this client, and what of it is the client's own.",
)
@click.option(
    "--since",
    type=options.INSTANT,
    metavar="INSTANT",
    help="Windows that end after it; left out: 92 days back.",
)
@click.option(
    "--until",
    type=options.INSTANT,
    metavar="INSTANT",
    help="Windows that begin before it; left out: 366 days ahead.",
)
@options.control_address
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "csv", "ics"]),
    default="text",
    show_default=True,
    help="For people, for programs, for spreadsheets, for calendars.",
)
def calendar(
    address: ControlAddress,
    client: str | None,
    since: str | None,
    until: str | None,
    format_: Literal["text", "json", "csv", "ics"],
) -> None:
    """Show the windows of a span, past and to come, and what each comes to.

    A window is judged by what is on record now: what of it is excluded, what is not and why, once for all servers of a
    client that it is the same for. The iCalendar file has the windows alone, withdrawn ones as cancelled.

    Exits with 0 when it was shown; with 1 when it was refused; with 3 when the daemon cannot be reached.
    """
    given = {"client": client, "from": since, "until": until}
    query = {key: value for key, value in given.items() if value is not None}
    if format_ == "ics":
        show_bytes(ask(address, lambda daemon: daemon.text(CALENDAR_FILE.path(), query)).encode())
        return
    answer = ask(address, lambda daemon: daemon.document(MAINTENANCE_CALENDAR.path(), query))
    match format_:
        case "json":
            show_json(answer)
        case "csv":
            show_bytes(_csv(answer).encode())
        case "text":
            none = f"No window is on record from {local(answer['from'])} until {local(answer['until'])}."
            print_table(console(), _COLUMNS, _rows(answer, local), prose=_PROSE, none=none)


def judged_cells(row: Json) -> tuple[str, ...]:
    """What a window comes to for some servers: client, servers, and for each of them what is excluded, what is not, what is left."""
    return (
        row["client"],
        str(row["servers"]),
        duration(row["eligible_seconds"]),
        not_excluded(row),
        left_of_weeks(row),
    )


def not_excluded(row: Json) -> str:
    """How long a window is not excluded, and why."""
    parts = (f"{duration(part['seconds'])} {part['reason'].replace('_', ' ')}" for part in row["ineligible"])
    return ", ".join(parts) or "none"


def left_of_weeks(row: Json) -> str:
    """What a window leaves of the allowance of each week that it touches."""
    return ", ".join(duration(week["left_seconds"]) for week in row["weeks"])


def _rows(answer: Json, told: Callable[[str | None], str]) -> Iterator[tuple[str, ...]]:
    """A row for each window and what it comes to; one for a window that is not judged, or in which no server is.

    `told` says instants.
    """
    for each in answer["windows"]:
        window = each["window"]
        said = (
            window["id"],
            window["state"],
            told(window["from"]),
            told((window["ended"] or {}).get("at") or window["until"]) or "open",
            window["category"].replace("_", " "),
            concerned(window),
            window["reference"] or "",
        )
        for row in each["servers"]:
            yield (*said, *judged_cells(row))
        if not each["servers"]:
            yield (*said, *("not judged" if each["summary"] is None else "no server", "", "", "", ""))


def _in_utc(at: str | None) -> str:
    return at or ""


def _csv(answer: Json) -> str:
    return csv_text(_COLUMNS, (map(printable, row) for row in _rows(answer, _in_utc)))
