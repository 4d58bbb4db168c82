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
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.table import MEMORY, Row, show

QUIET_S = {1_000: 0.15, 10_000: 0.3}
"""By how many servers: what a minute of quiet may cost."""
SETTLES_SCRAPES = 3
TRIES = 7
PAUSE_S = 6
CONTACTED = '"source_contacted"'
"""What a daemon has in its log once its first set is committed."""
_TICKS = os.sysconf("SC_CLK_TCK")
_CONFIG = """
observer = "bench"
[ledger]
path = "ledger.db"
[web]
listen = ["127.0.0.1:0"]
{families}
[control]
socket = "control.sock"
[vcenter.sim]
address = "{address}"
scheme = "http"
user = "slad"
password_file = "password"
legs = {legs}
"""


def cpu_s_of(process: subprocess.Popen[bytes]) -> float:
    """CPU seconds of a process since its start."""
    stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(stat[11]) + int(stat[12])) / _TICKS


def memory_mb_of(process: subprocess.Popen[bytes], key: str = "VmHWM") -> float:
    """The most memory that a process has had; with the key `VmRSS` what it has now."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(rf"{key}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


class Daemon:
    """`slad run`, or `slad hub run`, its CPU, memory and metrics."""

    def __init__(self, folder: Path, *command: str) -> None:
        self._log = folder / "log"
        arguments = [*(command or ("run",)), "--config", str(folder / "slad.toml"), "--log-format", "json"]
        with self._log.open("w") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "daemon", *arguments], stderr=log)
        self.port = int(self.logged(r'"addresses": \[\["127\.0\.0\.1", (\d+)\]\]')[1])

    def logged(self, pattern: str) -> re.Match[str]:
        """Wait until it has said so in its log."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := re.search(pattern, self._log.read_text()):
                return found
            time.sleep(0.02)
        raise SystemExit(f"the daemon never said {pattern}")

    def cpu_s(self) -> float:
        return cpu_s_of(self.process)

    def memory_mb(self, key: str = "VmHWM") -> float:
        return memory_mb_of(self.process, key)

    def stop(self) -> None:
        """Have it end as systemd would, and wait for that."""
        self.process.terminate()
        self.process.wait()

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
        configure(folder, address)
        daemon = Daemon(folder)
        try:
            show(f"the daemon, {servers:,} servers", rows_of(daemon, address, servers))
        finally:
            daemon.stop()


def configure(
    folder: Path, address: str, *, families: Sequence[str] = (), legs: Sequence[str] = ("running", "san")
) -> None:
    """Write what a daemon in a folder needs: it watches a simulation, and shows these families of servers, or all."""
    chosen = f"families = {json.dumps(families)}" if families else ""
    (folder / "slad.toml").write_text(_CONFIG.format(address=address, families=chosen, legs=json.dumps(legs)))
    (folder / "password").write_text("bench")
    (folder / "password").chmod(0o600)


def rows_of(daemon: Daemon, address: str, servers: int) -> Iterator[Row]:
    """The rows of the table."""
    committed = wait_for_sync(daemon)
    yield Row("from its start until the first sync is durable: CPU", daemon.cpu_s(), most=2.0)
    yield Row("the records that it made", committed, "")
    yield Row("longest stall of the loop", daemon.value("slad_loop_stall_max_seconds"), most=0.015)
    yield Row("memory, peak", daemon.memory_mb(), MEMORY)

    scraped_every_20_s(daemon, SETTLES_SCRAPES)
    cpu_s = daemon.cpu_s()
    scraped_every_20_s(daemon, 3)
    yield Row(
        "a minute of quiet, scraped every 20 s: CPU",
        daemon.cpu_s() - cpu_s,
        most=QUIET_S.get(servers),
    )

    names = machines(address)
    yield Row("a power-off, until a scrape shows it", shown_after_s(daemon, address, names[-TRIES:]), most=2)
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
    yield from scrapes_of(daemon)
    yield Row("memory, peak of all", daemon.memory_mb(), MEMORY)
    yield Row("longest stall since", daemon.value("slad_loop_stall_max_seconds"))


class Prometheus:
    """A real Prometheus that scrapes a daemon every ten seconds, its CPU and memory."""

    def __init__(self, folder: Path, daemon: Daemon) -> None:
        config = folder / "prometheus.yml"
        target = f"127.0.0.1:{daemon.port}"
        config.write_text(
            "global: {scrape_interval: 10s}\n"
            f"scrape_configs: [{{job_name: slad, static_configs: [{{targets: ['{target}']}}]}}]\n"
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{self._port}",
            ],
            stderr=subprocess.DEVNULL,
        )

    def queried(self, query: str) -> float:
        """The value of an instant query with one result."""
        url = f"http://127.0.0.1:{self._port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(url, timeout=60) as response:
            return float(json.load(response)["data"]["result"][0]["value"][1])


@contextmanager
def prometheus(daemon: Daemon) -> Iterator[Prometheus | None]:
    """One that scrapes a daemon; none where it is not installed."""
    if shutil.which("prometheus") is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        peer = Prometheus(Path(folder), daemon)
        try:
            yield peer
        finally:
            peer.process.terminate()
            peer.process.wait()


def scraped_every_20_s(daemon: Daemon, times: int) -> None:
    """Scrape it, and wait, so often."""
    for _ in range(times):
        daemon.scraped()
        time.sleep(20)


def shown_after_s(daemon: Daemon, address: str, victims: Sequence[str]) -> float:
    """The median of how long it takes until a scrape shows a server that was switched off, each after a while of quiet."""
    took = []
    for name in victims:
        outages = sum_of(daemon, "slad_server_outages_total")
        try:
            told(address, "power_off", vm=name, user="bench")
        except urllib.error.HTTPError:
            continue  # it is off already
        began = time.monotonic()
        while sum_of(daemon, "slad_server_outages_total") == outages and time.monotonic() - began < 60:
            time.sleep(0.05)
        took.append(time.monotonic() - began)
        time.sleep(PAUSE_S)
    return statistics.median(took)


def scrapes_of(daemon: Daemon) -> Iterator[Row]:
    """How long a real Prometheus takes to scrape it, once it knows the series; nothing where there is none."""
    with prometheus(daemon) as peer:
        if peer is None:
            return
        time.sleep(48)
        first, later = (
            peer.queried(f"max_over_time(scrape_duration_seconds[{window}])") for window in ("48s", "25s")
        )
        yield Row("Prometheus scrapes it, the first time", first)
        yield Row("Prometheus scrapes it later", later)
        yield Row("its samples", peer.queried("scrape_samples_scraped"), "")


def wait_for_sync(daemon: Daemon) -> float:
    """Wait until the first set is committed, without a scrape of all servers in between."""
    daemon.logged(CONTACTED)
    return daemon.value("slad_ledger_records")


def sum_of(daemon: Daemon, family: str) -> float:
    """The sum of a family's samples."""
    return sum(
        float(value) for value in re.findall(rf"^{family}\{{[^}}]*\}} (\S+)$", daemon.scraped(), re.MULTILINE)
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
