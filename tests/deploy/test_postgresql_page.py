"""docs/postgresql.md: every command of it, on a real PostgreSQL with a standby, in the order in which things happen to a store."""

import getpass
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.config.hub import HubTable
from daemon.hub.states import HubError
from daemon.hub.store import HubStore
from tests.daemon.hub.stores import PASSWORD, TestStore, body, chained
from tests.peers import free_port
from tests.peers.postgres import OWNER, Postgres, postgres, programs
from tests.peers.tls import issue
from tests.waiting import wait_until

PAGE = (Path(__file__).parents[2] / "docs/postgresql.md").read_text()
STANDBYS = "SELECT application_name, sync_state FROM pg_stat_replication"
RECORDS = "SELECT seq FROM slad.ledger WHERE name = 'mon1'"


class Page:
    """The commands of the page, on servers of the test's own."""

    def __init__(self, primary: Postgres) -> None:
        self.left = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        """The blocks that nobody has run yet."""
        self.at = primary
        """Where they are run."""
        self.month = "none yet"
        """A partition."""
        self._primary = primary

    def run(self, heading: str) -> str:
        """What the next block of a section says."""
        section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
        block = next(block for block in self.left if f"```sh\n{block}```" in section)
        self.left.remove(block)
        for meant, here in {
            "/run/postgresql": f"{self.at.folder}&port={self.at.port}",
            "/var/lib/postgresql/15/main": str(self._primary.folder / "standby/data"),
            "/etc/ssl/certs/ca-certificates.crt": str(self._primary.folder / "ca.pem"),
            "db1.example.net": f"127.0.0.1 port={self._primary.port}",
            "/srv/": f"{self._primary.folder}/srv/",
            "line_2026_11": self.month,
        }.items():
            block = block.replace(meant, here)
        env = {
            "PATH": f"{Path(sys.executable).parent}:{programs()}:{os.environ['PATH']}",
            "PGHOST": str(self.at.folder),
            "PGPORT": str(self.at.port),
            "PGUSER": OWNER,
            "PGDATABASE": "postgres",
            "PGPASSWORD": PASSWORD,
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            check=False, cwd=self._primary.folder, env=os.environ | env, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert (done.returncode, "ERROR" in done.stderr) == (0, False), done.stdout + done.stderr
        return done.stdout


def own(server: Postgres, folder: Path) -> None:
    """Have a folder belong to the user whose server it is."""
    owner = server.folder.stat()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def admit(server: Postgres) -> None:
    """Put the page's lines above those of the test, whose user stands for `postgres`; the standby is on the same machine."""
    for kind, name, below in (
        ("ident", "pg_ident.conf", ""),
        ("hba", "pg_hba.conf", f"local all,replication {OWNER} trust\n"),
    ):
        (block,) = re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        lines = block.replace("10.0.0.0/8", "127.0.0.1/32").replace(" postgres ", f" {getpass.getuser()} ")
        (server.folder / "data" / name).write_text(lines + below)


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Postgres]:
    with postgres(certificate=issue(tmp_path)) as server:
        admit(server)
        shutil.copy(str(server.authority), server.folder / "ca.pem")  # where the server's user may read it
        for name in ("mon1", "hub"):
            (server.folder / f"{name}.password").write_text(PASSWORD)
        yield server


@pytest.fixture
def standby(primary: Postgres) -> Iterator[Postgres]:
    """It has no data yet."""
    server = Postgres(primary.folder / "standby", free_port(), ("ssl=on",), primary.authority)
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()


def rows(server: Postgres, query: str, database: str = "slad") -> list[tuple[Any, ...]]:
    with psycopg.connect(server.conninfo(database), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


async def shipped(table: HubTable, count: int) -> int:
    """Ship so many records of mon1, from where the store is; where that was."""
    store = await HubStore.open(table, "mon1", "one")
    try:
        head = await store.head()
        outcome, now = await store.append(chained([body(number) for number in range(count)])[head.seq :])
        assert (outcome, now.seq) == ("appended", count)
        return head.seq
    finally:
        await store.close()


@pytest.mark.timeout(240)
async def test_every_command_does_what_the_page_says(
    tmp_path: Path, primary: Postgres, standby: Postgres
) -> None:
    page, store = Page(primary), TestStore(primary, "slad", tmp_path)

    def verified(host: str, port: int) -> HubTable:
        return store.table(at=(host, port), more="sslmode=verify-full", ca_file=str(primary.authority))

    page.run("Settings")
    said = page.run("Making it")
    assert "The observer mon1 ships as slad-mon1." in said
    assert "Hubs log in as slad-hub." in said
    assert rows(primary, "SELECT error FROM pg_hba_file_rules WHERE error IS NOT NULL") == []
    assert rows(primary, "SELECT pg_get_userbyid(nspowner), rolsuper FROM pg_namespace JOIN pg_roles ON rolname = 'slad'"
                " WHERE nspname = 'slad'") == [("slad", False)]  # fmt: skip
    ((first,),) = rows(
        primary,
        "SELECT min(inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'slad.line'::regclass",
    )
    page.month = first.removeprefix("slad.")
    assert await shipped(verified("127.0.0.1", primary.port), 100) == 0
    with pytest.raises(HubError, match=r"pg_hba\.conf"):
        await HubStore.open(store.table(at=("127.0.0.1", primary.port)), "mon1", "one")

    # A standby, for which the hub waits and the monitor does not.
    page.run("Replication")
    rows(primary, f"ALTER ROLE standby PASSWORD '{PASSWORD}'")
    page.run("Replication")
    own(primary, standby.folder)
    standby.start()
    page.run("Replication")
    wait_until(lambda: ("db2", "sync") in rows(primary, STANDBYS), "the standby to be waited for")
    standby.kill()
    assert await shipped(verified("127.0.0.1", primary.port), 150) == 100
    standby.start()
    wait_until(lambda: rows(standby, RECORDS) == [(150,)], "the standby to have all")

    # The primary is lost: the same DSN finds the other.
    both = verified(f"127.0.0.1:{primary.port},127.0.0.1", standby.port)
    primary.kill()
    page.at = standby
    page.run("Replication")
    assert await shipped(both, 200) == 150

    page.run("Backup")
    page.run("Backup")
    backup = primary.folder / "srv/backup"
    assert {"base.tar.gz", "pg_wal.tar.gz"} <= {file.name for file in (backup / "base").iterdir()}
    assert "slad-mon1" in (backup / "roles.sql").read_text()
    assert await shipped(both, 250) == 200
    page.run("Restoring")
    assert await shipped(both, 250) == 200, "what came since the backup is shipped again"

    (primary.folder / "srv/cold").mkdir()
    own(primary, primary.folder / "srv")
    page.run("Old months")
    assert rows(standby, f"SELECT count(*) FROM pg_class JOIN pg_tablespace t ON t.oid = reltablespace AND spcname = 'cold'"
                f" WHERE relname ~ '^{page.month}'") == [(4,)]  # fmt: skip

    rows(standby, "ANALYZE")
    assert re.search(rf"slad\.{page.month} +\| +250 +\| ", page.run("How much it takes"))
    assert "mon1" in page.run("What to watch")
    assert page.left == [], "nobody ran these"
