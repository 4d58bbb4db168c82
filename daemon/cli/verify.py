"""`slad verify`: whether a ledger, or an export of one, is what was recorded."""

import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

import click

from daemon.cli import options
from daemon.cli.options import OutputFormat
from daemon.cli.terminal import progress, say, show_as, tell
from daemon.control.address import ControlAddress
from daemon.evidence.export import proven
from daemon.evidence.files import EvidenceError, EvidenceSource, evidence_in
from daemon.jobs import JobLostError
from daemon.ledger import LedgerError, LedgerWentBackError, noted, verified
from sla.chain import GENESIS
from sla.values import of_ledger


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
    epilog=options.example("slad verify evidence.jsonl"),
)
@click.argument("export", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="A ledger that no daemon has open, or a copy."
)
@click.option(
    "--head", type=HashType(), help="A head seen before, on a statement or on /metrics: is it in this chain?"
)
@options.jobs
@options.control_address
@options.output_format
def verify(
    export: str | None,
    ledger: Path | None,
    head: bytes | None,
    jobs: int | None,
    address: ControlAddress,
    format_: OutputFormat,
) -> None:
    """Verify the hash chain of EXPORT, a file that `slad export` wrote (- for standard input), or of a ledger with its month files.

    With neither, the running daemon is asked for all that its ledger's file holds. Of an export of several ledgers each has a
    chain and a head of its own. A chain proves the order of what is there; that nothing was cut off its end, or all of it
    rewritten, is proved by a head that was seen before: the one noted beside the ledger, the one that the daemon acknowledged, the
    one that `--head` gives. It is said which was compared.

    Of a ledger's file the bytes of issued statements are held against their hashes too, and several --jobs verify a part each; an
    export is verified by one. Files are only read. Exit codes: 0 every record is what was recorded, 1 it is not, or a head is of another chain, 2 the command
    line is wrong, 3 the daemon cannot be reached.
    """
    if export is not None and ledger is not None:
        raise click.UsageError("say either EXPORT or --ledger")
    try:
        if ledger is not None:
            report = _of_ledger(ledger, head, jobs)
        elif export is not None:
            with click.open_file(export, "rb") as stream, evidence_in(export, stream) as source:
                report = _of_export(source, head)
        else:
            report = _of_daemon(address, head)
    except (LedgerError, EvidenceError, JobLostError) as error:
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
class SoundLedger:
    """What a sound file holds of a ledger, by the name that its lines give; "" where they give none."""

    ledger: str
    records: int
    first: int
    head: HeadReport


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundFile:
    """What a sound file holds, as `--format json` says it. Where it is of several ledgers, it has no one head and first record."""

    file: str
    records: int
    first: int | None
    head: HeadReport | None
    head_was_record: int | None
    head_was_of: str | None
    """The ledger of that record."""
    ledgers: tuple[SoundLedger, ...]
    compared: tuple[str, ...]
    """The heads that are in this chain, and were seen elsewhere."""
    statements_without_bytes: tuple[str, ...] = ()
    """Issued statements that the ledger only has the hash of, as an import leaves them; those of the others hold."""


def _sound(
    file: str,
    ledgers: tuple[SoundLedger, ...],
    head_was: tuple[str, int] | None,
    compared: tuple[str, ...],
    statements_without_bytes: tuple[str, ...] = (),
) -> SoundFile:
    """`head_was` is the ledger and the record of which the head given was."""
    only = ledgers[0] if len(ledgers) == 1 else None
    return SoundFile(
        file=file,
        records=sum(each.records for each in ledgers),
        first=None if only is None else only.first,
        head=None if only is None else only.head,
        head_was_record=None if head_was is None else head_was[1],
        head_was_of=None if head_was is None else head_was[0],
        ledgers=ledgers,
        compared=compared,
        statements_without_bytes=statements_without_bytes,
    )


def _show(report: SoundFile) -> None:
    if len(report.ledgers) == 1:
        say(f"{report.file}: {report.records:,} records, the chain holds.")
    else:
        say(f"{report.file}: {report.records:,} records of {len(report.ledgers)} ledgers, each chain holds.")
    for each in report.ledgers:
        say(f"head{of_ledger(each.ledger)} {each.head.seq} {each.head.sha256}")
    if report.head_was_record is not None:
        of = of_ledger(report.head_was_of or "")
        say(f"The head given is that of record {report.head_was_record}{of}.")
    for head in report.compared:
        say(f"In this chain is {head}.")
    for statement in report.statements_without_bytes:
        say(f"Of what was issued are not here the bytes of {statement}.")
    if report.head_was_record is None and not report.compared:
        say("It was compared with no head seen elsewhere: --head gives one.")


def _of_ledger(path: Path, head: bytes | None, jobs: int | None) -> SoundFile:
    before = noted(path)
    result = verified(
        path,
        looked_for=[each for each in (head, before and before.chain) if each is not None],
        progress=progress("records verified"),
        jobs=jobs,
    )
    if before is not None and before.seq and result.found.get(before.chain) != before.seq:
        raise LedgerWentBackError(
            f"{path} is sound by itself, and record {before.seq}, which was acknowledged, is not in it"
            f" ({path.name}.head remembers): it is an older copy, another ledger, or was rewritten."
        )
    seq, chain = result.head
    held = SoundLedger(
        ledger="", records=seq, first=min(1, seq), head=HeadReport(seq=seq, sha256=chain.hex())
    )
    return _sound(
        file=str(path),
        ledgers=(held,),
        head_was=None if head is None or head not in result.found else ("", result.found[head]),
        compared=(f"the head noted beside it, of record {before.seq}",) if before is not None else (),
        statements_without_bytes=tuple(result.bare),
    )


def _of_daemon(address: ControlAddress, head: bytes | None) -> SoundFile:
    from daemon.cli.asking import ask  # who asks no daemon does without its client
    from daemon.cli.export import write_all

    acknowledged = bytes.fromhex(ask(address, lambda daemon: daemon.status())["ledger"]["head"])
    with tempfile.TemporaryFile() as evidence:
        write_all(evidence, address=address, ledger=None)
        evidence.seek(0)
        return _of_export(EvidenceSource(name="the ledger", stream=evidence), head, acknowledged)


def _of_export(source: EvidenceSource, head: bytes | None, acknowledged: bytes | None = None) -> SoundFile:
    looked_for = [each for each in (head, acknowledged) if each not in (None, GENESIS)]
    result = proven(source, looked_for=looked_for, progress=progress("records verified"))
    if acknowledged in looked_for and acknowledged not in result.found:
        raise EvidenceError(
            [f"{source.name}: lacks the head that the daemon acknowledged: its file was exchanged"]
        )
    found = {value: (link.ledger, link.seq) for value, link in result.found.items()}
    return _sound(
        file=source.name,
        ledgers=tuple(
            SoundLedger(
                ledger=ledger,
                records=last.seq - result.first[ledger].seq + 1,
                first=result.first[ledger].seq,
                head=HeadReport(seq=last.seq, sha256=last.chain.hex()),
            )
            for ledger, last in result.head.items()
        ),
        head_was=None if head is None else found.get(head),
        compared=tuple(
            f"the head that the daemon acknowledged, of record {found[each][1]}"
            for each in looked_for
            if each == acknowledged
        ),
    )


def _refuse(problem: str, format_: OutputFormat) -> NoReturn:
    show_as(format_, {"sound": False, "problem": problem}, lambda: tell(problem))
    sys.exit(1)
