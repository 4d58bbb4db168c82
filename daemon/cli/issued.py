"""`slad statement issue|list|show|diff|verify`: statements that are issued, and what of them changed since."""

import json
import sys
import tempfile
import uuid
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import NoReturn

import click

from daemon.cli import completing, options
from daemon.cli.asking import EXIT_REFUSED, ask, for_people, record, record_or_refusal
from daemon.cli.differences import show_difference
from daemon.cli.layouts import check_output, layout_options
from daemon.cli.options import MonthType, OutputFormat, Sending
from daemon.cli.statement import statement
from daemon.cli.terminal import complain, console, print_table, say, show_as
from daemon.cli.words import local
from daemon.control.address import ControlAddress
from daemon.control.client import Json, RefusedByDaemonError
from daemon.control.routes import (
    ISSUE_STATEMENT,
    ISSUED_STATEMENT,
    LIST_CLIENTS,
    LIST_ISSUED,
    STATEMENT_DIFFERENCE,
)
from daemon.languages import LanguageName
from daemon.replies.words import NO_SERVICE
from daemon.statements.layouts import Layout
from daemon.statements.recomputing import records_of
from daemon.timezones import time_zone_release, use_packaged_time_zones
from sla.calendars import Month, parse_month
from sla.instants import parse_instant
from sla.records import ClientId

_client = click.argument("client", metavar="CLIENT", shell_complete=completing.clients)
_month = click.option(
    "--month", type=MonthType(), required=True, help="The calendar month, local to the client."
)
_version = click.option(
    "--version", type=options.NumberType(min=1, max=999_999_999), help="By default the newest."
)


@statement.command(
    "issue",
    short_help="Issue the statement of a month that is over.",
    epilog=options.example("slad statement issue acme --month 2026-10"),
)
@click.argument("client", metavar="[CLIENT]", required=False, shell_complete=completing.clients)
@_month
@click.option(
    "--all", "of_all", is_flag=True, help="Of all clients that had a server in service in the month."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be issued.")
@options.sending
@options.control_address
@options.output_format
def issue(
    client: str | None,
    month: Month,
    sending: Sending,
    address: ControlAddress,
    format_: OutputFormat,
    *,
    of_all: bool,
    dry_run: bool,
) -> None:
    """Issue the statement of a month: what is known now is frozen as its next version.

    The first version is 1. Issued again it is another version where any figure of the month differs; else nothing is recorded, and
    that is said. A month that is not over is not issued, nor one in which no server was in service with the client. With --all
    what cannot be issued of a client keeps no other from being issued. Exit codes: 0 it is issued, or nothing changed, 1 refused,
    3 the daemon cannot be reached.
    """
    if (client is None) is not of_all:
        raise click.UsageError("say either CLIENT or --all")
    if client is not None:
        body = {"client": client, "month": str(month)}
        answer = record(address, ISSUE_STATEMENT.path(), body, sending=sending, dry_run=dry_run)
        show_as(format_, answer, lambda: say(_told(answer)))
        return
    key = sending.key or str(uuid.uuid4())
    clients = ask(address, lambda daemon: daemon.document(LIST_CLIENTS.path()))["clients"]
    answers = [
        record_or_refusal(
            address,
            ISSUE_STATEMENT.path(),
            {"client": row["id"], "month": str(month)},
            sending=sending._replace(key=f"{key[:100]} {row['id']}"),
            dry_run=dry_run,
        )
        for row in clients
    ]
    done = [answer for answer in answers if not isinstance(answer, RefusedByDaemonError)]
    refused = list(
        dict.fromkeys(
            message
            for answer in answers
            if isinstance(answer, RefusedByDaemonError)
            for _, message in answer.fields or (("", str(answer)),)
            if not message.startswith(NO_SERVICE)
        )
    )
    show_as(format_, {"statements": done, "refused": refused}, lambda: _say_each(done))
    for message in refused:
        complain(for_people(message))
    if refused:
        sys.exit(EXIT_REFUSED)


def _say_each(answers: Iterable[Json]) -> None:
    for answer in answers:
        say(_told(answer))


def _told(answer: Json) -> str:
    statement = f"{answer['client']} {answer['month']} version {answer['version']}"
    if not answer["issued"]:
        return f"{statement}: nothing changed since it was issued, as known at {local(answer['as_of'])}"
    corrects = "" if answer["corrects"] is None else f", corrects version {answer['corrects']}"
    verb = "would be issued" if answer["dry_run"] else "is issued"
    return f"{statement} {verb}, as known at {local(answer['as_of'])}{corrects}"


@statement.command(
    "list",
    short_help="List the statements that were issued.",
    epilog=options.example("slad statement list acme"),
)
@click.argument("client", metavar="[CLIENT]", required=False, shell_complete=completing.clients)
@click.option("--month", type=MonthType(), help="Only those of this month.")
@options.control_address
@options.output_format
def list_(client: str | None, month: Month | None, address: ControlAddress, format_: OutputFormat) -> None:
    """List the statements that were issued, of all clients or of one, with all their versions."""
    given = {"client": client, "month": None if month is None else str(month)}
    query = {key: value for key, value in given.items() if value is not None}
    answer = ask(address, lambda daemon: daemon.document(LIST_ISSUED.path(), query))
    none = "No such statement is issued." if query else "No statement is issued."
    show_as(format_, answer, lambda: _print_versions(answer["statements"], none=none))


def _print_versions(rows: Iterable[Json], *, none: str) -> None:
    print_table(
        console(),
        ("client", "month", "version", "issued", "by", "as known at", "SHA-256", "now"),
        (
            (
                row["client"],
                row["month"],
                str(row["version"]),
                local(row["issued_at"]),
                row["issued_by"],
                local(row["as_of"]),
                row["sha256"],
                _state(row),
            )
            for row in rows
        ),
        none=none,
    )


def _state(row: Json) -> str:
    if not row["is_newest"]:
        return "corrected"
    return f"outdated: {row['outdated']} figures differ" if row["outdated"] else ""


@statement.command(
    "show",
    short_help="Print a statement as it was issued.",
    epilog=options.example("slad statement show acme --month 2026-10"),
)
@_client
@_month
@_version
@layout_options
@options.control_address
def show(
    client: str,
    month: Month,
    version: int | None,
    layout: Layout,
    output: Path | None,
    language: LanguageName | None,
    letterhead: Path | None,
    address: ControlAddress,
) -> None:
    """Print a statement as it was issued: of json the bytes that were stored, of other formats what is made of them.

    The provider's name and address are part of what was issued: of --letterhead the logo and the language are taken.
    Exit codes: 0 it is made, 1 it cannot be, or there is no such version, 2 the command line is wrong, 3 the daemon cannot be
    reached.
    """
    from daemon.cli.evaluate import lay_out
    from daemon.cli.letterheads import letterhead_in, letterhead_told

    check_output(layout, client, output)
    document = _document(address, client, month, version)
    head = (
        letterhead_told(address, client, language)
        if letterhead is None
        else letterhead_in(letterhead, language)
    )
    lay_out(document, layout, output, head)


@statement.command(
    "diff",
    short_help="Show what differs between two versions, and by which records.",
    epilog=options.example("slad statement diff acme --month 2026-10"),
)
@_client
@_month
@click.option(
    "--version",
    type=options.NumberType(min=1, max=999_999_999),
    help="This one beside the one before it; by default what is known now beside the newest.",
)
@options.control_address
@options.output_format
def diff(
    client: str, month: Month, version: int | None, address: ControlAddress, format_: OutputFormat
) -> None:
    """Show what differs between two versions of a statement, figure by figure.

    It names the records of the ledger that came in between and bear on the month: among them are those that made the
    difference. What goes on after a month is none of its figures. Exit codes: 0 it is shown, be there a difference or none, 1
    there are no such versions, 2 the command line is wrong, 3 the daemon cannot be reached.
    """
    path = STATEMENT_DIFFERENCE.path(client=client, month=str(month))
    answer = ask(address, lambda daemon: daemon.document(path, _query(version)))
    use_packaged_time_zones()
    show_as(format_, answer, lambda: show_difference(answer))


@statement.command(
    "verify",
    short_help="Check that a statement is what was issued, and what the evidence says.",
    epilog=options.example("slad statement verify acme --month 2026-10"),
)
@_client
@_month
@_version
@options.control_address
@options.output_format
def verify(
    client: str, month: Month, version: int | None, address: ControlAddress, format_: OutputFormat
) -> None:
    """Check an issued statement: its bytes hash to what its record says, and the evidence of then gives the same bytes.

    The evidence is all that the ledger held up to the record that the statement names, verified on the way. Exit codes: 0 both
    hold, 1 they do not, or there is no such version, 2 the command line is wrong, 3 the daemon cannot be reached.
    """
    use_packaged_time_zones()
    document = _document(address, client, month, version)
    head = json.loads(document)["statement"]
    on_record = _record_of(address, client, month, head["version"])
    digest = sha256(document).hexdigest()
    if digest != on_record["sha256"]:
        _refuse(f"its bytes hash to {digest}, and its record says {on_record['sha256']}", format_)
    problem = _problem_of_evidence(document, head, address)
    if problem:
        _refuse(problem, format_)
    answer = {"sound": True, "version": head["version"], "sha256": digest, "seq": records_of(head)}
    show_as(
        format_,
        answer,
        lambda: say(
            f"{client} {month} version {answer['version']} holds: SHA-256 {digest}, and the evidence up to record"
            f" {answer['seq']} gives the same bytes."
        ),
    )


def _problem_of_evidence(document: bytes, head: Json, address: ControlAddress) -> str:
    """Why the evidence does not give the bytes of a document; empty where it does."""
    from daemon.cli.evaluate import evaluated
    from daemon.cli.export import write_all
    from daemon.evidence.files import EvidenceSource
    from sla.client_document import Imprint, LedgerHead, NoDocumentError, client_document

    claimed = tuple(
        LedgerHead(ledger=each["ledger"], seq=each["seq"], head=bytes.fromhex(each["head"]))
        for each in head["ledgers"]
    )
    if not claimed:
        return "it names no record of a ledger up to which it was made"
    last = records_of(head)
    with tempfile.TemporaryFile() as evidence:
        write_all(evidence, address=address, ledger=None, last=last)
        evidence.seek(0)
        source = EvidenceSource(name="the ledger", stream=evidence)
        as_of, month = parse_instant(head["as_of"]), parse_month(head["month"])
        found = evaluated(source, contract=None, month=month, as_of=as_of, verify=True, jobs=1)
    if found.heads != claimed:
        return f"record {last} of this ledger is not the one that it names: it was made of another ledger"
    imprint = Imprint(
        provider=head["provider"]["name"],
        address=tuple(head["provider"]["address"]),
        ledgers=claimed,
        time_zones=head["time_zones"],
        version=head["version"],
    )
    try:
        again = client_document(found.judgement, ClientId(head["client"]), imprint).encode()
    except NoDocumentError as error:
        return str(error)
    if again == document:
        return ""
    release = time_zone_release()
    zones = (
        ""
        if release == head["time_zones"]
        else f"; it was made with time zones of {head['time_zones']}, and these are {release}"
    )
    return (
        f"the evidence up to record {last} gives other bytes, of SHA-256 {sha256(again).hexdigest()}{zones}"
    )


def _document(address: ControlAddress, client: str, month: Month, version: int | None) -> bytes:
    path = ISSUED_STATEMENT.path(client=client, month=str(month))
    return ask(address, lambda daemon: daemon.content(path, _query(version)))


def _record_of(address: ControlAddress, client: str, month: Month, version: int) -> Json:
    query = {"client": client, "month": str(month)}
    rows = ask(address, lambda daemon: daemon.document(LIST_ISSUED.path(), query))["statements"]
    return next(row for row in rows if row["version"] == version)


def _query(version: int | None) -> dict[str, str]:
    return {} if version is None else {"version": str(version)}


def _refuse(problem: str, format_: OutputFormat) -> NoReturn:
    show_as(format_, {"sound": False, "problem": problem}, lambda: complain(problem))
    sys.exit(EXIT_REFUSED)
