"""`slad outages`: who was down, when and why, as a list or as what is said of a month."""

from collections.abc import Sequence
from typing import Final

import click

from daemon.cli import completing, options
from daemon.cli.listing import (
    USUAL_ROWS,
    Column,
    WantedList,
    joined,
    of_cause,
    of_key,
    rows_of,
    show_rows,
)
from daemon.cli.months import say_month
from daemon.cli.options import ListFormat, MonthType
from daemon.cli.terminal import say
from daemon.cli.words import cause_words, lasted, local, where
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import LIST_INCIDENTS, LIST_OUTAGES
from daemon.readable import counted, first_of
from daemon.timezones import use_packaged_time_zones
from sla.calendars import Month
from sla.records import CauseKind

_SHARED: Final[tuple[Column, ...]] = (
    of_key("from"),
    of_key("until"),
    of_key("lasted_seconds"),
    of_cause("cause"),
    of_cause("confidence"),
    of_cause("user"),
    of_cause("text"),
    of_cause("recorded_by"),
    of_key("incident"),
    of_key("host"),
    of_key("datastore"),
    of_key("uplink"),
)
_OUTAGES: Final[tuple[Column, ...]] = (
    *map(of_key, ("server", "name", "client", "solution")),
    *_SHARED,
    joined("legs"),
    ("reasons", lambda row: "; ".join(f"{leg}: {reason}" for leg, reason in row["reasons"].items())),
    ("events", lambda row: " ".join((row["cause"] or {}).get("because", ()))),
    *map(of_key, ("down_seconds", "excluded", "excluded_seconds")),
    joined("exclusions"),
)
_INCIDENTS: Final[tuple[Column, ...]] = (
    *_SHARED,
    *map(of_key, ("servers", "servers_down")),
    joined("clients"),
)


@click.command(
    "outages",
    epilog=options.example("slad outages --client acme --month 2026-11"),
)
@click.option("--client", metavar="ID", shell_complete=completing.clients, help="Only those of a client.")
@click.option(
    "--solution",
    metavar="ID",
    shell_complete=completing.solutions,
    help="Only those of a solution; a lone server's id is one.",
)
@click.option(
    "--server",
    metavar="NAME",
    shell_complete=completing.servers,
    help="Only those of a server, by its id or its name.",
)
@click.option(
    "--since",
    type=options.INSTANT,
    metavar="INSTANT",
    help="Only those that lasted to after it: 2026-12-01T23:30-05:00.",
)
@click.option("--until", type=options.INSTANT, metavar="INSTANT", help="Only those that began before it.")
@click.option(
    "--month", type=MonthType(), help="What there is to say of a month, YYYY-MM, local to each client."
)
@click.option("--open", "open_", is_flag=True, help="Only those that last.")
@click.option(
    "--cause",
    type=click.Choice([cause.value for cause in CauseKind]),
    metavar="CAUSE",
    help=f"Only those with a cause: {', '.join(cause.value for cause in CauseKind)}.",
)
@click.option("--incidents", is_flag=True, help="Those as one that one thing was the cause of.")
@click.option(
    "--limit",
    type=options.NumberType(min=1),
    metavar="N",
    help=f"So many at most. Left out: {USUAL_ROWS} for people, but for a month, and else all.",
)
@options.control_address
@options.list_format
def outages(
    address: ControlAddress,
    client: str | None,
    solution: str | None,
    server: str | None,
    since: str | None,
    until: str | None,
    month: Month | None,
    cause: str | None,
    limit: int | None,
    format_: ListFormat,
    *,
    open_: bool,
    incidents: bool,
) -> None:
    """List outages, the newest first: of which server, when, why, and what excluded it.

    With --month it is said in sentences, client by client, with sums, to be read aloud. The causes are those of `slad
    cause --help`; `slad server NAME` shows one server with all that is known of it.

    Exits with 0 also where there is none; with 1 when there is no such client, solution or server; with 3 when the daemon
    cannot be reached or gave no proper answer.
    """
    if month is not None and (since or until):
        raise click.UsageError("--month takes the place of --since and --until")
    is_said = month is not None and format_ == "text" and not incidents
    query = {
        "client": client,
        "solution": solution,
        "server": server,
        "from": since,
        "until": until,
        "month": None if month is None else str(month),
        "open": "true" if open_ else None,
        "cause": cause,
        "sort": "oldest" if month is not None else None,
    }
    operation, key = (LIST_INCIDENTS, "incidents") if incidents else (LIST_OUTAGES, "outages")
    usual = USUAL_ROWS if format_ == "text" and month is None else None
    wanted = WantedList(operation, key, query, limit or usual)
    found = rows_of(address, wanted)
    use_packaged_time_zones()
    if is_said and month is not None:
        show_rows(format_, wanted, found, _OUTAGES, lambda rows: say_month(month, rows))
    elif incidents:
        show_rows(format_, wanted, found, _INCIDENTS, _say_incidents)
    else:
        show_rows(format_, wanted, found, _OUTAGES, _say_outages)


def _say_outages(rows: Sequence[Json]) -> None:
    for row in _each(rows):
        say(f"{row['name']} ({row['server']})")
        say(f"  client {row['client']}, solution {row['solution'] or 'none'}")
        _say_when_and_why(row)
        legs = ", ".join(_leg(leg, row["reasons"].get(leg)) for leg in row["legs"])
        say(f"  down: {legs}")
        if row["exclusions"]:
            say(f"  {row['excluded']} excluded, by {', '.join(row['exclusions'])}")


def _say_incidents(rows: Sequence[Json]) -> None:
    for row in _each(rows):
        names = first_of(row["names"] + [""] * (row["servers"] - len(row["names"])), len(row["names"]))
        say(f"{counted(row['servers'], 'server')}: {names}")
        say(f"  of {', '.join(row['clients'])}; {row['servers_down']} of them down now")
        _say_when_and_why(row)


def _each(rows: Sequence[Json]) -> Sequence[Json]:
    if not rows:
        say("No such outage is on record.")
    return rows


def _say_when_and_why(row: Json) -> None:
    until = "now" if row["until"] is None else local(row["until"], row["timezone"])
    say(f"  {local(row['from'], row['timezone'])} to {until}, {lasted(row['lasted_seconds'])}")
    say(f"  {cause_words(row['cause'])}{where(row)}")
    if row["incident"]:
        say(f"  incident {row['incident']}")


def _leg(leg: str, reason: str | None) -> str:
    return f"{leg} ({reason})" if reason else leg
