"""`slad evaluate`: every figure of a month, from the evidence alone."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import click

from daemon.cli import options
from daemon.cli.layouts import check_output, deliver, layout_options, not_made, nothing_told
from daemon.cli.letterheads import letterhead_in
from daemon.cli.options import InstantType, MonthType
from daemon.cli.terminal import progress, tell, tell_progress
from daemon.config.letterhead import Letterhead
from daemon.evidence.contract_files import load_contract
from daemon.evidence.files import (
    EvidenceError,
    EvidenceSource,
    Taker,
    evidence_in,
    read_records,
    read_verified,
)
from daemon.evidence.parts import read_in_parts
from daemon.jobs import JobLostError, cores, shared_out
from daemon.languages import LanguageName
from daemon.pacing import without_gc
from daemon.records.naming import find_client
from daemon.records.refusals import NotFoundError
from daemon.statements.judging import imprint_of, judged
from daemon.statements.layouts import Layout, LayoutError, laid_out
from daemon.timezones import use_packaged_time_zones
from sla.book import Book
from sla.calendars import Month, check_year, year_of
from sla.chain import Link
from sla.client_document import Imprint, LedgerHead, NoDocumentError, client_document
from sla.document import rows_of, united
from sla.instants import Instant, format_instant
from sla.records import ClientId
from sla.statement import Judgement
from sla.values import of_ledger

_T = TypeVar("_T")

SERVERS_A_JOB: Final = 500
"""A process for fewer would cost more than it saves."""


@click.command(
    "evaluate",
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
@click.option("--client", help="The statement of this client; else every figure of all.")
@click.option(
    "--version",
    type=options.NumberType(min=1, max=999_999_999),
    help="As which the statement was issued, as it says itself; else it is one that is not issued.",
)
@layout_options
@click.option(
    "--verify",
    is_flag=True,
    help="Hold the export against its own hash chain, of each ledger; the head goes to stderr.",
)
@options.jobs
def evaluate(
    evidence: str,
    contract: Path | None,
    month: Month,
    as_of: Instant | None,
    client: str | None,
    version: int | None,
    layout: Layout,
    output: Path | None,
    language: LanguageName | None,
    letterhead: Path | None,
    jobs: int | None,
    *,
    verify: bool,
) -> None:
    """Work out every figure of a month from EVIDENCE alone, a file of JSON Lines or - for standard input, compressed by gzip or not.

    Nothing else is read: no configuration, no ledger, no vCenter. The same evidence gives the same bytes anywhere.
    Without --client, --format json has the figures of all clients, and text a statement of each. With --verify a
    statement names the head of the chain that the evidence was held against.
    Exit codes: 0 it is made, 1 it cannot be: the evidence or the contract is bad (every fault is a line on stderr), there is
    no such client, the output cannot be written; 2 the command line is wrong, 4 it is made, and no server was in service
    in the month.
    """
    check_output(layout, client, output)
    if version is not None and client is None:
        raise click.UsageError("--version is that of one client's statement: say --client")
    use_packaged_time_zones()
    head = letterhead_in(letterhead, language)
    with without_gc():
        with click.open_file(evidence, "rb") as stream, evidence_in(evidence, stream) as source:
            found = evaluated(source, contract=contract, month=month, as_of=as_of, verify=verify, jobs=jobs)
        make(found, client=client, version=version, layout=layout, output=output, letterhead=head, jobs=jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """Evidence judged; `heads`: of the chains that it was held against."""

    judgement: Judgement
    heads: tuple[LedgerHead, ...]


@without_gc()
def evaluated(
    source: EvidenceSource,
    *,
    contract: Path | None,
    month: Month,
    as_of: Instant | None,
    verify: bool,
    jobs: int | None,
) -> Evaluated:
    """The judgement of all evidence in a file, which `jobs` read; None: by how much there is to read.

    Where it is bad, that is told on stderr, and the process ends with 1.
    """
    try:
        book, heads = _read(source, jobs, verify=verify)
        terms_by = None if contract is None else partial(load_contract, contract)
        judgement = judged(book, month=month, as_of=_judged_at(book, as_of), terms_by=terms_by)
    except EvidenceError as error:
        for message in error.messages:
            tell(message)
        sys.exit(1)
    except JobLostError as error:
        not_made(str(error))
    return Evaluated(judgement=judgement, heads=heads)


def make(
    found: Evaluated,
    *,
    client: str | None,
    layout: Layout,
    output: Path | None,
    letterhead: Letterhead,
    jobs: int | None,
    version: int | None = None,
) -> None:
    """Make the statement of a client, or what is said of all, which `jobs` share; None: by how much there is to do.

    `version`: as which that of the client was issued.
    """
    judgement = found.judgement
    imprint = imprint_of(letterhead, found.heads, version=version)
    if client is not None:
        lay_out(_document(judgement, _named(judgement, client), imprint), layout, output, letterhead)
        return
    if layout is Layout.JSON:
        rows = _shared(
            judgement.book, jobs, judgement.book.owners(), lambda those: rows_of(judgement.statement(those))
        )
        deliver({"": united(judgement.month, judgement.as_of, rows).encode()}, output)
        has_service = any(row.servers for row in rows)
    else:
        clients = [
            each
            for each in sorted({key[1] for key in judgement.book.servers_of})
            if (rules := judgement.rules(each)) is not None and rules.month[0] < judgement.as_of
        ]
        shares = _shared(
            judgement.book, jobs, clients, partial(_texts, judgement, imprint, layout, letterhead)
        )
        texts = sorted(chain.from_iterable(shares))
        if not texts:
            not_made(
                f"no client has a statement of {judgement.month} as known at {format_instant(judgement.as_of)}"
            )
        deliver({"": b"\n\n".join(each.text for each in texts)}, output)
        has_service = any(each.has_service for each in texts)
    if not has_service:
        nothing_told(judgement.month, None)


class _StatementText(NamedTuple):
    """A client's statement as it is printed."""

    client: ClientId
    text: bytes
    has_service: bool


def _shared(
    book: Book, jobs: int | None, clients: Sequence[ClientId], work: Callable[[Sequence[ClientId]], _T]
) -> list[_T]:
    """What jobs make, each of some of the clients."""
    if jobs is None:
        jobs = min(cores(), len(book.servers) // SERVERS_A_JOB)
    jobs = max(1, min(jobs, len(clients)))
    try:
        return shared_out(jobs, lambda number: work(clients[number::jobs]))
    except JobLostError as error:
        not_made(str(error))


def _texts(
    judgement: Judgement,
    imprint: Imprint,
    layout: Layout,
    letterhead: Letterhead,
    clients: Sequence[ClientId],
) -> list[_StatementText]:
    documents = [(each, _document(judgement, each, imprint)) for each in clients]
    return [
        _StatementText(each, laid_out(document, layout, letterhead)[""], _has_service(document))
        for each, document in documents
    ]


def lay_out(document: bytes, layout: Layout, output: Path | None, letterhead: Letterhead) -> None:
    """Bring the document of a client into a format; ends the command with 4 where it says that there was no service."""
    try:
        files = laid_out(document, layout, letterhead)
    except LayoutError as error:
        not_made(str(error))
    deliver(files, output)
    if not _has_service(document):
        head = json.loads(document)["statement"]
        nothing_told(head["month"], head["client"])


def _has_service(document: bytes) -> bool:
    return bool(json.loads(document)["summary"]["servers"])


def _named(judgement: Judgement, client: str) -> ClientId:
    """The client that is meant, as the daemon takes names."""
    try:
        return find_client(judgement.book, client)
    except NotFoundError as error:
        not_made(str(error))


def _document(judgement: Judgement, client: ClientId, imprint: Imprint) -> bytes:
    try:
        return client_document(judgement, client, imprint).encode()
    except NoDocumentError as error:
        not_made(str(error))


def _read(source: EvidenceSource, jobs: int | None, *, verify: bool) -> tuple[Book, tuple[LedgerHead, ...]]:
    """All that a file holds, and the head of each ledger, where the chains are to be verified."""
    show = progress("lines read")
    try:
        found = read_in_parts(source, jobs, verify=verify, progress=show)
        book, heads = found or _read_by_one(source, verify=verify, show=show)
    finally:
        tell_progress()
    if not verify:
        return book, ()
    if not heads:
        raise EvidenceError([f"{source.name}: holds no record, so there is no chain to verify"])
    for ledger, head in heads.items():
        of = of_ledger(ledger)
        tell(f"{source.name}: the chain{of} holds; its head is {head.seq} {head.chain.hex()}")
    return book, tuple(
        LedgerHead(ledger=name, seq=head.seq, head=head.chain) for name, head in sorted(heads.items())
    )


def _read_by_one(
    source: EvidenceSource, *, verify: bool, show: Callable[[int], None]
) -> tuple[Book, Mapping[str, Link]]:
    book = Book()
    taker = Taker(take=book.add, track_of=book.track)
    if verify:
        return book, read_verified(source, taker, progress=show)
    read_records(source, taker, progress=show)
    return book, {}


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
