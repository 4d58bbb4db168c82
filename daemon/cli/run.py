"""`slad run`: the daemon."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Literal, NoReturn

import click

from daemon.cli import options
from daemon.config import ConfigError


@click.command(epilog=options.example("slad run --config slad.toml"))
@options.config
@click.option(
    "--log-format",
    type=click.Choice(["json", "console"]),
    help="How to log; by default: console on a terminal.",
)
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
def run(path: Path, log_format: Literal["json", "console"] | None, new_ledger: bool, why: str) -> None:
    """Watch, record and publish, until SIGTERM or Ctrl-C.

    SIGHUP reloads the configuration; a bad one is refused, and the one before stays in force. Exit status: 0 after a
    stop that was asked for, 1 when slad cannot start or go on, 2 for a wrong call.
    """
    from daemon import app

    meant = app.Meant(new_ledger=new_ledger, older_ledger=why)
    to_its_end(lambda: app.run(path, os.environ, meant=meant), log_format)


def to_its_end(
    daemon: Callable[[], Coroutine[None, None, None]], log_format: Literal["json", "console"] | None
) -> None:
    """Run a daemon; what keeps it from starting or going on is told in its own words, and is exit status 1."""
    from daemon import logs
    from daemon.control import ControlApiError
    from daemon.ledger import LedgerError
    from daemon.timezones import use_packaged_time_zones
    from daemon.web.config import WebConfigError
    from probes.vcenter.faults import CertificateError

    logs.set_up(log_format)
    use_packaged_time_zones()
    expected_errors = (ConfigError, LedgerError, ControlApiError, WebConfigError, CertificateError, OSError)
    try:
        asyncio.run(daemon())
    except expected_errors as error:
        _fail(error)
    except ExceptionGroup as group:
        # What ended a root task: an expected error is told in its own words, a fault of ours with its traceback.
        expected, faults = group.split(expected_errors)
        if faults is not None or expected is None:
            raise
        _fail(_first(expected))


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _fail(error: BaseException) -> NoReturn:
    click.echo(f"slad: {error}", err=True)
    sys.exit(1)
