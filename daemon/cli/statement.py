"""`slad statement`: a month's statement from the ledger."""

import sys
import tempfile
from pathlib import Path

import click

from daemon.cli import options
from daemon.cli.evaluate import InstantType, MonthType, evaluated, write
from daemon.cli.export import write_all
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import tell
from daemon.evidence.files import EvidenceSource
from daemon.timezones import use_packaged_time_zones
from sla.calendars import Month
from sla.instants import Instant
from sla.records import ClientId


@click.command(
    "statement",
    short_help="Print a month's statement from the ledger.",
    epilog=options.example("slad statement --month 2026-11 --client acme"),
)
@click.option("--month", type=MonthType(), required=True, help="The calendar month, local to each client.")
@click.option("--client", help="Only this client's statement; by default those of all.")
@click.option("--as-of", type=InstantType(), help="The instant of knowledge; by default now.")
@options.output_format
@options.socket
@options.ledger
def statement(
    month: Month,
    client: str | None,
    as_of: Instant | None,
    format_: OutputFormat,
    socket: Path,
    ledger: Path | None,
) -> None:
    """Print a month's statement from the ledger: what `slad evaluate` makes of its export.

    The ledger is verified on the way; the head of its chain goes to stderr. Exit codes: 0 the statement is on stdout, 1
    it could not be made, 2 the command line is wrong.
    """
    use_packaged_time_zones()
    with tempfile.TemporaryFile() as evidence:
        write_all(evidence, socket=socket, ledger=ledger)
        evidence.seek(0)
        source = EvidenceSource(name="the ledger", stream=evidence)
        judgement = evaluated(source, contract=None, month=month, as_of=as_of, verify=True)
    chosen = None if client is None else ClientId(client)
    if chosen is not None and chosen not in judgement.book.clients:
        tell(f"The ledger knows no client {client!r}.")
        sys.exit(1)
    write(judgement, format_, chosen)
