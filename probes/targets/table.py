"""The probes there are, one for each method, and the one way to use them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from probes.targets import icmp
from probes.targets.http import probe_http
from probes.targets.result import Result
from probes.targets.target import Method, Target
from probes.targets.tcp import probe_tcp
from probes.targets.tools import Tools

Probe = Callable[[Target, Tools, float], Awaitable[Result]]
"""Tries a target once. By the deadline, an instant of the loop's clock, it knows: names are resolved in that time too."""


async def probe_icmp(target: Target, tools: Tools, deadline_s: float) -> Result:
    """Ping: see `icmp`."""
    left_s = deadline_s - asyncio.get_running_loop().time()
    return await icmp.probe(target, tools.pings, tools.resolver, left_s)


PROBES: Final[Mapping[Method, Probe]] = {
    Method.ICMP: probe_icmp,
    Method.TCP: probe_tcp,
    Method.HTTP: probe_http,
    Method.HTTPS: probe_http,
}


async def probe(target: Target, tools: Tools, timeout_s: float) -> Result:
    """Try a target once, by its method."""
    return await PROBES[target.method](target, tools, asyncio.get_running_loop().time() + timeout_s)
