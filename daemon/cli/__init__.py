"""The command line `slad`: one file a command, listed here; a command is imported only when it is called."""

import os
import signal
import sys
from importlib import import_module
from typing import Any, Final

import click

_COMMANDS: Final = {
    "demo": "daemon.cli.demo:demo",
    "run": "daemon.cli.run:run",
    "check-config": "daemon.cli.check_config:check_config",
    "doctor": "daemon.cli.doctor:doctor",
    "probe": "daemon.cli.probe:probe",
    "status": "daemon.cli.status:status",
    "server": "daemon.cli.status:server",
    "clock": "daemon.cli.clock:clock",
    "client": "daemon.cli.client:client",
    "maintenance": "daemon.cli.maintenance:maintenance",
    "exclusion": "daemon.cli.exclusion:exclusion",
    "request": "daemon.cli.request:request",
    "notice": "daemon.cli.notice:notice",
    "lifecycle": "daemon.cli.lifecycle:lifecycle",
    "token": "daemon.cli.token:token",
    "statement": "daemon.cli.statement:statement",
    "export": "daemon.cli.export:export",
    "verify": "daemon.cli.verify:verify",
    "evaluate": "daemon.cli.evaluate:evaluate",
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

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a reader of its output who has read enough (`slad export | head`) ends it as SIGPIPE would."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what Python still flushes
            sys.exit(128 + signal.SIGPIPE)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="slad", message="slad %(version)s")
def main() -> None:
    """slad, the SLA daemon for hosting providers.

    It watches every virtual server through vCenter, keeps the evidence, and works out the contract's figures.
    `slad demo` shows it on a simulated vCenter.
    """
    from daemon.cores import forbid_core_dumps

    forbid_core_dumps()
