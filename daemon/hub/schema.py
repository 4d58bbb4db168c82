"""What the store consists of in PostgreSQL, and how `slad hub init` makes it or brings it to the newest version.

The tables change by steps, one file each; functions and rights are made anew each time. All of it is one transaction.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg import sql
from pydantic import SecretStr

from daemon.hub.faults import told
from daemon.hub.states import HubError, HubState

VERSION: Final = 3
"""Of the tables: so many steps lead to them."""
LEAST_POSTGRESQL: Final = 150_000
"""The oldest server, as PostgreSQL numbers them."""
HUB: Final = "hub"
"""The ledger of the hub itself, which no monitor may have."""
_INIT_LOCK: Final = 0x534C4144
"""Of `pg_advisory_xact_lock`: one init at a time. `SLAD`, as in the ledger's file."""

Connection = psycopg.AsyncConnection[Any]


async def init(connection: Connection, where: str) -> bool:
    """Make the store, or bring it to the newest version; whether its tables changed. Twice is as once.

    Raises HubError: for a store that a newer slad made, and for a PostgreSQL that cannot hold one.
    """
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_INIT_LOCK,))
            await _check_server(connection, where)
            before = await _version(connection)
            if before > VERSION:
                raise HubError(
                    HubState.SCHEMA_NEWER,
                    f"The store {where} has version {before}; this slad knows versions up to {VERSION}: it is left as it"
                    " is. Run the newer slad.",
                )
            for step in range(before + 1, VERSION + 1):
                await connection.execute(_text(f"tables-{step}.sql"))
            await connection.execute("UPDATE slad.store SET version = %s", (VERSION,))
            await connection.execute(_text("functions.sql"))
            await connection.execute("SELECT slad.make_partitions(now())")
            return before < VERSION
    except psycopg.Error as error:
        raise _refused(error, where) from error


async def add_monitor(
    connection: Connection, where: str, observer: str, role: str, password: SecretStr | None
) -> bool:
    """Give an observer a role that logs in and may append to that observer's ledger alone; whether the ledger is new.

    With a password the role has it from now on. Raises HubError where the observer has another role, or the role another observer.
    """
    if observer == HUB:
        raise HubError(
            HubState.NOT_ALLOWED, f"{HUB} is the hub's own ledger: give the monitor another observer name."
        )
    return await _let_in(connection, where, observer, role, "slad_monitor", password)


async def add_hub(connection: Connection, where: str, role: str, password: SecretStr | None) -> bool:
    """Give the hubs a role that reads all ledgers and may append to their own; whether they had none. As `add_monitor`."""
    return await _let_in(connection, where, HUB, role, "slad_hub", password)


async def _let_in(
    connection: Connection, where: str, ledger: str, role: str, group: str, password: SecretStr | None
) -> bool:
    try:
        async with connection.transaction():
            known = await _rows(
                connection, "SELECT name, role FROM slad.ledger WHERE name = %s OR role = %s", ledger, role
            )
            for name, its_role in known:
                if (name, its_role) != (ledger, role):
                    raise HubError(
                        HubState.NOT_ALLOWED,
                        f"The observer {name} has the role {its_role}: one has one, and no other.",
                    )
            await _make_role(connection, role, group, password)
            if not known:
                await connection.execute(
                    "INSERT INTO slad.ledger (name, role) VALUES (%s, %s)", (ledger, role)
                )
            return not known
    except psycopg.Error as error:
        raise _refused(error, where) from error


async def _make_role(connection: Connection, role: str, group: str, password: SecretStr | None) -> None:
    name = sql.Identifier(role)
    if not await _rows(connection, "SELECT FROM pg_roles WHERE rolname = %s", role):
        await connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    await connection.execute(sql.SQL("ALTER ROLE {} LOGIN").format(name))
    await connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), name))
    if password is not None:
        # Worked out here, so that no log of PostgreSQL's shows it.
        digest = connection.pgconn.encrypt_password(
            password.get_secret_value().encode(), role.encode(), b"scram-sha-256"
        )
        await connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(digest.decode()))
        )


async def _check_server(connection: Connection, where: str) -> None:
    found = connection.info.server_version
    if found < LEAST_POSTGRESQL:
        raise HubError(
            HubState.FAILED, f"The store {where} is PostgreSQL {found // 10_000}, and 15 or newer is needed."
        )
    ((encoding,),) = await _rows(connection, "SHOW server_encoding")
    if encoding != "UTF8":
        raise HubError(
            HubState.FAILED,
            f"The database of {where} has the encoding {encoding}, in which evidence would not stay what it is: make one"
            " with 'createdb --encoding UTF8 --template template0'.",
        )


async def _version(connection: Connection) -> int:
    """Of the store that is there; 0 where there is none."""
    ((found,),) = await _rows(connection, "SELECT to_regclass('slad.store') IS NOT NULL")
    if not found:
        return 0
    ((version,),) = await _rows(connection, "SELECT version FROM slad.store")
    return int(version)


async def _rows(connection: Connection, query: str, *parameters: object) -> Sequence[tuple[Any, ...]]:
    cursor = await connection.execute(query.encode(), parameters or None)
    return await cursor.fetchall()


def _text(name: str) -> bytes:
    return files("daemon.hub").joinpath("sql", name).read_bytes()


def _refused(error: psycopg.Error, where: str) -> HubError:
    """What PostgreSQL said, in a sentence that is for whoever owns the store."""
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return HubError(
            HubState.NOT_ALLOWED,
            f"The store {where}: {error.diag.message_primary}. Use the role that owns the database and may make roles"
            " (CREATEROLE), or a superuser.",
        )
    return told(error, where)
