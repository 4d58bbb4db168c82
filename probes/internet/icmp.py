"""The probe `icmp`: a host is up if one of its addresses answers a ping."""

import asyncio
from typing import Final

from probes.internet.ping import Pings
from probes.internet.ping_results import unknown
from probes.internet.resolve import Resolver
from probes.internet.result import Reason, Result
from probes.internet.target import Target

_SLACK_S: Final = 2.0
"""How much longer than its time-out a ping may wait to be sent and to be concluded."""


async def probe(target: Target, pings: Pings, resolver: Resolver, timeout_s: float) -> Result:
    """Ping every address of the target at once, in what the time-out leaves after its name is resolved.

    Up if one answers; down if none does and one could have; unknown where nothing could be learned of any.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    addresses = await resolver.addresses(target.host, deadline_s)
    if isinstance(addresses, Result):
        return addresses
    left_s = deadline_s - loop.time()
    if left_s <= 0:
        return unknown(Reason.OVERRUN, "its name was resolved too late to ping it")
    try:
        async with asyncio.timeout(left_s + _SLACK_S):
            results = await pings.ping_all(addresses, left_s)
    except TimeoutError:
        return unknown(Reason.OVERRUN, "the pings before it took too long")
    return max(results, key=lambda result: result.state)
