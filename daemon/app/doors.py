"""The doors of a daemon, opened."""

from contextlib import AsyncExitStack

from daemon.app.shared_wiring import DoorParts
from daemon.believed_clock import BelievedClock
from daemon.config.config import Config
from daemon.control.api import control_api
from daemon.control.tcp import TcpControlApi
from daemon.metrics import DoorMetrics
from daemon.web.server import public_http

Addresses = list[tuple[str, int]]


async def opened_doors(
    config: Config,
    tcp_api: TcpControlApi,
    parts: DoorParts,
    clock: BelievedClock,
    metrics: DoorMetrics,
    stack: AsyncExitStack,
) -> tuple[Addresses, Addresses]:
    """Listen, and where: the public HTTP, and the control API on TCP; `stack` closes again.

    Raises ControlApiError, WebConfigError, OSError.
    """
    control, web = config.control, config.web
    await stack.enter_async_context(control_api(parts.operations, control.socket, metrics=metrics))
    control_addresses = await stack.enter_async_context(tcp_api.open(parts.operations, metrics=metrics))
    addresses = await stack.enter_async_context(
        public_http(
            parts,
            clock,
            [(address.host, address.port) for address in web.listen],
            pages=parts.pages,
            opened_by=parts.opened_by,
            web_config=web.config_file,
            hosts=web.hosts,
            metrics=metrics,
        )
    )
    return addresses, control_addresses
