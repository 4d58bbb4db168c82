"""A real Prometheus, and its promtool, read what slad hands out."""

import asyncio
import json
import re
import shutil
import subprocess
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import bcrypt
import pytest
import trustme
from prometheus_client import CollectorRegistry

from daemon.clock import SystemClock
from daemon.exposition.bodies import Format
from daemon.exposition.exposition import Exposition
from daemon.exposition.families import ABSENT, Column, ServerFamily, Snapshot, label
from daemon.metrics.process import ProcessMetrics
from daemon.web.server import public_http
from sla.records import State
from tests.peers import require
from tests.waiting import PATIENCE_S, until_told

ROWS = 2500  # several chunks
ODD = 'quo"te back\\slash new\nline carriage\rreturn \x1b ünicode {},= # '


class Site:
    def __init__(self) -> None:
        self.exposition = Exposition(SystemClock())

    def readiness(self) -> Sequence[str]:
        return ()


def figures() -> Snapshot:
    names = [ODD, *(f"server-{row}" for row in range(1, ROWS))]
    servers = [label("server", name) for name in names]
    uptime = ServerFamily(
        name="slad_server_uptime_seconds_total",
        help="Time that counted as up.",
        kind="counter",
        decimals=6,
        columns=tuple(
            Column(labels=label("leg", leg), values=array("q", (base + row for row in range(ROWS))))
            for leg, base in (("san", 1_795_000_000_000_000), ("running", 0))
        ),
    )
    down = ServerFamily(
        name="slad_server_down",
        help="Whether it is down.",
        kind="gauge",
        decimals=0,
        columns=(Column(labels="", values=array("q", (ABSENT if row % 2 else 1 for row in range(ROWS)))),),
    )
    return Snapshot(generation=1, servers=servers, info=servers, families=(uptime, down))


@asynccontextmanager
async def prometheus(folder: Path, scrape: dict[str, Any]) -> AsyncIterator[str]:
    """A Prometheus that scrapes one job every second; yields its address."""
    program = shutil.which("prometheus")
    require(program, "prometheus is not installed")
    assert program is not None
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [{"job_name": "slad", **scrape}],
    }
    file = folder / "prometheus.json"
    file.write_text(json.dumps(config))
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        stderr=subprocess.PIPE,
        limit=1 << 20,
    )
    assert process.stderr is not None
    try:
        address = await _address_when_ready(process.stderr)
        async with asyncio.TaskGroup() as group:
            drained = group.create_task(_drain(process.stderr))
            yield address
            drained.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _address_when_ready(log: asyncio.StreamReader) -> str:
    address, is_ready = "", False
    async with asyncio.timeout(PATIENCE_S):
        while line := (await log.readline()).decode():
            if found := re.search(r'msg="Listening on" address=(127\.0\.0\.1:\d+)', line):
                address = found[1]
            is_ready |= "Server is ready" in line
            if address and is_ready:  # in either order
                return address
    raise AssertionError("Prometheus ended")


async def _drain(stream: asyncio.StreamReader) -> None:
    while await stream.readline():
        pass


async def query(address: str, expression: str) -> list[Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}/api/v1/query", params={"query": expression}) as response,
    ):
        document = await response.json()
        result: list[Any] = document["data"]["result"]
        return result


async def eventually(address: str, expression: str) -> list[Any]:
    return await until_told(lambda: query(address, expression), expression)


async def test_prometheus_reads_every_member_over_tls_with_a_password(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "slad.key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "slad.crt")
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    web_config = tmp_path / "web.yml"
    web_config.write_text(
        json.dumps(
            {
                "tls_server_config": {"cert_file": "slad.crt", "key_file": "slad.key"},
                "basic_auth_users": {"prometheus": hashed},
            }
        )
    )
    site = Site()
    await site.exposition.prepare(figures(), ProcessMetrics(CollectorRegistry()).rendered())
    async with public_http(site, SystemClock(), [("127.0.0.1", 0)], web_config=web_config) as addresses:
        scrape = {
            "scheme": "https",
            "static_configs": [{"targets": [f"127.0.0.1:{addresses[0][1]}"]}],
            "basic_auth": {"username": "prometheus", "password": "secret"},
            "tls_config": {"ca_file": str(tmp_path / "ca.crt")},
        }
        async with prometheus(tmp_path, scrape) as address:
            await eventually(address, "up{job='slad'} == 1")
            assert await query(address, "count(slad_server_uptime_seconds_total)") == [
                {"metric": {}, "value": [pytest.approx(0, abs=1e12), str(2 * ROWS)]}
            ]
            assert (await query(address, "count(slad_server_down)"))[0]["value"][1] == str(ROWS // 2)
            assert (await query(address, "count(slad_server_info)"))[0]["value"][1] == str(ROWS)
            odd = await query(address, "slad_server_uptime_seconds_total{leg='san',server!~'server-.*'}")
            assert [(one["metric"]["server"], one["value"][1]) for one in odd] == [(ODD, "1795000000")]
            last = await query(
                address, f"slad_server_uptime_seconds_total{{leg='san',server='server-{ROWS - 1}'}}"
            )
            assert last[0]["value"][1] == "1795000000.002499"
            assert await query(address, "process_resident_memory_bytes{job='slad'} > 0")


def promtool(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    program = shutil.which("promtool")
    require(program, "promtool is not installed")
    assert program is not None
    return subprocess.run(
        [program, *arguments], input=given, capture_output=True, text=True, timeout=30, check=False
    )


async def test_promtool_finds_nothing_to_complain_about() -> None:
    exposition = Exposition(SystemClock())
    metrics = ProcessMetrics(CollectorRegistry())
    metrics.source_up.labels("vc1").set(1)
    metrics.source_errors.labels("vc1", "timeout").inc()
    metrics.set_unwatched_legs([("Ex", "san")])
    metrics.set_corrected({(State.UNKNOWN, State.DOWN): 2_500_000})
    await exposition.prepare(figures(), metrics.rendered())
    async with exposition.scrape() as published:
        blocks = [block async for block in published.body(Format.TEXT).blocks(gzip=False)]
    check = await asyncio.to_thread(promtool, "check", "metrics", given=b"".join(blocks).decode())
    assert (check.returncode, check.stderr, check.stdout) == (0, "", "")


def test_promtool_accepts_the_web_config_that_slad_accepts(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    path.write_text(
        json.dumps(
            {
                "basic_auth_users": {"prometheus": hashed},
                "http_server_config": {"headers": {"X-Frame-Options": "deny"}, "http2": True},
            }
        )
    )
    checked = promtool("check", "web-config", str(path))
    assert checked.returncode == 0, checked.stderr
