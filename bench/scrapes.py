"""What `/metrics` costs whoever scrapes it, with all families of servers and with those alone that rules need.

`python -m bench.scrapes [SERVERS]` starts a daemon on a simulated vCenter, then again from its ledger with each choice: how soon
after its start a scrape is whole, and what slad and a real Prometheus beside it need while it is scraped every ten seconds. The
leg `san` is not watched: reading files of servers bit by bit goes on for minutes, and would be most of slad's part.
"""

import sys
import tempfile
import time
import urllib.error
from collections.abc import Iterator
from pathlib import Path

from bench.daemon import Daemon, configure, cpu_s_of, memory_mb_of, prometheus, simulation, wait_for_sync
from bench.table import MEMORY, Row, show
from daemon.config.server_families import NEEDED_BY_RULES

CHOICES = (("all families", ()), ("what rules need", NEEDED_BY_RULES))
LEGS = ("running",)
SETTLES_S = 45
"""Prometheus knows the series by then."""
WATCHED_S = 60


def rows_of(servers: int) -> Iterator[Row]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory() as temporary, simulation(servers) as address:
        folder = Path(temporary)
        configure(folder, address, legs=LEGS)
        daemon = Daemon(folder)
        try:
            wait_for_sync(daemon)
            expected = wait_until_whole(daemon)
        finally:
            daemon.stop()
        for name, families in CHOICES:
            configure(folder, address, families=families, legs=LEGS)
            began = time.monotonic()
            daemon = Daemon(folder)
            try:
                wait_until_whole(daemon, expected)
                yield Row(f"{name}: from a start until /metrics is whole", time.monotonic() - began, most=10)
                yield Row(f"{name}: from a start until /metrics is whole, CPU", daemon.cpu_s())
                yield from costs(name, daemon)
            finally:
                daemon.stop()


def wait_until_whole(daemon: Daemon, expected: int = 0) -> int:
    """Wait until a scrape has the month, and the state, of as many servers, or of as many as there will be; how many."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            text = daemon.scraped()
        except urllib.error.HTTPError:
            continue  # it has nothing to show yet
        states = text.count("\nslad_server_up{")
        months = text.count("\nslad_server_month_availability_ratio{")
        if states and states == months >= expected:
            return states
        time.sleep(0.1)
    raise SystemExit("no scrape was whole")


def costs(name: str, daemon: Daemon) -> Iterator[Row]:
    """What both need for a minute of scrapes; nothing where there is no Prometheus."""
    with prometheus(daemon) as peer:
        if peer is None:
            return
        time.sleep(SETTLES_S)
        before = cpu_s_of(daemon.process), cpu_s_of(peer.process)
        time.sleep(WATCHED_S)
        yield Row(f"{name}: samples of a scrape", peer.queried("scrape_samples_scraped"), "")
        yield Row(f"{name}: a scrape", peer.queried("avg_over_time(scrape_duration_seconds[60s])"))
        yield Row(f"{name}: slad, CPU in a minute", cpu_s_of(daemon.process) - before[0])
        yield Row(f"{name}: Prometheus, CPU in a minute", cpu_s_of(peer.process) - before[1])
        yield Row(f"{name}: slad, memory", daemon.memory_mb(), MEMORY)
        yield Row(f"{name}: Prometheus, memory", memory_mb_of(peer.process), MEMORY)


def main(servers: int) -> None:
    """Print the table."""
    show(f"scrapes, {servers:,} servers", rows_of(servers))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40_000)
