"""The whole daemon in this process, on a simulated vCenter: from a power-off to a figure."""

import asyncio
from pathlib import Path

from click.testing import CliRunner, Result

from daemon.app import App
from daemon.cli import main
from sla.calendars import calendar_of
from tests.daemon.harness import (
    Samples,
    by_server,
    fetched,
    running_app,
    running_machines,
    scraped,
    simulated,
    write_config,
)
from tests.waiting import until
from tests.wall import now


def shown(app: App) -> Samples:
    """To be called in a thread: the loop is the daemon's."""
    return scraped(*app.addresses[0])


async def looked(app: App) -> Samples:
    return await asyncio.to_thread(shown, app)


def server_named(samples: Samples, name: str) -> str:
    return next(
        dict(labels)["server"]
        for family, labels in samples
        if family == "slad_server_info" and ("name", name) in labels
    )


async def test_a_server_that_is_switched_off_is_down_and_one_that_comes_back_is_up(tmp_path: Path) -> None:
    with simulated() as vcenter:
        victim = running_machines(vcenter)[0]
        machines = vcenter.world.machines
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await until(lambda: bool(by_server(shown(app), "slad_server_up")), "the first figures")
            server = server_named(await looked(app), victim)
            vcenter.do(machines.power_off, victim, user="eve")
            await until(lambda: by_server(shown(app), "slad_server_up")[server] == 0, "the outage")
            samples = await looked(app)
            assert by_server(samples, "slad_server_outages_total")[server] == 1
            assert server in by_server(samples, "slad_server_outage_start_timestamp_seconds")
            vcenter.do(machines.power_on, victim, user="eve")
            await until(lambda: by_server(shown(app), "slad_server_up")[server] == 1, "the recovery")
            samples = await looked(app)
            assert server not in by_server(samples, "slad_server_outage_start_timestamp_seconds")
            assert by_server(samples, "slad_server_downtime_seconds_total")[server] > 0
            assert by_server(samples, "slad_server_unobserved_seconds_total")[server] == 0


async def test_the_rules_say_whose_a_server_is(tmp_path: Path) -> None:
    with simulated() as vcenter:
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await until(lambda: bool(by_server(shown(app), "slad_server_up")), "the first figures")
            clients = {
                dict(labels)["name"].partition("-")[0]: dict(labels)["client"]
                for family, labels in await looked(app)
                if family == "slad_server_info"
            }
    assert clients["acme"] == "acme"
    assert clients["borealis"] == "unassigned"


async def test_counters_go_on_where_they_were_after_a_restart(tmp_path: Path) -> None:
    with simulated() as vcenter:
        config = write_config(tmp_path, vcenter)
        async with running_app(config) as app:
            await until(
                lambda: sum(by_server(shown(app), "slad_server_uptime_seconds_total").values()) > 0, "time"
            )
            before = await looked(app)
        async with running_app(config) as app:
            await until(
                lambda: shown(app)[("slad_source_up", frozenset({("source", "vc1")}))] == 1, "contact"
            )
            after = await looked(app)
    for name in ("uptime", "downtime", "unobserved"):
        family = f"slad_server_{name}_seconds_total"
        then, now = by_server(before, family), by_server(after, family)
        assert then.keys() <= now.keys()
        assert all(now[server] >= then[server] for server in then)


async def test_a_lost_session_leaves_a_blind_span_and_no_downtime(tmp_path: Path) -> None:
    with simulated() as vcenter:
        async with running_app(write_config(tmp_path, vcenter)) as app:
            sessions = ("slad_source_sessions_total", frozenset({("source", "vc1")}))
            await until(lambda: shown(app).get(sessions) == 1, "the first session")
            vcenter.do(vcenter.world.kill_sessions)
            await until(lambda: shown(app).get(sessions) == 2, "the second session")
            assert sum(by_server(await looked(app), "slad_server_downtime_seconds_total").values()) == 0


async def test_it_is_healthy_and_ready_and_says_so(tmp_path: Path) -> None:
    with simulated() as vcenter:
        async with running_app(write_config(tmp_path, vcenter)) as app:
            port = app.addresses[0][1]
            await until(lambda: fetched(port, "/-/ready")[0] == 200, "readiness")
            await until(lambda: fetched(port, "/-/healthy")[0] == 200, "health")
            await until(lambda: "vc1" in fetched(port, "/")[1], "the landing page")


async def test_the_running_daemon_proves_its_ledger_and_makes_statements_of_it(tmp_path: Path) -> None:
    def slad(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--socket", str(tmp_path / "control.sock")])

    with simulated() as vcenter:
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await until(lambda: bool(by_server(shown(app), "slad_server_up")), "the first figures")
            proof = await asyncio.to_thread(slad, "verify")
            assert proof.exit_code == 0, proof.output
            assert "the chain holds" in proof.output
            month = str(calendar_of("America/Toronto").month_of(now()))
            statement = await asyncio.to_thread(slad, "statement", "--month", month, "--client", "acme")
            assert statement.exit_code == 0, statement.output
            assert "  acme-" in statement.stdout
            assert "borealis-" not in statement.stdout
