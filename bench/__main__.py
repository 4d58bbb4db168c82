"""`python -m bench`: every bench in a process of its own, one after the other. Their tables compare (`bench.table`)."""

import os
import subprocess
import sys

BENCHES = (
    ("exposition", "/metrics of 40,000 servers, beside prometheus_client"),
    ("standing", "live figures of months and solutions, 40,000 servers"),
    ("vcenter", "the vCenter watch, beside pyvmomi"),
    ("daemon", "the whole daemon on 10,000 servers"),
    ("scrapes", "what scrapes of 40,000 servers cost slad and Prometheus, and how soon the first is whole"),
    ("memory", "what the daemon holds in memory at 40,000 servers, also on a month of history"),
    ("causes", "the causes of 5,000 outages at once, among 40,000 servers"),
    ("lists", "a page of outages, incidents and servers, among 40,000 servers"),
    ("pages", "each page that people look at, among 40,000 servers"),
    ("ledger", "the ledger"),
    ("hub", "shipping into PostgreSQL, and the size of a record there"),
    ("merged", "the hub over ten monitors of 10,000 servers each"),
    ("start", "start from a ledger of 1,000,000 records"),
    ("commands", "how soon a command has its answer, beside promtool"),
    ("evaluate", "slad evaluate"),
    ("statement", "the statement of a client of 500 servers"),
    ("ping", "10,000 pings, beside fping and aioping"),
    ("tcp", "10,000 TCP probes, beside asyncio's streams"),
)


def main() -> None:
    """Run them all; a machine that does other work makes every figure worse."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.2f}")
    for name, what in BENCHES:
        print(f"\n## {what} (python -m bench.{name})", flush=True)
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=True)


if __name__ == "__main__":
    main()
