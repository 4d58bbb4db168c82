"""The command line `slad`: one file a command, listed here; a command is imported only when it is called."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from sla.texts import printable

_COMMANDS: Final = {
    "demo": "daemon.cli.demo:demo",
    "run": "daemon.cli.run:run",
    "check-config": "daemon.cli.check_config:check_config",
    "doctor": "daemon.cli.doctor:doctor",
    "probe": "daemon.cli.probe:probe",
    "status": "daemon.cli.status:status",
    "server": "daemon.cli.status:server",
    "servers": "daemon.cli.servers:servers",
    "outages": "daemon.cli.outages:outages",
    "cause": "daemon.cli.cause:cause",
    "clock": "daemon.cli.clock:clock",
    "client": "daemon.cli.client:client",
    "maintenance": "daemon.cli.maintenance:maintenance",
    "exclusion": "daemon.cli.exclusion:exclusion",
    "proposals": "daemon.cli.proposals:proposals",
    "request": "daemon.cli.request:request",
    "notice": "daemon.cli.notice:notice",
    "lifecycle": "daemon.cli.lifecycle:lifecycle",
    "token": "daemon.cli.token:token",
    "statement": "daemon.cli.issued:statement",
    "export": "daemon.cli.export:export",
    "verify": "daemon.cli.verify:verify",
    "evaluate": "daemon.cli.evaluate:evaluate",
    "hub": "daemon.cli.hub:hub",
    "import": "daemon.cli.import_:import_",
}


class _Commands(click.Group):
    """The commands, in the order in which people meet them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

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
            message = printable(error.format_message())
            click.UsageError(message, ctx=getattr(error, "ctx", None)).show()
            status = error.exit_code
        sys.exit(status)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="slad", message="slad %(version)s")
def main() -> None:
    """slad, the SLA daemon for hosting providers.

    It watches every virtual server through vCenter, keeps the evidence, and works out the contract's figures.
    `slad demo` shows it on a simulated vCenter.

    Exit codes of all commands: 0 done, 2 the command line is wrong, 70 a defect of slad's own, 74 this machine refused (no
    room, right, descriptor or memory), 130 and 143 interrupted, 141 nobody reads the output; the others are in each
    command's help.
    """
    from daemon.cores import forbid_core_dumps

    forbid_core_dumps()
