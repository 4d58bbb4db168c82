"""The probe `icmp`: a host is up if one of its addresses answers a ping."""

import asyncio
from collections.abc import Sequence
from typing import Final

from probes.targets.ping.settings import Pings
from probes.targets.resolve import Resolver, resolve_by
from probes.targets.result import Reason, Result, unknown
from probes.targets.target import Target
from sla.records import State

_SLACK_S: Final = 2.0
"""How much longer than its time-out a ping may wait to be sent and to be concluded."""


async def probe(
    target: Target, pings: Pings, resolver: Resolver, timeout_s: float, *, slack_s: float = _SLACK_S
) -> Result:
    """Ping every address of the target at once, in what the time-out leaves after its name is resolved.

    Up if one answers; down if none does. Unknown where one could not be tried, but for want of a route to it while others
    could: a host with an address of a version of IP that this machine does not speak is judged by its other ones.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    addresses = await resolver.addresses(target.host, resolve_by(deadline_s))
    if isinstance(addresses, Result):
        return addresses
    left_s = deadline_s - loop.time()
    if left_s <= 0:
        return unknown(Reason.OVERRUN, "its name was resolved too late to ping it")
    try:
        async with asyncio.timeout(left_s + slack_s):
            results = await pings.ping_all(addresses, left_s)
    except TimeoutError:
        return unknown(Reason.OVERRUN, "the pings before it took too long")
    return _of_all(results)


def _of_all(results: Sequence[Result]) -> Result:
    best = max(results, key=lambda result: result.state)
    if best.state is State.DOWN:
        for result in results:
            if result.state is State.UNKNOWN and result.reason is not Reason.NO_ROUTE:
                return result
    return best
