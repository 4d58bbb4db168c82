"""`slad verify`: whether a ledger, or an export of one, is what was recorded."""

import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

import click

from daemon.cli import options
from daemon.cli.export import write_all
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import show_as
from daemon.evidence.export import proven
from daemon.evidence.files import EvidenceError, EvidenceSource
from daemon.ledger import LedgerError, verified


class HashType(click.ParamType[bytes]):
    """A SHA-256 in hexadecimal."""

    name = "HEX"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """See click."""
        try:
            digest = bytes.fromhex(value)
        except ValueError:
            digest = b""
        if len(digest) != 32:
            self.fail(f"{value!r} is no SHA-256: 64 hexadecimal digits", param, ctx)
        return digest


@click.command(
    "verify",
    short_help="Verify an export's chain of hashes.",
    epilog=options.example("slad verify evidence.jsonl"),
)
@click.argument("export", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="A ledger that no daemon has open, or a copy."
)
@click.option(
    "--head", type=HashType(), help="A head seen before, on a statement or on /metrics: is it in this chain?"
)
@options.socket
@options.output_format
def verify(
    export: str | None, ledger: Path | None, head: bytes | None, socket: Path, format_: OutputFormat
) -> None:
    """Verify the hash chain of EXPORT, a file that `slad export` wrote (- for standard input), or of a ledger.

    With neither, the running daemon is asked for all that its ledger holds. Files are only read. Exit codes: 0 every record is what was recorded, 1 it is not, or `--head` is of another chain,
    2 the command line is wrong.
    """
    if export is not None and ledger is not None:
        raise click.UsageError("say either EXPORT or --ledger")
    try:
        if ledger is not None:
            report = _of_ledger(ledger, head)
        elif export is not None:
            with click.open_file(export, "rb") as stream:
                report = _of_export(EvidenceSource(name=export, stream=stream), head)
        else:
            report = _of_daemon(socket, head)
    except (LedgerError, EvidenceError) as error:
        _refuse(str(error), format_)
    if head is not None and report.head_was_record is None:
        _refuse(
            f"No record here has the chain value {head.hex()}: it was seen of another ledger, of a part that is not in"
            " this file, or the records were rewritten.",
            format_,
        )
    show_as(format_, {"sound": True, **asdict(report)}, lambda: _show(report))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadReport:
    """The last record."""

    seq: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundFile:
    """What a sound file holds, as `--format json` says it."""

    file: str
    records: int
    first: int
    head: HeadReport
    head_was_record: int | None


def _show(report: SoundFile) -> None:
    click.echo(f"{report.file}: {report.records:,} records, the chain holds.")
    click.echo(f"head {report.head.seq} {report.head.sha256}")
    if report.head_was_record is not None:
        click.echo(f"The head given is that of record {report.head_was_record}.")


def _of_ledger(path: Path, head: bytes | None) -> SoundFile:
    result = verified(path, looked_for=head, progress=options.progress("records verified"))
    seq, chain = result.head
    return SoundFile(
        file=str(path),
        records=seq,
        first=min(1, seq),
        head=HeadReport(seq=seq, sha256=chain.hex()),
        head_was_record=result.found,
    )


def _of_daemon(socket: Path, head: bytes | None) -> SoundFile:
    with tempfile.TemporaryFile() as evidence:
        write_all(evidence, socket=socket, ledger=None)
        evidence.seek(0)
        return _of_export(EvidenceSource(name="the ledger", stream=evidence), head)


def _of_export(source: EvidenceSource, head: bytes | None) -> SoundFile:
    result = proven(source, looked_for=head, progress=options.progress("records verified"))
    return SoundFile(
        file=source.name,
        records=result.head.seq - result.first.seq + 1,
        first=result.first.seq,
        head=HeadReport(seq=result.head.seq, sha256=result.head.chain.hex()),
        head_was_record=result.found,
    )


def _refuse(problem: str, format_: OutputFormat) -> NoReturn:
    show_as(format_, {"sound": False, "problem": problem}, lambda: click.echo(problem, err=True))
    sys.exit(1)
