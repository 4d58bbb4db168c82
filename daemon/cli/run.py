"""`slad run`: the daemon."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Literal

import click

from daemon.cli import options
from daemon.cli.terminal import complain
from daemon.config.problems import ConfigError
from daemon.os_faults import os_fault
from daemon.pacing import for_good

log_format = click.option(
    "--log-format",
    type=click.Choice(["json", "console"]),
    help="How to log; by default: console on a terminal.",
)
log_level = click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The least that is logged. Outages that begin and end are at info.",
)


@click.command(epilog=options.example("slad run --config slad.toml"))
@options.config
@log_format
@log_level
@click.option(
    "--new-ledger", is_flag=True, help="Begin a new ledger where one was that is gone. For one start."
)
@click.option(
    "--accept-older-ledger",
    "why",
    default="",
    metavar="WHY",
    help="Go on with a ledger that lacks what was acknowledged; why is put on record. For one start.",
)
def run(
    path: Path,
    log_format: Literal["json", "console"] | None,
    log_level: Literal["debug", "info", "warning", "error"],
    new_ledger: bool,
    why: str,
) -> None:
    """Watch, record and publish, until SIGTERM or Ctrl-C.

    SIGHUP reloads the configuration; a bad one is refused, and the one before stays in force. Exit status: 0 after a
    stop that was asked for, 1 when slad cannot start or go on, 2 for a wrong call.
    """
    with for_good():
        from daemon import app, logs

    logs.set_up(log_format, level=log_level)
    meant = app.Meant(new_ledger=new_ledger, older_ledger=why)
    to_its_end(lambda: app.run(path, os.environ, meant=meant))


def to_its_end(daemon: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run a daemon; what keeps it from starting or going on is told in its own words, and is exit status 1.

    A fault of ours is raised, and is in the log with its traceback.
    """
    import structlog

    from daemon.os_faults import nobody_reads
    from daemon.timezones import use_packaged_time_zones

    use_packaged_time_zones()
    try:
        asyncio.run(daemon())
    except Exception as error:
        if nobody_reads(error):
            raise
        told = _told(error)
        if told is None:
            structlog.get_logger().critical("slad_failed", exc_info=error)
            raise
        complain(told)
        sys.unraisablehook = _say_nothing
        sys.exit(1)


def _say_nothing(_: object) -> None:
    """The sentence stands last: of what else falls on the way out nobody has to hear."""


def _told(error: BaseException) -> str | None:
    """What ended a daemon, or the first of several things that did; None where a fault of ours is among them."""
    from daemon.control.api import ControlApiError
    from daemon.hub.states import HubError
    from daemon.ledger import LedgerError
    from daemon.web.config import WebConfigError
    from probes.vcenter.faults import CertificateError

    match error:
        case BaseExceptionGroup():
            told = [_told(each) for each in error.exceptions]
            return told[0] if all(told) else None
        case (
            ConfigError()
            | LedgerError()
            | HubError()
            | ControlApiError()
            | WebConfigError()
            | CertificateError()
        ):
            return str(error)
        case _:
            return os_fault(error)
