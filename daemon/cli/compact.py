"""`slad compact`: the oldest months of a ledger into files of their own."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from daemon.cli import options
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import console, print_table, progress, say, show_as, tell, tell_progress
from daemon.clock import SystemClock
from daemon.config.loading import load
from daemon.config.problems import ConfigError
from daemon.ledger import Compaction, LedgerError, SealedMonth, Stored
from daemon.readable import counted
from daemon.statements.closing import LedgerMonth, months_of
from daemon.timezones import use_packaged_time_zones

KEEP: Final = 25
"""Months: longer than anything is disputed."""


@click.command("compact", epilog=options.example("slad compact --dry-run"))
@options.config
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A ledger that no daemon has open. By default the configuration's.",
)
@click.option(
    "--keep",
    type=options.NumberType(min=1, max=1200),
    default=KEEP,
    show_default=True,
    help="So many whole months before the present one stay in the ledger, whatever is issued.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be taken out, and what not and why.")
@options.output_format
def compact(path: Path, ledger: Path | None, keep: int, dry_run: bool, format_: OutputFormat) -> None:
    """Take the oldest months out of the ledger, each into a sealed file beside it, so that the ledger's own file gets smaller.

    A month is taken out with all before it: when it is older than --keep says, the statements of all clients for it are issued, and
    no figure is another one since. Nothing is lost, whenever this is interrupted: slad goes on as before, and verify, export,
    statement and a start read the month files with the ledger, in whose folder they have to stay. A month file is an export,
    compressed: verify and evaluate read it, too.

    Slad has to be stopped. Exit codes: 0 what may be taken out is, 1 it is not (why is on stderr), 2 the command line is wrong.
    """
    use_packaged_time_zones()
    try:
        with Compaction(ledger or load(path, os.environ).ledger.path) as compaction:
            months = _months(compaction, keep)
            sealed = () if dry_run else _sealed(compaction, months)
    except (ConfigError, LedgerError) as error:
        tell_progress()
        tell(str(error))
        sys.exit(1)
    show_as(format_, _told(months, sealed), lambda: _show(months, sealed, dry_run=dry_run))


def _months(compaction: Compaction, keep: int) -> Sequence[LedgerMonth]:
    """Those months that are in the ledger's own file still."""
    show = progress("records read")

    def records() -> Iterator[Stored]:
        for record in compaction.replay():
            show(record[0])
            yield record

    months = months_of(records(), compaction.document, keep=keep, now=SystemClock().now())
    tell_progress()
    return [each for each in months if each.last > compaction.sealed_until]


def _sealed(compaction: Compaction, months: Sequence[LedgerMonth]) -> Sequence[SealedMonth]:
    show = progress("records written")
    sealed = [compaction.seal(str(each.month), each.last, show) for each in months if not each.open]
    tell_progress()
    compaction.shrink()
    return sealed


def _told(months: Sequence[LedgerMonth], sealed: Sequence[SealedMonth]) -> object:
    return {
        "months": [
            {"month": str(each.month), "last": each.last, "open": each.open or None} for each in months
        ],
        "sealed": [{**each._asdict(), "file": str(each.file)} for each in sealed],
    }


def _show(months: Sequence[LedgerMonth], sealed: Sequence[SealedMonth], *, dry_run: bool) -> None:
    closed = [each for each in months if not each.open]
    if dry_run or not closed:
        say(f"{counted(len(closed), 'month')} of the ledger may be taken out.")
        print_table(
            console(),
            ("month", "its last record", "why it stays"),
            ((str(each.month), f"{each.last:,}", each.open) for each in months),
            prose=("why it stays",),
        )
    for month in sealed:
        say(
            f"{month.file} has the records {month.first:,} to {month.last:,} now, in {month.size_bytes:,} bytes."
        )
