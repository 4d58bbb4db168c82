"""What people ask a hub to record, while others write to the same ledger."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.app.hub import HubApp
from daemon.cli import asking
from daemon.clock import SystemClock
from daemon.config.loading import load
from daemon.hub.retiring import retire
from daemon.hub.schema import HUB
from daemon.hub.tail import Tail
from daemon.ledger import Chained, RequestKey
from daemon.recording import hub_committing
from daemon.recording.hub_recorder import HubRecorder
from sla.evidence import encode
from sla.instants import SECOND, Instant
from sla.records import Witness
from tests.daemon.app.test_hub import announce, hub, is_active, is_ready
from tests.daemon.harness import Daemon
from tests.daemon.hub.stores import START, TestStore, add_hub, chained, founding, make_store
from tests.daemon.quick import TICK_US
from tests.peers.postgres import Postgres
from tests.waiting import until

OFTEN = hub_committing.ATTEMPTS - 1
"""More often than a command asks."""


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    store = await make_store(server, tmp_path, "mon1")
    await add_hub(store)
    monitor = await store.open()
    await monitor.append(chained([encode(record) for record in founding()]))
    await monitor.put_watermarks(2, {Witness("mon1", "vc1"): Instant(START + SECOND)})
    await monitor.close()
    return store


@asynccontextmanager
async def active(store: TestStore) -> AsyncIterator[Daemon]:
    """A hub in this process that may record, where commands find it."""
    found = hub(store, "hub1")
    app = HubApp(load(found.config, {}), {}, tick_us=TICK_US)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app.run())
        await app.started.wait()

        found.port = app.addresses[0][1]
        await until(lambda: is_active(found) and is_ready(found), "it to be active")
        yield found
        app.stop()


class Meanwhile:
    """A monitor is retired just before the hub appends, so often."""

    def __init__(self, store: TestStore, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
        self.left = times
        append = Tail.append

        async def overtaken(
            tail: Tail, lines: Sequence[Chained], key: RequestKey | None, documents: Sequence[bytes]
        ) -> str:
            if self.left:
                self.left -= 1
                await retire(store.table(HUB), "mon1", None, "eve", SystemClock().now())
            return await append(tail, lines, key, documents)

        monkeypatch.setattr(Tail, "append", overtaken)


def kinds(store: TestStore) -> list[str]:
    return [line.body.split('"')[3] for line in store.lines(HUB)]


async def test_a_monitor_is_retired_while_a_hub_records_and_neither_is_refused(
    store: TestStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with active(store) as found:
        Meanwhile(store, monkeypatch, OFTEN)
        done = await asyncio.to_thread(announce, found, "kept")
        assert done.exit_code == 0, done.output
    assert kinds(store) == [*(["observer_retired"] * OFTEN), "event", "exclusion"]


async def test_who_is_overtaken_for_ever_is_told_that_nothing_is_recorded(
    store: TestStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with active(store) as found:
        Meanwhile(store, monkeypatch, hub_committing.ATTEMPTS * asking.ATTEMPTS)
        done = await asyncio.to_thread(announce, found, "refused")
        assert "the ledger got another record meanwhile" in done.output
    assert "exclusion" not in kinds(store)


async def test_who_awaits_a_seal_while_the_hub_ends_is_answered(
    store: TestStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As whoever has a statement made then: nobody ticks any more who would tell."""
    tick = HubRecorder.tick
    answered = asyncio.Event()

    async def ends_meanwhile(recorder: HubRecorder) -> None:
        await tick(recorder)
        if not recorder._is_finishing:
            tasks.create_task(sealed(recorder))
            await asyncio.sleep(0)
            recorder.finish()

    async def sealed(recorder: HubRecorder) -> None:
        await recorder.seal()
        answered.set()

    async with asyncio.TaskGroup() as tasks, active(store):
        monkeypatch.setattr(HubRecorder, "tick", ends_meanwhile)
        async with asyncio.timeout(30):
            await answered.wait()
    assert "observed_until" in kinds(store)
