"""`slad maintenance`: windows of maintenance, announced, listed, shown as a calendar, withdrawn."""

import re
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final

import click

from daemon.cli import options, scope
from daemon.cli.asking import record
from daemon.cli.calendar import calendar, judged_cells, left_of_weeks, not_excluded
from daemon.cli.options import OutputFormat, Sending
from daemon.cli.scope import Windows
from daemon.cli.terminal import console, duration, print_table, say, show_as
from daemon.cli.words import local
from daemon.control.address import ControlAddress
from daemon.control.client import Json
from daemon.control.routes import (
    ANNOUNCE_MAINTENANCE,
    ANNOUNCE_SERIES,
    LIST_MAINTENANCE,
    WITHDRAW_MAINTENANCE,
)
from daemon.replies.words import MOST_WINDOWS
from daemon.timezones import use_packaged_time_zones
from sla.calendars import parse_day
from sla.recurrence import parse_weekly

_CLOCK_CHANGES: Final[Mapping[str | None, str]] = {
    None: "",
    "skipped": "the clock skips its time",
    "twice": "its first time: there are two",
}
"""What a change of the local clock does to when a window begins."""


class _InstantOrDate(options.InstantWithZone):
    """An instant with a zone, or a date."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The date as it is, or the instant in RFC 3339."""
        if not _is_date(value):
            return super().convert(value, param, ctx)
        try:
            parse_day(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return value


def _is_date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) is not None


class _EveryType(click.ParamType[str]):
    """A day of the week and a time of day."""

    name = "every"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The rule as the door has it: `sun 23:00`."""
        try:
            return str(parse_weekly(value.lower()))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group("maintenance")
def maintenance() -> None:
    """Announce maintenance, list it, withdraw it.

    By the contract scheduled maintenance is excluded so far as it was announced three days ahead, lies between 23:00
    and 06:00 of the client's local time, and takes no more than one hour a week. These are the usual terms; `slad client
    show` tells a client's own.
    """


@maintenance.command(
    "announce",
    epilog=options.example(
        'slad maintenance announce --client acme --every "sun 23:00" --count 4 \\\n'
        "      --duration 1h --dry-run"
    ),
)
@click.option(
    "--from",
    "start",
    type=options.INSTANT,
    metavar="INSTANT",
    help="When it begins, with a zone: 2026-12-01T23:30-05:00. With --every: the first is the next from then on, else from now.",
)
@click.option(
    "--until",
    type=_InstantOrDate(),
    metavar="INSTANT|DATE",
    help="When it ends; this instant is not part of it any more. With --every: the last date, such as 2027-03-31.",
)
@click.option(
    "--duration",
    type=options.DURATION,
    metavar="DURATION",
    help="How long it lasts, in place of --until: 30m, 1h.",
)
@click.option(
    "--every",
    type=_EveryType(),
    metavar="DAY TIME",
    help='A window each week, such as "sun 23:00", each recorded by itself: all or none. With --count or --until.',
)
@click.option("--count", type=options.NumberType(1, MOST_WINDOWS), help="How many, with --every.")
@click.option(
    "--timezone",
    metavar="ZONE",
    help="By whose clock, with --every. Left out: that of those whom it concerns, where they have the same.",
)
@scope.options
@click.option("--emergency", is_flag=True, help="An emergency security update: exempt from notice and band.")
@click.option("--dry-run", is_flag=True, help="Only answer what would be excluded; record nothing.")
@options.sending
@options.control_address
@options.output_format
def announce(
    address: ControlAddress,
    start: str | None,
    until: str | None,
    duration: int | None,
    every: str | None,
    count: int | None,
    timezone: str | None,
    emergency: bool,
    dry_run: bool,
    sending: Sending,
    format_: OutputFormat,
    **said: Any,
) -> None:
    """Announce a window, or one a week, and say what will be excluded.

    The answer tells for each server what of the window will be excluded, what will not and why, and how much of the
    week's allowance it leaves; with --every, for each window, once for all servers that it is the same for. A window that
    is not eligible is recorded all the same.

    Exits with 0 when it was recorded, also where none of it is eligible; with 1 when it was refused; with 3 when the
    daemon cannot be reached or broke off its answer.
    """
    body = {
        **scope.body(**said),
        "category": "emergency_security_update" if emergency else "scheduled_maintenance",
        "from": start,
        "until": until,
        "duration_seconds": duration,
    }
    if every is None:
        _check_one(start, until, duration, count, timezone)
        answer = record(address, ANNOUNCE_MAINTENANCE.path(), body, sending=sending, dry_run=dry_run)
        show_as(format_, answer, lambda: _show(answer, dry_run=dry_run))
    else:
        _check_series(until, duration, count)
        body |= {"every": every, "count": count, "timezone": timezone}
        answer = record(address, ANNOUNCE_SERIES.path(), body, sending=sending, dry_run=dry_run)
        show_as(format_, answer, lambda: _show_series(answer, dry_run=dry_run))


def _check_one(
    start: str | None, until: str | None, duration: int | None, count: int | None, timezone: str | None
) -> None:
    """Raises click.UsageError for what makes no window."""
    if count is not None or timezone is not None:
        raise click.UsageError("--count and --timezone are for --every")
    if start is None:
        raise click.UsageError("a window needs its beginning: --from")
    if (until is None) == (duration is None):
        raise click.UsageError("a window needs its end: --until, or --duration; one of them")
    if until is not None and _is_date(until):
        raise click.UsageError(f"--until {until} is a date: write an instant such as 2026-12-02T00:30-05:00")


def _check_series(until: str | None, duration: int | None, count: int | None) -> None:
    """Raises click.UsageError for what makes no series."""
    if duration is None:
        raise click.UsageError("windows that recur need to last: --duration")
    if (until is None) == (count is None):
        raise click.UsageError(
            "say how many windows there are: --count, or --until with the last date; one of them"
        )
    if until is not None and not _is_date(until):
        raise click.UsageError(f"with --every --until is the last date, such as 2027-03-31, not {until}")


def _show_series(answer: Json, *, dry_run: bool) -> None:
    use_packaged_time_zones()
    count = len(answer["windows"])
    done = "would be announced; nothing was recorded" if dry_run else f"announced as {answer['id']}"
    say(
        f"{count} {'window' if count == 1 else 'windows'} {done}: {answer['every']}, by the clock of {answer['timezone']}."
    )
    print_table(
        console(),
        ("id", "from", "until", "note", "client", "servers", "excluded", "not excluded, and why", "left"),
        (
            (
                window["id"] or "",
                local(window["from"], answer["timezone"]),
                local(window["until"], answer["timezone"]),
                _CLOCK_CHANGES[window["clock_change"]],
                *cells,
            )
            for window in answer["windows"]
            for cells in [judged_cells(row) for row in window["servers"]] or [("no server", "0", "", "", "")]
        ),
        prose=("note", "not excluded, and why"),
    )


def _show(answer: Json, *, dry_run: bool) -> None:
    done = "would be announced; nothing was recorded" if dry_run else f"is announced as {answer['id']}"
    say(f"The window {done}.")
    summary = answer["summary"]
    say(
        f"Servers in it: {summary['servers']}. Excluded whole for {summary['fully_eligible']}, in part for"
        f" {summary['partly']}, not at all for {summary['not_at_all']}."
    )
    print_table(
        console(),
        ("server", "client", "window", "excluded", "not excluded, and why", "left of the week's allowance"),
        (
            (
                row["name"],
                row["client"],
                duration(row["seconds"]),
                duration(row["eligible_seconds"]),
                not_excluded(row),
                left_of_weeks(row),
            )
            for row in sorted(answer["servers"], key=itemgetter("name", "server"))
        ),
        prose=("not excluded, and why",),
    )


maintenance.add_command(calendar)
scope.add_list_and_withdraw(
    maintenance,
    Windows(
        noun="window",
        key="maintenance",
        listing=LIST_MAINTENANCE,
        list_example="slad maintenance list --past",
        withdrawal=WITHDRAW_MAINTENANCE,
        withdraw_help="Withdraw a window, as if it had never been announced. One of several clients is withdrawn for all of them.",
        withdraw_example='slad maintenance withdraw mw-20261201-1a2b3c --why "not needed"',
    ),
)
