"""The watches of the sources that the configuration names, as the process sees them; no input ends the process."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from daemon.clock import SystemClock
from daemon.config.loading import load
from daemon.metrics import Metrics
from daemon.watching import sources as sources_module
from daemon.watching.sources import Sources
from probes.report import Report, Resume, SourceFailure
from probes.vcenter.watch import VcenterWatch
from tests.daemon.app.test_watching import Asked, in_contact
from tests.daemon.harness import running_app, running_machines, scraped, simulated, write_config
from tests.waiting import until

WATCHED = "vcenter-vc1"
SOURCE = ("source", "vc1")
UP = ("slad_source_up", frozenset({SOURCE}))
DEFECTS = ("slad_source_errors_total", frozenset({SOURCE, ("reason", "defect")}))


async def test_who_waits_for_what_has_no_bound_is_left_out_of_what_is_due(tmp_path: Path) -> None:
    said: list[Report | SourceFailure] = []
    with simulated(servers=1) as vcenter, socket.create_server(("127.0.0.1", 0)) as silent:
        path = write_config(tmp_path, vcenter)
        of_vcenter = f'"{vcenter.host}:{vcenter.port}"\nscheme = "http"'
        config = path.read_text()
        assert of_vcenter in config
        path.write_text(config.replace(of_vcenter, f'"127.0.0.1:{silent.getsockname()[1]}"'))
        sources = Sources(SystemClock(), Metrics().process, said.append, lambda _: Resume())
        sources.adopt(load(path, {}))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sources.run())
            connection, _ = await asyncio.to_thread(silent.accept)
            with connection:
                assert list(sources.progress_due_us()) == [], "it waits for the other side to begin TLS"
            await until(lambda: said, "the failure")
            await until(lambda: [part for part, _ in sources.progress_due_us()] == [WATCHED], "its pause")
            running.cancel()
        await sources.stop()


async def test_a_watch_that_ended_is_begun_again_and_the_process_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sources_module, "DEFECT_RETRY_S", (0.2, 0.4))
    broken = False
    look = VcenterWatch._look

    def perhaps(watch: VcenterWatch, chain: Any) -> None:
        if broken:
            raise ZeroDivisionError("ours")
        look(watch, chain)

    monkeypatch.setattr(VcenterWatch, "_look", perhaps)
    with simulated() as vcenter:
        victim = running_machines(vcenter)[0]
        async with running_app(write_config(tmp_path, vcenter)) as app:
            await in_contact(app, "vc1")
            asked = Asked(tmp_path)
            await asked.is_(victim, "up")
            broken = True
            await until(lambda: scraped(*app.addresses[0]).get(DEFECTS, 0) >= 3, "three defects")
            assert (await asyncio.to_thread(scraped, *app.addresses[0]))[UP] == 0
            vcenter.do(vcenter.world.machines.power_off, victim, user="eve")
            broken = False
            await asked.is_(victim, "down")
            await until(lambda: scraped(*app.addresses[0])[UP] == 1, "the source")
    log = "".join(capsys.readouterr())
    told = [line for line in log.splitlines() if "watch_ended" in line]
    assert len(told) == 1, "once, not with each attempt"
    assert "ZeroDivisionError" in told[0]
    assert "in perhaps" in log, "the way to it"


async def test_a_source_is_up_once_a_look_stands_on_another(tmp_path: Path) -> None:
    """After a session that broke its servers are unknown until then, and the source says so."""
    fresh, next_look = Report(source="vc1", fresh=True), Report(source="vc1")
    failure = SourceFailure(source="vc1", reason="session_lost", message="gone", retry_in_us=1)
    metrics = Metrics().process
    with simulated(servers=1) as vcenter:
        path = write_config(tmp_path, vcenter)
        sources = Sources(SystemClock(), metrics, lambda _: None, lambda _: Resume())
        sources.adopt(load(path, {}))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(sources.run())
            await until(lambda: dict(sources), "the source")

            def told(item: Report | SourceFailure) -> tuple[bool, float]:
                sources.take([item])
                return dict(sources)["vc1"].up, metrics.source_up.labels("vc1")._value.get()

            assert [told(item) for item in (fresh, next_look, next_look)] == [
                (False, 0),
                (True, 1),
                (True, 1),
            ]
            assert [told(item) for item in (failure, fresh, next_look)] == [(False, 0), (False, 0), (True, 1)]
            running.cancel()
        await sources.stop()
