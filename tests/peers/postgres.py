"""A real PostgreSQL of its own on a Unix socket and on loopback, in a temporary folder: Debian's programs, a server a test module;
and a streaming replica of it that can take its place.

PostgreSQL refuses to run as root: where tests do, it is the user `postgres` of Debian's package who runs it.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from tests.peers import free_port, require
from tests.peers.tls import Certificate
from tests.waiting import wait_until

OWNER = "owner"
"""The superuser of the server, who needs no password on the socket."""
_USER = "postgres"
_FIRST_MADE = 16384
"""The first number of an object that initdb did not make: https://www.postgresql.org/docs/current/system-catalog-initial-data.html"""
_HBA = """
local all owner trust
local replication owner trust
local all all scram-sha-256
hostssl all all 127.0.0.1/32 scram-sha-256
hostnossl all all 127.0.0.1/32 scram-sha-256
"""


def programs() -> Path:
    """The folder of the newest PostgreSQL of this machine; skips the test where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    require(found, "needs postgresql of Debian's packages: tests/install-peers")
    return found[-1]


def _unprivileged() -> Mapping[str, Any]:
    """As whom it runs, for subprocess."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(_USER)
    return {
        "user": _USER,
        "group": user.pw_gid,
        "extra_groups": [],
        "env": os.environ | {"HOME": user.pw_dir},
    }


@dataclass
class Postgres:
    """A server: `start` it, `kill` it, and start it again."""

    folder: Path
    port: int
    settings: Sequence[str] = ()
    authority: Path | None = None
    """Who signed its certificate, where it has one."""
    process: "subprocess.Popen[bytes] | None" = None
    databases: int = field(default=0)

    def start(self, *more: str) -> None:
        """Returns once it answers."""
        settings = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.folder}",
            "fsync=off",  # a process is killed here, not a machine
            "lc_messages=C",
            *self.settings,
            *more,
        ]
        wait_until(lambda: self._begun(settings), "PostgreSQL")

    def _begun(self, settings: Sequence[str]) -> bool:
        """One that was killed has its shared memory for a moment longer: then the new one ends at once."""
        if self.process is None or self.process.poll() is not None:
            options = [word for setting in settings for word in ("-c", setting)]
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    [programs() / "postgres", "-D", self.folder / "data", *options],
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    **_unprivileged(),
                )
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.conninfo("postgres")).close()
            return True
        return False

    def conninfo(self, database: str, user: str = OWNER) -> str:
        """For psycopg, on the socket."""
        return f"host={self.folder} port={self.port} dbname={database} user={user}"

    def database(self) -> str:
        """A new database's name."""
        self.databases += 1
        name = f"slad{self.databases}"
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name

    def clear(self) -> None:
        """Drop all databases and roles that were made: also a role belongs to the server, and outlives the database."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            for drop in (
                "SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database",
                "SELECT format('DROP ROLE %I', rolname) FROM pg_roles",
            ):
                for (statement,) in connection.execute(f"{drop} WHERE oid >= {_FIRST_MADE}".encode()):
                    connection.execute(statement.encode())

    def kill(self) -> None:
        """SIGKILL to it and to all of its processes."""
        assert self.process is not None
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self.process.kill()
        self.process.wait()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGKILL)

    def promote(self) -> None:
        """Make a primary of a replica, with what it has."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            assert connection.execute("SELECT pg_promote()").fetchone() == (True,)

    def position(self) -> int:
        """How far its log goes, or of a replica how much of it can be read."""
        with psycopg.connect(self.conninfo("postgres"), autocommit=True) as connection:
            found = connection.execute(
                "SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'"
            ).fetchone()
        assert found is not None
        return int(found[0])


@contextmanager
def postgres(*settings: str, certificate: Certificate | None = None) -> Iterator[Postgres]:
    """A server that runs; of a certificate it speaks TLS."""
    with _folder() as folder:
        options = f"-U {OWNER} -A trust -E UTF8 --locale=C.UTF-8 --no-sync".split()
        _run("initdb", "-D", folder / "data", *options)
        (folder / "data/pg_hba.conf").write_text(_HBA)
        if certificate is not None:
            for name, source in (("server.crt", certificate.certfile), ("server.key", certificate.keyfile)):
                shutil.copy(source, folder / "data" / name)
                (folder / "data" / name).chmod(0o600)
                if os.geteuid() == 0:
                    shutil.chown(folder / "data" / name, _USER, _USER)
            settings = (*settings, "ssl=on")
        server = Postgres(folder, free_port(), settings, certificate.cafile if certificate else None)
        with _running(server):
            yield server


@contextmanager
def replica(primary: Postgres) -> Iterator[Postgres]:
    """A server that follows one, asynchronously."""
    with _folder() as folder:
        place = f"host={primary.folder} port={primary.port} user={OWNER}"
        _run("pg_basebackup", "-D", folder / "data", "-R", "--checkpoint=fast", "--no-sync", "-d", place)
        server = Postgres(folder, free_port(), primary.settings, primary.authority)
        with _running(server):
            yield server


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="slad-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _USER, _USER)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: str | Path) -> None:
    subprocess.run(
        [programs() / program, *arguments],
        check=True,
        capture_output=True,
        cwd=tempfile.gettempdir(),
        **_unprivileged(),
    )


@contextmanager
def _running(server: Postgres) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
