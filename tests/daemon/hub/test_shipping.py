"""A ledger on its way to the store: whatever the way and the store do, the store ends with what the ledger holds, and nobody waits."""

import asyncio
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from daemon.config.hub import HubTable
from daemon.hub import shipping
from daemon.hub import store as store_module
from daemon.hub.states import HubState
from daemon.ledger import Chained
from sla.calendars import calendar_of
from sla.records import Witness
from tests import virtual
from tests.daemon.app.test_hub import agreed, hub, running, value
from tests.daemon.hub.shippers import Monitor, shipping_to
from tests.daemon.hub.stores import START, TestStore, add_hub, make_store, observed
from tests.peers.postgres import Postgres, postgres
from tests.peers.proxy import FaultProxy, Weather
from tests.peers.tls import issue


@pytest.fixture(scope="module")
def module_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres(certificate=issue(tmp_path_factory.mktemp("tls"))) as running:
        yield running


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> TestStore:
    return await make_store(server, tmp_path, "mon1", "mon2")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(shipping, "LAST_RETRY_S", 0.1)


@pytest.fixture
def proxy(server: Postgres) -> Iterator[FaultProxy]:
    with FaultProxy(("127.0.0.1", server.port)) as running:
        yield running


async def test_what_is_committed_is_shipped_and_so_is_how_far_was_seen(
    store: TestStore, tmp_path: Path
) -> None:
    async with shipping_to(store.table(), tmp_path / "ledger.db") as monitor:
        assert math.isnan(monitor.value("slad_hub_behind_records") or 0), "nobody knows yet"
        await monitor.until_level()
        await monitor.commit(observed(0, 5000))
        await monitor.until_level()
        assert store.lines() == await monitor.lines()
        assert monitor.value("slad_hub_shipped_records_total") == 5002
        assert monitor.value("slad_hub_state", state="shipping") == 1
        assert (monitor.value("slad_hub_last_success_timestamp_seconds") or 0) > 0
        await monitor.until(
            lambda: (
                store.rows("SELECT at FROM slad.watermark")
                == [(monitor.ledger.watermarks[Witness("mon1", "vc1")],)]
            ),
            "the watermark",
        )


async def test_a_restart_goes_on_where_the_store_is_and_an_end_ships_what_is_left(
    store: TestStore, tmp_path: Path
) -> None:
    for first in (0, 10, 20):
        async with shipping_to(store.table(), tmp_path / "ledger.db") as monitor:
            await monitor.until_level()
            await monitor.commit(observed(first, 10))
            expected = await monitor.lines()
        assert store.lines() == expected, "the last of it too"


def _has(store: TestStore, count: int) -> bool:
    return len(store.lines()) >= count


def failures(monitor: Monitor) -> float:
    return monitor.value("slad_hub_failures_total", state="unreachable") or 0


def _has_ended(monitor: Monitor, failures_before: float) -> bool:
    """Whether an attempt failed since, or there is nothing left to try."""
    return failures(monitor) > failures_before or monitor.value("slad_hub_behind_records") == 0


async def test_an_append_whose_answer_is_cut_off_is_repeated_and_there_once(
    store: TestStore, tmp_path: Path, proxy: FaultProxy
) -> None:
    """In the middle of what is sent, of the answer, and of everything between: the store has each line once."""
    table = store.table(at=(proxy.host, proxy.port))
    async with shipping_to(table, tmp_path / "ledger.db") as monitor:
        await monitor.until_level()
        for cut in range(0, 120, 10):
            proxy.weather = Weather(cut_after_bytes=cut)
            await monitor.commit(observed(cut, 10))
            await monitor.until(partial(_has_ended, monitor, failures(monitor)), "the cut")
            proxy.weather = Weather()
            await monitor.until_level()
        assert store.lines() == await monitor.lines()
        assert failures(monitor) > 0


async def test_an_append_that_arrives_twice_is_there_once(
    store: TestStore, tmp_path: Path, proxy: FaultProxy
) -> None:
    """By a way that repeats what was sent: answers come twice, too, and are taken for those of later questions."""
    for first in range(0, 30, 10):
        async with shipping_to(store.table(at=(proxy.host, proxy.port)), tmp_path / "ledger.db") as monitor:
            await monitor.until_state(HubState.SHIPPING)
            proxy.weather = Weather(twice_up=True)
            await monitor.commit(observed(first, 10))
            await monitor.until(partial(_has, store, first + 12), "it to arrive")
            proxy.weather = Weather()
            await monitor.until_state(HubState.SHIPPING)
            assert store.lines() == await monitor.lines()


@pytest.mark.parametrize(
    ("weather", "state"),
    [
        (Weather(refuse=True), HubState.UNREACHABLE),
        (Weather(silent=True), HubState.UNANSWERED),
        (Weather(stall_after_bytes=0), HubState.UNANSWERED),
        (Weather(cut_after_bytes=0), HubState.UNREACHABLE),
    ],
)
async def test_a_store_that_is_away_or_hangs_keeps_nobody_from_committing(
    store: TestStore,
    tmp_path: Path,
    proxy: FaultProxy,
    weather: Weather,
    state: HubState,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store_module, "ANSWER_S", 0.3)
    monkeypatch.setattr(store_module, "CONNECT_S", 2.0)
    monkeypatch.setattr(shipping, "HEARTBEAT_S", 0.1)
    async with shipping_to(store.table(at=(proxy.host, proxy.port)), tmp_path / "ledger.db") as monitor:
        await monitor.until_level()
        proxy.weather = weather
        if weather.refuse or weather.silent:
            proxy.drop()
        await monitor.until_state(state)
        await monitor.commit(observed(0, 10))
        assert monitor.value("slad_hub_behind_records") == 10
        assert (monitor.value("slad_hub_behind_seconds") or 0) > 0
        assert monitor.value("slad_hub_state", state=state.value) == 1
        assert monitor.value("slad_hub_state", state="shipping") == 0
        proxy.weather = Weather()
        await monitor.until_level()
        assert store.lines() == await monitor.lines()


async def test_of_several_hosts_one_that_hangs_leaves_time_for_the_next(
    store: TestStore, tmp_path: Path, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the primary whose machine died, and the replica that was promoted."""
    monkeypatch.setattr(store_module, "CONNECT_S", 4.0)
    proxy.weather = Weather(silent=True)
    table = store.table(at=(f"{proxy.host}:{proxy.port},127.0.0.1", store.server.port))
    async with shipping_to(table, tmp_path / "ledger.db") as monitor:
        await monitor.until_level()
        assert proxy.accepted > 0
        assert failures(monitor) == 0


async def test_a_long_way_is_a_way(store: TestStore, tmp_path: Path, proxy: FaultProxy) -> None:
    proxy.weather = Weather(delay_up_ms=100, delay_down_ms=200, drip_bytes_per_s=4000)
    async with shipping_to(store.table(at=(proxy.host, proxy.port)), tmp_path / "ledger.db") as monitor:
        await monitor.commit(observed(0, 3000))
        await monitor.until_level()
        assert store.lines() == await monitor.lines()
        assert failures(monitor) == 0


async def test_a_store_that_is_too_slow_for_many_records_gets_fewer(
    store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_SETTINGS", "SET statement_timeout = 500")
    with store.owner() as owner:
        owner.execute(
            "CREATE FUNCTION slad.slow() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN IF (SELECT count(*) FROM lines) > 100 THEN PERFORM pg_sleep(60); END IF; RETURN NULL; END'"
        )
        owner.execute(
            "CREATE TRIGGER slow AFTER INSERT ON slad.line REFERENCING NEW TABLE AS lines"
            " FOR EACH STATEMENT EXECUTE FUNCTION slad.slow()"
        )
    async with shipping_to(store.table(), tmp_path / "ledger.db") as monitor:
        await monitor.commit(observed(0, 300))
        await monitor.until_level()
        assert (monitor.value("slad_hub_failures_total", state="unanswered") or 0) > 0
        assert store.lines() == await monitor.lines()


async def test_an_end_does_not_wait_for_a_store_that_hangs(
    store: TestStore, tmp_path: Path, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "FINISH_S", 0.2)
    async with asyncio.timeout(15):  # of 30 that an answer may take
        async with shipping_to(store.table(at=(proxy.host, proxy.port)), tmp_path / "ledger.db") as monitor:
            await monitor.until_level()
            proxy.weather = Weather(stall_after_bytes=0)
            await monitor.commit(observed(0, 10))
            await asyncio.sleep(0.1)


def _wrong_password(store: TestStore) -> HubTable:
    table = store.table()
    (store.folder / "hub.password").write_text("another")
    return table


def _not_trusted(store: TestStore) -> HubTable:
    (store.folder / "other").mkdir()
    return store.table(
        at=("127.0.0.1", store.server.port),
        more="sslmode=verify-full",
        ca_file=str(issue(store.folder / "other").cafile),
    )


def _another_host(store: TestStore) -> HubTable:
    return store.table(at=("ip6-localhost.localdomain", store.server.port), more="sslmode=disable")


def _no_password(store: TestStore) -> HubTable:
    table = store.table()
    (store.folder / "hub.password").unlink()
    return table


def _nobody(store: TestStore) -> HubTable:
    return store.table("nobody")


def _somebody_else(store: TestStore) -> HubTable:
    return store.table("mon2")


def _no_store(store: TestStore) -> HubTable:
    return TestStore(store.server, store.server.database(), store.folder).table()


def _no_rights(store: TestStore) -> HubTable:
    with store.owner() as owner:
        owner.execute('REVOKE slad_monitor FROM "slad-mon1"')
    return store.table()


def _full(store: TestStore) -> HubTable:
    with store.owner() as owner:
        owner.execute("ALTER TABLE slad.ledger ADD CHECK (seq = 0)")
    return store.table()


def _newer(store: TestStore) -> HubTable:
    with store.owner() as owner:
        owner.execute("UPDATE slad.store SET version = 99")
    return store.table()


@pytest.mark.parametrize(
    ("broken", "state", "said"),
    [
        (_wrong_password, HubState.LOGIN_REFUSED, "password"),
        (_nobody, HubState.LOGIN_REFUSED, "password"),
        (_not_trusted, HubState.NOT_TRUSTED, "ca_file"),
        (_another_host, HubState.UNREACHABLE, "the way to it"),
        (_no_password, HubState.NO_SECRET, "hub.password"),
        (_somebody_else, HubState.NOT_ALLOWED, "slad hub monitor add"),
        (_no_store, HubState.NO_STORE, "slad hub init"),
        (_no_rights, HubState.NOT_ALLOWED, "slad hub monitor add"),
        (_full, HubState.FAILED, "PostgreSQL's log"),
        (_newer, HubState.SCHEMA_NEWER, "newer slad"),
    ],
)
async def test_what_keeps_it_from_shipping_is_told_and_tried_again_and_the_monitor_goes_on(
    store: TestStore, tmp_path: Path, broken: Callable[[TestStore], HubTable], state: HubState, said: str
) -> None:
    async with shipping_to(broken(store), tmp_path / "ledger.db") as monitor:
        assert said in await monitor.until_state(state)
        await monitor.until(
            lambda: (monitor.value("slad_hub_failures_total", state=state.value) or 0) > 1, "another attempt"
        )
        await monitor.commit(observed(0, 10))
        assert monitor.ledger.head.seq == 12


async def test_tls_is_verified_and_then_it_ships(store: TestStore, tmp_path: Path, server: Postgres) -> None:
    trusting = store.table(
        at=("127.0.0.1", server.port), more="sslmode=verify-full", ca_file=str(server.authority)
    )
    async with shipping_to(trusting, tmp_path / "ledger.db") as monitor:
        await monitor.until_level()
        assert len(store.lines()) == 2


async def test_another_configuration_is_followed_at_once(store: TestStore, tmp_path: Path) -> None:
    async with shipping_to(_wrong_password(store), tmp_path / "ledger.db") as monitor:
        await monitor.until_state(HubState.LOGIN_REFUSED)
        monitor.shipper.follow(None)
        assert monitor.shipper.standing is None
        assert monitor.value("slad_hub_state", state="login_refused") is None
        monitor.shipper.follow(store.table())
        await monitor.until_level()
        monitor.shipper.follow(None)
        await monitor.commit(observed(0, 10))
        assert monitor.value("slad_hub_behind_records") == 0


async def test_a_ledger_that_went_back_while_it_ships_is_refused(store: TestStore, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with shipping_to(store.table(), path) as monitor:
        await monitor.until_level()
        older = path.read_bytes()
        await monitor.commit(observed(0, 3))
    path.write_bytes(older)
    (tmp_path / "ledger.db.head").unlink()
    async with shipping_to(store.table(), path) as monitor:
        why = await monitor.until_state(HubState.LEDGER_WENT_BACK)
        assert "ends with record 2, and the store has 5" in why
        assert "slad import --from-hub" in why
        await monitor.commit(observed(7, 4))  # it goes on, and is another ledger now
        assert "From record 3 on" in await monitor.until_state(HubState.DIVERGED)
        assert len(store.lines()) == 5


async def test_a_store_that_lost_what_it_acknowledged_gets_it_again(
    store: TestStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a replica was promoted that lacked some."""
    async with shipping_to(store.table(), tmp_path / "ledger.db") as monitor:
        await monitor.commit(observed(0, 100))
        await monitor.until_level()
        with store.owner() as owner:
            owner.execute("DELETE FROM slad.line WHERE seq > 60")
            owner.execute(
                "UPDATE slad.ledger SET seq = 60, chain = (SELECT chain FROM slad.line WHERE seq = 60)"
            )
        await monitor.commit(observed(100, 10))
        await monitor.until_level()
        await monitor.until(lambda: len(store.lines()) == 112, "all of it")
        assert store.lines() == await monitor.lines()
    told = "".join(capsys.readouterr())
    assert "hub_lost_records" in told


async def test_two_monitors_of_one_name_are_both_told_and_the_first_goes_on(
    store: TestStore, tmp_path: Path
) -> None:
    (tmp_path / "two").mkdir()
    async with shipping_to(store.table(), tmp_path / "ledger.db") as first:
        await first.until_level()
        async with shipping_to(store.table(), tmp_path / "two/ledger.db") as second:
            assert "another monitor has that name" in await second.until_state(HubState.DIVERGED)
            await first.commit(observed(0, 5))
            await first.until_state(HubState.SHARED_NAME)
            await first.until_level()
            assert store.lines() == await first.lines()
            assert first.value("slad_hub_state", state="shared_name") == 1


async def test_postgresql_that_is_killed_under_load_has_all_that_it_acknowledged(
    tmp_path: Path,
) -> None:
    with postgres("fsync=on") as server:
        store = await make_store(server, tmp_path, "mon1")
        async with shipping_to(store.table(), tmp_path / "ledger.db") as monitor:
            for round_ in range(2):
                for part in range(5):
                    await monitor.commit(observed(round_ * 5000 + part * 1000, 1000))
                await monitor.until(
                    lambda: (monitor.value("slad_hub_behind_records") or 0) < 4000, "some of it to be shipped"
                )
                await asyncio.to_thread(server.kill)
                acknowledged = monitor.ledger.head.seq - int(monitor.value("slad_hub_behind_records") or 0)
                await asyncio.to_thread(server.start)
                lines = await monitor.lines()
                found = store.lines()
                assert len(found) >= acknowledged
                assert found == lines[: len(found)]
            await monitor.until_level()
            assert store.lines() == await monitor.lines()


def test_a_day_without_a_store_costs_little_and_is_caught_up_with_while_live_records_go_on(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    path, a_day = tmp_path / "ledger.db", 24 * 60  # minutes

    async def without() -> tuple[float, int]:
        """A virtual day, a commit every ten minutes; how often it tried, and what there is to ship."""
        table = TestStore(server, "nowhere", tmp_path).table(at=("127.0.0.1", 9))
        async with shipping_to(table, path) as monitor:
            for minute in range(0, a_day, 10):
                await monitor.commit(observed(10 * minute, 100))
                await asyncio.sleep(600)
            assert monitor.value("slad_hub_state", state="unreachable") == 1
            return monitor.value("slad_hub_failures_total", state="unreachable") or 0, monitor.ledger.head.seq

    attempts, backlog = virtual.run(without())
    assert a_day <= attempts + 6 <= a_day + 100, "once a minute at most"
    assert backlog == 10 * a_day + 2

    async def with_it() -> TestStore:
        store = await make_store(server, tmp_path, "mon1")
        await add_hub(store)
        async with shipping_to(store.table(), path) as monitor:
            for number in range(40):
                await monitor.commit(observed(10 * (a_day + number), 10))
            await monitor.until_level()
            assert store.lines() == await monitor.lines()
            assert len(store.lines()) == backlog + 400
        return store

    with running(hub(asyncio.run(with_it()), "hub1")) as merged:
        merged.wait(lambda shown: value(shown, "slad_ready") == 1, "the hub to have read it all")
        (row,) = agreed(merged, tmp_path, str(calendar_of("UTC").month_of(START)))[0]["servers"]
        assert row["down"] > 0


async def test_a_defect_of_our_own_ends_nobody(
    store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(store_module.HubStore, "append", broken)
    async with shipping_to(store.table(), tmp_path / "ledger.db") as monitor:
        assert "ZeroDivisionError" in await monitor.until_state(HubState.FAILED)
        monkeypatch.undo()
        await monitor.until_level()


async def test_large_records_go_in_pieces(
    store: TestStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "MOST_BYTES", 1000)
    sizes = []
    append = store_module.HubStore.append

    async def noted(self: store_module.HubStore, lines: list[Chained], documents: list[bytes]) -> object:
        sizes.append(len(lines))
        return await append(self, lines, documents)

    monkeypatch.setattr(store_module.HubStore, "append", noted)
    async with shipping_to(store.table(), tmp_path / "ledger.db") as monitor:
        await monitor.commit(observed(0, 10))
        await monitor.until_level()
        assert store.lines() == await monitor.lines()
    assert max(sizes) < 6
