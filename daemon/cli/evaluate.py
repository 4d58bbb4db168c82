"""`slad evaluate`: every figure of a month, from the evidence alone."""

import gc
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import click

from daemon.cli import options
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import progress, show_document, tell, tell_progress
from daemon.evidence.contract_files import load_contract
from daemon.evidence.files import EvidenceError, EvidenceSource, Taker, read_records, read_verified
from daemon.holidays import holidays_around
from daemon.statements.text import statement_text
from daemon.timezones import use_packaged_time_zones
from sla.book import Book
from sla.calendars import Month, check_year, parse_month, year_of
from sla.document import document
from sla.instants import Instant, format_instant, parse_instant
from sla.records import ClientId
from sla.statement import Judgement
from sla.values import of_ledger


class MonthType(click.ParamType[Month]):
    """`YYYY-MM`."""

    name = "YYYY-MM"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Month:
        """See click."""
        try:
            month = parse_month(value)
            check_year(month.year, value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return month


class InstantType(click.ParamType[Instant]):
    """An RFC 3339 instant with a zone."""

    name = "INSTANT"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Instant:
        """See click."""
        try:
            at = parse_instant(value)
            check_year(year_of(at), value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return at


@click.command(
    "evaluate",
    short_help="Work out a month from evidence alone, anywhere.",
    epilog=options.example("slad evaluate evidence.jsonl --verify --month 2026-11 --format text"),
)
@click.argument("evidence", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--contract",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Terms, as tables [contract.*], in place of all contract records.",
)
@click.option("--month", type=MonthType(), required=True, help="The calendar month, local to each client.")
@click.option(
    "--as-of",
    type=InstantType(),
    help="The instant of knowledge, such as 2026-04-02T00:00:00Z. By default the newest in the evidence.",
)
@options.output_format
@click.option(
    "--verify",
    is_flag=True,
    help="Hold the export against its own hash chain, of each ledger; the head goes to stderr.",
)
def evaluate(
    evidence: str,
    contract: Path | None,
    month: Month,
    as_of: Instant | None,
    format_: OutputFormat,
    *,
    verify: bool,
) -> None:
    """Work out every figure of a month from EVIDENCE alone, a file of JSON Lines or - for standard input.

    Nothing else is read: no configuration, no ledger, no vCenter. The same evidence gives the same bytes anywhere.
    Exit codes: 0 the statement is on stdout, 1 the evidence or the contract is bad (every fault is a line on stderr),
    2 the command line is wrong.
    """
    use_packaged_time_zones()
    with click.open_file(evidence, "rb") as stream:
        source = EvidenceSource(name=evidence, stream=stream)
        judgement = evaluated(source, contract=contract, month=month, as_of=as_of, verify=verify)
    write(judgement, format_)


def evaluated(
    source: EvidenceSource, *, contract: Path | None, month: Month, as_of: Instant | None, verify: bool
) -> Judgement:
    """The judgement of all evidence in a file. Where it is bad, that is told on stderr, and the process ends with 1."""
    book = Book()
    try:
        _read(source, Taker(take=book.add, track_of=book.track), verify=verify)
        judged_at = _judged_at(book, as_of)
        holidays = holidays_around(_deadlines_from(book, judged_at))
        terms = load_contract(contract, holidays) if contract is not None else None
    except EvidenceError as error:
        for message in error.messages:
            tell(message)
        sys.exit(1)
    return Judgement(book, month=month, as_of=judged_at, national_holidays=holidays, terms=terms)


def write(judgement: Judgement, format_: OutputFormat, client: ClientId | None = None) -> None:
    """Put the statement of a client, or of all, on stdout."""
    as_json = format_ == "json"
    text = document(judgement.statement(client)) if as_json else statement_text(judgement, client)
    show_document(text)


def _read(source: EvidenceSource, taker: Taker, *, verify: bool) -> None:
    show = progress("lines read")
    # What is read lives to the end: looking for garbage among it would take as long as reading it.
    gc.disable()
    try:
        if not verify:
            read_records(source, taker, progress=show)
            return
        heads = read_verified(source, taker, progress=show)
    finally:
        gc.enable()
        tell_progress()
    if not heads:
        raise EvidenceError([f"{source.name}: holds no record, so there is no chain to verify"])
    for ledger, head in heads.items():
        of = of_ledger(ledger)
        tell(f"{source.name}: the chain{of} holds; its head is {head.seq} {head.chain.hex()}")


def _judged_at(book: Book, as_of: Instant | None) -> Instant:
    if as_of is not None:
        return as_of
    if book.newest_at is None:
        raise click.UsageError("the evidence holds no instant: say --as-of")
    try:
        check_year(year_of(book.newest_at), format_instant(book.newest_at))
    except ValueError as error:
        raise click.UsageError(f"the newest instant in the evidence, {error}: say --as-of") from error
    return book.newest_at


def _deadlines_from(book: Book, as_of: Instant) -> Iterable[Instant]:
    """The instants from which deadlines are counted, and `as_of`: whose years need holidays."""
    opened = (pages.record.opened_at for pages in book.requests.values())
    happened = (record.at for records in book.lifecycles.values() for record in records)
    return chain((as_of,), opened, happened)
