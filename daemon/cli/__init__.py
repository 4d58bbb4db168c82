"""The command line `slad`: one file a command, listed here; a command is imported only when it is called."""

import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final, NamedTuple, NoReturn

import click

from sla.texts import printable


class _ListedCommand(NamedTuple):
    """Where a command is, `MODULE:NAME`, and what it is for, in a line."""

    at: str
    summary: str


_COMMANDS: Final[Mapping[str, _ListedCommand]] = {
    "demo": _ListedCommand(
        "daemon.cli.demo:demo", "Run slad on a simulated vCenter that goes through faults."
    ),
    "run": _ListedCommand("daemon.cli.run:run", "Watch, record and publish, until SIGTERM or Ctrl-C."),
    "check-config": _ListedCommand(
        "daemon.cli.check_config:check_config", "Check a configuration whole, and say what it means."
    ),
    "doctor": _ListedCommand(
        "daemon.cli.doctor:doctor", "Try what the configuration names; say what will not work."
    ),
    "probe": _ListedCommand(
        "daemon.cli.probe:probe", "Try targets by hand: icmp://HOST, tcp://HOST:PORT, URLs."
    ),
    "status": _ListedCommand(
        "daemon.cli.status:status", "Show how the daemon is, and who is down since when."
    ),
    "server": _ListedCommand("daemon.cli.status:server", "Show one virtual server: legs, outages, month."),
    "servers": _ListedCommand("daemon.cli.servers:servers", "List the virtual servers in service."),
    "outages": _ListedCommand("daemon.cli.outages:outages", "List outages: who was down, when and why."),
    "cause": _ListedCommand(
        "daemon.cli.cause:cause", "Say what brought about an outage, where slad does not know."
    ),
    "clock": _ListedCommand("daemon.cli.clock:clock", "Show what slad takes for the time; confirm a clock."),
    "client": _ListedCommand(
        "daemon.cli.client:client", "Show clients: terms, solutions, requests, deadlines."
    ),
    "maintenance": _ListedCommand(
        "daemon.cli.maintenance:maintenance", "Announce maintenance, list it, withdraw it."
    ),
    "exclusion": _ListedCommand(
        "daemon.cli.exclusion:exclusion", "Exclude time for other reasons than maintenance."
    ),
    "proposals": _ListedCommand(
        "daemon.cli.proposals:proposals", "Decide on exclusions that the causes of outages suggest."
    ),
    "request": _ListedCommand("daemon.cli.request:request", "Record the service requests of clients."),
    "notice": _ListedCommand(
        "daemon.cli.notice:notice", "Record the notices of intent to cancel that clients give."
    ),
    "lifecycle": _ListedCommand(
        "daemon.cli.lifecycle:lifecycle", "Record the steps in the life of a solution."
    ),
    "token": _ListedCommand("daemon.cli.token:token", "Make a token for the control door on TCP."),
    "statement": _ListedCommand(
        "daemon.cli.issued:statement",
        "Print a month's statement; issue it, compare and verify what was issued.",
    ),
    "export": _ListedCommand(
        "daemon.cli.export:export", "Write the evidence as JSON Lines, chained by hashes."
    ),
    "verify": _ListedCommand("daemon.cli.verify:verify", "Verify an export's chain of hashes."),
    "compact": _ListedCommand(
        "daemon.cli.compact:compact", "Take the oldest months out of the ledger, into sealed files."
    ),
    "evaluate": _ListedCommand(
        "daemon.cli.evaluate:evaluate", "Work out a month from evidence alone, anywhere."
    ),
    "hub": _ListedCommand("daemon.cli.hub:hub", "Look after the store of several monitors, on PostgreSQL."),
    "import": _ListedCommand(
        "daemon.cli.import_:import_",
        "Begin a ledger with evidence from a file, or restore it from the store.",
    ),
}

_EXIT_CODES: Final = """\
\b
Exit codes:
  0    done
  1    refused, or bad; for each command its help says which
  2    the command line is wrong
  3    the daemon cannot be reached, or gave no proper answer
  4    it is made, and there was nothing to tell
  70   a defect of slad's own; please report it
  74   this machine refused: no room, right, descriptor or memory
  130  interrupted (Ctrl-C); 143 by SIGTERM
  141  nobody reads the output any more"""
_ENVIRONMENT: Final = """\
\b
Environment, where the option is not given:
  SLAD_CONFIG                   --config
  SLAD_SOCKET                   --socket, the daemon on this machine
  SLAD_URL, SLAD_TOKEN_FILE,    --url, --token-file, --ca-file, one elsewhere;
  SLAD_CA_FILE                  the token itself stands in no command line
  SLAD_CONTROL_SOCKET, SLAD_CONTROL_URL: as two of them were called before
  SLAD_TRACEBACK=1              show what ended a command, for a report"""


def _alike(option: str, possibilities: Sequence[str]) -> list[str]:
    """Those that are like a mistyped option by more than the dashes, which all have in common."""
    names = {each.strip("-"): each for each in possibilities}
    return [names[each] for each in get_close_matches(option.strip("-"), names)]


class _Commands(click.Group):
    """The commands, in the order in which people meet them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.at.partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        command.short_help = place.summary
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  the same
        """See click, which would import all commands for their lines."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in _COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See click, which looks for what was meant among the commands that it has already."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=_COMMANDS, ctx=ctx
            ) from None

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: ARG002  click's signature; the process ends in any case
        **extra: Any,
    ) -> NoReturn:
        """Run a command to its end. What click says of a wrong one quotes it: that is shown as all else is.

        Whatever else a command meets is raised, interrupts and broken pipes too, which click would end by itself.
        """
        name = prog_name or "slad"
        self._main_shell_completion({}, name, complete_var)
        try:
            with self.make_context(name, list(sys.argv[1:] if args is None else args), **extra) as context:
                self.invoke(context)
                status = 0
        except click.exceptions.Exit as ended:
            status = ended.exit_code
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            status = error.exit_code
        except click.ClickException as error:
            if isinstance(error, click.NoSuchOption) and error.possibilities:
                error.possibilities[:] = _alike(error.option_name, error.possibilities)
            message = printable(error.format_message())
            click.UsageError(message, ctx=getattr(error, "ctx", None)).show()
            status = error.exit_code
        sys.exit(status)


@click.group(
    cls=_Commands,
    epilog=f"{_EXIT_CODES}\n\n{_ENVIRONMENT}",
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "token_normalize_func": str.lower,
    },
)
@click.version_option(package_name="slad", message="slad %(version)s")
def main() -> None:
    """slad, the SLA daemon for hosting providers.

    It watches every virtual server through vCenter, keeps the evidence, and works out the contract's figures.
    `slad demo` shows it on a simulated vCenter.
    """
    from daemon.cores import forbid_core_dumps

    forbid_core_dumps()
