"""How the store is made, brought up to date and refused; who gets in."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from daemon.cli import main
from daemon.hub import schema
from daemon.hub.states import HubError, HubState
from daemon.hub.store import HubStore, connected
from tests.daemon.hub.stores import PASSWORD, TestStore, add_monitor, body, chained, init, make_store
from tests.peers.postgres import OWNER, Postgres


def slad(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def dsn(server: Postgres, database: str, user: str = OWNER) -> str:
    return f"postgresql://{user}@/{database}?host={server.folder}&port={server.port}"


async def test_init_twice_is_as_once_and_keeps_what_is_there(server: Postgres, tmp_path: Path) -> None:
    store = TestStore(server, server.database(), tmp_path)
    assert await init(store)
    await add_monitor(store, "mon1")
    monitor = await store.open()
    await monitor.append(chained([body(1)]))
    assert not await init(store)
    assert (await monitor.append(chained([body(1), body(2)])))[0] == "appended"
    assert len(store.lines()) == 2
    await monitor.close()


async def test_two_inits_at_once_make_one_store(server: Postgres, tmp_path: Path) -> None:
    store = TestStore(server, server.database(), tmp_path)
    async with asyncio.TaskGroup() as tasks:
        made = [tasks.create_task(init(store)) for _ in range(3)]
    assert sorted(each.result() for each in made) == [False, False, True]


async def test_a_newer_store_is_left_alone_and_an_older_one_is_for_init(
    server: Postgres, tmp_path: Path
) -> None:
    store = await make_store(server, tmp_path, "mon1")
    with store.owner() as owner:
        owner.execute("UPDATE slad.store SET version = version + 1")
    with pytest.raises(HubError, match="Run the newer slad") as newer:
        await init(store)
    assert newer.value.state is HubState.SCHEMA_NEWER
    with pytest.raises(HubError, match="Run the newer slad") as newer:
        await store.open()
    assert newer.value.state is HubState.SCHEMA_NEWER
    with store.owner() as owner:
        owner.execute("UPDATE slad.store SET version = 0")
    with pytest.raises(HubError, match="slad hub init") as older:
        await store.open()
    assert older.value.state is HubState.SCHEMA_OLDER


async def test_every_version_has_its_step() -> None:
    steps = sorted(path.name for path in (Path(schema.__file__).parent / "sql").glob("tables-*.sql"))
    assert steps == [f"tables-{step}.sql" for step in range(1, schema.VERSION + 1)]


async def test_a_database_without_a_store_is_called_that(server: Postgres, tmp_path: Path) -> None:
    store = await make_store(server, tmp_path, "mon1")
    for name in (server.database(), "nowhere"):
        with pytest.raises(HubError, match="slad hub init") as none:
            await HubStore.open(TestStore(server, name, tmp_path).table(), "mon1", "one")
        assert none.value.state is HubState.NO_STORE
    del store


async def test_a_database_of_another_encoding_is_refused(server: Postgres, tmp_path: Path) -> None:
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    with pytest.raises(HubError, match="encoding LATIN1"):
        await init(TestStore(server, "latin", tmp_path))


async def test_an_older_postgresql_is_refused(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "LEAST_POSTGRESQL", 990_000)
    with pytest.raises(HubError, match="15 or newer"):
        await init(TestStore(server, server.database(), tmp_path))


async def test_an_observer_has_one_role_and_a_role_one_observer(server: Postgres, tmp_path: Path) -> None:
    store = await make_store(server, tmp_path, "mon1")
    assert not await add_monitor(store, "mon1"), "once more is no other"
    for observer, role in (("mon1", "another"), ("mon2", "slad-mon1")):
        with pytest.raises(HubError, match="one has one"):
            await add_monitor(store, observer, role)
    with pytest.raises(HubError, match="the hub's own ledger"):
        await add_monitor(store, "hub")


async def test_the_owner_need_not_be_a_superuser(server: Postgres, tmp_path: Path) -> None:
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE provider LOGIN CREATEROLE PASSWORD '{PASSWORD}'".encode())
        connection.execute("CREATE DATABASE provided OWNER provider")
    (tmp_path / "owner.password").write_text(PASSWORD)
    (tmp_path / "owner.password").chmod(0o644)
    (tmp_path / "mon9.password").write_text(PASSWORD)
    door = ("--dsn", dsn(server, "provided", "provider"), "--password-file", tmp_path / "owner.password")
    made = await asyncio.to_thread(slad, "hub", "init", *door)
    assert (made.exit_code, made.output) == (0, made.output)
    assert f"has version {schema.VERSION}" in made.output
    assert "can be read by every user" in made.output
    again = await asyncio.to_thread(slad, "hub", "init", *door)
    assert f"had version {schema.VERSION}" in again.output
    added = await asyncio.to_thread(
        slad, "hub", "monitor", "add", "mon9", "--role-password-file", tmp_path / "mon9.password", *door
    )
    assert added.exit_code == 0, added.output
    store = TestStore(server, "provided", tmp_path)
    monitor = await store.open("mon9")
    assert (await monitor.append(chained([body(1, "mon9")])))[0] == "appended"
    await monitor.close()


async def test_a_password_is_in_no_statement_that_a_server_could_log(
    server: Postgres, tmp_path: Path
) -> None:
    store = await make_store(server, tmp_path)
    with store.owner() as owner:
        owner.execute("ALTER SYSTEM SET log_statement = 'all'")
        owner.execute("SELECT pg_reload_conf()")
        owner.execute("SELECT pg_sleep(0.2)")
        await add_monitor(store, "mon5")
        owner.execute("ALTER SYSTEM RESET log_statement")
        owner.execute("SELECT pg_reload_conf()")
    log = (server.folder / "log").read_text(errors="replace")
    assert 'ALTER ROLE "slad-mon5" PASSWORD' in log
    assert PASSWORD not in log


def test_the_command_line_says_what_is_wrong(server: Postgres) -> None:
    unlucky = slad("hub", "init", "--dsn", dsn(server, "nowhere"))
    assert unlucky.exit_code == 1
    assert "createdb" in unlucky.output
    for arguments, said in (
        (("init", "--dsn", "host=db"), "no URI"),
        (("init", "--dsn", "postgresql://a:geheim@db/slad"), "password_file"),
        (("init", "--config", "/nowhere.toml"), "cannot be read"),
        (("monitor", "add", "a b", "--dsn", dsn(server, "nowhere")), "is no id"),
        (("monitor", "add", "a", "--role", "x" * 64, "--dsn", dsn(server, "nowhere")), "63 bytes"),
    ):
        refused = slad("hub", *arguments)
        assert refused.exit_code in (1, 2)
        assert said in refused.output
        assert "geheim" not in refused.output


async def test_who_may_not_make_a_store_is_told_what_it_takes(server: Postgres, tmp_path: Path) -> None:
    store = await make_store(server, tmp_path, "mon1")
    with pytest.raises(HubError, match="CREATEROLE") as refused:
        async with await connected(store.table("mon1")) as connection:
            await schema.init(connection, "here")
    assert refused.value.state is HubState.NOT_ALLOWED
