"""`slad doctor --hub` on a real store: what it finds of the store, the rights there and the monitors, and that it changes nothing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from daemon.cli.doctor import doctor
from daemon.config.hub import parse_shard
from daemon.doctor import examined
from daemon.doctor.finding import Finding, Level
from daemon.hub import schema
from daemon.hub.examining import examine
from daemon.hub.session import HubSession
from sla.instants import MINUTE, Instant
from sla.records import Witness
from tests.daemon.hub.stores import START, TestStore, add_hub, begun_ledger, make_store
from tests.peers.postgres import OWNER, Postgres


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    made = await make_store(server, tmp_path, "mon1", "mon2")
    await add_hub(made)
    return made


def config_of(store: TestStore, role: str = "hub", more: str = "") -> Path:
    path = store.folder / "hub.toml"
    path.write_text(
        f'observer = "hub"\n{store.toml(role)}\n[control]\nsocket = "control.sock"\n[web]\nlisten = ["127.0.0.1:0"]\n{more}'
    )
    return path


class At:
    """A clock that stands."""

    def __init__(self, now: Instant) -> None:
        self._now = now

    def now(self) -> Instant:
        return self._now


async def look(config: Path, now: Instant = START) -> list[Finding]:
    clock: Any = At(now)
    return await asyncio.to_thread(lambda: list(examined(config, {}, clock, is_hub=True)))


def told(findings: list[Finding], about: str) -> Finding:
    (found,) = (each for each in findings if each.about == about)
    return found


async def ship(store: TestStore, seen_until: Instant | None) -> None:
    """Have mon1 ship what founds a ledger, and how far it has seen."""
    ledger = await begun_ledger(store.folder / "mon1.db")
    lines = await ledger.read(0, 100)
    shipping = await store.open("mon1")
    await shipping.append(lines)
    if seen_until is not None:
        await shipping.put_watermarks(lines[-1].seq, {Witness("mon1", "vc1"): seen_until})
    await shipping.close()
    await ledger.close()


async def test_the_store_the_rights_and_the_active_hub_are_told(store: TestStore) -> None:
    found = await look(config_of(store))
    assert {each.level for each in found if each.about in ("store", "rights")} == {Level.OK}
    assert f"has version {schema.VERSION}, on PostgreSQL 1" in told(found, "store").text
    assert "slad-hub reads all ledgers" in told(found, "rights").text
    assert told(found, "active hub").level is Level.WARN
    active = await HubSession.open(store.table("hub"), "hub", "hub1:7:ab")
    assert await active.is_active()
    assert told(await look(config_of(store)), "active hub").text == "hub1:7:ab"
    assert await active.is_active(), "whoever looks takes nothing"
    await active.close()


async def test_who_may_read_and_not_record_is_told_the_role_that_may(store: TestStore) -> None:
    """A superuser too: the ledger of hubs is its role's alone."""
    found = told(await look(config_of(store, OWNER)), "rights")
    assert (found.level, found.text) == (Level.FAIL, f"{OWNER} cannot record: slad-hub is the role of hubs")
    store.rows("DELETE FROM slad.ledger WHERE name = 'hub' RETURNING 1")
    assert (
        told(await look(config_of(store, OWNER)), "rights").text
        == f"{OWNER} cannot record: hubs have no role yet"
    )


async def test_the_active_hub_is_that_of_the_shard(store: TestStore) -> None:
    active = await HubSession.open(store.table("hub"), "hub", "hub2:7:ab")
    assert await active.is_active(parse_shard("2/2"))
    assert [(await examine(store.table("hub", shard=shard))).active for shard in ("1/2", "2/2")] == [
        "",
        "hub2:7:ab",
    ]
    await active.close()


async def test_whoever_looks_does_not_become_the_active_hub(store: TestStore) -> None:
    assert (await examine(store.table("hub"))).active == ""
    other = await HubSession.open(store.table("hub"), "hub", "other")
    assert await other.is_active()
    await other.close()


@pytest.mark.parametrize(
    ("seen_at", "level", "said"),
    [
        (START, Level.OK, "has seen until 2026-02-25"),
        (Instant(START - 9 * MINUTE), Level.OK, "2 records"),
        (Instant(START - 11 * MINUTE), Level.WARN, "nothing since"),
        (Instant(START + MINUTE), Level.WARN, "its clock is ahead"),
        (Instant(2**62), Level.WARN, "until what is no instant"),
        (None, Level.WARN, "never said how far it has seen"),
    ],
)
async def test_a_monitor_is_told_with_its_head_and_how_far_it_has_seen(
    store: TestStore, seen_at: Instant | None, level: Level, said: str
) -> None:
    await ship(store, seen_at)
    found = await look(config_of(store))
    one, two = told(found, "monitor mon1"), told(found, "monitor mon2")
    assert one.level is level
    assert said in one.text
    assert store.lines("mon1")[-1].chain.hex()[:16] in one.text
    assert (two.level, two.text) == (Level.WARN, "has shipped nothing yet; slad-mon2 may")


async def test_what_a_hub_cannot_follow_fails_with_what_to_do(store: TestStore) -> None:
    refused = told(await look(config_of(store, "mon1")), "store")
    assert (refused.level, refused.text.startswith("not_allowed: ")) == (Level.FAIL, True)
    with store.owner() as owner:
        owner.execute("UPDATE slad.store SET version = 1")
    older = told(await look(config_of(store)), "store")
    assert (older.level, "slad hub init" in older.text) == (Level.FAIL, True)
    path = config_of(store)
    path.write_text(path.read_text().replace(store.name, "nowhere"))
    gone = told(await look(path), "store")
    assert (gone.level, gone.text.startswith("no_store: ")) == (Level.FAIL, True)


async def test_a_monitors_configuration_is_none_of_a_hubs(store: TestStore) -> None:
    (store.folder / "password").write_text("x")
    (store.folder / "password").chmod(0o600)
    vcenter = '[vcenter.vc1]\naddress = "127.0.0.1:1"\nuser = "u"\npassword_file = "password"\n'
    assert told(await look(config_of(store, more=vcenter)), "hub").level is Level.FAIL
    path = config_of(store)
    path.write_text('observer = "hub"\n[control]\nsocket = "control.sock"\n[web]\nlisten = ["127.0.0.1:0"]\n')
    assert "has no [hub]" in told(await look(path), "hub").text


async def test_where_no_hub_runs_it_is_said_that_nobody_knows_of_disagreements(store: TestStore) -> None:
    found = told(await look(config_of(store)), "disagreements")
    assert (found.level, "no hub says" in found.text) == (Level.WARN, True)


def test_what_it_finds_is_its_exit_code_and_a_recording_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text('observer = "hub"\n')
    assert CliRunner().invoke(doctor, ["--hub", "--config", str(path)]).exit_code == 1
    refused = CliRunner().invoke(doctor, ["--hub", "--config", str(path), "--record", str(tmp_path / "r")])
    assert refused.exit_code == 2
