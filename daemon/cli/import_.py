"""`slad import`: evidence from a file into a ledger, all of it or nothing."""

import asyncio
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final, NoReturn

import click

from daemon.believed_clock import BelievedClock
from daemon.cli import options
from daemon.cli.terminal import progress, say, tell
from daemon.clock import SystemClock
from daemon.config.loading import load
from daemon.config.problems import ConfigError
from daemon.evidence.files import EvidenceError, Taker, evidence_in, link_on, sound_lines
from daemon.hub.states import HubError
from daemon.ledger import Batch, Entry, Ledger, LedgerError, accepted_loss, note_of, noted
from daemon.os_faults import refused
from daemon.timezones import use_packaged_time_zones
from sla.instants import BEGINNING, Instant
from sla.records import Issued, ObservedUntil, Record, Recorded

AT_ONCE: Final = 10_000
"""Records a transaction."""


@click.command(
    "import",
    epilog=options.example("slad import evidence.jsonl --ledger ledger.db"),
)
@click.argument("evidence", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option(
    "--from-hub",
    is_flag=True,
    help="In place of EVIDENCE: what the store of [hub] in the configuration has of this observer.",
)
@options.config
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new ledger; a daemon that is started on it goes on from there. With --from-hub the configuration's, if left out.",
)
@click.option(
    "--statements",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder with the JSON of issued statements, as they were delivered: those on record are kept.",
)
@click.option(
    "--accept-older-ledger",
    "why",
    default="",
    metavar="WHY",
    help="Import what lacks records that were acknowledged here; why is put on record.",
)
def import_(
    evidence: str | None, from_hub: bool, path: Path, ledger: Path | None, folder: Path | None, why: str
) -> None:
    """Put EVIDENCE, a file of JSON Lines or - for standard input, into a new ledger.

    This is how a ledger is restored from its newest export, or begun with what another tool recorded. Every line is checked
    first: a bad one, one that an export left out, or one of another ledger than the first stops the import before anything is
    taken. Where a ledger was there before, of which the file NAME.head remembers the last record, the export has to hold that
    record. An export holds the hashes of issued statements and not their bytes, which --statements gives back.

    With --from-hub the ledger gets back what the store has of it and it lacks, each record as it was and verified; one that is not
    there is made anew. Exit codes: 0 all is in the ledger, 1 nothing is (every fault is a line on stderr), 2 the command line is wrong.
    """
    use_packaged_time_zones()
    if from_hub:
        if evidence or folder or why:
            raise click.UsageError("--from-hub goes with --config and --ledger alone")
        _restore(path, ledger)
        return
    if evidence is None or ledger is None:
        raise click.UsageError("say EVIDENCE and --ledger, or --from-hub")
    records: list[Record] = []
    if ledger.exists():
        _fail([f"{ledger} is there already: evidence is imported into a new ledger only"])
    try:
        with click.open_file(evidence, "rb") as stream, evidence_in(evidence, stream) as source:
            taker = Taker(take=records.append, for_ledger=True)
            lost = _lost(ledger, sound_lines(source, taker, lambda _: None))
        if lost and not why:
            _fail(
                [
                    f"{evidence} {lost}. Import the newest export; if there is no newer one: --accept-older-ledger WHY"
                ]
            )
        digests = {record.sha256: record.id for record in records if isinstance(record, Issued)}
        documents = {} if folder is None else _found(folder, digests)
        written = asyncio.run(_written(records, list(documents.values()), ledger, lost, why))
    except EvidenceError as error:
        _fail(error.messages)
    except LedgerError as error:
        _fail([str(error)])
    say(f"{written} records are in {ledger}.")
    for missing in digests.keys() - documents.keys():
        tell(f"The bytes of an issued statement are not: {digests[missing]} (SHA-256 {missing}).")


def _restore(path: Path, ledger: Path | None) -> None:
    from daemon.hub.restoring import restored

    try:
        config = load(path, os.environ)
        if config.hub is None:
            raise click.UsageError(f"{path} has no [hub]")
        ledger = ledger or config.ledger.path
        got = asyncio.run(restored(config.hub, config.observer, ledger, progress("records brought back")))
    except (ConfigError, HubError, LedgerError) as error:
        _fail([str(error)])
    say(f"{ledger} ends with record {got.has} now; {max(0, got.has - got.had)} of them came from the store.")
    for missing in got.bare:
        tell(f"The bytes of an issued statement are neither here nor in the store: {missing}.")
    if got.lost:
        tell(
            f"Nobody has {got.lost} after that. Put it on record: 'slad run --accept-older-ledger \"WHY\"', once."
        )


def _fail(messages: "list[str] | tuple[str, ...]") -> NoReturn:
    for message in messages:
        tell(message)
    sys.exit(1)


def _lost(ledger: Path, blocks: Iterable[tuple[int, Sequence[bytes]]]) -> str:
    """What the lines lack of the ledger that was there before, in words; "" for nothing. Reads them all."""
    before = noted(ledger)
    claimed = (link_on(line) for _, lines in blocks for line in lines)
    holds = [
        link for link in claimed if link is not None and before is not None and link.chain == before.chain
    ]
    if before is None or before.seq == 0 or holds:
        return ""
    return f"does not hold record {before.seq}, the last that was acknowledged in {ledger}"


def _found(folder: Path, digests: Collection[str]) -> dict[str, bytes]:
    """The files below a folder that are one of these documents, by their hashes."""
    try:
        contents = [file.read_bytes() for file in sorted(folder.rglob("*.json")) if file.is_file()]
    except OSError as error:
        _fail([f"{folder}: {refused(error)}"])
    hashed = {sha256(content).hexdigest(): content for content in contents}
    return {digest: content for digest, content in hashed.items() if digest in digests}


async def _written(records: list[Record], documents: Sequence[bytes], path: Path, lost: str, why: str) -> int:
    unfinished = path.with_name(f"{path.name}.importing")
    for left in (unfinished, note_of(unfinished)):
        left.unlink(missing_ok=True)
    ledger = Ledger.open(unfinished)
    try:
        for entries in _batches(record for record in records if not isinstance(record, ObservedUntil)):
            await ledger.commit(Batch(entries=entries))
        if lost:
            accepted = accepted_loss(f"The evidence {lost}", why, ledger.head, _now(records))
            await ledger.commit(Batch(entries=[Entry(record=accepted)]))
        watermarks = {record.witness: record.at for record in records if isinstance(record, ObservedUntil)}
        head = await ledger.commit(Batch(watermarks=watermarks, documents=documents, seal=True))
    finally:
        await ledger.close()
    unfinished.rename(path)
    note_of(unfinished).replace(note_of(path))
    return head.seq


def _now(records: Iterable[Record]) -> Instant:
    """The time, unless the clock is in doubt by what is imported."""
    clock = BelievedClock(SystemClock())
    clock.begin(
        max((record.recorded_at for record in records if isinstance(record, Recorded)), default=BEGINNING)
    )
    return clock.starting_now()


def _batches(records: Iterable[Record]) -> Iterator[list[Entry]]:
    left = iter(records)
    while batch := [Entry(record=record) for record in islice(left, AT_ONCE)]:
        yield batch
