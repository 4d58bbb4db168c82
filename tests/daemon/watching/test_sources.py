"""The watches of the sources that the configuration names, as the process sees them."""

import asyncio
import socket
from pathlib import Path

from daemon.clock import SteadyClock, SystemClock
from daemon.config import load
from daemon.metrics import Metrics
from daemon.watching.sources import Sources
from probes.report import Report, Resume, SourceFailure
from tests.daemon.harness import simulated, write_config
from tests.waiting import until

WATCHED = "vcenter-vc1"


async def test_who_waits_for_what_has_no_bound_is_left_out_of_what_is_due(tmp_path: Path) -> None:
    said: list[Report | SourceFailure] = []
    with simulated(servers=1) as vcenter, socket.create_server(("127.0.0.1", 0)) as silent:
        path = write_config(tmp_path, vcenter)
        of_vcenter = f'"{vcenter.host}:{vcenter.port}"\nscheme = "http"'
        config = path.read_text()
        assert of_vcenter in config
        path.write_text(config.replace(of_vcenter, f'"127.0.0.1:{silent.getsockname()[1]}"'))
        sources = Sources(SteadyClock(SystemClock()), Metrics().process, said.append, lambda _: Resume())
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
