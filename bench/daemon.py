"""The whole daemon as a process, on a simulated vCenter in another: what a fleet costs it.

`python -m bench.daemon [SERVERS]` prints a table: the first sync, a quiet fleet, 1,000 servers switched off at once, a
scrape, memory. CPU is the daemon's own, by /proc; the simulation and, on a machine with few cores, everything else
compete with it for wall time.
"""

import compileall
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.table import MEMORY, Row, show

_TICKS = os.sysconf("SC_CLK_TCK")
_CONFIG = """
observer = "bench"
[ledger]
path = "ledger.db"
[web]
listen = ["127.0.0.1:0"]
[control]
socket = "control.sock"
[vcenter.sim]
address = "{address}"
scheme = "http"
user = "slad"
password_file = "password"
"""


class Daemon:
    """`slad run`, or `slad hub run`, its CPU, memory and metrics."""

    def __init__(self, folder: Path, *command: str) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "daemon",
                *(command or ("run",)),
                "--config",
                str(folder / "slad.toml"),
                "--log-format",
                "json",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            opened = re.search(r'"addresses": \[\["127\.0\.0\.1", (\d+)\]\]', line)
            if opened:
                self.port = int(opened[1])
                return
        raise SystemExit("the daemon did not start")

    def cpu_s(self) -> float:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(stat[11]) + int(stat[12])) / _TICKS

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def scraped(self) -> str:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics")
        with urllib.request.urlopen(request, timeout=60) as response:
            text: str = response.read().decode()
        return text

    def is_ready(self) -> bool:
        """Whether its figures are those of now."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=60) as response:
                return bool(response.status == 200)
        except urllib.error.HTTPError:
            return False

    def end(self) -> None:
        self.process.terminate()
        self.process.communicate()

    def value(self, name: str) -> float:
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.scraped(), re.MULTILINE)
        return float(found[1]) if found else float("nan")


@contextmanager
def simulation(servers: int) -> Iterator[str]:
    """A simulated vCenter as a process; gives its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "probes.simulation", "--servers", str(servers)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    address = json.loads(process.stdout.readline())
    try:
        yield f"{address['host']}:{address['port']}"
    finally:
        process.terminate()
        process.wait()


def told(address: str, action: str, **arguments: object) -> Any:
    """Have something happen to the simulated vCenter."""
    request = urllib.request.Request(
        f"http://{address}/control/{action}",
        data=json.dumps(arguments).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


def machines(address: str) -> list[str]:
    """The names of the virtual machines."""
    with urllib.request.urlopen(f"http://{address}/control/objects", timeout=60) as response:
        return [vm["name"] for vm in json.load(response)]


def main(servers: int) -> None:
    """Measure and print."""
    # As it is installed; whoever sets PYTHONDONTWRITEBYTECODE would measure the compiler.
    for package in ("daemon", "probes", "sla"):
        compileall.compile_dir(package, quiet=2)
    with tempfile.TemporaryDirectory() as temporary, simulation(servers) as address:
        folder = Path(temporary)
        (folder / "slad.toml").write_text(_CONFIG.format(address=address))
        (folder / "password").write_text("bench")
        (folder / "password").chmod(0o600)
        daemon = Daemon(folder)
        try:
            show(f"the daemon, {servers:,} servers", rows_of(daemon, address))
        finally:
            daemon.end()


def rows_of(daemon: Daemon, address: str) -> Iterator[Row]:
    """The rows of the table."""
    committed = wait_for_sync(daemon)
    yield Row("from its start until the first sync is durable: CPU", daemon.cpu_s(), most=2.0)
    yield Row("the records that it made", committed, "")
    yield Row("longest stall of the loop", daemon.value("slad_loop_stall_max_seconds"), most=0.015)
    yield Row("memory, peak", daemon.memory_mb(), MEMORY)

    daemon.scraped()
    time.sleep(12)
    cpu_s = daemon.cpu_s()
    time.sleep(20)
    yield Row("20 s of quiet, scraped by nobody but before: CPU", daemon.cpu_s() - cpu_s)

    names = machines(address)
    victims = names[: min(1000, len(names))]
    outages = sum_of(daemon, "slad_server_outages_total")
    began = time.monotonic()
    for name in victims:
        try:
            told(address, "power_off", vm=name, user="bench")
        except urllib.error.HTTPError:
            pass  # it is off already
    switched = time.monotonic()
    while sum_of(daemon, "slad_server_outages_total") < outages + 0.9 * len(victims):
        time.sleep(0.2)
        if time.monotonic() - switched > 60:
            break
    yield Row(f"{len(victims):,} servers switched off, one by one", switched - began)
    yield Row("from the last of them to /metrics", time.monotonic() - switched)

    began = time.monotonic()
    size = len(daemon.scraped())
    yield Row("a scrape, not compressed", time.monotonic() - began)
    yield Row("its size", size / 1e6, MEMORY)
    yield from prometheus(daemon)
    yield Row("memory, peak of all", daemon.memory_mb(), MEMORY)
    yield Row("longest stall since", daemon.value("slad_loop_stall_max_seconds"))


def prometheus(daemon: Daemon) -> Iterator[Row]:
    """How long a real Prometheus takes to scrape it, once it knows the series; nothing where there is none."""
    program = shutil.which("prometheus")
    if program is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "prometheus.yml")
        target = f"127.0.0.1:{daemon.port}"
        config.write_text(
            "global: {scrape_interval: 10s}\n"
            f"scrape_configs: [{{job_name: slad, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(48)
            took = [
                queried(port, f"max_over_time(scrape_duration_seconds[{window}])")
                for window in ("48s", "25s")
            ]
            samples = queried(port, "scrape_samples_scraped")
        finally:
            process.terminate()
            process.wait()
    yield Row("Prometheus scrapes it, the first time", took[0])
    yield Row("Prometheus scrapes it later", took[1])
    yield Row("its samples", samples, "")


def queried(port: int, query: str) -> float:
    """The value of an instant query with one result."""
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(url, timeout=60) as response:
        return float(json.load(response)["data"]["result"][0]["value"][1])


def wait_for_sync(daemon: Daemon) -> float:
    """Wait until the first set is committed, without a scrape of all servers in between."""
    database = None
    deadline = time.monotonic() + 300
    assert daemon.process.stderr is not None
    for line in daemon.process.stderr:
        if '"source_contacted"' in line:
            database = line
            break
        assert time.monotonic() < deadline
    assert database is not None
    return daemon.value("slad_ledger_records")


def sum_of(daemon: Daemon, family: str) -> float:
    """The sum of a family's samples."""
    return sum(
        float(value) for value in re.findall(rf"^{family}\{{[^}}]*\}} (\S+)$", daemon.scraped(), re.MULTILINE)
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
