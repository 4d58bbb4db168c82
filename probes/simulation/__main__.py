"""`python -m probes.simulation`: a simulated vCenter of its own process, for benches and for trying things out.

Prints one JSON line with its address when it serves, and ends on SIGINT or SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys
import time

from probes.simulation.building import build
from probes.simulation.server import SimulatedVCenter


def main() -> None:
    """Parse the arguments and serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m probes.simulation", description=__doc__)
    parser.add_argument("--servers", type=int, default=200, help="virtual machines (default %(default)s)")
    parser.add_argument("--hosts", type=int, help="hosts (default one per 60 servers)")
    parser.add_argument("--datastores", type=int, help="datastores (default one per two hosts)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the inventory (default %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port, 0 for a free one (default %(default)s)")
    parser.add_argument("--certificate", help="PEM file with certificate and key: serve HTTPS")
    parser.add_argument("--session-idle-s", type=float, default=1_800.0, help="idle limit of a session")
    parser.add_argument("--clock-offset-us", type=int, default=0, help="how far its clock is ahead of ours")
    asyncio.run(_serve(parser.parse_args()))


async def _serve(arguments: argparse.Namespace) -> None:
    inventory = build(
        now=_now_us(),
        servers=arguments.servers,
        hosts=arguments.hosts,
        datastores=arguments.datastores,
        seed=arguments.seed,
    )
    vcenter = SimulatedVCenter(
        inventory,
        now_us=_now_us,
        host=arguments.host,
        port=arguments.port,
        tls=_tls(arguments.certificate),
        session_idle_s=arguments.session_idle_s,
    )
    vcenter.world.clock_offset(offset_us=arguments.clock_offset_us)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with vcenter:
        scheme = "https" if arguments.certificate else "http"
        address = {"host": vcenter.host, "port": vcenter.port}
        sys.stdout.write(json.dumps({"url": f"{scheme}://{vcenter.host}:{vcenter.port}", **address}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _tls(certificate: str | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _now_us() -> int:
    return time.time_ns() // 1_000  # noqa: TID251 - a process of its own, outside the daemon and its clock


if __name__ == "__main__":
    main()
