"""`slad hub`: the store on PostgreSQL, made and changed by whoever owns it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Final, Literal, NoReturn

import click
from pydantic import SecretStr, ValidationError

from daemon.cli import options
from daemon.cli.run import log_format, log_level, to_its_end
from daemon.cli.terminal import say, tell
from daemon.config.hub import HubTable
from daemon.config.loading import load
from daemon.config.messages import told
from daemon.config.problems import ConfigError
from daemon.config.secrets import Secret, SecretError
from daemon.config.values import Surroundings, check_id
from daemon.control.peer import Peer
from daemon.hub.states import HubError
from daemon.pacing import for_good
from sla.instants import Instant, format_instant

_ROLE_BYTES: Final = 63
"""PostgreSQL cuts longer names."""


def _store_options(command: Callable[..., None]) -> Callable[..., None]:
    """Which store, and as whom: `table`."""

    @wraps(command)
    def with_table(
        *args: object,
        dsn: str | None,
        password_file: Path | None,
        ca_file: Path | None,
        path: Path,
        **rest: object,
    ) -> None:
        if dsn is None and (password_file or ca_file):
            raise click.UsageError("--password-file and --ca-file are for --dsn")
        command(
            *args, table=_configured(path) if dsn is None else _given(dsn, password_file, ca_file), **rest
        )

    for option in (_ca_file, _password_file, _dsn, options.config):
        with_table = option(with_table)
    return with_table


_dsn = click.option(
    "--dsn",
    metavar="URI",
    help="postgresql://USER@HOST[:PORT]/DATABASE, of a role that owns the database and may make roles; a socket's folder"
    " as ?host=/run/postgresql. Else that of [hub] in the configuration.",
)
_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_password_file = click.option("--password-file", type=_file, help="A file with that role's password.")
_ca_file = click.option(
    "--ca-file",
    type=_file,
    help="The authorities, in PEM form, that vouch for the server; else the system's.",
)


def _given(dsn: str, password_file: Path | None, ca_file: Path | None) -> HubTable:
    keys = {"dsn": dsn, "password_file": password_file, "ca_file": ca_file}
    raw = {key: str(value) for key, value in keys.items() if value is not None}
    surroundings = Surroundings(folder=Path.cwd(), env=os.environ)
    wrong = [f"{key} {text}".strip() for key, text in HubTable.conflicts(raw)]
    try:
        table = HubTable.model_validate(raw, context=surroundings)
    except ValidationError as error:
        wrong += [
            f"{details['loc'][0]} {told(HubTable, details)}" for details in error.errors(include_url=False)
        ]
    if wrong:
        raise click.UsageError("; ".join(wrong))
    for key, text in surroundings.notes:
        tell(f"warning: {key}: {text}")
    return table


def _configured(path: Path) -> HubTable:
    try:
        table = load(path, os.environ).hub
    except ConfigError as error:
        _fail(str(error))
    if table is None:
        raise click.UsageError(f"{path} has no [hub]: say --dsn")
    return table


@click.group("hub", short_help="Make the store to which several monitors ship, and let them in.")
def hub() -> None:
    """Make the store on PostgreSQL to which monitors ship their evidence, and let monitors in.

    A monitor ships where [hub] in its slad.toml says (docs/slad-hub.md).
    """


@hub.command(
    "init",
    short_help="Make the store, or bring it up to date.",
    epilog=options.example("slad hub init --dsn 'postgresql://slad@/slad?host=/run/postgresql'"),
)
@_store_options
def init(table: HubTable) -> None:
    """Make the store in a database, or bring it to this slad's version; on one that is up to date, nothing changes.

    Tables, functions and the roles slad_monitor, slad_hub and slad_reader, in the schema slad, in one transaction. PostgreSQL 15 or newer. Exit codes: 0 done, 1 not, 2 the command line is wrong.
    """
    from daemon.hub import schema

    changed = _done(table, lambda connection: schema.init(connection, str(table.dsn)))
    say(f"The store {table.dsn} {'has' if changed else 'had'} version {schema.VERSION}.")


@hub.group("monitor", short_help="Let monitors ship to the store.")
def monitor() -> None:
    """Let monitors ship to the store."""


@monitor.command(
    "add",
    short_help="Let a monitor ship, as a role of its own.",
    epilog=options.example("slad hub monitor add mon1 --dsn postgresql://slad@db/slad"),
)
@click.argument("observer", metavar="NAME")
@click.option("--role", metavar="ROLE", help="The role that the monitor logs in as; else slad-NAME.")
@click.option(
    "--role-password-file",
    type=_file,
    help="A file with the password that the role is given; else it has none, and pg_hba.conf has to know it by other means.",
)
@_store_options
def add(table: HubTable, observer: str, role: str | None, role_password_file: Path | None) -> None:
    """Let the monitor whose `observer` is NAME ship to the store, as a role of its own.

    The role may append to that ledger and read it, and nothing else. Once more, it gives the role a new password. Exit codes: 0 done, 1 not, 2 the command line is wrong.
    """
    from daemon.hub import schema

    try:
        check_id(observer)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    name = role or f"slad-{observer}"
    _check_role(name)
    password = None if role_password_file is None else _password_in(role_password_file)
    is_new = _done(
        table, lambda connection: schema.add_monitor(connection, str(table.dsn), observer, name, password)
    )
    say(f"The observer {observer} {'ships' if is_new else 'shipped before'} as {name}. In its slad.toml:")
    say("")
    say("    [hub]")
    say(f'    dsn = "{table.dsn.written_for(name)}"')


@hub.command(
    "run",
    short_help="Run a hub.",
    epilog=options.example("slad hub run --config /etc/slad/hub.toml"),
)
@options.config
@log_format
@log_level
def run_(
    path: Path,
    log_format: Literal["json", "console"] | None,
    log_level: Literal["debug", "info", "warning", "error"],
) -> None:
    """Follow the store of [hub] in the configuration, and answer for all monitors there, until SIGTERM or Ctrl-C.

    Of several hubs one is active, and records what people ask for; the others stand by, and take over. SIGHUP reloads the
    configuration. Exit status: 0 after a stop that was asked for, 1 when it cannot start or go on, 2 for a wrong call.
    """
    with for_good():
        from daemon import logs
        from daemon.app.hub import run_hub

    logs.set_up(log_format, level=log_level)
    to_its_end(lambda: run_hub(path, os.environ))


@hub.command(
    "role",
    short_help="Let hubs into the store, as a role of theirs.",
    epilog=options.example("slad hub role --dsn postgresql://slad@db/slad"),
)
@click.option(
    "--role", metavar="ROLE", default="slad-hub", show_default=True, help="The role that hubs log in as."
)
@click.option(
    "--role-password-file",
    type=_file,
    help="A file with the password that the role is given; else it has none, and pg_hba.conf has to know it by other means.",
)
@_store_options
def role(role: str, role_password_file: Path | None, table: HubTable) -> None:
    """Let hubs read what monitors ship, and write the hub's own ledger, as one role for all of them.

    Once more, it gives the role a new password. Exit codes: 0 done, 1 not, 2 the command line is wrong.
    """
    from daemon.hub import schema

    _check_role(role)
    password = None if role_password_file is None else _password_in(role_password_file)
    _done(table, lambda connection: schema.add_hub(connection, str(table.dsn), role, password))
    say(f"Hubs log in as {role}. In the slad.toml of each:")
    say("")
    say("    [hub]")
    say(f'    dsn = "{table.dsn.written_for(role)}"')


@hub.command(
    "retire",
    short_help="Say that a monitor has ended.",
    epilog=options.example("slad hub retire mon1 --at 2026-12-01T08:00:00Z --config /etc/slad/hub.toml"),
)
@click.argument("observer", metavar="OBSERVER")
@click.option(
    "--at",
    type=options.InstantType(),
    help="When it ended; else where its witnesses saw last.",
)
@_store_options
def retire(observer: str, at: Instant | None, table: HubTable) -> None:
    """Put on record that the monitor whose `observer` is OBSERVER has ended, as the role of hubs.

    Its servers are in service no longer than that, unless another monitor has them; what it saw stays as it is. Exit codes: 0 it
    is on record, 1 it is not, 2 the command line is wrong.
    """
    from daemon.clock import SystemClock
    from daemon.hub.retiring import retire as retire_in

    by = Peer(uid=os.getuid()).name
    try:
        end = asyncio.run(retire_in(table, observer, at, by, SystemClock().now()))
    except HubError as error:
        _fail(str(error))
    say(f"{observer} is retired at {format_instant(end)}.")


def _check_role(name: str) -> None:
    if len(name.encode()) > _ROLE_BYTES or not name or "\0" in name:
        raise click.UsageError(
            f"the role {name} is longer than PostgreSQL's {_ROLE_BYTES} bytes: choose another by --role"
        )


def _password_in(file: Path) -> SecretStr:
    try:
        return Secret(str(file), file).read()
    except SecretError as error:
        raise click.UsageError(str(error)) from None


def _done(table: HubTable, work: "Callable[..., Awaitable[bool]]") -> bool:
    from daemon.hub.store import connected

    async def run() -> bool:
        async with await connected(table) as connection:
            return await work(connection)

    try:
        return asyncio.run(run())
    except HubError as error:
        _fail(str(error))


def _fail(message: str) -> NoReturn:
    tell(message)
    sys.exit(1)
