"""`slad export`: the evidence as lines that prove themselves."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import IO

import click

from daemon.cli import completing, options
from daemon.cli.asking import EXIT_REFUSED, EXIT_UNREACHABLE
from daemon.cli.options import InstantType
from daemon.cli.terminal import tell
from daemon.control.address import ControlAddress
from daemon.control.client import ControlClient, ControlError, DaemonUnreachableError
from daemon.evidence.export import ExportError, exported
from daemon.ledger import Batch, Ledger, LedgerError
from sla.instants import Instant, format_instant
from sla.records import ClientId
from sla.texts import printable_json


@click.command(
    "export",
    epilog=options.example("slad export --client acme --output evidence.jsonl"),
)
@click.option(
    "--client",
    shell_complete=completing.clients,
    help="For this client: what is its own, and nothing that tells of others; of other records only a salted digest.",
)
@click.option(
    "--from", "since", type=InstantType(), help="Only observations from here on, and the last before."
)
@click.option("--until", type=InstantType(), help="Only observations before this instant.")
@click.option("--output", type=click.File("wb", lazy=True), default="-", help="A file in place of stdout.")
@options.control_address
@options.ledger
def export(
    client: str | None,
    since: Instant | None,
    until: Instant | None,
    output: IO[bytes],
    address: ControlAddress,
    ledger: Path | None,
) -> None:
    """Write the evidence as JSON Lines, each with its place in the hash chain.

    Without --client it is the provider's own: it holds who recorded what, and slad import restores a ledger from it.
    `slad evaluate` works out every figure from it, `slad verify` holds it against a head seen elsewhere. Exit codes: 0 it is
    complete, 1 it is not, 2 the command line is wrong, 3 the daemon cannot be reached, 141 its reader has read enough.
    """
    if ledger is not None:
        lines = _from_ledger(ledger, client, since, until)
    else:
        lines = _from_daemon(address, client, since, until)
    write_lines(lines, output)


def write_all(
    output: IO[bytes], *, address: ControlAddress, ledger: Path | None, last: int | None = None
) -> None:
    """Write all evidence, or that up to a record. Where that fails, that is told on stderr, and the process ends with 1 or 3."""
    if ledger is not None:
        write_lines(_from_ledger(ledger, None, None, None), output, last)
    else:
        write_lines(_from_daemon(address, None, None, None), output, last)


def write_lines(lines: AsyncGenerator[str], output: IO[bytes], last: int | None = None) -> None:
    """The same for the lines of an export; `last`: how many of them are wanted."""
    try:
        asyncio.run(_write(lines, output, last))
    except (ControlError, ExportError, LedgerError) as error:
        tell(str(error))
        tell("The export is not complete.")
        sys.exit(EXIT_UNREACHABLE if isinstance(error, DaemonUnreachableError) else EXIT_REFUSED)


async def _write(lines: AsyncGenerator[str], output: IO[bytes], last: int | None) -> None:
    is_watched = output.isatty()  # then it is looked at: nothing can be proved by what a terminal shows
    written = 0
    async with aclosing(lines):
        async for line in lines:
            output.write((printable_json(line) if is_watched else line).encode() + b"\n")
            written += 1
            if written == last:
                break
    output.flush()


async def _from_daemon(
    address: ControlAddress, client: str | None, since: Instant | None, until: Instant | None
) -> AsyncGenerator[str]:
    start, end = (None if at is None else format_instant(at) for at in (since, until))
    async with ControlClient(address) as daemon:
        async for line in daemon.export(client=client, start=start, until=end):
            yield line


async def _from_ledger(
    path: Path, client: str | None, since: Instant | None, until: Instant | None
) -> AsyncGenerator[str]:
    ledger = Ledger.open(path)
    try:
        for _ in ledger.replay():  # an export of a damaged ledger would prove nothing
            pass
        await ledger.commit(Batch(seal=True))
        chosen = None if client is None else ClientId(client)
        async for line in exported(ledger.read, client=chosen, since=since, until=until):
            yield line
    finally:
        await ledger.close()
