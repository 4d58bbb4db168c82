"""What keeps a hub from its store is told, with what to do; and the hub goes on trying."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from daemon.clock import SystemClock
from daemon.config.hub import HubTable
from daemon.hub import store as store_module
from daemon.hub import tail as tail_module
from daemon.hub.schema import HUB
from daemon.hub.states import HubState
from daemon.hub.tail import Tail
from daemon.metrics.hub import TailMetrics
from tests.daemon.hub.stores import TestStore, add_hub, make_store
from tests.peers.postgres import Postgres, postgres
from tests.peers.proxy import FaultProxy, Weather
from tests.peers.tls import issue
from tests.waiting import until_told


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres(certificate=issue(tmp_path_factory.mktemp("tls"))) as running:
        yield running


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    store = await make_store(server, tmp_path, "mon1")
    await add_hub(store)
    return store


def _away(store: TestStore) -> HubTable:
    return store.table(HUB, at=("127.0.0.1", 9))


def _another_certificate(store: TestStore) -> HubTable:
    (store.folder / "other").mkdir()
    authority = str(issue(store.folder / "other").cafile)
    return store.table(
        HUB, at=("127.0.0.1", store.server.port), more="sslmode=verify-full", ca_file=authority
    )


def _wrong_password(store: TestStore) -> HubTable:
    table = store.table(HUB)
    (store.folder / "hub.password").write_text("another")
    return table


def _no_password(store: TestStore) -> HubTable:
    table = store.table(HUB)
    (store.folder / "hub.password").unlink()
    return table


def _no_store(store: TestStore) -> HubTable:
    return TestStore(store.server, store.server.database(), store.folder).table(HUB)


def _of_version(version: int) -> Callable[[TestStore], HubTable]:
    def of_version(store: TestStore) -> HubTable:
        store.rows(f"UPDATE slad.store SET version = {version} RETURNING version")
        return store.table(HUB)

    return of_version


def _of_a_monitor(store: TestStore) -> HubTable:
    return store.table("mon1")


def _no_rights(store: TestStore) -> HubTable:
    with store.owner() as owner:
        owner.execute('REVOKE slad_hub FROM "slad-hub"')
    return store.table(HUB)


@pytest.mark.parametrize(
    ("broken", "state", "said"),
    [
        (_away, HubState.UNREACHABLE, "the way to it"),
        (_another_certificate, HubState.NOT_TRUSTED, "ca_file"),
        (_wrong_password, HubState.LOGIN_REFUSED, "password"),
        (_no_password, HubState.NO_SECRET, "hub.password"),
        (_no_store, HubState.NO_STORE, "slad hub init"),
        (_of_version(1), HubState.SCHEMA_OLDER, "run 'slad hub init'"),
        (_of_version(99), HubState.SCHEMA_NEWER, "Run the newer slad"),
        (_of_a_monitor, HubState.NOT_ALLOWED, "'slad hub role' that of hubs"),
        (_no_rights, HubState.NOT_ALLOWED, "'slad hub role' that of hubs"),
    ],
)
async def test_what_keeps_a_hub_from_its_store_is_told_and_tried_again(
    store: TestStore,
    broken: Callable[[TestStore], HubTable],
    state: HubState,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tail_module, "FIRST_RETRY_S", 0.02)
    await _told(broken(store), state, said)


async def test_a_store_that_does_not_answer_is_told(
    store: TestStore, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "CONNECT_S", 2.0)
    with FaultProxy(("127.0.0.1", server.port)) as proxy:
        proxy.weather = Weather(silent=True)
        await _told(
            store.table(HUB, at=(proxy.host, proxy.port)), HubState.UNANSWERED, "did not answer in time"
        )


async def _told(table: HubTable, state: HubState, said: str) -> None:
    families = CollectorRegistry()
    tail = Tail(clock=SystemClock(), table=table, metrics=TailMetrics(families))

    async def has_tried_twice() -> bool:
        failures = families.get_sample_value("slad_hub_tail_failures_total", {"state": state.value})
        return (failures or 0) > 1

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(tail.run())
        await until_told(has_tried_twice, f"{state} twice, and not: {tail.fault}")
        running.cancel()
    assert said in tail.fault
    assert not tail.is_active
