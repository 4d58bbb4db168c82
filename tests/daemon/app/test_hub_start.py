"""A hub that cannot begin says why: at once where its configuration is no hub's, else where it is asked whether it is ready."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemon.app import hub as hub_module
from daemon.app.hub import HubApp
from daemon.app.hub_wiring import HubParts, hub_wired
from daemon.config.config import Config
from daemon.config.loading import load
from daemon.hub.schema import VERSION
from daemon.hub.states import HubError
from sla.evidence import encode
from tests.daemon.app.test_hub import hub, is_ready
from tests.daemon.harness import config_of, fetched
from tests.daemon.hub.stores import add_hub, chained, founding, make_store
from tests.daemon.quick import TICK_US
from tests.peers.postgres import Postgres
from tests.waiting import until

VCENTER = '[vcenter.vc1]\naddress = "127.0.0.1:9"\nuser = "slad"\npassword_file = "password"'
STORE = '[hub]\ndsn = "postgresql://slad-hub@/slad?host=/tmp"'


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"hub": ""}, r"slad.toml has no \[hub\]: it says which store to follow"),
        ({"hub": STORE, "vcenter": VCENTER}, r"names a vCenter, and a hub watches nothing.*'slad run'"),
    ],
)
def test_what_is_no_hubs_configuration_is_refused(
    tmp_path: Path, sections: dict[str, str], said: str
) -> None:
    config = load(config_of(tmp_path, **sections), {})
    with pytest.raises(HubError, match=said):
        HubApp(config, {})


async def test_a_store_that_cannot_be_read_keeps_a_hub_from_being_ready_and_is_named(
    server: Postgres, tmp_path: Path
) -> None:
    store = await make_store(server, tmp_path, "mon1")
    await add_hub(store)
    store.rows("UPDATE slad.store SET version = 99 RETURNING version")
    found = hub(store, "hub1")
    app = HubApp(load(found.config, {}), {}, tick_us=TICK_US)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app.run())
        await app.started.wait()
        found.port = app.addresses[0][1]
        await until(lambda: "Run the newer slad" in fetched(found.port, "/-/ready")[1], "the reason")
        assert not await asyncio.to_thread(is_ready, found)
        store.rows(f"UPDATE slad.store SET version = {VERSION} RETURNING version")
        await until(lambda: is_ready(found), "it to be ready")
        app.stop()


async def test_a_hub_that_begins_anew_goes_by_the_configuration_that_was_reloaded(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a promotion would bring back what an operator has just taken out of it."""
    store = await make_store(server, tmp_path, "mon1")
    await add_hub(store)
    monitor = await store.open()
    await monitor.append(chained([encode(record) for record in founding()]))
    await monitor.close()
    found = hub(store, "hub1")
    followed: list[Config] = []

    def noted(config: Config, *others: Any, **named: Any) -> HubParts:
        followed.append(config)
        return hub_wired(config, *others, **named)

    monkeypatch.setattr(hub_module, "hub_wired", noted)
    app = HubApp(load(found.config, {}), {}, tick_us=TICK_US)
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(app.run())
            await app.started.wait()
            found.port = app.addresses[0][1]
            await until(lambda: is_ready(found), "it to be ready")
            found.config.write_text(found.config.read_text() + '[provider]\nname = "After"\n')
            app.reload()
            await until(lambda: "config_reloaded" in [each["event"] for each in logs], "the reload")
            store.rows("DELETE FROM slad.line WHERE arrival = 2 RETURNING 1")
            store.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'slad hub %'"
            )
            await until(lambda: len(followed) == 2, "it to begin anew")
            app.stop()
    assert [config.provider.name for config in followed] == ["", "After"]
