"""The ledger's tables, how SQLite is made to keep them, and the way from one version of them to the next.

Nothing here but SQL and what drives it, on any connection that can `execute`: the tests simulate power loss on one of
their own.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from daemon.ledger.errors import LedgerFaultError, LedgerTooNewError, damaged

APPLICATION_ID: Final = 0x534C4144
"""`SLAD`, in the file's header: what `file` and SQLite tell a ledger by."""

PAGE_SIZE: Final = "PRAGMA page_size = 8192"
"""For a new file, before anything else."""

PRAGMAS: Final[Sequence[tuple[str, str, str | int]]] = (
    # Others are locked out of the file while it is open: a reader in the middle of a SELECT would lock the writer out.
    ("locking_mode", "EXCLUSIVE", "exclusive"),
    ("journal_mode", "DELETE", "delete"),
    ("synchronous", "EXTRA", 3),
    ("mmap_size", "0", 0),  # an I/O error in a mapped page kills the process
    ("temp_store", "MEMORY", 2),
    ("cell_size_check", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("cache_size", "-32000", -32000),  # KiB: a large batch is written once, at its commit
)
"""Name, value, and what reading it back has to give."""

_FIRST: Final = (
    # settled, lag and watermark are no part of the chain; their CRCs in `head` show a bit that fell over.
    """CREATE TABLE record (
        seq INTEGER PRIMARY KEY,
        body TEXT NOT NULL,
        chain BLOB NOT NULL,
        settled INTEGER
    ) STRICT""",
    """CREATE TABLE watermark (
        observer TEXT NOT NULL,
        source TEXT NOT NULL,
        at INTEGER NOT NULL,
        sealed INTEGER,
        PRIMARY KEY (observer, source)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE lag (
        number INTEGER PRIMARY KEY,
        observer TEXT NOT NULL,
        source TEXT NOT NULL,
        start INTEGER NOT NULL,
        end INTEGER NOT NULL
    ) STRICT""",
    """CREATE TABLE head (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        seq INTEGER NOT NULL,
        chain BLOB NOT NULL,
        openings INTEGER NOT NULL,
        commits INTEGER NOT NULL,
        settled_crc INTEGER NOT NULL,
        watermark_crc INTEGER NOT NULL,
        lag_crc INTEGER NOT NULL
    ) STRICT""",
    "INSERT INTO head VALUES (1, 0, zeroblob(32), 0, 0, 0, 0, 0)",
    f"PRAGMA application_id = {APPLICATION_ID}",
)

_SECOND: Final = (
    # What the gate did not let in: after which record it came, why, and as much of it as is kept. No part of the chain.
    """CREATE TABLE quarantine (
        number INTEGER PRIMARY KEY,
        after_seq INTEGER NOT NULL,
        problem TEXT NOT NULL,
        body TEXT NOT NULL
    ) STRICT""",
)

_THIRD: Final = (
    # Which object of a vCenter each listed server was last: what tells it from a copy of it after a restart.
    """CREATE TABLE object (
        source TEXT NOT NULL,
        server TEXT NOT NULL,
        vcenter TEXT NOT NULL,
        moid TEXT NOT NULL,
        PRIMARY KEY (source, server)
    ) STRICT, WITHOUT ROWID""",
    # What asked for the records that begin with `seq`. No part of the chain: an export shows what is.
    """CREATE TABLE request (
        seq INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        digest TEXT NOT NULL
    ) STRICT""",
    # Until now the records kept that themselves, and do so for good.
    """INSERT INTO request
        SELECT seq, json_extract(body, '$.idempotency_key'), json_extract(body, '$.request_sha256') FROM record
        WHERE instr(body, '"idempotency_key":') AND json_valid(body)
        AND json_type(body, '$.idempotency_key') = 'text' AND json_type(body, '$.request_sha256') = 'text'""",
    # Where servers were, and what happened to hosts, datastores and uplinks: what causes of outages are told by. No part of
    # the chain.
    """CREATE TABLE trace (
        about TEXT NOT NULL,
        start INTEGER NOT NULL,
        end INTEGER,
        detail TEXT NOT NULL,
        PRIMARY KEY (about, start)
    ) STRICT, WITHOUT ROWID""",
)

_FOURTH: Final = (
    # The bytes of statements that were issued, compressed. No part of the chain: the record of each holds its hash.
    """CREATE TABLE document (
        sha256 TEXT PRIMARY KEY,
        content BLOB NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

_FIFTH: Final = (
    # Where the oldest records are once they are in month files; settled and their CRC in `head` hold on over them.
    """CREATE TABLE sealed (
        last INTEGER PRIMARY KEY,
        file TEXT NOT NULL,
        start INTEGER NOT NULL,
        length INTEGER NOT NULL,
        sha256 BLOB NOT NULL,
        settled BLOB NOT NULL
    ) STRICT""",
)

MIGRATIONS: Final[Sequence[Sequence[str]]] = (_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH)
"""The statements that lead from each version of the tables to the next; the first makes them."""

BESIDE_THE_RECORDS: Final = ("head", "watermark", "lag", "quarantine", "object", "request", "trace")
"""The tables that stay small, whatever the history."""

BEGIN: Final = "BEGIN IMMEDIATE"
COMMIT: Final = "COMMIT"
SELECT_HEAD: Final = "SELECT seq, chain, commits, settled_crc, watermark_crc, lag_crc FROM head"
SELECT_WATERMARKS: Final = "SELECT observer, source, at, sealed FROM watermark"
SELECT_LAGS: Final = "SELECT observer, source, start, end FROM lag ORDER BY number"
SELECT_OBJECTS: Final = "SELECT source, server, vcenter, moid FROM object"
SELECT_BODIES: Final = (
    "SELECT body FROM record WHERE seq > ?2 AND substr(body, 1, length(?1)) = ?1 ORDER BY seq"
)
SELECT_RECORDS: Final = "SELECT seq, body, chain, settled FROM record WHERE seq > ? ORDER BY seq LIMIT ?"
FIND_CHAIN: Final = "SELECT seq FROM record WHERE chain = ?"
SELECT_SEALED: Final = (
    "SELECT last, file, start, length, sha256, settled FROM sealed WHERE last > ? ORDER BY last LIMIT 1"
)
INSERT_SEALED: Final = (
    "INSERT INTO sealed (last, file, start, length, sha256, settled) VALUES (?, ?, ?, ?, ?, ?)"
)
SELECT_SEALED_UNTIL: Final = "SELECT coalesce(max(last), 0) FROM sealed"
DELETE_RECORDS: Final = "DELETE FROM record WHERE seq <= ?"
UPDATE_HEAD: Final = (
    "UPDATE head SET seq = ?, chain = ?, commits = ?, settled_crc = ?, watermark_crc = ?, lag_crc = ?"
)
COUNT_OPENING: Final = "UPDATE head SET openings = openings + 1"
PUT_WATERMARK: Final = (
    "INSERT INTO watermark (observer, source, at, sealed) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (observer, source) DO UPDATE SET at = excluded.at, sealed = excluded.sealed"
)
QUARANTINE: Final = "INSERT INTO quarantine (after_seq, problem, body) VALUES (?, ?, ?)"
COUNT_QUARANTINE: Final = "SELECT count(*), max(number) FROM quarantine"
LET_GO_OF_QUARANTINE: Final = "DELETE FROM quarantine WHERE number <= ?"
SELECT_REQUESTS: Final = "SELECT seq, key, digest FROM request"
INSERT_REQUEST: Final = "INSERT INTO request (seq, key, digest) VALUES (?, ?, ?)"
INSERT_LAG: Final = "INSERT INTO lag (observer, source, start, end) VALUES (?, ?, ?, ?)"


INSERT_RECORDS: Final = "INSERT INTO record (seq, body, chain, settled) VALUES "
PUT_OBJECTS: Final = "INSERT OR REPLACE INTO object (source, server, vcenter, moid) VALUES "
SELECT_TRACES: Final = "SELECT about, start, end, detail FROM trace ORDER BY about, start"
PUT_TRACES: Final = "INSERT OR REPLACE INTO trace (about, start, end, detail) VALUES "
LET_GO_OF_TRACES: Final = "DELETE FROM trace WHERE end < ?"
SELECT_DOCUMENT: Final = "SELECT content FROM document WHERE sha256 = ?"
PUT_DOCUMENT: Final = "INSERT OR REPLACE INTO document (sha256, content) VALUES (?, ?)"


class StatementRows(Protocol):
    """What a statement gives."""

    def fetchall(self) -> list[Any]: ...


class Database(Protocol):
    """What the ledger needs of a connection: each statement outside BEGIN and COMMIT is a transaction of its own."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> StatementRows: ...

    def close(self) -> None:
        """Give the file back."""
        ...


def of_rows(insert: str, count: int) -> str:
    """The statement that inserts `count` rows of four columns.

    Many rows a statement: SQLite's binding takes the interpreter's lock back after each statement, and beside a busy event
    loop it waits for that.
    """
    return insert + ",".join(["(?,?,?,?)"] * count)


def set_pragmas(db: Database) -> None:
    """Have SQLite keep what it is given. Raises LedgerFaultError where it says that it will not."""
    for name, value, expected in PRAGMAS:
        db.execute(f"PRAGMA {name} = {value}").fetchall()
        found = _pragma(db, name)
        if found != expected:
            raise LedgerFaultError(
                f"SQLite refuses PRAGMA {name} = {value}: it answers {found!r} where {expected!r} is needed. Without it the"
                " ledger could lose what it acknowledged; use a local file system and the system's own SQLite."
            )


def migrate(
    db: Database,
    path: Path,
    back_up: Callable[[int], None] | None,
    migrations: Sequence[Sequence[str]] = MIGRATIONS,
) -> None:
    """Bring the tables to the newest version, each step in one transaction after `back_up` of its version.

    `back_up` is None where the file is new.

    Raises LedgerTooNewError, and LedgerDamagedError for a file that is no ledger.
    """
    if back_up is not None:
        check_identity(db, path, migrations)
    for version in range(_pragma(db, "user_version"), len(migrations)):
        if version and back_up is not None:
            back_up(version)
        db.execute("BEGIN EXCLUSIVE")
        for statement in migrations[version]:
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {version + 1}")
        db.execute(COMMIT)


def check_identity(db: Database, path: Path, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """See that the file is a ledger, of a version that this slad knows, with the tables of that version."""
    version = _pragma(db, "user_version")
    if version > len(migrations):
        raise LedgerTooNewError(
            f"The ledger {path} has version {version}; this slad knows versions up to {len(migrations)}."
            " Run the newer slad that wrote it, or put the backup in its place that it made when it took over."
        )
    if _pragma(db, "application_id") != APPLICATION_ID:
        # To SQLite an empty file is a new database. A ledger is renamed into place with its tables: it never is empty.
        raise damaged(
            path, "its header does not say that it is one (remove it if it is meant to be made anew)"
        )
    if _tables(db) != _tables_of(version, migrations):
        raise damaged(path, f"its tables are not those of version {version}")


def _pragma(db: Database, name: str) -> Any:
    return db.execute(f"PRAGMA {name}").fetchall()[0][0]


def _tables(db: Database) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in db.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()]


def _tables_of(version: int, migrations: Sequence[Sequence[str]]) -> list[tuple[Any, ...]]:
    model = sqlite3.connect(":memory:")
    try:
        for statement in (statement for step in migrations[:version] for statement in step):
            model.execute(statement)
        return _tables(model)
    finally:
        model.close()
