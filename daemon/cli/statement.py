"""`slad statement`: a month's statement from the ledger."""

import tempfile
from pathlib import Path

import click

from daemon.cli import completing, options
from daemon.cli.asking import ask
from daemon.cli.layouts import check_output, layout_options
from daemon.cli.options import InstantType, MonthType
from daemon.control.address import ControlAddress
from daemon.languages import LanguageName
from daemon.statements.layouts import Layout
from daemon.timezones import use_packaged_time_zones
from sla.calendars import Month
from sla.instants import Instant, format_instant


@click.group(
    "statement",
    invoke_without_command=True,
    epilog=options.example("slad statement --month 2026-11 --client acme"),
)
@click.option("--month", type=MonthType(), help="The calendar month, local to each client.")
@click.option(
    "--client",
    shell_complete=completing.clients,
    help="The statement of this client; else what is said of all.",
)
@click.option("--as-of", type=InstantType(), help="The instant of knowledge; by default now.")
@layout_options
@options.control_address
@options.ledger
@click.pass_context
def statement(
    context: click.Context,
    /,
    month: Month | None,
    client: str | None,
    as_of: Instant | None,
    layout: Layout,
    output: Path | None,
    language: LanguageName | None,
    letterhead: Path | None,
    address: ControlAddress,
    ledger: Path | None,
) -> None:
    """Print a month's statement from the ledger: what `slad evaluate` makes of its export. The commands are of what is issued.

    That of one client the running daemon makes; for what is said of all, and of a --ledger, all evidence is read, and its chain
    verified on the way. Exit codes: 0 it is made, 1 it cannot be, 2 the command line is wrong, 3 the daemon cannot be reached, 4
    it is made, and no server was in service in the month.
    """
    if context.invoked_subcommand is not None:
        if any(map(options.typed, context.params)):
            raise click.UsageError(f"say the options of {context.invoked_subcommand} behind it")
        return
    if month is None:
        raise click.UsageError("Missing option '--month'.")
    check_output(layout, client, output)
    from daemon.cli.evaluate import evaluated, lay_out, make
    from daemon.cli.export import write_all
    from daemon.cli.letterheads import letterhead_in, letterhead_told
    from daemon.evidence.files import EvidenceSource
    from sla.client_document import with_provider

    use_packaged_time_zones()
    if client is not None and ledger is None:
        document = ask(
            address,
            lambda daemon: daemon.statement(
                client, str(month), None if as_of is None else format_instant(as_of)
            ),
        )
        if letterhead is None:
            head = letterhead_told(address, client, language)
        else:
            head = letterhead_in(letterhead, language)
            document = with_provider(document.decode(), head.name, head.address).encode()
        lay_out(document, layout, output, head)
        return
    head = letterhead_in(letterhead, language)
    with tempfile.TemporaryFile() as evidence:
        write_all(evidence, address=address, ledger=ledger)
        evidence.seek(0)
        source = EvidenceSource(name="the ledger", stream=evidence)
        found = evaluated(source, contract=None, month=month, as_of=as_of, verify=True, jobs=1)
    make(found, client=client, layout=layout, output=output, letterhead=head, jobs=1)
