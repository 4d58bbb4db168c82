"""A monitor with a store over its restarts: what a start compares, what it refuses, and how a ledger comes back."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from daemon.app import App, Meant
from daemon.cli import main
from daemon.config.loading import load
from daemon.hub import comparing
from daemon.hub.states import HubError, HubState
from daemon.ledger import LedgerWentBackError, verified
from tests.daemon.harness import fetched, running_app, scraped, simulated, write_config
from tests.daemon.hub.stores import TestStore, chained, make_store
from tests.peers.postgres import Postgres
from tests.peers.proxy import FaultProxy, Weather
from tests.waiting import until


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    return await make_store(server, tmp_path, "mon")


def slad(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def found(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def remove(folder: Path, pattern: str) -> None:
    for file in found(folder, pattern):
        file.unlink()


async def refused(config: Path, meant: Meant | None = None) -> HubError:
    with pytest.raises(HubError) as error:
        await (App(load(config, {}), {}) if meant is None else App(load(config, {}), {}, meant=meant)).run()
    return error.value


async def level(app: App) -> None:
    port = app.addresses[0][1]
    await until(lambda: fetched(port, "/-/ready")[0] == 200, "readiness")
    await until(
        lambda: scraped("127.0.0.1", port).get(("slad_hub_behind_records", frozenset())) == 0, "the store"
    )


async def one_more(folder: Path, reference: str) -> None:
    window = ("--from", "2026-11-01T03:00Z", "--until", "2026-11-01T04:00Z", "--client", "acme")
    door = ("--socket", folder / "control.sock")
    done = await asyncio.to_thread(
        slad, "exclusion", "add", "force_majeure", *window, "--reference", reference, *door
    )
    assert done.exit_code == 0, done.output


async def restored(config: Path, *arguments: object) -> Result:
    return await asyncio.to_thread(slad, "import", "--from-hub", "--config", config, *arguments)


async def test_an_older_ledger_is_refused_brought_up_to_date_and_goes_on(
    store: TestStore, tmp_path: Path
) -> None:
    ledger, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with simulated(2) as vcenter:
        config = write_config(tmp_path, vcenter, hub=store.toml("mon"))
        async with running_app(config) as app:
            await level(app)
        shutil.copy(ledger, copy)
        async with running_app(config) as app:
            await one_more(tmp_path, "kept")
            await level(app)
        whole = verified(ledger).head
        copy.rename(ledger)
        (
            tmp_path / "ledger.db.head"
        ).unlink()  # with the whole folder put back from a backup, the note is as old
        why = await refused(config)
        assert why.state is HubState.LEDGER_WENT_BACK
        assert "slad import --from-hub" in str(why)
        done = await restored(config)
        assert done.exit_code == 0, done.output
        assert f"ends with record {whole.seq} now" in done.output
        assert verified(ledger).head == whole, "the same records, by the same hashes"
        again = await restored(config)
        assert "0 of them came from the store" in again.output
        async with running_app(config) as app:
            await level(app)
            await one_more(tmp_path, "after")
            await level(app)
    assert [line.body for line in store.lines("mon") if '"kept"' in line.body]
    assert [line.body for line in store.lines("mon") if '"after"' in line.body]
    with closing(sqlite3.connect(ledger)) as db:
        held = db.execute("SELECT seq, body, chain FROM record ORDER BY seq").fetchall()
    assert [(line.seq, line.body, line.chain) for line in store.lines("mon")] == held
    assert not found(tmp_path, "*.importing*")


async def test_a_ledger_that_is_gone_comes_back_whole(store: TestStore, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.db"
    with simulated(2) as vcenter:
        config = write_config(tmp_path, vcenter, hub=store.toml("mon"))
        async with running_app(config) as app:
            await level(app)
        whole = verified(ledger).head
        remove(tmp_path, "ledger.db*")
        why = await refused(config)  # one that was never noted here would begin anew, and is another one
        assert why.state is HubState.LEDGER_WENT_BACK
        remove(tmp_path, "ledger.db*")
        assert (await restored(config)).exit_code == 0
        assert verified(ledger).head == whole
        async with running_app(config) as app:
            await level(app)


async def test_one_that_went_on_from_an_older_copy_is_refused_with_the_record(
    store: TestStore, tmp_path: Path
) -> None:
    ledger, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with simulated(2) as vcenter:
        config = write_config(tmp_path, vcenter, hub=store.toml("mon"))
        async with running_app(config) as app:
            await level(app)
        shutil.copy(ledger, copy)
        common = verified(ledger).head.seq
        async with running_app(config) as app:
            await one_more(tmp_path, "kept")
            await level(app)
        copy.rename(ledger)
        (tmp_path / "ledger.db.head").unlink()
        alone = write_config(tmp_path, vcenter)  # as while the store was away
        async with running_app(alone):
            await one_more(tmp_path, "forked")
            await one_more(tmp_path, "forked again")
        config = write_config(tmp_path, vcenter, hub=store.toml("mon"))
        why = await refused(config)
        assert why.state is HubState.DIVERGED
        assert f"From record {common + 1} on" in str(why)
        before = ledger.read_bytes()
        done = await restored(config)
        assert done.exit_code == 1
        assert f"From record {common + 1} on" in done.output
        assert ledger.read_bytes() == before, "nothing was changed"
        async with running_app(config, meant=Meant(older_ledger="the store is another one")) as app:
            await until(
                lambda: (
                    scraped("127.0.0.1", app.addresses[0][1]).get(
                        ("slad_hub_state", frozenset({("state", "diverged")}))
                    )
                    == 1
                ),
                "that shipping is refused, and the monitor goes on",
            )


async def test_what_was_acknowledged_and_is_not_in_the_store_either_is_asked_of_a_person(
    store: TestStore, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.db"
    with simulated(2) as vcenter:
        config = write_config(tmp_path, vcenter, hub=store.toml("mon"))
        async with running_app(config) as app:
            await level(app)
        async with running_app(write_config(tmp_path, vcenter)):
            await one_more(tmp_path, "never shipped")
        ledger.unlink()
        config = write_config(tmp_path, vcenter, hub=store.toml("mon"))
        done = await restored(config)
        assert done.exit_code == 0
        assert "--accept-older-ledger" in done.output
        with pytest.raises(LedgerWentBackError):
            await App(load(config, {}), {}).run()
        async with running_app(config, meant=Meant(older_ledger="the disk died")) as app:
            await level(app)


async def test_a_store_that_hangs_or_is_away_keeps_no_start_waiting(
    store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "AT_START_S", 0.5)
    with simulated(2) as vcenter, FaultProxy(("127.0.0.1", store.server.port)) as proxy:
        config = write_config(tmp_path, vcenter, hub=store.toml("mon", at=(proxy.host, proxy.port)))
        for weather in (Weather(silent=True), Weather(stall_after_bytes=600), Weather(refuse=True)):
            proxy.weather = weather
            async with running_app(config) as app:
                await until(lambda: fetched(app.addresses[0][1], "/-/ready")[0] == 200, "readiness")
                proxy.weather = Weather()
                proxy.drop()
                await level(app)


async def test_import_does_not_touch_a_ledger_in_use_nor_believe_a_store_that_was_changed(
    store: TestStore, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.db"
    with simulated(2) as vcenter:
        config = write_config(tmp_path, vcenter, hub=store.toml("mon"))
        async with running_app(config) as app:
            await level(app)
            busy = await restored(config)
            assert busy.exit_code == 1
            assert "in use" in busy.output
    elsewhere = tmp_path / "elsewhere.db"

    async def is_not_believed(why: str) -> None:
        done = await restored(config, "--ledger", elsewhere)
        assert done.exit_code == 1
        assert why in done.output
        assert found(tmp_path, "elsewhere.db*") == [tmp_path / "elsewhere.db.lock"]

    for damage in (
        "UPDATE slad.line SET body = replace(body, 'ACME', 'ACNE') WHERE body LIKE '%ACME%'",
        "DELETE FROM slad.line WHERE seq = 2",
        "TRUNCATE slad.line",
    ):
        with store.owner() as owner:
            owner.execute(damage.encode())
        await is_not_believed("does not hold")
    with store.owner() as owner:
        owner.execute("UPDATE slad.ledger SET seq = 0, chain = decode(repeat('00', 32), 'hex')")
    monitor = await store.open("mon")
    await monitor.append(chained(['{"kind":"nonsense","salt":"0"}']))
    await monitor.close()
    await is_not_believed("Record 1 cannot be read")
    assert ledger.exists()


def test_the_command_line_says_what_goes_together(tmp_path: Path) -> None:
    for arguments in ((), ("--from-hub", "--statements", tmp_path), ("--ledger", tmp_path / "x")):
        assert slad("import", *arguments).exit_code == 2
